/* OCSP requests made by OpenSSL, or byte by byte where OpenSSL would not make them. */
#ifndef WHORL_TESTS_OCSP_FIXTURE_H
#define WHORL_TESTS_OCSP_FIXTURE_H

#include "tests/unit/pki/pki_fixture.h"

#include <openssl/ocsp.h>

#include "pki/der.h"
#include "pki/ocsp.h"

DEFINE_AUTO(OCSP_REQUEST, OCSP_REQUEST_free);
DEFINE_AUTO(OCSP_RESPONSE, OCSP_RESPONSE_free);
DEFINE_AUTO(OCSP_BASICRESP, OCSP_BASICRESP_free);
DEFINE_AUTO(OCSP_CERTID, OCSP_CERTID_free);
DEFINE_AUTO(ASN1_INTEGER, ASN1_INTEGER_free);

static inline X509 *x509_of(struct bytes der)
{
    const unsigned char *p = der.p;
    X509 *x509 = d2i_X509(NULL, &p, (long)der.n);
    assert_non_null(x509);
    return x509;
}

static inline ASN1_INTEGER *integer_of(struct bytes serial)
{
    AUTO(BIGNUM) *number = BN_bin2bn(serial.p, (int)serial.n, NULL);
    ASN1_INTEGER *integer = BN_to_ASN1_INTEGER(number, NULL);
    assert_non_null(integer);
    return integer;
}

static inline OCSP_CERTID *certid_of(const struct authority *issuer, const EVP_MD *md, struct bytes serial)
{
    AUTO(X509) *ca = x509_of(authority_borrow_der(issuer));
    AUTO(ASN1_INTEGER) *number = integer_of(serial);
    OCSP_CERTID *id = OCSP_cert_id_new(md, X509_get_subject_name(ca), X509_get0_pubkey_bitstr(ca), number);
    assert_non_null(id);
    return id;
}

/** A request for one certificate. @param nonce_size 0: none */
static inline void ocsp_ask(const struct authority *issuer, const EVP_MD *md, struct bytes serial,
                            int nonce_size, struct buf *der)
{
    AUTO(OCSP_REQUEST) *request = OCSP_REQUEST_new();
    unsigned char *encoded = NULL;
    unsigned char nonce[OCSP_NONCE_MAX + 1] = {7};
    assert_non_null(OCSP_request_add0_id(request, certid_of(issuer, md, serial)));
    assert_true(nonce_size == 0 || OCSP_request_add1_nonce(request, nonce, nonce_size) == 1);
    int size = i2d_OCSP_REQUEST(request, &encoded);
    bytes_of_i2d(size, encoded, der);
}

/** The same for several serials of one authority. */
static inline void ocsp_ask_many(const struct authority *issuer, const uint8_t (*serials)[SERIAL_SIZE],
                                 size_t count, struct buf *der)
{
    AUTO(OCSP_REQUEST) *request = OCSP_REQUEST_new();
    unsigned char *encoded = NULL;
    for (size_t i = 0; i < count; i++) {
        struct bytes serial = {serials[i], SERIAL_SIZE};
        assert_non_null(OCSP_request_add0_id(request, certid_of(issuer, EVP_sha256(), serial)));
    }
    int size = i2d_OCSP_REQUEST(request, &encoded);
    bytes_of_i2d(size, encoded, der);
}

static inline OCSP_RESPONSE *response_of(struct bytes der)
{
    const unsigned char *p = der.p;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
    assert_non_null(response);
    assert_ptr_equal(p, der.p + der.n);
    return response;
}

/** The signed part, verified by OpenSSL up to the root. */
static inline OCSP_BASICRESP *basic_of(OCSP_RESPONSE *response, const struct authority *root,
                                       const struct authority *issuer, int64_t at_ms)
{
    assert_int_equal(OCSP_response_status(response), OCSP_RESPONSE_STATUS_SUCCESSFUL);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    assert_non_null(basic);
    X509_STORE *store = X509_STORE_new();
    AUTO(X509) *top = x509_of(authority_borrow_der(root));
    AUTO(X509) *ca = x509_of(authority_borrow_der(issuer));
    STACK_OF(X509) *more = sk_X509_new_null();
    assert_true(sk_X509_push(more, ca) > 0);
    assert_int_equal(X509_STORE_add_cert(store, top), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)(at_ms / 1000));
    assert_int_equal(OCSP_basic_verify(basic, more, store, 0), 1);
    sk_X509_free(more);
    X509_STORE_free(store);
    return basic;
}

struct ocsp_seen {
    int status, reason;
    int64_t revoked_at_s, this_update_s, next_update_s;
};

static inline int64_t seconds_of(const ASN1_GENERALIZEDTIME *time)
{
    struct tm utc;
    assert_int_equal(ASN1_TIME_to_tm(time, &utc), 1);
    return (int64_t)timegm(&utc);
}

/** What a verified answer says of a certificate, found as a client finds it. */
static inline struct ocsp_seen ocsp_see(OCSP_BASICRESP *basic, OCSP_CERTID *id)
{
    struct ocsp_seen seen = {.reason = -1};
    ASN1_GENERALIZEDTIME *revoked_at = NULL;
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    assert_int_equal(
        OCSP_resp_find_status(basic, id, &seen.status, &seen.reason, &revoked_at, &this_update, &next_update),
        1);
    assert_non_null(next_update);
    seen.revoked_at_s = revoked_at != NULL ? seconds_of(revoked_at) : -1;
    seen.this_update_s = seconds_of(this_update);
    seen.next_update_s = seconds_of(next_update);
    return seen;
}

#endif
