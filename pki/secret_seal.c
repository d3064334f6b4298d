/* form (1) || nonce (12) || ciphertext || tag (16). The key is HKDF-SHA256 of the root with the purpose as
 * info; the form and the owner are authenticated with the text. A nonce is random: with 2^32 secrets under
 * one key two of them meet with a chance of 2^-33 (NIST SP 800-38D §8.3), and there are thousands. */
#include "pki/secret_seal.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/hash.h"
#include "pki/openssl.h"

enum { NONCE_AT = 1, NONCE_SIZE = 12, TEXT_AT = NONCE_AT + NONCE_SIZE, TAG_SIZE = 16 };

struct cipher {
    EVP_CIPHER_CTX *context;
    uint8_t key[32];
};

static void cipher_clear(struct cipher *cipher)
{
    EVP_CIPHER_CTX_free(cipher->context);
    bytes_wipe(cipher->key, sizeof cipher->key);
}
DEFINE_AUTO_VAL(cipher, cipher_clear);

static err_t cipher_begin(const struct seal *seal, const uint8_t *head, int encrypts, struct cipher *cipher)
{
    AUTO_VAL(buf) info = {0};
    int n = 0;
    TRY(buf_printf(&info, "whorl/seal/%s", seal->purpose));
    TRY(hkdf_sha256(BYTES_NONE, seal->root, buf_view(&info), cipher->key, sizeof cipher->key));
    cipher->context = EVP_CIPHER_CTX_new();
    ENSURE(cipher->context != NULL, ERR_NO_MEMORY, "no memory for a cipher");
    bool is_ready = EVP_CipherInit_ex(cipher->context, EVP_aes_256_gcm(), NULL, cipher->key, head + NONCE_AT,
                                      encrypts) == 1 &&
                    EVP_CipherUpdate(cipher->context, NULL, &n, head, 1) == 1 &&
                    (seal->owner.n == 0 ||
                     EVP_CipherUpdate(cipher->context, NULL, &n, seal->owner.p, (int)seal->owner.n) == 1);
    return is_ready ? OK : ERR_OPENSSL("preparing the cipher for a secret failed");
}

err_t secret_seal(const struct seal *seal, const struct random *random, struct bytes plain, struct buf *out)
{
    uint8_t sealed[SEAL_OVERHEAD + SEAL_PLAIN_MAX] = {SEAL_FORM};
    int n = 0;
    ENSURE(plain.n >= 1 && plain.n <= SEAL_PLAIN_MAX, ERR_INTERNAL, "a secret of %zu bytes", plain.n);
    TRY(random_fill(random, sealed + NONCE_AT, NONCE_SIZE));
    AUTO_VAL(cipher) cipher = {.context = NULL};
    TRY(cipher_begin(seal, sealed, 1, &cipher));
    uint8_t *tag = sealed + TEXT_AT + plain.n;
    if (EVP_CipherUpdate(cipher.context, sealed + TEXT_AT, &n, plain.p, (int)plain.n) != 1 ||
        EVP_CipherFinal_ex(cipher.context, tag, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) != 1) {
        return ERR_OPENSSL("encrypting a secret failed");
    }
    return buf_append(out, sealed, SEAL_OVERHEAD + plain.n);
}

static err_t open_text(const struct seal *seal, struct bytes sealed, uint8_t *plain)
{
    uint8_t tag[TAG_SIZE];
    size_t size = sealed.n - SEAL_OVERHEAD;
    int n = 0;
    AUTO_VAL(cipher) cipher = {.context = NULL};
    TRY(cipher_begin(seal, sealed.p, 0, &cipher));
    memcpy(tag, sealed.p + TEXT_AT + size, sizeof tag);
    bool is_open = EVP_CipherUpdate(cipher.context, plain, &n, sealed.p + TEXT_AT, (int)size) == 1 &&
                   EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
                   EVP_CipherFinal_ex(cipher.context, plain + size, &n) == 1;
    openssl_forget_errors();
    ENSURE(is_open, ERR_CRYPTO, "a sealed secret does not open: it was changed, or the keystore is another");
    return OK;
}

err_t secret_unseal(const struct seal *seal, struct bytes sealed, struct secret *out)
{
    uint8_t plain[SEAL_PLAIN_MAX + TAG_SIZE]; /* GCM's last call writes nothing, but wants a place */
    secret_clear(out);
    ENSURE(sealed.n > SEAL_OVERHEAD && sealed.n <= SEAL_OVERHEAD + SEAL_PLAIN_MAX && sealed.p[0] == SEAL_FORM,
           ERR_CRYPTO, "a sealed secret is cut or of another form");
    err_t error = open_text(seal, sealed, plain);
    if (error.code == ERR_OK) {
        error = buf_append(&out->bytes, plain, sealed.n - SEAL_OVERHEAD);
    }
    bytes_wipe(plain, sizeof plain);
    return error;
}
