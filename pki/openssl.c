/* OpenSSL's error queue as one of our errors: the newest entry is the reason, the rest is dropped. Called by
 * every file of pki/ when a call into OpenSSL fails that could not fail for bad input alone. */
#include "pki/openssl.h"

#include <stdlib.h>

#include <openssl/err.h>

void openssl_raise(err_t error)
{
    ERR_raise_data(ERR_LIB_USER, (int)error.code, "%d %s", error.retry_after_s, error.detail);
}

static err_t read_raised(int reason, const char *data)
{
    char *rest = NULL;
    long retry_after_s = strtol(data, &rest, 10);
    err_t error = ERR((err_code)reason, "%s", *rest == ' ' ? rest + 1 : rest);
    error.retry_after_s = (int)retry_after_s;
    return error;
}

/* What OpenSSL says of it further up is no news. Takes the queue down to it. */
static bool take_raised(err_t *out)
{
    const char *data = NULL;
    int flags = 0;
    for (unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags); code != 0;
         code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) {
        int reason = ERR_GET_REASON(code);
        if (ERR_GET_LIB(code) == ERR_LIB_USER && reason > ERR_OK && reason < ERR_COUNT) {
            *out = read_raised(reason, (flags & ERR_TXT_STRING) != 0 && data != NULL ? data : "0 ");
            return true;
        }
    }
    return false;
}

err_t openssl_error(const char *file, int line, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    err_t error = reason == NULL
                      ? err_make(ERR_CRYPTO, file, line, "%s (OpenSSL gives no reason: %lx)", what, code)
                      : err_make(ERR_CRYPTO, file, line, "%s: %s", what, reason);
    err_t raised;
    bool is_ours = take_raised(&raised);
    ERR_clear_error();
    return is_ours ? raised : error;
}

err_t openssl_refused(err_t bad)
{
    err_t error = bad;
    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
        int reason = ERR_GET_REASON(code);
        if (reason == ERR_R_MALLOC_FAILURE || reason == ERR_R_INTERNAL_ERROR) { /* 3.0 says the latter too */
            error = ERR(ERR_NO_MEMORY, "no memory inside of OpenSSL");
        }
    }
    return error;
}

void openssl_forget_errors(void)
{
    ERR_clear_error();
}
