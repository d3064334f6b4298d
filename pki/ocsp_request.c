/* OCSP requests (RFC 6960 §4.1.1, RFC 9919 §3.1): read without a copy, since the loop reads every one of
 * them, from anybody. Decides what is well-formed; who the issuer is and how the certificate stands is not
 * asked here. */
#include <string.h>

#include "pki/der.h"
#include "pki/ocsp.h"

static const uint8_t oid_sha1[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
static const uint8_t oid_sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
static const uint8_t oid_nonce[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};

enum { SERIAL_OCTETS_MAX = 64, EXTENSIONS_MAX = 16 };

/* AlgorithmIdentifier of a hash: parameters absent, or NULL as old clients write them (RFC 5754 §2). */
static err_t read_hash(struct bytes in, struct ocsp_cert *out)
{
    struct der_item oid;
    struct der_item parameters;
    ENSURE(der_take(&in, DER_OID, &oid), ERR_BAD_ENCODING, "a CertID without a hash algorithm");
    out->has_null = der_take(&in, DER_NULL, &parameters);
    bool is_plain = in.n == 0;
    out->hash = is_plain && bytes_equal(oid.value, BYTES_OF(oid_sha1))     ? OCSP_SHA1
                : is_plain && bytes_equal(oid.value, BYTES_OF(oid_sha256)) ? OCSP_SHA256
                                                                           : OCSP_OTHER_HASH;
    return OK;
}

static err_t read_cert(const struct der_item *id, struct ocsp_cert *out)
{
    struct bytes in = id->value;
    struct der_item algorithm;
    struct der_item name;
    struct der_item key;
    struct der_item serial;
    ENSURE(der_take(&in, DER_SEQUENCE, &algorithm) && der_take(&in, DER_OCTET_STRING, &name) &&
               der_take(&in, DER_OCTET_STRING, &key) && der_take(&in, DER_INTEGER, &serial) && in.n == 0,
           ERR_BAD_ENCODING, "a CertID has another form");
    ENSURE(serial.value.n <= SERIAL_OCTETS_MAX, ERR_BAD_ENCODING, "a serial number of %zu octets",
           serial.value.n);
    *out = (struct ocsp_cert){
        .id = id->whole, .name_hash = name.value, .key_hash = key.value, .serial = serial.value};
    return read_hash(algorithm.value, out);
}

/* RFC 9654 §2.1: an OCTET STRING within the value. */
static err_t read_nonce(struct bytes value, struct ocsp_request *out)
{
    struct der_item nonce;
    ENSURE(der_take(&value, DER_OCTET_STRING, &nonce) && value.n == 0, ERR_BAD_ENCODING,
           "the nonce is not an OCTET STRING");
    ENSURE(nonce.value.n >= 1 && nonce.value.n <= OCSP_NONCE_MAX, ERR_BAD_ENCODING,
           "a nonce of %zu octets: 1 to %d are allowed", nonce.value.n, OCSP_NONCE_MAX);
    ENSURE(out->nonce.n == 0, ERR_BAD_ENCODING, "two nonces");
    out->nonce = nonce.value;
    return OK;
}

/* RFC 5280 §4.1: extnID, critical when true, extnValue. What is not known is passed over unless it is
 * critical. */
static err_t read_extension(struct bytes in, bool takes_nonce, struct ocsp_request *out)
{
    struct der_item oid;
    struct der_item critical = {.value = BYTES_NONE};
    struct der_item value;
    bool has_oid = der_take(&in, DER_OID, &oid);
    bool has_critical = der_take(&in, DER_BOOLEAN, &critical);
    bool is_critical = has_critical && critical.value.p[0] != 0;
    ENSURE(has_oid && der_take(&in, DER_OCTET_STRING, &value) && in.n == 0 && has_critical == is_critical,
           ERR_BAD_ENCODING, "an extension has another form");
    if (takes_nonce && bytes_equal(oid.value, BYTES_OF(oid_nonce))) {
        struct bytes inside = value.value;
        TRY(der_check(inside));
        return read_nonce(inside, out);
    }
    ENSURE(!is_critical, ERR_BAD_ENCODING, "a critical extension that is not known here");
    return OK;
}

static err_t read_extensions(struct bytes tagged, bool takes_nonce, struct ocsp_request *out)
{
    struct der_item list;
    struct der_item extension;
    ENSURE(der_take(&tagged, DER_SEQUENCE, &list) && tagged.n == 0 && list.value.n > 0, ERR_BAD_ENCODING,
           "the extensions have another form");
    for (size_t i = 0; list.value.n > 0; i++) {
        ENSURE(i < EXTENSIONS_MAX && der_take(&list.value, DER_SEQUENCE, &extension), ERR_BAD_ENCODING,
               "an extension has another form, or there are too many");
        TRY(read_extension(extension.value, takes_nonce, out));
    }
    return OK;
}

static err_t read_list(struct bytes list, struct ocsp_request *out)
{
    struct der_item request;
    struct der_item id;
    struct der_item extensions;
    ENSURE(list.n > 0, ERR_BAD_ENCODING, "no certificate is asked for");
    while (list.n > 0) {
        ENSURE(out->count < OCSP_CERTS_MAX, ERR_BAD_ENCODING, "more than %d certificates in one request",
               OCSP_CERTS_MAX);
        ENSURE(der_take(&list, DER_SEQUENCE, &request) && der_take(&request.value, DER_SEQUENCE, &id),
               ERR_BAD_ENCODING, "a request has another form");
        TRY(read_cert(&id, &out->certs[out->count]));
        out->count++;
        if (der_take(&request.value, DER_CONTEXT_CONSTRUCTED | 0, &extensions)) {
            TRY(read_extensions(extensions.value, false, out));
        }
        ENSURE(request.value.n == 0, ERR_BAD_ENCODING, "a request has another form");
    }
    return OK;
}

/* Version 1 is the default and so left out in DER; clients that write it all the same mean the same. */
static err_t read_version(struct bytes tagged)
{
    struct der_item number;
    ENSURE(der_take(&tagged, DER_INTEGER, &number) && tagged.n == 0 && number.value.n == 1 &&
               number.value.p[0] == 0,
           ERR_BAD_ENCODING, "only version 1 of the request is known");
    return OK;
}

static err_t read_tbs(struct bytes in, struct ocsp_request *out)
{
    struct der_item item;
    if (der_take(&in, DER_CONTEXT_CONSTRUCTED | 0, &item)) {
        TRY(read_version(item.value));
    }
    (void)der_take(&in, DER_CONTEXT_CONSTRUCTED | 1, &item); /* who asks: everybody may */
    ENSURE(der_take(&in, DER_SEQUENCE, &item), ERR_BAD_ENCODING, "the list of requests is not there");
    TRY(read_list(item.value, out));
    if (der_take(&in, DER_CONTEXT_CONSTRUCTED | 2, &item)) {
        TRY(read_extensions(item.value, true, out));
    }
    ENSURE(in.n == 0, ERR_BAD_ENCODING, "something follows the requests");
    return OK;
}

err_t ocsp_request_read(struct bytes der, struct ocsp_request *out)
{
    struct der_item outer;
    struct der_item tbs;
    struct der_item signature;
    out->count = 0;
    out->nonce = BYTES_NONE;
    ENSURE(der.n <= OCSP_REQUEST_MAX, ERR_BAD_ENCODING, "a request of %zu bytes", der.n);
    TRY(der_check(der));
    ENSURE(der_take(&der, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_SEQUENCE, &tbs),
           ERR_BAD_ENCODING, "not an OCSPRequest");
    (void)der_take(&outer.value, DER_CONTEXT_CONSTRUCTED | 0, &signature);
    ENSURE(outer.value.n == 0, ERR_BAD_ENCODING, "something follows the request");
    return read_tbs(tbs.value, out);
}

bool ocsp_serial(const struct ocsp_cert *cert, uint8_t out[SERIAL_SIZE])
{
    bool is_ours = cert->serial.n == SERIAL_SIZE && cert->serial.p[0] >= 0x01 && cert->serial.p[0] <= 0x7f;
    if (is_ours) {
        memcpy(out, cert->serial.p, SERIAL_SIZE);
    }
    return is_ours;
}

bool ocsp_issuer_is(const struct ocsp_issuer *issuer, const struct ocsp_cert *cert)
{
    if (cert->hash == OCSP_SHA1) {
        return bytes_equal(cert->key_hash, BYTES_OF(issuer->key_sha1)) &&
               bytes_equal(cert->name_hash, BYTES_OF(issuer->name_sha1));
    }
    return cert->hash == OCSP_SHA256 && bytes_equal(cert->key_hash, BYTES_OF(issuer->key_sha256.b)) &&
           bytes_equal(cert->name_hash, BYTES_OF(issuer->name_sha256.b));
}

struct bytes ocsp_error_answer(enum ocsp_error error)
{
    static const uint8_t answers[][5] = {{0x30, 0x03, 0x0a, 0x01, OCSP_MALFORMED},
                                         {0x30, 0x03, 0x0a, 0x01, OCSP_INTERNAL},
                                         {0x30, 0x03, 0x0a, 0x01, OCSP_TRY_LATER},
                                         {0x30, 0x03, 0x0a, 0x01, OCSP_UNAUTHORIZED}};
    switch (error) {
    case OCSP_MALFORMED:
        return BYTES_OF(answers[0]);
    case OCSP_TRY_LATER:
        return BYTES_OF(answers[2]);
    case OCSP_UNAUTHORIZED:
        return BYTES_OF(answers[3]);
    case OCSP_INTERNAL:
        break;
    }
    return BYTES_OF(answers[1]);
}
