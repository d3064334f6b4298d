/* The file driver: "<folder>/<label>.key" and "<folder>/<label>.secret", mode 0600, written durably,
 * encrypted under one passphrase. The formats are keystore_seal.c's; labels come checked from keystore.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "base/file.h"
#include "pki/keystore_driver.h"

enum { PASSPHRASE_SIZE_MIN = 16, KEY_FILE_SIZE_MAX = 64 * 1024, SECRET_SIZE = 32 };

struct files {
    char *folder;
    struct secret passphrase;
    const struct random *random;
};

static void files_free(void *state)
{
    struct files *files = state;
    if (files != NULL) {
        secret_clear(&files->passphrase);
        free(files->folder);
        free(files);
    }
}
DEFINE_AUTO_PTR(files, files_free);

static err_t path_of(const struct files *files, const char *label, const char *suffix, char **out)
{
    AUTO_VAL(buf) name = {0};
    TRY(buf_printf(&name, "%s%s", label, suffix));
    return path_join(files->folder, buf_str(&name), out);
}

static err_t make_pair(enum key_alg alg, EVP_PKEY **out)
{
    switch (alg) {
    case KEY_ALG_P256:
        *out = EVP_EC_gen("P-256");
        break;
    case KEY_ALG_P384:
        *out = EVP_EC_gen("P-384");
        break;
    case KEY_ALG_ED25519:
        *out = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case KEY_ALG_RSA:
        *out = EVP_RSA_gen(3072);
        break;
    case KEY_ALG_NONE:
        return ERR(ERR_UNPROCESSABLE, "a key needs an algorithm");
    }
    return *out == NULL ? ERR_OPENSSL("generating a key failed") : OK;
}

static err_t files_generate(void *state, const char *label, enum key_alg alg, EVP_PKEY **out)
{
    const struct files *files = state;
    AUTO(char) *path = NULL;
    AUTO(EVP_PKEY) *pkey = NULL;
    AUTO_VAL(buf) pem = {0};
    TRY(path_of(files, label, ".key", &path));
    ENSURE(!file_exists(path), ERR_CONFLICT, "a key with the label %s exists already", label);
    TRY(make_pair(alg, &pkey));
    TRY(keystore_seal_key(pkey, buf_view(&files->passphrase.bytes), files->random, &pem));
    TRY(file_write_durable(path, buf_view(&pem), 0600));
    *out = TAKE(pkey);
    return OK;
}

static err_t files_load(void *state, const char *label, EVP_PKEY **out)
{
    const struct files *files = state;
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) pem = {0};
    TRY(path_of(files, label, ".key", &path));
    TRY(file_read(path, KEY_FILE_SIZE_MAX, &pem));
    return keystore_unseal_key(buf_view(&pem), buf_view(&files->passphrase.bytes), path, out);
}

static bool files_has(void *state, const char *label)
{
    AUTO(char) *path = NULL;
    err_t error = path_of(state, label, ".key", &path);
    return error.code == ERR_OK && file_exists(path);
}

static err_t files_forget(void *state, const char *label)
{
    const struct files *files = state;
    AUTO(char) *path = NULL;
    TRY(path_of(files, label, ".key", &path));
    if (unlink(path) != 0) {
        ENSURE(errno == ENOENT, ERR_IO, "cannot remove the key file %.100s (%d)", path, errno);
        return OK;
    }
    return folder_sync(files->folder);
}

static err_t files_secret(void *state, const char *label, struct secret *out)
{
    const struct files *files = state;
    struct bytes passphrase = buf_view(&files->passphrase.bytes);
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) sealed = {0};
    TRY(path_of(files, label, ".secret", &path));
    if (file_exists(path)) {
        TRY(file_read(path, KEY_FILE_SIZE_MAX, &sealed));
        return keystore_unseal_secret(buf_view(&sealed), passphrase, label, out);
    }
    uint8_t fresh[SECRET_SIZE];
    TRY(random_fill(files->random, fresh, sizeof fresh));
    secret_clear(out);
    err_t kept = buf_append(&out->bytes, fresh, sizeof fresh);
    bytes_wipe(fresh, sizeof fresh);
    TRY(kept);
    TRY(keystore_seal_secret(buf_view(&out->bytes), passphrase, label, files->random, &sealed));
    return file_write_durable(path, buf_view(&sealed), 0600);
}

static const struct keystore_driver files_driver = {
    .generate = files_generate,
    .load = files_load,
    .has = files_has,
    .forget = files_forget,
    .secret = files_secret,
    .free = files_free,
};

err_t keystore_files_new(const char *folder, struct bytes passphrase, const struct random *random,
                         const struct keystore_driver **driver, void **state)
{
    ENSURE(passphrase.n >= PASSPHRASE_SIZE_MIN, ERR_UNPROCESSABLE,
           "the passphrase of the CA keys has %zu bytes; at least %d are needed", passphrase.n,
           PASSPHRASE_SIZE_MIN);
    err_t made = folder_make(folder, 0700);
    if (made.code != ERR_CONFLICT) { /* it is there already: good */
        TRY(made);
    }
    AUTO_PTR(files) *files = calloc(1, sizeof *files);
    ENSURE(files != NULL, ERR_NO_MEMORY, "no memory for a keystore");
    files->random = random;
    TRY(buf_append_bytes(&files->passphrase.bytes, passphrase));
    files->folder = strdup(folder);
    ENSURE(files->folder != NULL, ERR_NO_MEMORY, "no memory for a keystore");
    *driver = &files_driver;
    *state = TAKE(files);
    return OK;
}

err_t keystore_open_files(const char *folder, struct bytes passphrase, const struct random *random,
                          struct keystore **out)
{
    const struct keystore_driver *driver = NULL;
    void *state = NULL;
    *out = NULL;
    TRY(keystore_files_new(folder, passphrase, random, &driver, &state));
    return keystore_new(driver, state, out);
}
