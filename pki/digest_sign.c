/* Signs digests and texts with keys of the keystore, and proves each signature once under the public half: a
 * device that is given a wrong one cannot be reached to take it back. */
#include "pki/digest_sign.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "pki/openssl.h"
#include "pki/remote_key.h"

DEFINE_AUTO(ECDSA_SIG, ECDSA_SIG_free);

enum { SIGNATURE_MAX = 1024, PSS_SALT = 32, COORDINATE = ECDSA_P256_RAW_SIZE / 2 };

static bool prepare(EVP_PKEY_CTX *context, enum key_alg alg)
{
    if (EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) <= 0) {
        return false;
    }
    return alg != KEY_ALG_RSA || (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
                                  EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0 &&
                                  EVP_PKEY_CTX_set_rsa_pss_saltlen(context, PSS_SALT) > 0);
}

/* Of a token it is the token's failure: it may be better another time. */
static err_t failed(const struct private_key *key, const char *what)
{
    err_t error = ERR_OPENSSL(what);
    return key->proof == NULL ? error : ERR(ERR_UNAVAILABLE, "%s", error.detail);
}

static err_t make(const struct private_key *key, const struct sha256 *digest, struct buf *signature)
{
    uint8_t bytes[SIGNATURE_MAX];
    size_t size = sizeof bytes;
    if (key->remote != NULL) {
        enum signer_scheme scheme = key->info.alg == KEY_ALG_RSA ? SIGNER_RSA_PSS_SHA256 : SIGNER_ECDSA;
        return remote_key_sign_digest(key->remote, scheme, BYTES_OF(digest->b), signature);
    }
    AUTO(EVP_PKEY_CTX) *signing = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (signing == NULL || EVP_PKEY_sign_init(signing) <= 0 || !prepare(signing, key->info.alg) ||
        EVP_PKEY_sign(signing, bytes, &size, digest->b, sizeof digest->b) <= 0) {
        return failed(key, "signing failed");
    }
    return buf_append(signature, bytes, size);
}

static err_t sign_hashed(const struct private_key *key, const struct sha256 *digest, struct buf *signature)
{
    AUTO(EVP_PKEY) *public_half = NULL;
    AUTO_VAL(buf) made = {0};
    TRY(key_open(buf_view(&key->spki), key->info.alg, &public_half));
    TRY(make(key, digest, &made));
    AUTO(EVP_PKEY_CTX) *proof = EVP_PKEY_CTX_new_from_pkey(NULL, public_half, NULL);
    if (proof == NULL || EVP_PKEY_verify_init(proof) <= 0 || !prepare(proof, key->info.alg) ||
        EVP_PKEY_verify(proof, made.p, made.n, digest->b, sizeof digest->b) != 1) {
        return failed(key, "a signature that was just made does not hold");
    }
    return buf_append_bytes(signature, buf_view(&made));
}

static err_t sign_text(const struct private_key *key, struct bytes text, struct buf *signature)
{
    AUTO(EVP_PKEY) *public_half = NULL;
    AUTO_VAL(buf) made = {0};
    TRY(key_open(buf_view(&key->spki), key->info.alg, &public_half));
    TRY(private_key_sign(key, text, &made));
    TRY(signature_verify(public_half, signature_algorithm_of(key->info.alg), text, buf_view(&made),
                         ERR(ERR_CRYPTO, "a signature that was just made does not hold")));
    return buf_append_bytes(signature, buf_view(&made));
}

err_t digest_sign(const struct private_key *key, const struct sha256 *digest, struct buf *signature)
{
    switch (key->info.alg) {
    case KEY_ALG_P256:
    case KEY_ALG_RSA:
        return sign_hashed(key, digest, signature);
    case KEY_ALG_ED25519:
        return sign_text(key, BYTES_OF(digest->b), signature);
    case KEY_ALG_P384:
    case KEY_ALG_NONE:
        break;
    }
    return ERR(ERR_UNPROCESSABLE, "a key on this curve does not sign a SHA-256 here");
}

err_t text_sign_ed25519(const struct private_key *key, struct bytes text, struct buf *signature)
{
    ENSURE(key->info.alg == KEY_ALG_ED25519, ERR_UNPROCESSABLE, "the key is no Ed25519 key");
    return sign_text(key, text, signature);
}

err_t text_sign_raw(const struct private_key *key, struct bytes text, uint8_t out[ECDSA_P256_RAW_SIZE])
{
    AUTO_VAL(buf) der = {0};
    ENSURE(key->info.alg == KEY_ALG_P256, ERR_UNPROCESSABLE, "the key is no P-256 key");
    TRY(sign_text(key, text, &der));
    const uint8_t *at = der.p;
    AUTO(ECDSA_SIG) *pair = d2i_ECDSA_SIG(NULL, &at, (long)der.n);
    if (pair == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, COORDINATE) != COORDINATE ||
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + COORDINATE, COORDINATE) != COORDINATE) {
        return ERR_OPENSSL("writing a signature as two numbers failed");
    }
    return OK;
}

static err_t raw_to_der(const uint8_t raw[ECDSA_P256_RAW_SIZE], struct buf *out)
{
    AUTO(ECDSA_SIG) *pair = ECDSA_SIG_new();
    AUTO(BIGNUM) *r = BN_bin2bn(raw, COORDINATE, NULL);
    AUTO(BIGNUM) *s = BN_bin2bn(raw + COORDINATE, COORDINATE, NULL);
    unsigned char *der = NULL;
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        return ERR_OPENSSL("reading a signature of two numbers failed");
    }
    r = NULL; /* both belong to `pair` now */
    s = NULL;
    int size = i2d_ECDSA_SIG(pair, &der);
    if (size <= 0) {
        return ERR_OPENSSL("writing a signature as DER failed");
    }
    err_t error = buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}

err_t text_verify_raw(struct bytes spki, struct bytes text, const uint8_t signature[ECDSA_P256_RAW_SIZE])
{
    static const struct key_policy policy = {.allow_rsa = false};
    struct key_info info;
    AUTO(EVP_PKEY) *key = NULL;
    AUTO_VAL(buf) der = {0};
    TRY(key_check_form(spki, &policy, &info));
    ENSURE(info.alg == KEY_ALG_P256, ERR_UNPROCESSABLE, "the key is no P-256 key");
    TRY(key_open(spki, info.alg, &key));
    TRY(raw_to_der(signature, &der));
    return signature_verify(key, signature_algorithm_of(info.alg), text, buf_view(&der),
                            ERR(ERR_FORBIDDEN, "the signature does not hold under the key"));
}
