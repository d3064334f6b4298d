/* CRLs, version 2 (RFC 5280 §5): written entry by entry into one buffer, because a hundred thousand
 * of OpenSSL's objects would cost a second and a hundred megabytes. Called by the background job that renews
 * CRLs. */
#include <stdlib.h>
#include <string.h>

#include "pki/authority_internal.h"

static const uint8_t oid_crl_number[] = {0x55, 0x1d, 0x14};

/* One of the caller's entries, at its place in the order of serials. */
struct sorted {
    const struct crl_entry *entry;
};
DEFINE_AUTO_PTR(sorted, free);

static int compare_serials(const void *a, const void *b)
{
    const struct sorted *left = a;
    const struct sorted *right = b;
    return memcmp(left->entry->serial, right->entry->serial, SERIAL_SIZE);
}

/* reasonCode, whose value 0 means that the extension is absent (RFC 5280 §5.3.1). */
static void put_reason(struct der_writer *w, int reason)
{
    uint8_t extensions[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                            0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01, (uint8_t)reason};
    if (reason != 0) {
        der_put_raw(w, BYTES_OF(extensions));
    }
}

/* In a complete CRL: 7 does not exist, 8 belongs to delta CRLs. */
static bool is_reason(int reason)
{
    return reason >= 0 && reason <= 10 && reason != 7 && reason != 8;
}

/* revokedCertificates is absent, not empty, when there is none (RFC 5280 §5.1.2.6). */
static err_t put_entries(struct der_writer *w, const struct crl_spec *spec)
{
    if (spec->count == 0) {
        return OK;
    }
    AUTO_PTR(sorted) *order = calloc(spec->count, sizeof *order);
    ENSURE(order != NULL, ERR_NO_MEMORY, "no memory for a CRL of %zu entries", spec->count);
    for (size_t i = 0; i < spec->count; i++) {
        ENSURE(is_reason(spec->entries[i].reason), ERR_INTERNAL, "%d is no reason for a revocation",
               spec->entries[i].reason);
        order[i].entry = &spec->entries[i];
    }
    qsort(order, spec->count, sizeof *order, compare_serials);
    TRY(buf_reserve(w->out, spec->count * 52));
    size_t list = der_open(w, DER_SEQUENCE);
    for (size_t i = 0; i < spec->count; i++) {
        size_t entry = der_open(w, DER_SEQUENCE);
        der_put_unsigned(w, DER_INTEGER, BYTES_OF(order[i].entry->serial));
        der_put_time(w, order[i].entry->revoked_at_ms);
        put_reason(w, order[i].entry->reason);
        der_close(w, entry);
    }
    der_close(w, list);
    return OK;
}

static void put_extensions(struct der_writer *w, const struct authority *authority,
                           const struct crl_spec *spec)
{
    AUTO_VAL(buf) value = {0};
    struct der_writer number_writer = der_writer(&value);
    der_put_int64(&number_writer, DER_INTEGER, spec->number);
    if (number_writer.error.code != ERR_OK) {
        w->error = number_writer.error;
    }
    size_t tagged = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
    size_t extensions = der_open(w, DER_SEQUENCE);
    profile_put_aki(w, buf_view(&authority->ski));
    profile_put_extension(w, BYTES_OF(oid_crl_number), false, buf_view(&value));
    if (spec->distribution_point != NULL) {
        profile_put_idp(w, bytes_str(spec->distribution_point));
    }
    der_close(w, extensions);
    der_close(w, tagged);
}

err_t authority_sign_crl(const struct authority *authority, const struct crl_spec *spec, struct buf *der)
{
    static const uint8_t version_2[] = {DER_INTEGER, 1, 1};
    AUTO_VAL(buf) tbs = {0};
    ENSURE(authority->key != NULL, ERR_UNAVAILABLE, "the key of authority %s is not here", authority->id);
    ENSURE(spec->number >= 0 && spec->this_update_ms < spec->next_update_ms, ERR_INTERNAL,
           "a CRL needs a number and a time for its successor");
    struct der_writer w = der_writer(&tbs);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, BYTES_OF(version_2));
    der_put_raw(&w, signature_algorithm_of(authority->key->info.alg));
    der_put_raw(&w, buf_view(&authority->subject));
    der_put_time(&w, spec->this_update_ms);
    der_put_time(&w, spec->next_update_ms);
    TRY(put_entries(&w, spec));
    put_extensions(&w, authority, spec);
    der_close(&w, outer);
    TRY(der_finish(&w));
    return profile_sign(buf_view(&tbs), authority->key, der);
}
