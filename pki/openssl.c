/* OpenSSL's error queue as one of our errors: the newest entry is the reason, the rest is dropped. Called by
 * every file of pki/ when a call into OpenSSL fails that could not fail for bad input alone. */
#include "pki/openssl.h"

#include <openssl/err.h>

err_t openssl_error(const char *file, int line, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    err_t error = reason == NULL
                      ? err_make(ERR_CRYPTO, file, line, "%s (OpenSSL gives no reason: %lx)", what, code)
                      : err_make(ERR_CRYPTO, file, line, "%s: %s", what, reason);
    ERR_clear_error();
    return error;
}

void openssl_forget_errors(void)
{
    ERR_clear_error();
}
