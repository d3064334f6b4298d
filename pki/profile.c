/* Names and extensions as DER. What never varies is a constant here; the rest is written by hand, which is a
 * tenth of the cost of OpenSSL's extension and name objects. `openssl x509` and `openssl verify -x509_strict`
 * judge the outcome in the tests. */
#include "pki/profile.h"

#include <string.h>

#include "pki/openssl.h"

/* clang-format off */
static const uint8_t key_usage_signature[] = {0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x07, 0x80};
static const uint8_t key_usage_ca[] = {0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x01, 0x06};
static const uint8_t ca_pathlen_0[] = {0x30, 0x12, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x08, 0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00};
static const uint8_t ca_pathlen_2[] = {0x30, 0x12, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x08, 0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x02};
static const uint8_t eku_client[] = {0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x0c, 0x30, 0x0a,
    0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
static const uint8_t eku_server[] = {0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x0c, 0x30, 0x0a,
    0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
static const uint8_t eku_document[] = {0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x0c, 0x30, 0x0a,
    0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24};
static const uint8_t eku_infrastructure[] = {0x30, 0x31, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x2a, 0x30, 0x28,
    0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01,
    0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02,
    0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09,
    0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x1c};
static const uint8_t oid_eku[] = {0x55, 0x1d, 0x25};
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_serial_number[] = {0x55, 0x04, 0x05};
static const uint8_t oid_organisation[] = {0x55, 0x04, 0x0a};
static const uint8_t oid_ski[] = {0x55, 0x1d, 0x0e};
static const uint8_t oid_san[] = {0x55, 0x1d, 0x11};
static const uint8_t oid_cdp[] = {0x55, 0x1d, 0x1f};
static const uint8_t oid_idp[] = {0x55, 0x1d, 0x1c};
static const uint8_t oid_aki[] = {0x55, 0x1d, 0x23};
static const uint8_t oid_aia[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};
static const uint8_t oid_ca_issuers[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02};
static const uint8_t oid_ocsp[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01};
/* clang-format on */

struct bytes profile_key_usage_signature(void)
{
    return BYTES_OF(key_usage_signature);
}

struct bytes profile_key_usage_ca(void)
{
    return BYTES_OF(key_usage_ca);
}

struct bytes profile_ca(int path_length)
{
    return path_length == 0 ? BYTES_OF(ca_pathlen_0) : BYTES_OF(ca_pathlen_2);
}

struct bytes profile_eku_client(void)
{
    return BYTES_OF(eku_client);
}

struct bytes profile_eku_server(void)
{
    return BYTES_OF(eku_server);
}

struct bytes profile_eku_document(void)
{
    return BYTES_OF(eku_document);
}

struct bytes profile_eku_infrastructure(void)
{
    return BYTES_OF(eku_infrastructure);
}

/* id-kp and the last part of each purpose, in the order of the bits of enum key_purpose. */
void profile_put_key_purposes(struct der_writer *w, uint32_t purposes)
{
    static const uint8_t last[] = {2, 1, 3, 41, 42, 43, 44};
    uint8_t oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0};
    size_t extension = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, BYTES_OF(oid_eku));
    size_t value = der_open(w, DER_OCTET_STRING);
    size_t list = der_open(w, DER_SEQUENCE);
    for (size_t i = 0; i < sizeof last; i++) {
        if ((purposes & (1U << i)) != 0) {
            oid[sizeof oid - 1] = last[i];
            der_put(w, DER_OID, BYTES_OF(oid));
        }
    }
    der_close(w, list);
    der_close(w, value);
    der_close(w, extension);
}

static void put_relative_name(struct der_writer *w, struct bytes oid, uint8_t tag, const char *text)
{
    size_t set = der_open(w, DER_SET);
    size_t pair = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, oid);
    der_put(w, tag, bytes_str(text));
    der_close(w, pair);
    der_close(w, set);
}

void profile_put_common_name(struct der_writer *w, const char *text)
{
    put_relative_name(w, BYTES_OF(oid_common_name), DER_UTF8_STRING, text);
}

void profile_put_organisation(struct der_writer *w, const char *text)
{
    put_relative_name(w, BYTES_OF(oid_organisation), DER_UTF8_STRING, text);
}

void profile_put_serial_number(struct der_writer *w, const char *text)
{
    put_relative_name(w, BYTES_OF(oid_serial_number), DER_PRINTABLE_STRING, text);
}

void profile_put_extension(struct der_writer *w, struct bytes oid, bool is_critical, struct bytes value)
{
    static const uint8_t yes[] = {0xff};
    size_t extension = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, oid);
    if (is_critical) {
        der_put(w, DER_BOOLEAN, BYTES_OF(yes));
    }
    der_put(w, DER_OCTET_STRING, value);
    der_close(w, extension);
}

err_t profile_ski(struct bytes spki, uint8_t out[SKI_SIZE])
{
    struct sha256 hash;
    struct bytes bits = key_borrow_bits(spki);
    ENSURE(bits.n > 0, ERR_BAD_ENCODING, "the key is not a SubjectPublicKeyInfo");
    TRY(sha256_of(bits, &hash));
    memcpy(out, hash.b, SKI_SIZE);
    return OK;
}

void profile_put_ski(struct der_writer *w, const uint8_t ski[SKI_SIZE])
{
    uint8_t value[2 + SKI_SIZE] = {DER_OCTET_STRING, SKI_SIZE};
    memcpy(value + 2, ski, SKI_SIZE);
    profile_put_extension(w, BYTES_OF(oid_ski), false, BYTES_OF(value));
}

void profile_put_aki(struct der_writer *w, struct bytes issuer_ski)
{
    size_t extension = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, BYTES_OF(oid_aki));
    size_t value = der_open(w, DER_OCTET_STRING);
    size_t sequence = der_open(w, DER_SEQUENCE);
    der_put(w, DER_CONTEXT | 0, issuer_ski);
    der_close(w, sequence);
    der_close(w, value);
    der_close(w, extension);
}

/* The same bytes in a certificate and in the CRL that it points to: some compare them as they are. */
static void put_distribution_point(struct der_writer *w, struct bytes uri)
{
    size_t point = der_open(w, DER_CONTEXT_CONSTRUCTED | 0); /* distributionPoint */
    size_t name = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);  /* fullName */
    der_put(w, DER_CONTEXT | 6, uri);                        /* uniformResourceIdentifier */
    der_close(w, name);
    der_close(w, point);
}

/* CRLDistributionPoints with one fullName URI (RFC 5280 §4.2.1.13). */
static void put_cdp(struct der_writer *w, struct bytes uri)
{
    size_t marks[4];
    marks[0] = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, BYTES_OF(oid_cdp));
    marks[1] = der_open(w, DER_OCTET_STRING);
    marks[2] = der_open(w, DER_SEQUENCE); /* CRLDistributionPoints */
    marks[3] = der_open(w, DER_SEQUENCE); /* DistributionPoint */
    put_distribution_point(w, uri);
    for (size_t i = sizeof marks / sizeof marks[0]; i > 0; i--) {
        der_close(w, marks[i - 1]);
    }
}

void profile_put_idp(struct der_writer *w, struct bytes uri)
{
    static const uint8_t only_user_certificates[] = {DER_CONTEXT | 1, 1, 0xff};
    AUTO_VAL(buf) value = {0};
    struct der_writer inner = der_writer(&value);
    size_t sequence = der_open(&inner, DER_SEQUENCE);
    put_distribution_point(&inner, uri);
    der_put_raw(&inner, BYTES_OF(only_user_certificates));
    der_close(&inner, sequence);
    w->error = w->error.code == ERR_OK ? inner.error : w->error;
    profile_put_extension(w, BYTES_OF(oid_idp), true, buf_view(&value));
}

static void put_access(struct der_writer *w, struct bytes method, struct bytes uri)
{
    size_t description = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, method);
    der_put(w, DER_CONTEXT | 6, uri);
    der_close(w, description);
}

/* AuthorityInfoAccess (RFC 5280 §4.2.2.1). @param ocsp BYTES_NONE: nobody answers for the issuer */
static void put_aia(struct der_writer *w, struct bytes ocsp, struct bytes ca_issuers)
{
    size_t extension = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, BYTES_OF(oid_aia));
    size_t value = der_open(w, DER_OCTET_STRING);
    size_t list = der_open(w, DER_SEQUENCE);
    if (ocsp.n > 0) {
        put_access(w, BYTES_OF(oid_ocsp), ocsp);
    }
    put_access(w, BYTES_OF(oid_ca_issuers), ca_issuers);
    der_close(w, list);
    der_close(w, value);
    der_close(w, extension);
}

err_t profile_put_publication(struct der_writer *w, const struct publication *publication,
                              const struct authority *issuer)
{
    AUTO_VAL(buf) uri = {0};
    AUTO_VAL(buf) ocsp = {0};
    if (publication->crl_url == NULL) {
        TRY(buf_printf(&uri, "%s/crl/%s.crl", publication->public_url, authority_id(issuer)));
    } else {
        TRY(buf_append_str(&uri, publication->crl_url));
    }
    put_cdp(w, buf_view(&uri));
    buf_clear(&uri);
    TRY(buf_printf(&uri, "%s/ca/%s.cer", publication->public_url, authority_id(issuer)));
    if (authority_role(issuer) != AUTHORITY_ROOT) { /* whose key may go offline: then nobody signs for it */
        TRY(buf_printf(&ocsp, "%s/ocsp", publication->public_url));
    }
    put_aia(w, buf_view(&ocsp), buf_view(&uri));
    return OK;
}

err_t profile_put_issuer(struct der_writer *w, const struct publication *publication,
                         const struct authority *issuer)
{
    AUTO_VAL(buf) uri = {0};
    TRY(buf_printf(&uri, "%s/ca/%s.cer", publication->public_url, authority_id(issuer)));
    put_aia(w, BYTES_NONE, buf_view(&uri));
    return OK;
}

void profile_put_san(struct der_writer *w, struct bytes general_names, bool is_critical)
{
    profile_put_extension(w, BYTES_OF(oid_san), is_critical, general_names);
}
