/* The rules. A key without a certificate makes its own (a root) or asks for one; a key with one signs in its
 * name, for its time and its purposes. */
#include "pki/signer_rules.h"

#include <string.h>

#include "pki/certificate_profile.h"
#include "pki/der.h"
#include "pki/openssl.h"

enum { USAGE_SIGNATURE = 1U << 0, USAGE_CERTIFICATES = 1U << 5, USAGE_CRLS = 1U << 6, DAY_MS = 86400000 };
static const int64_t DELEGATE_LIFE_MAX_MS = INT64_C(31) * DAY_MS;

#define REFUSE_UNLESS(condition, ...) ENSURE((condition), ERR_FORBIDDEN, __VA_ARGS__)

/* --- what a key is held to -------------------------------------------------------------------------- */

void signer_binding_clear(struct signer_binding *binding)
{
    buf_clear(&binding->certificate);
    *binding = (struct signer_binding){.is_root = false};
}

err_t signer_binding_read(struct bytes certificate, struct bytes spki, struct signer_binding *out)
{
    enum { NEEDED = USAGE_CERTIFICATES | USAGE_CRLS };
    struct bytes tbs;
    signer_binding_clear(out);
    TRY(buf_append_bytes(&out->certificate, certificate));
    TRY(tbs_of_certificate(buf_view(&out->certificate), &tbs));
    TRY(tbs_certificate_read(tbs, &out->says));
    ENSURE(bytes_equal(out->says.spki, spki), ERR_UNPROCESSABLE, "the certificate is another key's");
    ENSURE(out->says.is_ca && (out->says.key_usage & NEEDED) == NEEDED && out->says.ski.n > 0,
           ERR_UNPROCESSABLE, "the certificate is no authority's");
    out->is_root = bytes_equal(out->says.issuer, out->says.subject) &&
                   (out->says.aki.n == 0 || bytes_equal(out->says.aki, out->says.ski));
    return OK;
}

err_t signer_binding_check_next(const struct signer_binding *present, const struct signer_binding *next)
{
    const struct tbs_certificate *a = &present->says;
    const struct tbs_certificate *b = &next->says;
    ENSURE(bytes_equal(a->subject, b->subject), ERR_WRONG_STATE,
           "the key belongs to an authority of another name");
    ENSURE(bytes_equal(a->ski, b->ski) && bytes_equal(a->key_purposes, b->key_purposes), ERR_WRONG_STATE,
           "the key belongs to an authority with other purposes");
    ENSURE(a->has_path_length == b->has_path_length && a->path_length == b->path_length &&
               present->is_root == next->is_root,
           ERR_WRONG_STATE, "the key belongs to an authority with another place in its path");
    return OK;
}

/* --- purposes --------------------------------------------------------------------------------------- */

static const uint8_t any_purpose[] = {0x55, 0x1d, 0x25, 0x00};
static const uint8_t ocsp_signing[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09};
static const uint8_t document_signing[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24};

static bool has_purpose(struct bytes purposes, struct bytes wanted)
{
    struct der_item oid;
    while (der_take(&purposes, DER_OID, &oid)) {
        if (bytes_equal(oid.value, wanted)) {
            return true;
        }
    }
    return false;
}

static bool is_only(struct bytes purposes, struct bytes wanted)
{
    struct der_item oid;
    return der_take(&purposes, DER_OID, &oid) && purposes.n == 0 && bytes_equal(oid.value, wanted);
}

static bool are_within(struct bytes purposes, struct bytes all)
{
    struct der_item oid;
    while (der_take(&purposes, DER_OID, &oid)) {
        if (!has_purpose(all, oid.value)) {
            return false;
        }
    }
    return true;
}

/* OCSP signers stand beside the purposes of the authority (RFC 6960 §4.2.2.2: it must issue them itself), for
 * a short time; those who sign documents (RFC 9336) beside those of the one that has OCSP signers itself. */
static err_t check_purposes(const struct signer_binding *ca, const struct tbs_certificate *leaf)
{
    struct bytes asked = leaf->key_purposes;
    REFUSE_UNLESS(asked.n > 0, "a certificate without key purposes");
    REFUSE_UNLESS(!has_purpose(asked, BYTES_OF(any_purpose)), "a certificate for any purpose");
    if (is_only(asked, BYTES_OF(ocsp_signing))) {
        REFUSE_UNLESS(leaf->not_after_ms - leaf->not_before_ms <= DELEGATE_LIFE_MAX_MS,
                      "an OCSP signer for more than 31 days");
        return OK;
    }
    REFUSE_UNLESS(!ca->is_root,
                  "a certificate that is neither an authority's nor an OCSP signer's by a root");
    bool is_document = is_only(asked, BYTES_OF(document_signing)) &&
                       has_purpose(ca->says.key_purposes, BYTES_OF(ocsp_signing));
    REFUSE_UNLESS(is_document || ca->says.key_purposes.n == 0 || are_within(asked, ca->says.key_purposes),
                  "a certificate for purposes that its authority does not have");
    return OK;
}

/* --- certificates ----------------------------------------------------------------------------------- */

/* RFC 5280 §6.1.4 (l): who issues to its own name takes no step. */
static err_t check_authority(const struct signer_binding *ca, const struct tbs_certificate *made)
{
    enum { ALLOWED = USAGE_CERTIFICATES | USAGE_CRLS | USAGE_SIGNATURE };
    bool is_self_issued = bytes_equal(made->issuer, made->subject);
    int64_t room = ca->says.has_path_length ? ca->says.path_length - (is_self_issued ? 0 : 1) : INT8_MAX;
    REFUSE_UNLESS(ca->is_root || ca->says.has_path_length, "an authority by one that is no root");
    REFUSE_UNLESS(room >= 0, "an authority by one that may have none below it");
    REFUSE_UNLESS(made->has_path_length && made->path_length <= room,
                  "an authority that may have more below it than its issuer");
    REFUSE_UNLESS((made->key_usage & USAGE_CERTIFICATES) != 0 && (made->key_usage & ~(unsigned)ALLOWED) == 0,
                  "an authority whose key usage is not that of one");
    REFUSE_UNLESS(ca->says.key_purposes.n == 0 ||
                      (made->key_purposes.n > 0 && are_within(made->key_purposes, ca->says.key_purposes)),
                  "an authority for purposes that its issuer does not have");
    return OK;
}

static err_t check_leaf(const struct signer_binding *ca, const struct tbs_certificate *made)
{
    REFUSE_UNLESS(made->has_key_usage && (made->key_usage & (USAGE_CERTIFICATES | USAGE_CRLS)) == 0,
                  "a certificate that may sign certificates, and is no authority's");
    REFUSE_UNLESS(!made->has_path_length, "a path length in what is no authority");
    return check_purposes(ca, made);
}

static err_t check_under(const struct signer_binding *ca, const struct tbs_certificate *made)
{
    REFUSE_UNLESS(bytes_equal(made->issuer, ca->says.subject), "a certificate in another's name");
    REFUSE_UNLESS(bytes_equal(made->aki, ca->says.ski) || (ca->is_root && made->aki.n == 0),
                  "a certificate whose authority key identifier is another's");
    /* OldWithNew begins with the old root, which is older than the one that signs (RFC 9810 §4.4); an IDevID
     * is for its device's life (RFC 5280 §4.1.2.5), and a path through it ends with the authority's */
    bool is_cross = ca->is_root && made->is_ca && bytes_equal(made->issuer, made->subject);
    bool is_for_life = !made->is_ca && made->not_after_ms == NO_EXPIRY_MS;
    REFUSE_UNLESS((is_cross || made->not_before_ms >= ca->says.not_before_ms) &&
                      (is_for_life || made->not_after_ms <= ca->says.not_after_ms),
                  "a certificate that is good when its authority is not");
    return made->is_ca ? check_authority(ca, made) : check_leaf(ca, made);
}

/* A root's first certificate: by itself, over itself. */
static err_t check_own(const struct signer_judged *key, const struct tbs_certificate *made)
{
    REFUSE_UNLESS(bytes_equal(made->issuer, made->subject) && bytes_equal(made->spki, key->spki),
                  "a key that has no certificate yet signs its own and nothing else");
    REFUSE_UNLESS(made->is_ca && (made->key_usage & USAGE_CERTIFICATES) != 0,
                  "a key of an authority that certifies itself as something else");
    return OK;
}

static err_t judge_certificate(const struct signer_judged *key, struct bytes text, enum signer_matter *matter)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};
    struct tbs_certificate made;
    struct key_info info;
    TRY(tbs_certificate_read(text, &made));
    *matter = made.is_ca ? SIGNER_CA_CERTIFICATE : SIGNER_CERTIFICATE;
    REFUSE_UNLESS(bytes_equal(made.algorithm, signature_algorithm_of(key->alg)),
                  "a certificate that names another signature algorithm");
    REFUSE_UNLESS(made.not_before_ms < made.not_after_ms, "a certificate that is never good");
    TRY(key_check_form(made.spki, &policy, &info));
    return key->binding == NULL ? check_own(key, &made) : check_under(key->binding, &made);
}

/* --- all three -------------------------------------------------------------------------------------- */

/* By what stands first: [0] version of a certificate, INTEGER 1 of a CRL, INTEGER 0 of a request. */
static err_t judge(const struct signer_judged *key, struct bytes text, enum signer_matter *matter)
{
    struct bytes rest = text;
    struct der_item outer, first;
    *matter = SIGNER_CERTIFICATE;
    REFUSE_UNLESS(der_take(&rest, DER_SEQUENCE, &outer) && rest.n == 0 && der_next(&outer.value, &first),
                  "what is no certificate, CRL or request");
    if (first.tag == (DER_CONTEXT_CONSTRUCTED | 0)) {
        return judge_certificate(key, text, matter);
    }
    bool is_number = first.tag == DER_INTEGER && first.value.n == 1;
    if (is_number && first.value.p[0] == 1) {
        *matter = SIGNER_CRL;
        return signer_judge_crl(key, text);
    }
    *matter = SIGNER_REQUEST;
    REFUSE_UNLESS(is_number && first.value.p[0] == 0, "what is no certificate, CRL or request");
    return signer_judge_request(key, text);
}

err_t signer_judge(const struct signer_judged *key, struct bytes text, enum signer_matter *matter)
{
    err_t error = judge(key, text, matter);
    if (error.code == ERR_BAD_ENCODING || error.code == ERR_UNPROCESSABLE) {
        return ERR(ERR_FORBIDDEN, "%s", error.detail);
    }
    return error;
}
