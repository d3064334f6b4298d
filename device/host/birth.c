/* PEM with OpenSSL's reader. Verifies nothing: whom the certificate convinces is the server's business. */
#include "device/host/birth.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/auto.h"

DEFINE_AUTO(BIO, BIO_free_all);
DEFINE_AUTO(X509, X509_free);

static bool take(const X509 *certificate, struct host_birth *out, size_t *used)
{
    int size = i2d_X509(certificate, NULL);
    if (size <= 0 || (size_t)size > sizeof out->der - *used || out->count == WHORL_CHAIN_MAX) {
        return false;
    }
    uint8_t *at = out->der + *used;
    out->chain[out->count++] = (struct whorl_bytes){at, (size_t)size};
    *used += (size_t)size;
    return i2d_X509(certificate, &at) == size;
}

bool host_birth_read(const char *file, struct host_birth *out, const char **problem)
{
    AUTO(BIO) *bio = BIO_new_file(file, "r");
    size_t used = 0;
    *out = (struct host_birth){.count = 0};
    *problem = "the file cannot be read, or holds no certificate";
    while (bio != NULL) {
        AUTO(X509) *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate == NULL) {
            break;
        }
        if (!take(certificate, out, &used)) {
            *problem = "at most four certificates of 8 KiB together can be shown";
            return false;
        }
    }
    ERR_clear_error();
    return out->count > 0;
}
