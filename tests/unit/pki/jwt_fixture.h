/* An issuer for tests: keys and signatures by OpenSSL, never by the code under test. */
#ifndef WHORL_TESTS_JWT_FIXTURE_H
#define WHORL_TESTS_JWT_FIXTURE_H

#include "tests/unit/pki/pki_fixture.h"

#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "pki/jwt.h"

DEFINE_AUTO(ECDSA_SIG, ECDSA_SIG_free);

/** Without padding. */
static inline void base64url_append(struct buf *out, struct bytes in)
{
    size_t from = out->n;
    assert_ok(base64_append(out, in));
    while (out->n > from && out->p[out->n - 1] == '=') {
        out->n--;
    }
    for (size_t i = from; i < out->n; i++) {
        out->p[i] = (uint8_t)(out->p[i] == '+' ? '-' : out->p[i] == '/' ? '_' : out->p[i]);
    }
    out->p[out->n] = '\0';
}

static inline EVP_PKEY *jwt_rsa(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    assert_non_null(key);
    return key;
}

static inline EVP_PKEY *jwt_ec(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);
    assert_non_null(key);
    return key;
}

static inline void number_append(struct buf *out, EVP_PKEY *key, const char *name, int size)
{
    AUTO(BIGNUM) *number = NULL;
    uint8_t bytes[512];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    int n = size > 0 ? size : BN_num_bytes(number);
    assert_true(n <= (int)sizeof bytes);
    assert_int_equal(BN_bn2binpad(number, bytes, n), n);
    base64url_append(out, (struct bytes){bytes, (size_t)n});
}

/** One JWK, appended. @param more further members like ",\"use\":\"sig\"", or "" */
static inline void jwk_append(struct buf *out, EVP_PKEY *key, const char *id, const char *more)
{
    bool is_rsa = EVP_PKEY_is_a(key, "RSA") == 1;
    int size = EVP_PKEY_get_bits(key) == 384 ? 48 : 32;
    if (is_rsa) {
        assert_ok(buf_append_str(out, "{\"kty\":\"RSA\",\"n\":\""));
        number_append(out, key, OSSL_PKEY_PARAM_RSA_N, 0);
        assert_ok(buf_append_str(out, "\",\"e\":\""));
        number_append(out, key, OSSL_PKEY_PARAM_RSA_E, 0);
    } else {
        assert_ok(buf_printf(out, "{\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"", EVP_PKEY_get_bits(key)));
        number_append(out, key, OSSL_PKEY_PARAM_EC_PUB_X, size);
        assert_ok(buf_append_str(out, "\",\"y\":\""));
        number_append(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, size);
    }
    assert_ok(buf_append_str(out, "\""));
    if (id != NULL) {
        assert_ok(buf_printf(out, ",\"kid\":\"%s\"", id));
    }
    assert_ok(buf_printf(out, "%s}", more));
}

/* R‖S of a DER signature. */
static inline void raw_of(struct bytes der, int size, struct buf *out)
{
    const unsigned char *p = der.p;
    uint8_t raw[96];
    AUTO(ECDSA_SIG) *signature = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
    assert_non_null(signature);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, size), size);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + size, size), size);
    assert_ok(buf_append(out, raw, 2 * (size_t)size));
}

/** The signature that an algorithm's name asks for, whatever the header says. */
static inline void jwt_signature(EVP_PKEY *key, const char *alg, struct bytes input, struct buf *out)
{
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = NULL;
    uint8_t signature[512];
    size_t n = sizeof signature;
    const char *digest = strcmp(alg, "ES384") == 0 ? "SHA384" : "SHA256";
    assert_int_equal(EVP_DigestSignInit_ex(context, &inner, digest, NULL, NULL, key, NULL), 1);
    if (alg[0] == 'P') {
        assert_true(EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) > 0);
    }
    assert_int_equal(EVP_DigestSign(context, signature, &n, input.p, input.n), 1);
    if (alg[0] == 'E') {
        raw_of((struct bytes){signature, n}, EVP_PKEY_get_bits(key) == 384 ? 48 : 32, out);
    } else {
        assert_ok(buf_append(out, signature, n));
    }
}

/** A compact token. @param key NULL: the signature is empty @param out emptied first */
static inline const char *jwt_make(struct buf *out, const char *header, const char *payload, EVP_PKEY *key,
                                   const char *alg)
{
    AUTO_VAL(buf) signature = {0};
    out->n = 0;
    base64url_append(out, bytes_str(header));
    assert_ok(buf_append_str(out, "."));
    base64url_append(out, bytes_str(payload));
    if (key != NULL) {
        jwt_signature(key, alg, buf_view(out), &signature);
    }
    assert_ok(buf_append_str(out, "."));
    base64url_append(out, buf_view(&signature));
    return buf_str(out);
}

#endif
