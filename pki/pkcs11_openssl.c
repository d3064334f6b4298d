/* How OpenSSL reaches a key in a token: the one file that differs between the two. OpenSSL 3.5 has
 * pkcs11-provider, 3.0 the engine of libp11. Neither is given a PIN: both find the process logged in
 * (pkcs11_token.c), and where they do not, nobody answers their question. Both take the signatures of many
 * threads at once, on sessions of their own pools. OpenSSL keeps what was loaded until the process ends:
 * engines that are finished and loaded again, and modules that are finalised under them, end in double frees.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "pki/pkcs11.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <openssl/ui.h>

DEFINE_AUTO(UI_METHOD, UI_destroy_method);

static int no_answer(UI *ui, UI_STRING *string)
{
    (void)ui;
    (void)string;
    return 0;
}

/* Without one, a question for a PIN goes to the terminal, and waits. */
static UI_METHOD *nobody(void)
{
    UI_METHOD *method = UI_create_method("nobody");
    if (method != NULL) {
        (void)UI_method_set_reader(method, no_answer);
    }
    return method;
}

static err_t no_key(void)
{
    err_t error = ERR_OPENSSL("OpenSSL does not reach the key in the token");
    return ERR(ERR_UNAVAILABLE, "%s", error.detail);
}

#if OPENSSL_VERSION_NUMBER >= 0x30200000L

#include <openssl/provider.h>
#include <openssl/store.h>

DEFINE_AUTO(OSSL_STORE_CTX, (void)OSSL_STORE_close);
DEFINE_AUTO(OSSL_STORE_INFO, OSSL_STORE_INFO_free);

/* provider 1.0 crashes with SoftHSM when it finalises the module at exit, or carries the state of an
 * operation over; it looks for mechanisms at the first use, in whichever thread that is, unless it is told to
 * do so early; and it copies keys into its sessions, where a key that was destroyed lives on */
err_t pkcs11_bridge_open(const char *module)
{
    char *path = NULL;
    char quirks[] = "no-deinit no-operation-state";
    char early[] = "early";
    char never[] = "never";
    memcpy(&path, &module, sizeof path); /* it is only read */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("pkcs11-module-path", path, 0),
        OSSL_PARAM_construct_utf8_string("pkcs11-module-quirks", quirks, 0),
        OSSL_PARAM_construct_utf8_string("pkcs11-module-load-behavior", early, 0),
        OSSL_PARAM_construct_utf8_string("pkcs11-module-cache-keys", never, 0),
        OSSL_PARAM_construct_end(),
    };
    if (OSSL_PROVIDER_available(NULL, "pkcs11") == 1) {
        return OK;
    }
    /* the default one first, so that everything without a key in the token stays with it */
    if (OSSL_PROVIDER_load(NULL, "default") == NULL ||
        OSSL_PROVIDER_load_ex(NULL, "pkcs11", params) == NULL) {
        return ERR_OPENSSL("OpenSSL's pkcs11-provider does not start (is the package installed?)");
    }
    return OK;
}

err_t pkcs11_bridge_load(const char *uri, EVP_PKEY **out)
{
    *out = NULL;
    AUTO(UI_METHOD) *ui = nobody();
    AUTO(OSSL_STORE_CTX) *store =
        ui == NULL ? NULL : OSSL_STORE_open_ex(uri, NULL, "provider=pkcs11", ui, NULL, NULL, NULL, NULL);
    while (store != NULL && *out == NULL && OSSL_STORE_eof(store) == 0) {
        AUTO(OSSL_STORE_INFO) *info = OSSL_STORE_load(store);
        if (info == NULL) {
            break;
        }
        *out = OSSL_STORE_INFO_get1_PKEY(info); /* NULL of what is no key */
    }
    if (*out == NULL) {
        return no_key();
    }
    openssl_forget_errors();
    return OK;
}

#else

#include <openssl/engine.h>

DEFINE_AUTO(ENGINE, (void)ENGINE_free);

static const char ENGINE_NAME[] = "pkcs11";

/* By the library's full path, so that neither a search nor OPENSSL_ENGINES chooses another. Kept out of what
 * TLS registers when it starts, or OpenSSL would make every key by this engine. */
static bool load_engine(const char *module)
{
    AUTO_VAL(buf) path = {0};
    const char *folder = OPENSSL_info(OPENSSL_INFO_ENGINES_DIR);
    err_t error = buf_printf(&path, "%s/pkcs11.so", folder == NULL ? "" : folder);
    ENGINE_load_dynamic();
    AUTO(ENGINE) *engine = error.code == ERR_OK ? ENGINE_by_id("dynamic") : NULL;
    return engine != NULL && ENGINE_ctrl_cmd_string(engine, "SO_PATH", buf_str(&path), 0) == 1 &&
           ENGINE_ctrl_cmd_string(engine, "ID", ENGINE_NAME, 0) == 1 &&
           ENGINE_ctrl_cmd_string(engine, "LIST_ADD", "2", 0) == 1 &&
           ENGINE_ctrl_cmd_string(engine, "LOAD", NULL, 0) == 1 &&
           ENGINE_set_flags(engine, ENGINE_get_flags(engine) | ENGINE_FLAGS_NO_REGISTER_ALL) == 1 &&
           ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0) == 1 && ENGINE_init(engine) == 1;
}

static bool is_listed(void)
{
    bool is_there = false;
    for (ENGINE *engine = ENGINE_get_first(); engine != NULL; engine = ENGINE_get_next(engine)) {
        is_there = is_there || strcmp(ENGINE_get_id(engine), ENGINE_NAME) == 0;
    }
    return is_there;
}

err_t pkcs11_bridge_open(const char *module)
{
    if (!is_listed() && !load_engine(module)) {
        return ERR_OPENSSL("OpenSSL's engine pkcs11 does not start (is libengine-pkcs11-openssl installed?)");
    }
    openssl_forget_errors();
    return OK;
}

err_t pkcs11_bridge_load(const char *uri, EVP_PKEY **out)
{
    AUTO(UI_METHOD) *ui = nobody();
    AUTO(ENGINE) *engine = ENGINE_by_id(ENGINE_NAME);
    *out = ui == NULL || engine == NULL ? NULL : ENGINE_load_private_key(engine, uri, ui, NULL);
    if (*out == NULL) {
        return no_key();
    }
    openssl_forget_errors();
    return OK;
}

#endif
