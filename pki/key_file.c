/* PEM texts of private keys: written as keystores seal them, read in what forms tools write. */
#include "pki/key_file.h"

#include <limits.h>
#include <string.h>

#include <openssl/pem.h>

#include "pki/keystore_driver.h"

err_t key_file_write(const struct private_key *key, struct bytes passphrase, const struct random *random,
                     struct buf *pem)
{
    ENSURE(passphrase.n >= KEY_FILE_PASSPHRASE_MIN, ERR_UNPROCESSABLE,
           "the passphrase has %zu bytes; at least %d are needed", passphrase.n, KEY_FILE_PASSPHRASE_MIN);
    AUTO(PKCS8_PRIV_KEY_INFO) *plain = EVP_PKEY2PKCS8(key->pkey);
    openssl_forget_errors();
    ENSURE(plain != NULL, ERR_UNPROCESSABLE, "the key does not leave the place where it is kept");
    return keystore_seal_key(key->pkey, passphrase, random, pem);
}

static bool holds(struct bytes text, const char *words)
{
    return text.n > 0 && memmem(text.p, text.n, words, strlen(words)) != NULL;
}

static err_t read_plain(struct bytes pem, const char *name, EVP_PKEY **out)
{
    char no_passphrase[] = ""; /* PEM's own old encryption must not ask on the terminal */
    AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for a key");
    *out = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_passphrase);
    openssl_forget_errors();
    ENSURE(*out != NULL, ERR_UNPROCESSABLE, "%.80s holds no private key in PEM, or a broken one", name);
    return OK;
}

err_t key_file_read(struct bytes pem, struct bytes passphrase, const char *name, struct private_key **out)
{
    EVP_PKEY *pkey = NULL;
    *out = NULL;
    ENSURE(pem.n > 0 && pem.n <= KEY_FILE_MAX, ERR_UNPROCESSABLE, "%.80s holds no private key in PEM", name);
    ENSURE(!holds(pem, "Proc-Type: 4,ENCRYPTED"), ERR_UNPROCESSABLE,
           "%.60s is encrypted in an old way; convert it: openssl pkcs8 -topk8", name);
    if (holds(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----")) {
        ENSURE(passphrase.n > 0, ERR_UNPROCESSABLE, "%.80s is encrypted: give its passphrase", name);
        TRY(keystore_unseal_key(pem, passphrase, name, &pkey));
    } else {
        TRY(read_plain(pem, name, &pkey));
    }
    return private_key_take(pkey, out);
}
