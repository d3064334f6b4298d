/* Opens the keystore that the settings name, and reads the PIN of a token from where it is. Both are never in
 * the settings themselves: those are printed. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "cmd/whorld/house.h"
#include "pki/keystore_pkcs11.h"

static const char NOTE[] = ".token";

static err_t read_pin(const struct config *config, struct secret *out)
{
    const struct secret_source source = {
        .file = config->pkcs11_pin_file, .credential = "pkcs11_pin", .variable = "WHORL_PKCS11_PIN"};
    bool is_there = false;
    return secret_source_read(&source, out, &is_there); /* some tokens need none */
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; *at != '\0'; at += strcspn(at, ",")) {
        at += strspn(at, ", ");
        if (strncmp(at, word, n) == 0 && (at[n] == '\0' || at[n] == ',' || at[n] == ' ')) {
            return true;
        }
    }
    return false;
}

void keystore_settings(const struct config *config, struct keystore_pkcs11 *out)
{
    *out = (struct keystore_pkcs11){
        .module = config->pkcs11_module,
        .token = config->pkcs11_token,
        .slot = config->pkcs11_slot,
        .uris = config->pkcs11_uris,
        .places = (has_word(config->pkcs11_keys, "authorities") ? KEYSTORE_TOKEN_AUTHORITIES : 0) |
                  (has_word(config->pkcs11_keys, "firmware") ? KEYSTORE_TOKEN_FIRMWARE : 0),
    };
}

/* A house whose keys are in a token must not be taken for one whose keys are elsewhere. */
static err_t refuse_notes(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        ENSURE(errno == ENOENT, ERR_IO, "%.100s: %s", folder, strerror(errno));
        return OK;
    }
    char found[80] = "";
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        size_t n = strlen(e->d_name);
        if (n > sizeof NOTE - 1 && n < sizeof found && strcmp(e->d_name + n - (sizeof NOTE - 1), NOTE) == 0) {
            memcpy(found, e->d_name, n + 1);
        }
    }
    (void)closedir(dir);
    ENSURE(found[0] == '\0', ERR_UNPROCESSABLE,
           "keys/%s names a key in a token: set keystore = pkcs11 (docs/hsm.md)", found);
    return OK;
}

err_t keystore_open_settings(const char *folder, const struct config *config, struct bytes passphrase,
                             struct keystore **out)
{
    AUTO_VAL(secret) pin = {.bytes = {0}};
    struct keystore_pkcs11 options;
    *out = NULL;
    if (strcmp(config->keystore, "pkcs11") != 0) {
        TRY(refuse_notes(folder));
        return keystore_open_files(folder, passphrase, random_system(), out);
    }
    keystore_settings(config, &options);
    options.folder = folder;
    options.passphrase = passphrase;
    TRY(read_pin(config, &pin));
    options.pin = buf_view(&pin.bytes);
    return keystore_open_pkcs11(&options, random_system(), out);
}

err_t keystore_words_apply(const struct keystore_words *words, struct config *config)
{
    const struct {
        const char *key, *value;
    } rows[] = {
        {"keystore", words->keystore}, {"pkcs11_module", words->module},     {"pkcs11_token", words->token},
        {"pkcs11_slot", words->slot},  {"pkcs11_pin_file", words->pin_file}, {"pkcs11_keys", words->keys},
    };
    bool is_token = words->keystore != NULL && strcmp(words->keystore, "pkcs11") == 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].value != NULL) {
            ENSURE(i == 0 || is_token, ERR_UNPROCESSABLE, "%s is for --keystore pkcs11", rows[i].key);
            TRY(config_set(config, rows[i].key, rows[i].value));
        }
    }
    return OK;
}

err_t keystore_forget_half_made(const char *folder, const struct config *config)
{
    static const char *const labels[] = {"ca-root", "ca-device", "ca-infrastructure"};
    AUTO_VAL(secret) passphrase = {.bytes = {0}};
    AUTO(char) *keys = NULL;
    AUTO_PTR(keystore) *keystore = NULL;
    bool is_embedded = false;
    TRY(path_join(folder, HOUSE_KEYS, &keys));
    if (strcmp(config->keystore, "pkcs11") != 0) {
        return refuse_notes(keys);
    }
    bool has_notes = refuse_notes(keys).code != ERR_OK;
    if (!has_notes) {
        return OK;
    }
    TRY(passphrase_read(folder, config, &passphrase, &is_embedded));
    TRY(keystore_open_settings(keys, config, buf_view(&passphrase.bytes), &keystore));
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        TRY(keystore_forget(keystore, labels[i]));
    }
    return OK;
}
