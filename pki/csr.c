/* PKCS#10 requests (RFC 2986 §4), read from strict DER without OpenSSL's parser: only the signature check
 * needs it. The attributes that matter (challengePassword, extensionRequest) are found; all others are
 * well-formed and ignored. */
#include "pki/csr.h"

#include <stdlib.h>

#include "pki/der.h"
#include "pki/openssl.h"

enum { CSR_SIZE_MAX = 16 * 1024, CHALLENGE_SIZE_MAX = 255 };

static const uint8_t oid_challenge[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07};
static const uint8_t oid_extensions[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e};
static const uint8_t oid_san[] = {0x55, 0x1d, 0x11};

struct csr {
    struct buf der; /* the slices below point into it */
    struct key_info key;
    struct bytes info; /* what is signed */
    struct bytes subject, spki, attributes, san, challenge;
    struct bytes algorithm, signature;
};

void csr_free(struct csr *csr)
{
    if (csr != NULL) {
        buf_clear(&csr->der);
        free(csr);
    }
}

static err_t split(struct csr *csr)
{
    static const uint8_t version_0[] = {DER_INTEGER, 1, 0};
    struct bytes rest = buf_view(&csr->der);
    struct der_item outer;
    struct der_item info;
    struct der_item item;
    ENSURE(der_take(&rest, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_SEQUENCE, &info), ERR_BAD_CSR,
           "not a PKCS #10 request");
    csr->info = info.whole;
    ENSURE(der_take(&outer.value, DER_SEQUENCE, &item), ERR_BAD_CSR,
           "the request names no signature algorithm");
    csr->algorithm = item.whole;
    ENSURE(der_take(&outer.value, DER_BIT_STRING, &item) && outer.value.n == 0 && item.value.n > 1 &&
               item.value.p[0] == 0,
           ERR_BAD_CSR, "the request carries no signature");
    csr->signature = (struct bytes){item.value.p + 1, item.value.n - 1};

    struct bytes fields = info.value;
    ENSURE(der_take(&fields, DER_INTEGER, &item) && bytes_equal(item.whole, BYTES_OF(version_0)), ERR_BAD_CSR,
           "the request's version is not 1 (encoded as 0)");
    ENSURE(der_take(&fields, DER_SEQUENCE, &item), ERR_BAD_CSR,
           "the request has no subject (an empty one is allowed)");
    csr->subject = item.whole;
    ENSURE(der_take(&fields, DER_SEQUENCE, &item), ERR_BAD_CSR, "the request has no public key");
    csr->spki = item.whole;
    /* Some small clients leave an empty attribute set out, as OpenSSL tolerates. */
    if (der_take(&fields, DER_CONTEXT_CONSTRUCTED | 0, &item)) {
        csr->attributes = item.value;
    }
    ENSURE(fields.n == 0, ERR_BAD_CSR, "something unknown follows the request's attributes");
    return OK;
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type, value } (RFC 5280 §4.1.2.4). */
static err_t check_name(struct bytes name)
{
    struct der_item item;
    struct der_item rdn;
    struct der_item type;
    ENSURE(der_take(&name, DER_SEQUENCE, &item), ERR_BAD_CSR, "the subject is not a name");
    struct bytes rdns = item.value;
    while (rdns.n > 0) {
        ENSURE(der_take(&rdns, DER_SET, &rdn) && rdn.value.n > 0, ERR_BAD_CSR, "the subject is not a name");
        while (rdn.value.n > 0) {
            ENSURE(der_take(&rdn.value, DER_SEQUENCE, &item) && der_take(&item.value, DER_OID, &type) &&
                       der_next(&item.value, &type) && item.value.n == 0,
                   ERR_BAD_CSR, "the subject is not a name");
        }
    }
    return OK;
}

/* RFC 2985 §5.4.1: a DirectoryString; the wide forms are not used for the base64 of a channel binding. */
static err_t read_challenge(struct csr *csr, struct bytes values)
{
    struct der_item text;
    ENSURE(csr->challenge.p == NULL, ERR_BAD_CSR, "the request has two challengePassword attributes");
    ENSURE(der_next(&values, &text) && values.n == 0, ERR_BAD_CSR,
           "challengePassword must have exactly one value");
    ENSURE(text.tag == DER_PRINTABLE_STRING || text.tag == DER_UTF8_STRING ||
               text.tag == DER_TELETEX_STRING || text.tag == DER_IA5_STRING,
           ERR_BAD_CSR, "challengePassword must be a PrintableString or UTF8String");
    ENSURE(text.value.n >= 1 && text.value.n <= CHALLENGE_SIZE_MAX, ERR_BAD_CSR,
           "challengePassword must have 1 to 255 bytes");
    csr->challenge = text.value;
    return OK;
}

/* Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue } (RFC 5280 §4.1); of them only
 * the SAN is kept. */
static err_t read_extension(struct csr *csr, struct bytes extension)
{
    struct der_item id;
    struct der_item value;
    ENSURE(der_take(&extension, DER_OID, &id), ERR_BAD_CSR, "a requested extension is malformed");
    if (der_take(&extension, DER_BOOLEAN, &value)) {
        ENSURE(value.value.p[0] == 0xff, ERR_BAD_CSR,
               "not DER: a requested extension spells out the default FALSE");
    }
    ENSURE(der_take(&extension, DER_OCTET_STRING, &value) && extension.n == 0, ERR_BAD_CSR,
           "a requested extension is malformed");
    if (!bytes_equal(id.value, BYTES_OF(oid_san))) {
        return OK;
    }
    ENSURE(csr->san.p == NULL, ERR_BAD_CSR, "the request asks for two subjectAltName extensions");
    err_t error = der_check(value.value);
    ENSURE(error.code == ERR_OK && value.value.p[0] == DER_SEQUENCE, ERR_BAD_CSR,
           "the requested subjectAltName is malformed");
    csr->san = value.value;
    return OK;
}

static err_t read_extensions(struct csr *csr, struct bytes values)
{
    struct der_item list;
    struct der_item extension;
    ENSURE(der_take(&values, DER_SEQUENCE, &list) && values.n == 0 && list.value.n > 0, ERR_BAD_CSR,
           "extensionRequest must have exactly one value, a list that is not empty");
    while (list.value.n > 0) {
        ENSURE(der_take(&list.value, DER_SEQUENCE, &extension), ERR_BAD_CSR,
               "a requested extension is malformed");
        TRY(read_extension(csr, extension.value));
    }
    return OK;
}

static err_t read_attributes(struct csr *csr)
{
    struct bytes rest = csr->attributes;
    bool has_extensions = false;
    while (rest.n > 0) {
        struct der_item attribute;
        struct der_item type;
        struct der_item values;
        ENSURE(der_take(&rest, DER_SEQUENCE, &attribute) && der_take(&attribute.value, DER_OID, &type) &&
                   der_take(&attribute.value, DER_SET, &values) && attribute.value.n == 0,
               ERR_BAD_CSR, "an attribute of the request is malformed");
        if (bytes_equal(type.value, BYTES_OF(oid_challenge))) {
            TRY(read_challenge(csr, values.value));
        } else if (bytes_equal(type.value, BYTES_OF(oid_extensions))) {
            ENSURE(!has_extensions, ERR_BAD_CSR, "the request has two extensionRequest attributes");
            has_extensions = true;
            TRY(read_extensions(csr, values.value));
        }
    }
    return OK;
}

/* The signature proves that the sender has the key: with an algorithm that still proves something. */
static err_t check_signature(const struct csr *csr)
{
    const char *refusal = signature_refusal(csr->algorithm, csr->key.alg);
    ENSURE(refusal == NULL, ERR_BAD_CSR, "the request's signature is refused: %s", refusal);
    AUTO(EVP_PKEY) *key = NULL;
    TRY(key_open(csr->spki, csr->key.alg, &key));
    return signature_verify(key, csr->algorithm, csr->info, csr->signature,
                            ERR(ERR_BAD_CSR, "the request's signature does not verify with its own key"));
}

static err_t check_key(struct csr *csr, const struct key_policy *policy)
{
    err_t key = key_check_form(csr->spki, policy, &csr->key);
    ENSURE(key.code != ERR_BAD_ENCODING, ERR_BAD_CSR, "%s", key.detail);
    return key;
}

err_t csr_parse(struct bytes der, const struct key_policy *policy, struct csr **out)
{
    *out = NULL;
    ENSURE(der.n > 0, ERR_BAD_CSR, "the request is empty");
    ENSURE(der.n <= CSR_SIZE_MAX, ERR_BAD_CSR, "the request has %zu bytes; at most %d are accepted", der.n,
           CSR_SIZE_MAX);
    err_t form = der_check(der);
    ENSURE(form.code == ERR_OK, ERR_BAD_CSR, "%s", form.detail);

    AUTO_PTR(csr) *csr = calloc(1, sizeof *csr);
    ENSURE(csr != NULL, ERR_NO_MEMORY, "no memory for a request");
    TRY(buf_append_bytes(&csr->der, der));
    TRY(split(csr));
    TRY(check_name(csr->subject));
    TRY(read_attributes(csr));
    TRY(check_key(csr, policy));
    TRY(check_signature(csr));
    *out = TAKE(csr);
    return OK;
}

/* The parts stand one behind the other in memory of the request's own. */
static err_t copy_template(const struct csr_template *template, struct csr *csr)
{
    static const uint8_t nobody[] = {DER_SEQUENCE, 0};
    struct der_writer w = der_writer(&csr->der);
    der_put_raw(&w, template->subject.n > 0 ? template->subject : BYTES_OF(nobody));
    size_t key_at = csr->der.n;
    der_put(&w, DER_SEQUENCE, template->public_key);
    size_t san_at = csr->der.n;
    der_put_raw(&w, template->san);
    TRY(der_finish(&w));
    csr->subject = (struct bytes){csr->der.p, key_at};
    csr->spki = (struct bytes){csr->der.p + key_at, san_at - key_at};
    csr->san = template->san.n > 0 ? (struct bytes){csr->der.p + san_at, template->san.n} : BYTES_NONE;
    return OK;
}

err_t csr_of_template(const struct csr_template *template, const struct key_policy *policy, struct csr **out)
{
    *out = NULL;
    size_t size = template->subject.n + template->public_key.n + template->san.n;
    ENSURE(size <= CSR_SIZE_MAX, ERR_BAD_CSR, "the request has %zu bytes; at most %d are accepted", size,
           CSR_SIZE_MAX);
    AUTO_PTR(csr) *csr = calloc(1, sizeof *csr);
    ENSURE(csr != NULL, ERR_NO_MEMORY, "no memory for a request");
    TRY(copy_template(template, csr));
    TRY(check_name(csr->subject));
    err_t form = der_check(csr->spki);
    ENSURE(form.code == ERR_OK, ERR_BAD_CSR, "%s", form.detail);
    TRY(check_key(csr, policy));
    *out = TAKE(csr);
    return OK;
}

const struct key_info *csr_borrow_key(const struct csr *csr)
{
    return &csr->key;
}

struct bytes csr_borrow_spki(const struct csr *csr)
{
    return csr->spki;
}

struct bytes csr_borrow_subject(const struct csr *csr)
{
    return csr->subject;
}

struct bytes csr_borrow_san(const struct csr *csr)
{
    return csr->san;
}

struct bytes csr_borrow_challenge(const struct csr *csr)
{
    return csr->challenge;
}
