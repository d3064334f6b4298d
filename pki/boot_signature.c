/* Whether a bare signature holds, over a digest or over bytes that are read piece by piece. Only public
 * values are here, so nothing has to take constant time. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "pki/boot_key.h"
#include "pki/edwards.h"
#include "pki/openssl.h"

DEFINE_AUTO(ECDSA_SIG, ECDSA_SIG_free);
static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};

struct opened {
    EVP_PKEY *pkey;
    struct key_info info;
};
static void opened_clear(struct opened *key)
{
    EVP_PKEY_free(key->pkey);
}
DEFINE_AUTO_VAL(opened, opened_clear);

static err_t open_key(struct bytes spki, struct opened *out)
{
    TRY(key_check_form(spki, &policy, &out->info));
    return key_open(spki, out->info.alg, &out->pkey);
}

static bool verify_plain(EVP_PKEY *key, struct bytes digest, struct bytes signature)
{
    AUTO(EVP_PKEY_CTX) *context = EVP_PKEY_CTX_new(key, NULL);
    return context != NULL && EVP_PKEY_verify_init(context) == 1 &&
           EVP_PKEY_verify(context, signature.p, signature.n, digest.p, digest.n) == 1;
}

static bool verify_rsa(EVP_PKEY *key, int padding, struct bytes digest, struct bytes signature)
{
    AUTO(EVP_PKEY_CTX) *context = EVP_PKEY_CTX_new(key, NULL);
    bool is_ready = context != NULL && digest.n == SHA256_SIZE && EVP_PKEY_verify_init(context) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1 &&
                    EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1;
    if (is_ready && padding == RSA_PKCS1_PSS_PADDING) {
        is_ready = EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
                   EVP_PKEY_CTX_set_rsa_pss_saltlen(context, SHA256_SIZE) == 1;
    }
    return is_ready && EVP_PKEY_verify(context, signature.p, signature.n, digest.p, digest.n) == 1;
}

static bool verify_ecdsa_raw(EVP_PKEY *key, struct bytes digest, struct bytes signature)
{
    int half = (int)(signature.n / 2);
    AUTO(ECDSA_SIG) *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.p, half, NULL), *s = BN_bin2bn(signature.p + half, half, NULL);
    unsigned char *der = NULL;
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    int size = i2d_ECDSA_SIG(pair, &der);
    bool is_good = size > 0 && verify_plain(key, digest, (struct bytes){der, (size_t)size});
    OPENSSL_free(der);
    return is_good;
}

static bool verify_ed25519(EVP_PKEY *key, struct bytes message, struct bytes signature)
{
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    return context != NULL && EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
           EVP_DigestVerify(context, signature.p, signature.n, message.p, message.n) == 1;
}

static size_t curve_size(enum key_alg alg)
{
    return alg == KEY_ALG_P256 ? 32 : (alg == KEY_ALG_P384 ? 48 : 0);
}

static bool holds(const struct opened *key, enum bare_form form, struct bytes digest, struct bytes signature)
{
    size_t size = curve_size(key->info.alg);
    switch (form) {
    case BARE_ECDSA:
        return size == digest.n && verify_plain(key->pkey, digest, signature);
    case BARE_ECDSA_RAW:
        return size > 0 && size == digest.n && signature.n == 2 * size &&
               verify_ecdsa_raw(key->pkey, digest, signature);
    case BARE_RSA_PSS:
        return key->info.alg == KEY_ALG_RSA &&
               verify_rsa(key->pkey, RSA_PKCS1_PSS_PADDING, digest, signature);
    case BARE_ED25519:
        return key->info.alg == KEY_ALG_ED25519 && verify_ed25519(key->pkey, digest, signature);
    }
    return false;
}

err_t boot_key_holds_digest(struct bytes spki, enum bare_form form, struct bytes digest,
                            struct bytes signature, bool *out)
{
    AUTO_VAL(opened) key = {.pkey = NULL};
    TRY(open_key(spki, &key));
    *out = holds(&key, form, digest, signature);
    openssl_forget_errors();
    return OK;
}

static err_t add_piece(void *arg, struct bytes piece)
{
    return digest_stream_add(arg, piece);
}

static err_t digest_region(enum digest_kind kind, const struct byte_region *region, uint8_t *out)
{
    AUTO_PTR(digest_stream) *hash = NULL;
    TRY(digest_stream_new(kind, &hash));
    TRY(byte_source_each(region->bytes, region->from, region->size, add_piece, hash));
    return digest_stream_value(hash, out, digest_size(kind));
}

/* RFC 8032 §5.1.7: SHA-512 over R, the key and the message, which therefore can come in pieces. */
static err_t ed25519_region(struct bytes point, const struct byte_region *region, struct bytes signature,
                            bool *out)
{
    AUTO_PTR(digest_stream) *hash = NULL;
    uint8_t challenge[DIGEST_SIZE_MAX];
    *out = false;
    if (signature.n != 64) {
        return OK;
    }
    TRY(digest_stream_new(DIGEST_SHA512, &hash));
    TRY(digest_stream_add(hash, (struct bytes){signature.p, 32}));
    TRY(digest_stream_add(hash, point));
    TRY(byte_source_each(region->bytes, region->from, region->size, add_piece, hash));
    TRY(digest_stream_value(hash, challenge, sizeof challenge));
    return edwards_verify(point, signature, challenge, out);
}

err_t boot_key_holds_region(struct bytes spki, const struct byte_region *region, struct bytes signature,
                            bool *out)
{
    AUTO_VAL(opened) key = {.pkey = NULL};
    uint8_t digest[DIGEST_SIZE_MAX];
    *out = false;
    TRY(open_key(spki, &key));
    if (key.info.alg == KEY_ALG_ED25519) {
        return ed25519_region(key_borrow_bits(spki), region, signature, out);
    }
    enum digest_kind kind = key.info.alg == KEY_ALG_P384 ? DIGEST_SHA384 : DIGEST_SHA256;
    struct bytes value = {digest, digest_size(kind)};
    TRY(digest_region(kind, region, digest));
    *out = key.info.alg == KEY_ALG_RSA ? verify_rsa(key.pkey, RSA_PKCS1_PADDING, value, signature) ||
                                             verify_rsa(key.pkey, RSA_PKCS1_PSS_PADDING, value, signature)
                                       : verify_plain(key.pkey, value, signature);
    openssl_forget_errors();
    return OK;
}
