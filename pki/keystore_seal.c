/* Encryption at rest: private keys as PKCS#8 with PBES2 (RFC 8018, scrypt by RFC 7914) that the openssl
 * command can read too; other secrets by AES-256-GCM. Pure functions of bytes; the files are
 * keystore_files.c's matter. */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "pki/keystore_driver.h"

/* 16 MiB and some 50 ms per guess; OpenSSL refuses to decrypt above 32 MiB unless asked. The least that
 * scrypt knows is for a passphrase that nobody could guess. */
enum { SCRYPT_N = 16384, SCRYPT_N_LEAST = 2, SCRYPT_R = 8, SCRYPT_P = 1, SALT_SIZE = 16, CBC_IV_SIZE = 16 };

/* A sealed secret: magic, salt, nonce, ciphertext, tag. The magic and the label are authenticated with it. */
enum { NONCE_SIZE = 12, TAG_SIZE = 16, SEALED_SECRET_SIZE = 32, MAGIC_SIZE = 8 };
static const uint8_t magic[MAGIC_SIZE] = {'w', 'h', 'o', 'r', 'l', 's', 'k', '1'};
enum {
    SALT_AT = MAGIC_SIZE,
    NONCE_AT = SALT_AT + SALT_SIZE,
    TEXT_AT = NONCE_AT + NONCE_SIZE,
    TAG_AT = TEXT_AT + SEALED_SECRET_SIZE,
    SEALED_SIZE = TAG_AT + TAG_SIZE
};

enum { DRAWN_BITS_SIZE = 32, DRAWN_PREFIX_SIZE = sizeof KEYSTORE_DRAWN_PREFIX - 1 };

err_t keystore_draw_passphrase(const struct random *random, struct secret *out)
{
    uint8_t bits[DRAWN_BITS_SIZE];
    char digits[2 * DRAWN_BITS_SIZE + 1];
    TRY(random_fill(random, bits, sizeof bits));
    hex_encode(BYTES_OF(bits), digits);
    err_t error = buf_append_str(&out->bytes, KEYSTORE_DRAWN_PREFIX);
    if (error.code == ERR_OK) {
        error = buf_append_str(&out->bytes, digits);
    }
    bytes_wipe(bits, sizeof bits);
    bytes_wipe(digits, sizeof digits);
    return error;
}

/* One that is written a little otherwise is a person's, and is stretched like any. */
static bool was_drawn(struct bytes passphrase)
{
    if (passphrase.n != DRAWN_PREFIX_SIZE + 2 * DRAWN_BITS_SIZE ||
        memcmp(passphrase.p, KEYSTORE_DRAWN_PREFIX, DRAWN_PREFIX_SIZE) != 0) {
        return false;
    }
    for (size_t i = DRAWN_PREFIX_SIZE; i < passphrase.n; i++) {
        if (memchr("0123456789abcdef", passphrase.p[i], 16) == NULL) {
            return false;
        }
    }
    return true;
}

static uint64_t scrypt_n(struct bytes passphrase)
{
    return was_drawn(passphrase) ? SCRYPT_N_LEAST : SCRYPT_N;
}

err_t keystore_seal_key(const EVP_PKEY *key, struct bytes passphrase, const struct random *random,
                        struct buf *out)
{
    uint8_t salt[SALT_SIZE];
    uint8_t iv[CBC_IV_SIZE];
    TRY(random_fill(random, salt, sizeof salt));
    TRY(random_fill(random, iv, sizeof iv));
    AUTO(PKCS8_PRIV_KEY_INFO) *plain = EVP_PKEY2PKCS8(key);
    AUTO(X509_ALGOR) *scheme = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, iv,
                                                     scrypt_n(passphrase), SCRYPT_R, SCRYPT_P);
    if (plain == NULL || scheme == NULL) {
        return ERR_OPENSSL("preparing to encrypt a key failed");
    }
    AUTO(X509_SIG) *sealed = PKCS8_set0_pbe((const char *)passphrase.p, (int)passphrase.n, plain, scheme);
    if (sealed == NULL) {
        return ERR_OPENSSL("encrypting a key failed");
    }
    scheme = NULL; /* belongs to `sealed` now */
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || PEM_write_bio_PKCS8(bio, sealed) != 1) {
        return ERR_OPENSSL("writing a key as PEM failed");
    }
    long size = BIO_get_mem_data(bio, &text);
    return buf_append(out, text, (size_t)size);
}

err_t keystore_unseal_key(struct bytes pem, struct bytes passphrase, const char *name, EVP_PKEY **out)
{
    char no_passphrase[] =
        ""; /* for PEM's own old encryption, which is not used: never ask on the terminal */
    AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    AUTO(X509_SIG) *sealed = bio == NULL ? NULL : PEM_read_bio_PKCS8(bio, NULL, NULL, no_passphrase);
    if (sealed == NULL) {
        openssl_forget_errors();
        return ERR(ERR_CRYPTO, "the key file %s is damaged or cut short: it is no encrypted PKCS#8 key",
                   name);
    }
    AUTO(PKCS8_PRIV_KEY_INFO) *plain = PKCS8_decrypt(sealed, (const char *)passphrase.p, (int)passphrase.n);
    if (plain == NULL) {
        openssl_forget_errors();
        return ERR(ERR_FORBIDDEN, "the passphrase does not open the key file %s (or the file is damaged)",
                   name);
    }
    *out = EVP_PKCS82PKEY(plain);
    return *out == NULL ? ERR_OPENSSL("reading a decrypted key failed") : OK;
}

/* One GCM operation over the secret's fixed 32 bytes. */
struct gcm {
    EVP_CIPHER_CTX *context;
    uint8_t key[32];
};

static err_t gcm_begin(struct gcm *gcm, struct bytes passphrase, const char *label, const uint8_t *sealed,
                       int encrypts)
{
    static const size_t memory_max = 64UL * 1024 * 1024;
    int n = 0;
    if (EVP_PBE_scrypt((const char *)passphrase.p, passphrase.n, sealed + SALT_AT, SALT_SIZE,
                       scrypt_n(passphrase), SCRYPT_R, SCRYPT_P, memory_max, gcm->key,
                       sizeof gcm->key) != 1 ||
        EVP_CipherInit_ex(gcm->context, EVP_aes_256_gcm(), NULL, gcm->key, sealed + NONCE_AT, encrypts) !=
            1 ||
        EVP_CipherUpdate(gcm->context, NULL, &n, magic, sizeof magic) != 1 ||
        EVP_CipherUpdate(gcm->context, NULL, &n, (const uint8_t *)label, (int)strlen(label)) != 1) {
        return ERR_OPENSSL("preparing the cipher for a secret failed");
    }
    return OK;
}

static void gcm_clear(struct gcm *gcm)
{
    EVP_CIPHER_CTX_free(gcm->context);
    bytes_wipe(gcm->key, sizeof gcm->key);
}
DEFINE_AUTO_VAL(gcm, gcm_clear);

err_t keystore_seal_secret(struct bytes secret, struct bytes passphrase, const char *label,
                           const struct random *random, struct buf *out)
{
    uint8_t sealed[SEALED_SIZE];
    int n = 0;
    ENSURE(secret.n == SEALED_SECRET_SIZE, ERR_INTERNAL, "a sealed secret has 32 bytes");
    memcpy(sealed, magic, sizeof magic);
    TRY(random_fill(random, sealed + SALT_AT, SALT_SIZE + NONCE_SIZE));
    AUTO_VAL(gcm) gcm = {.context = EVP_CIPHER_CTX_new()};
    ENSURE(gcm.context != NULL, ERR_NO_MEMORY, "no memory for a cipher");
    TRY(gcm_begin(&gcm, passphrase, label, sealed, 1));
    if (EVP_CipherUpdate(gcm.context, sealed + TEXT_AT, &n, secret.p, SEALED_SECRET_SIZE) != 1 ||
        EVP_CipherFinal_ex(gcm.context, sealed + TAG_AT, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(gcm.context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, sealed + TAG_AT) != 1) {
        return ERR_OPENSSL("encrypting a secret failed");
    }
    return buf_append(out, sealed, sizeof sealed);
}

err_t keystore_unseal_secret(struct bytes sealed, struct bytes passphrase, const char *label,
                             struct secret *out)
{
    uint8_t tag[TAG_SIZE];
    uint8_t plain[SEALED_SECRET_SIZE + TAG_SIZE]; /* GCM's last call writes nothing, but wants a place */
    int n = 0;
    ENSURE(sealed.n == SEALED_SIZE && memcmp(sealed.p, magic, sizeof magic) == 0, ERR_CRYPTO,
           "the file of the secret %s is damaged or cut short", label);
    AUTO_VAL(gcm) gcm = {.context = EVP_CIPHER_CTX_new()};
    ENSURE(gcm.context != NULL, ERR_NO_MEMORY, "no memory for a cipher");
    TRY(gcm_begin(&gcm, passphrase, label, sealed.p, 0));
    memcpy(tag, sealed.p + TAG_AT, sizeof tag);
    bool is_open = EVP_CipherUpdate(gcm.context, plain, &n, sealed.p + TEXT_AT, SEALED_SECRET_SIZE) == 1 &&
                   EVP_CIPHER_CTX_ctrl(gcm.context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
                   EVP_CipherFinal_ex(gcm.context, plain + SEALED_SECRET_SIZE, &n) == 1;
    secret_clear(out);
    err_t kept = is_open ? buf_append(&out->bytes, plain, SEALED_SECRET_SIZE)
                         : ERR(ERR_FORBIDDEN,
                               "the passphrase does not open the secret %s (or its file is damaged)", label);
    bytes_wipe(plain, sizeof plain);
    openssl_forget_errors();
    return kept;
}
