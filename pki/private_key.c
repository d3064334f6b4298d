/* A private key in use: the pair, its public half as SPKI, and one signature made and verified before anybody
 * relies on it (a key file with a flipped bit, or a token with the wrong object, would otherwise sign
 * nonsense). */
#include <stdlib.h>

#include "pki/openssl.h"
#include "pki/remote_key.h"

void private_key_free(struct private_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        EVP_PKEY_free(key->proof);
        remote_key_unref(key->remote);
        buf_clear(&key->spki);
        free(key);
    }
}

static err_t read_spki(const EVP_PKEY *pkey, struct buf *out)
{
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(pkey, &der);
    if (size <= 0) {
        return ERR_OPENSSL("encoding a public key failed");
    }
    err_t error = buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}

static err_t prove(const struct private_key *key)
{
    AUTO(EVP_PKEY) *public_half = NULL;
    AUTO_VAL(buf) signature = {0};
    struct bytes text = bytes_str("a key signs this once, to be believed");
    TRY(key_open(buf_view(&key->spki), key->info.alg, &public_half));
    TRY(private_key_sign(key, text, &signature));
    return signature_verify(
        public_half, signature_algorithm_of(key->info.alg), text, buf_view(&signature),
        ERR(ERR_CRYPTO, "the private key does not belong to its public key: it is damaged"));
}

err_t private_key_take(EVP_PKEY *pkey, struct private_key **out)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = false};
    *out = NULL;
    AUTO_PTR(private_key) *key = calloc(1, sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return ERR(ERR_NO_MEMORY, "no memory for a key");
    }
    key->pkey = pkey;
    TRY(read_spki(pkey, &key->spki));
    TRY(key_check_form(buf_view(&key->spki), &policy, &key->info));
    TRY(prove(key));
    *out = TAKE(key);
    return OK;
}

err_t private_key_doubt(struct private_key *key)
{
    return key->proof != NULL ? OK : key_open(buf_view(&key->spki), key->info.alg, &key->proof);
}

err_t private_key_spki(const struct private_key *key, struct buf *out)
{
    return buf_append_bytes(out, buf_view(&key->spki));
}
