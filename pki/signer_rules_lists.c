/* The rules for CRLs and for requests: each in its one form, in the name of the key's authority. */
#include "pki/der.h"
#include "pki/openssl.h"
#include "pki/signer_rules.h"

#define REFUSE_UNLESS(condition, ...) ENSURE((condition), ERR_FORBIDDEN, __VA_ARGS__)

/* --- CRLs (RFC 5280 §5.1) --------------------------------------------------------------------------- */

static bool are_entries(struct bytes list)
{
    while (list.n > 0) {
        struct der_item entry, item;
        int64_t at_ms = 0;
        if (!der_take(&list, DER_SEQUENCE, &entry) || !der_take(&entry.value, DER_INTEGER, &item) ||
            !der_take_time(&entry.value, &at_ms)) {
            return false;
        }
        (void)der_take(&entry.value, DER_SEQUENCE, &item); /* reasonCode and others */
        if (entry.value.n != 0) {
            return false;
        }
    }
    return true;
}

/* authorityKeyIdentifier: the one by which clients tell two roots of one name apart. */
static bool names_key(struct bytes extensions, struct bytes ski)
{
    static const uint8_t oid_aki[] = {0x55, 0x1d, 0x23};
    struct der_item list, extension, oid, value, sequence, id;
    if (!der_take(&extensions, DER_SEQUENCE, &list) || extensions.n != 0) {
        return false;
    }
    while (der_take(&list.value, DER_SEQUENCE, &extension)) {
        if (der_take(&extension.value, DER_OID, &oid) && bytes_equal(oid.value, BYTES_OF(oid_aki))) {
            return der_take(&extension.value, DER_OCTET_STRING, &value) &&
                   der_take(&value.value, DER_SEQUENCE, &sequence) &&
                   der_take(&sequence.value, DER_CONTEXT | 0, &id) && bytes_equal(id.value, ski);
        }
    }
    return false;
}

err_t signer_judge_crl(const struct signer_judged *key, struct bytes text)
{
    struct der_item outer, version, algorithm, issuer, list, tagged;
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    TRY(der_check(text));
    REFUSE_UNLESS(key->binding != NULL, "a key that has no certificate yet signs its own and nothing else");
    REFUSE_UNLESS(der_take(&text, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_INTEGER, &version) &&
                      der_take(&outer.value, DER_SEQUENCE, &algorithm) &&
                      der_take(&outer.value, DER_SEQUENCE, &issuer) &&
                      der_take_time(&outer.value, &from_ms) && der_take_time(&outer.value, &to_ms) &&
                      from_ms < to_ms,
                  "what is no CRL of version 2 with a time for its successor");
    REFUSE_UNLESS(bytes_equal(algorithm.whole, signature_algorithm_of(key->alg)),
                  "a CRL that names another signature algorithm");
    REFUSE_UNLESS(bytes_equal(issuer.whole, key->binding->says.subject), "a CRL in another's name");
    bool has_entries = der_take(&outer.value, DER_SEQUENCE, &list);
    REFUSE_UNLESS(!has_entries || (list.value.n > 0 && are_entries(list.value)), "a CRL with broken entries");
    REFUSE_UNLESS(der_take(&outer.value, DER_CONTEXT_CONSTRUCTED | 0, &tagged) && outer.value.n == 0 &&
                      names_key(tagged.value, key->binding->says.ski),
                  "a CRL whose authority key identifier is another's");
    return OK;
}

/* --- requests (RFC 2986 §4) ------------------------------------------------------------------------- */

/* It says nothing but who has the key. */
err_t signer_judge_request(const struct signer_judged *key, struct bytes text)
{
    struct der_item outer, version, subject, spki, attributes;
    TRY(der_check(text));
    REFUSE_UNLESS(der_take(&text, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_INTEGER, &version) &&
                      der_take(&outer.value, DER_SEQUENCE, &subject) &&
                      der_take(&outer.value, DER_SEQUENCE, &spki) &&
                      der_take(&outer.value, DER_CONTEXT_CONSTRUCTED | 0, &attributes) && outer.value.n == 0,
                  "what is no request for a certificate");
    REFUSE_UNLESS(bytes_equal(spki.whole, key->spki), "a request for another key");
    return OK;
}
