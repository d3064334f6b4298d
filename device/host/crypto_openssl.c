/* Crypto port of the host. Each operation stands alone: nothing is cached, nothing is shared between threads
 * but OpenSSL itself. */
#include "device/host/crypto_openssl.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <string.h>

#include "base/auto.h"
#include "device/host/key_openssl.h"

DEFINE_AUTO(BIGNUM, BN_clear_free);
DEFINE_AUTO(EC_GROUP, EC_GROUP_free);
DEFINE_AUTO(EC_POINT, EC_POINT_free);
DEFINE_AUTO(ECDSA_SIG, ECDSA_SIG_free);
DEFINE_AUTO(EVP_PKEY, EVP_PKEY_free);
DEFINE_AUTO(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
DEFINE_AUTO(OSSL_PARAM, OSSL_PARAM_free);
DEFINE_AUTO(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free);

static EVP_MD_CTX *hash_of(const struct whorl_sha256_state *state)
{
    EVP_MD_CTX *hash;
    memcpy(&hash, state->words, sizeof hash); // NOLINT(bugprone-sizeof-expression): the pointer itself
    return hash;
}

static bool sha256_begin(void *context, struct whorl_sha256_state *state)
{
    (void)context;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(hash);
        return false;
    }
    memcpy(state->words, &hash, sizeof hash); // NOLINT(bugprone-sizeof-expression): the pointer itself
    return true;
}

static bool sha256_update(void *context, struct whorl_sha256_state *state, struct whorl_bytes data)
{
    (void)context;
    return EVP_DigestUpdate(hash_of(state), data.data, data.size) == 1;
}

static bool sha256_end(void *context, struct whorl_sha256_state *state, uint8_t out[WHORL_HASH_BYTES])
{
    (void)context;
    EVP_MD_CTX *hash = hash_of(state);
    bool is_done = EVP_DigestFinal_ex(hash, out, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return is_done;
}

static bool hmac_sha256(void *context, struct whorl_bytes key, struct whorl_bytes data,
                        uint8_t out[WHORL_HASH_BYTES])
{
    (void)context;
    return HMAC(EVP_sha256(), key.data, (int)key.size, data.data, data.size, out, NULL) != NULL;
}

/* The public point of a scalar, uncompressed. */
static bool point_of(const BIGNUM *scalar, uint8_t out[WHORL_POINT_BYTES])
{
    AUTO(EC_GROUP) *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    AUTO(EC_POINT) *point = group == NULL ? NULL : EC_POINT_new(group);
    return point != NULL && EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1 &&
           EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, WHORL_POINT_BYTES, NULL) ==
               WHORL_POINT_BYTES;
}

/* @param scalar NULL for a public key */
static EVP_PKEY *make_key(const BIGNUM *scalar, const uint8_t point[WHORL_POINT_BYTES])
{
    AUTO(OSSL_PARAM_BLD) *build = OSSL_PARAM_BLD_new();
    AUTO(EVP_PKEY_CTX) *make = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    if (build == NULL || make == NULL ||
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, WHORL_POINT_BYTES) != 1 ||
        (scalar != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar) != 1)) {
        return NULL;
    }
    AUTO(OSSL_PARAM) *parameters = OSSL_PARAM_BLD_to_param(build);
    if (parameters == NULL || EVP_PKEY_fromdata_init(make) != 1 ||
        EVP_PKEY_fromdata(make, &key, scalar == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, parameters) !=
            1) {
        return NULL;
    }
    return key;
}

static bool p256_import(void *context, const uint8_t scalar[WHORL_SCALAR_BYTES], struct whorl_key *out)
{
    (void)context;
    uint8_t point[WHORL_POINT_BYTES];
    AUTO(BIGNUM) *number = BN_secure_new();
    if (number == NULL || BN_bin2bn(scalar, WHORL_SCALAR_BYTES, number) == NULL || !point_of(number, point)) {
        return false;
    }
    BN_set_flags(number, BN_FLG_CONSTTIME);
    EVP_PKEY *key = make_key(number, point);
    out->handle = (uintptr_t)key;
    return key != NULL;
}

static bool p256_public(void *context, struct whorl_key key, uint8_t out[WHORL_POINT_BYTES])
{
    (void)context;
    size_t size = 0;
    return EVP_PKEY_get_octet_string_param(host_key_of(key), OSSL_PKEY_PARAM_PUB_KEY, out, WHORL_POINT_BYTES,
                                           &size) == 1 &&
           size == WHORL_POINT_BYTES;
}

static bool p256_sign(void *context, struct whorl_key key, const uint8_t hash[WHORL_HASH_BYTES],
                      uint8_t out[WHORL_SIGNATURE_BYTES])
{
    (void)context;
    uint8_t der[80];
    size_t size = sizeof der;
    AUTO(EVP_PKEY_CTX) *sign = EVP_PKEY_CTX_new_from_pkey(NULL, host_key_of(key), NULL);
    if (sign == NULL || EVP_PKEY_sign_init(sign) != 1 ||
        EVP_PKEY_sign(sign, der, &size, hash, WHORL_HASH_BYTES) != 1) {
        return false;
    }
    const uint8_t *at = der;
    AUTO(ECDSA_SIG) *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    return pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32) == 32 &&
           BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32) == 32;
}

static bool p256_verify(void *context, const uint8_t point[WHORL_POINT_BYTES],
                        const uint8_t hash[WHORL_HASH_BYTES], const uint8_t signature[WHORL_SIGNATURE_BYTES])
{
    (void)context;
    AUTO(EVP_PKEY) *key = make_key(NULL, point);
    AUTO(ECDSA_SIG) *pair = ECDSA_SIG_new();
    AUTO(BIGNUM) *r = BN_bin2bn(signature, 32, NULL);
    AUTO(BIGNUM) *s = BN_bin2bn(signature + 32, 32, NULL);
    if (key == NULL || pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        return false;
    }
    r = NULL; /* they belong to the pair now */
    s = NULL;
    uint8_t der[80];
    uint8_t *at = der;
    int size = i2d_ECDSA_SIG(pair, &at);
    AUTO(EVP_PKEY_CTX) *verify = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    return size > 0 && verify != NULL && EVP_PKEY_verify_init(verify) == 1 &&
           EVP_PKEY_verify(verify, der, (size_t)size, hash, WHORL_HASH_BYTES) == 1;
}

static void p256_destroy(void *context, struct whorl_key key)
{
    (void)context;
    EVP_PKEY_free(host_key_of(key));
}

static void wipe(void *context, void *at, size_t size)
{
    (void)context;
    OPENSSL_cleanse(at, size);
}

const struct whorl_crypto host_crypto = {
    .context = NULL,
    .sha256_begin = sha256_begin,
    .sha256_update = sha256_update,
    .sha256_end = sha256_end,
    .hmac_sha256 = hmac_sha256,
    .p256_import = p256_import,
    .p256_public = p256_public,
    .p256_sign = p256_sign,
    .p256_verify = p256_verify,
    .p256_destroy = p256_destroy,
    .wipe = wipe,
};
