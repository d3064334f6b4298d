/* PEM of requests with OpenSSL's reader and writer. */
#include "pki/request_text.h"

#include <limits.h>
#include <openssl/pem.h>

#include "pki/openssl.h"

err_t request_to_pem(struct bytes der, struct buf *out)
{
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || PEM_write_bio(bio, PEM_STRING_X509_REQ, "", der.p, (long)der.n) <= 0) {
        return ERR_OPENSSL("writing a request as PEM failed");
    }
    long size = BIO_get_mem_data(bio, &text);
    return buf_append(out, text, (size_t)size);
}

err_t request_from_pem(struct bytes pem, struct buf *out)
{
    ENSURE(pem.n > 0 && pem.n <= INT_MAX, ERR_UNPROCESSABLE, "the text holds no PEM request");
    AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for a PEM text");
    char no_passphrase[] = "";
    unsigned char *der = NULL;
    long size = 0;
    int found = PEM_bytes_read_bio(&der, &size, NULL, PEM_STRING_X509_REQ, bio, NULL, no_passphrase);
    openssl_forget_errors();
    ENSURE(found == 1, ERR_UNPROCESSABLE, "the text holds no PEM request");
    err_t error = buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}
