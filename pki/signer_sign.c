/* One digest, one scheme, one signature. Which digest and which padding is never the caller's free choice. */
#include "pki/signer_sign.h"

#include <openssl/rsa.h>

enum { SIGNATURE_MAX = 1024, PSS_SALT = 32 };

static const struct {
    enum signer_scheme scheme;
    size_t digest_size; /* 0: by its size */
    bool is_rsa;
    int padding;
} schemes[] = {
    {SIGNER_ECDSA, 0, false, 0},
    {SIGNER_RSA_PSS_SHA256, 32, true, RSA_PKCS1_PSS_PADDING},
    {SIGNER_RSA_PKCS1_SHA256, 32, true, RSA_PKCS1_PADDING},
    {SIGNER_RSA_PKCS1_SHA384, 48, true, RSA_PKCS1_PADDING},
    {SIGNER_RSA_PKCS1_SHA512, 64, true, RSA_PKCS1_PADDING},
};

static const EVP_MD *md_of(size_t digest_size)
{
    return digest_size == 32   ? EVP_sha256()
           : digest_size == 48 ? EVP_sha384()
           : digest_size == 64 ? EVP_sha512()
                               : NULL;
}

struct plan {
    const EVP_MD *md;
    int padding; /* 0: ECDSA */
};

static err_t plan_for(enum key_alg alg, enum signer_scheme scheme, size_t digest_size, struct plan *out)
{
    bool is_ec = alg == KEY_ALG_P256 || alg == KEY_ALG_P384;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (schemes[i].scheme == scheme) {
            *out = (struct plan){.md = md_of(digest_size), .padding = schemes[i].padding};
            ENSURE(out->md != NULL && (schemes[i].digest_size == 0 || schemes[i].digest_size == digest_size),
                   ERR_FORBIDDEN, "a digest of %zu bytes", digest_size);
            ENSURE(schemes[i].is_rsa ? alg == KEY_ALG_RSA : is_ec, ERR_FORBIDDEN,
                   "a scheme that does not suit the key");
            return OK;
        }
    }
    return ERR(ERR_FORBIDDEN, "a scheme that nobody knows");
}

static bool prepare(EVP_PKEY_CTX *context, const struct plan *plan)
{
    if (EVP_PKEY_CTX_set_signature_md(context, plan->md) <= 0) {
        return false;
    }
    if (plan->padding == 0) {
        return true;
    }
    return EVP_PKEY_CTX_set_rsa_padding(context, plan->padding) > 0 &&
           (plan->padding != RSA_PKCS1_PSS_PADDING ||
            (EVP_PKEY_CTX_set_rsa_mgf1_md(context, plan->md) > 0 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context, PSS_SALT) > 0));
}

static err_t prove(EVP_PKEY *public_half, const struct plan *plan, struct bytes digest,
                   struct bytes signature)
{
    AUTO(EVP_PKEY_CTX) *context = EVP_PKEY_CTX_new_from_pkey(NULL, public_half, NULL);
    bool is_good = context != NULL && EVP_PKEY_verify_init(context) > 0 && prepare(context, plan) &&
                   EVP_PKEY_verify(context, signature.p, signature.n, digest.p, digest.n) == 1;
    openssl_forget_errors();
    ENSURE(is_good, ERR_UNAVAILABLE, "the token gave a signature that does not hold");
    return OK;
}

err_t signer_sign_digest(const struct private_key *key, enum signer_scheme scheme, struct bytes digest,
                         struct buf *signature)
{
    uint8_t made[SIGNATURE_MAX];
    size_t size = sizeof made;
    struct plan plan;
    TRY(plan_for(key->info.alg, scheme, digest.n, &plan));
    AUTO(EVP_PKEY_CTX) *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (context == NULL || EVP_PKEY_sign_init(context) <= 0 || !prepare(context, &plan) ||
        EVP_PKEY_sign(context, made, &size, digest.p, digest.n) <= 0) {
        err_t error = ERR_OPENSSL("signing failed");
        return key->proof == NULL ? error : ERR(ERR_UNAVAILABLE, "%s", error.detail);
    }
    if (key->proof != NULL) {
        TRY(prove(key->proof, &plan, digest, (struct bytes){made, size}));
    }
    return buf_append(signature, made, size);
}
