/* A SoftHSM token of its own behind the shim (tests/pkcs11/shim.c), in a folder that vanishes. Where the
 * softhsm2-util command is not installed, tests that want one are skipped. */
#ifndef WHORL_TESTS_TOKEN_FIXTURE_H
#define WHORL_TESTS_TOKEN_FIXTURE_H

#include <libgen.h>

#include "pki/keystore_pkcs11.h"
#include "tests/unit/pki/pki_fixture.h"

#define TOKEN_PIN        "4711-0815"
#define TOKEN_PASSPHRASE "correct horse battery"

/* pkcs11-provider loads modules with RTLD_DEEPBIND, which programs with sanitizers refuse. */
#if defined(__has_feature)
#if (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)) &&                                 \
    OPENSSL_VERSION_NUMBER >= 0x30200000L
#define TOKEN_REFUSES_SANITIZERS
#endif
#endif

struct test_token {
    struct test_folder folder;
    char module[128], keys[128];
    bool is_there;
};

/** "<build folder>/tests/pkcs11/shim.so", from "<build folder>/tests/unit/pki/test_x". */
static inline void copy_shim(const struct test_folder *folder)
{
    char self[512] = "";
    AUTO_VAL(buf) command = {0};
    AUTO_VAL(buf) output = {0};
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    assert_ok(buf_printf(&command, "cp '%s/../../pkcs11/shim.so' .", dirname(self)));
    assert_int_equal(run_in(folder, buf_str(&command), &output), 0);
}

static inline void token_make(struct test_token *token, const char *label)
{
    AUTO_VAL(buf) command = {0};
    AUTO_VAL(buf) output = {0};
    assert_ok(buf_printf(&command,
                         "SOFTHSM2_CONF=./softhsm2.conf softhsm2-util --init-token --free --label %s "
                         "--pin " TOKEN_PIN " --so-pin 12345678",
                         label));
    assert_int_equal(run_in(&token->folder, buf_str(&command), &output), 0);
}

static inline void test_token_init(struct test_token *token)
{
    AUTO_VAL(buf) conf = {0};
    AUTO_VAL(buf) output = {0};
    test_folder_init(&token->folder);
    token->is_there = run_in(&token->folder, "command -v softhsm2-util", &output) == 0;
    if (!token->is_there) {
        print_message("SKIPPED: softhsm2-util is not installed\n");
        return;
    }
#ifdef TOKEN_REFUSES_SANITIZERS
    token->is_there = false;
    print_message("SKIPPED: pkcs11-provider does not run in a program with sanitizers\n");
    return;
#endif
    (void)snprintf(token->module, sizeof token->module, "%s/shim.so", token->folder.path);
    (void)snprintf(token->keys, sizeof token->keys, "%s/keys", token->folder.path);
    assert_ok(buf_printf(&conf, "directories.tokendir = %s/tokens\nobjectstore.backend = file\n",
                         token->folder.path));
    write_in(&token->folder, "softhsm2.conf", buf_view(&conf));
    assert_int_equal(run_in(&token->folder, "mkdir tokens", &output), 0);
    copy_shim(&token->folder);
    token_make(token, "whorl");
}

static inline void test_token_clear(struct test_token *token)
{
    test_folder_clear(&token->folder);
}

#define skip_without(token)                                                                                  \
    do {                                                                                                     \
        if (!(token).is_there) {                                                                             \
            skip();                                                                                          \
        }                                                                                                    \
    } while (0)

/** What the module is to do wrong from now on; "": nothing. */
static inline void token_tell(const struct test_token *token, const char *words)
{
    write_in(&token->folder, "control", bytes_str(words));
}

/** How often anybody called C_Login. */
static inline size_t token_logins(const struct test_token *token)
{
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) bytes = {0};
    assert_ok(buf_printf(&path, "%s/logins", token->folder.path));
    err_t error = file_read(buf_str(&path), 65536, &bytes);
    assert_true(error.code == ERR_OK || error.code == ERR_NOT_FOUND);
    return bytes.n;
}

static inline struct keystore_pkcs11 token_options(const struct test_token *token)
{
    return (struct keystore_pkcs11){.folder = token->keys,
                                    .passphrase = bytes_str(TOKEN_PASSPHRASE),
                                    .module = token->module,
                                    .token = "whorl",
                                    .slot = -1,
                                    .uris = "",
                                    .pin = bytes_str(TOKEN_PIN),
                                    .places = KEYSTORE_TOKEN_AUTHORITIES | KEYSTORE_TOKEN_FIRMWARE};
}

static inline struct keystore *token_open(const struct test_token *token)
{
    const struct keystore_pkcs11 options = token_options(token);
    struct keystore *keystore = NULL;
    assert_ok(keystore_open_pkcs11(&options, random_system(), &keystore));
    return keystore;
}

#endif
