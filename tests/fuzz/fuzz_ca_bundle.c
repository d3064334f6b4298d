/* What comes back from a CA that is elsewhere: a file of certificates and CRLs in any form. What is taken
 * apart is read, and each is tried as the issuer of each other; nothing but a sentence may come of bad input.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "pki/ca_bundle.h"
#include "pki/ca_certificate.h"
#include "pki/crl_read.h"
#include "pki/name_constraints_read.h"
#include "tests/fuzz/fuzz.h"

static const int64_t now_ms = 1780272000000;

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool is_good(err_t error)
{
    must(error.code == ERR_OK || error.code == ERR_UNPROCESSABLE);
    must(error.code == ERR_OK || (error.detail[0] != '\0' && utf8_is_valid(bytes_str(error.detail))));
    return error.code == ERR_OK;
}

static err_t take_line(const struct crl_line *line, void *arg)
{
    must(line->serial.n > 0 && line->reason >= 0 && line->reason <= 10);
    ++*(size_t *)arg;
    return OK;
}

static void try_crl(struct bytes der, const struct ca_certificate *issuer)
{
    struct crl_facts crl;
    size_t count = 0;
    if (is_good(crl_read(der, &crl))) {
        must(crl_each(&crl, take_line, &count).code == ERR_OK && count == crl.count);
        must(crl.number >= 0 && crl.this_update_ms < crl.next_update_ms);
        (void)is_good(crl_verify(&crl, issuer));
        (void)is_good(crl_check_dates(&crl, now_ms));
    }
}

/* Of the certificate itself nothing more is asked than it permits. */
static void try_names(struct bytes der)
{
    AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
    if (is_good(name_constraints_of_certificate(der, &held)) && held.names.permitted_count > 0) {
        must(is_good(name_constraints_check_within(&held, &held)) == held.excludes_addresses);
    }
}

static void try_pair(struct bytes der, const struct ca_certificate *issuer)
{
    static const struct ca_wish wish = {.role = AUTHORITY_DEVICE};
    AUTO_VAL(ca_certificate) lower = {.is_ca = false};
    if (is_good(ca_certificate_read(der, &lower))) {
        const struct ca_certificate *path[] = {&lower, issuer};
        (void)ca_certificate_names_issuer(&lower, issuer);
        (void)is_good(ca_certificate_check_issuing(&lower, &wish, now_ms));
        (void)is_good(ca_path_verify(path, 2, now_ms));
        try_names(der);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    if (!is_good(ca_bundle_add((struct bytes){data, size}, &bundle))) {
        return 0;
    }
    must(bundle.count >= 1);
    for (size_t i = 0; i < bundle.count; i++) {
        AUTO_VAL(ca_certificate) issuer = {.is_ca = false};
        bool is_certificate = bundle.items[i].kind == CA_ITEM_CERTIFICATE &&
                              is_good(ca_certificate_read(buf_view(&bundle.items[i].der), &issuer));
        for (size_t k = 0; is_certificate && k < bundle.count && k < 4; k++) {
            struct bytes der = buf_view(&bundle.items[k].der);
            if (bundle.items[k].kind == CA_ITEM_CRL) {
                try_crl(der, &issuer);
            } else {
                try_pair(der, &issuer);
            }
        }
    }
    return 0;
}
