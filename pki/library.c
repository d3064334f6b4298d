#include "pki/library.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

const char *pki_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

bool pki_library_has_ml_kem(void)
{
    EVP_KEYMGMT *kind = EVP_KEYMGMT_fetch(NULL, "X25519MLKEM768", NULL);
    EVP_KEYMGMT_free(kind);
    ERR_clear_error();
    return kind != NULL;
}
