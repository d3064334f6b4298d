/* nameConstraints as DER, and which of them make sense. What clients make of them is for the tests, by
 * `openssl verify`. */
#include "pki/name_constraints.h"

#include <stdio.h>
#include <string.h>

#include "pki/dns_name.h"
#include "pki/profile.h"

enum { DNS_TAG = DER_CONTEXT | 2, ADDRESS_TAG = DER_CONTEXT | 7 };

static const uint8_t oid_name_constraints[] = {0x55, 0x1d, 0x1e};

/* --- checked ---------------------------------------------------------------------------------------- */

static bool is_within_any(struct bytes name, const char *const *subtrees, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (dns_name_is_within(name, bytes_str(subtrees[i]))) {
            return true;
        }
    }
    return false;
}

static err_t check_permitted(const struct name_constraints *constraints, struct bytes name)
{
    ENSURE(dns_name_is_valid(name) && memchr(name.p, '.', name.n) != NULL, ERR_UNPROCESSABLE,
           "a DNS name of two labels at least, in lower case and without wildcard, as edge.example.com");
    ENSURE(!is_within_any(name, constraints->excluded, constraints->excluded_count), ERR_UNPROCESSABLE,
           "%.80s lies within this server's own names, which no other authority may certify", name.p);
    return OK;
}

err_t name_constraints_check(const struct name_constraints *constraints, const char *pointer,
                             struct faults *faults)
{
    char place[FAULT_POINTER_SIZE];
    if (constraints->permitted_count == 0 || constraints->permitted_count > CONSTRAINTS_MAX) {
        faults_add(faults, pointer, "1 to %d DNS names, below which the authority certifies",
                   CONSTRAINTS_MAX);
    }
    for (size_t i = 0; i < constraints->permitted_count; i++) {
        (void)snprintf(place, sizeof place, "%s/%zu", pointer, i);
        TRY(faults_note(faults, place, check_permitted(constraints, bytes_str(constraints->permitted[i]))));
    }
    return OK;
}

/* --- written ---------------------------------------------------------------------------------------- */

static void put_subtree(struct der_writer *w, uint8_t tag, struct bytes base)
{
    size_t subtree = der_open(w, DER_SEQUENCE);
    der_put(w, tag, base);
    der_close(w, subtree);
}

void profile_put_name_constraints(struct der_writer *w, const struct name_constraints *constraints)
{
    static const uint8_t zeros[32] = {0}; /* address and mask: all of them */
    AUTO_VAL(buf) value = {0};
    struct der_writer inner = der_writer(&value);
    size_t sequence = der_open(&inner, DER_SEQUENCE);
    size_t permitted = der_open(&inner, DER_CONTEXT_CONSTRUCTED | 0);
    for (size_t i = 0; i < constraints->permitted_count; i++) {
        put_subtree(&inner, DNS_TAG, bytes_str(constraints->permitted[i]));
    }
    der_close(&inner, permitted);
    size_t excluded = der_open(&inner, DER_CONTEXT_CONSTRUCTED | 1);
    put_subtree(&inner, ADDRESS_TAG, (struct bytes){zeros, 8});
    put_subtree(&inner, ADDRESS_TAG, (struct bytes){zeros, 32});
    for (size_t i = 0; i < constraints->excluded_count; i++) {
        struct bytes name = bytes_str(constraints->excluded[i]);
        if (dns_name_is_valid(name)) { /* not the addresses among them */
            put_subtree(&inner, DNS_TAG, name);
        }
    }
    der_close(&inner, excluded);
    der_close(&inner, sequence);
    w->error = w->error.code == ERR_OK ? inner.error : w->error;
    profile_put_extension(w, BYTES_OF(oid_name_constraints), true, buf_view(&value));
}
