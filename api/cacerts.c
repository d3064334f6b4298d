/* The published CA certificates as one message. Made when it is asked for: it is small, and a set that
 * changes needs nobody to drop a copy. */
#include "api/cacerts.h"

#include "fleet/publication.h"
#include "pki/certificate.h"

err_t cacerts_message(struct api *api, struct buf *out)
{
    static const char *const names[] = {"root", "device", "infrastructure"};
    enum { NAME_COUNT = sizeof names / sizeof names[0] };
    struct published published[NAME_COUNT] = {{0}};
    struct bytes ders[NAME_COUNT] = {{0}};
    err_t error = OK;
    for (size_t i = 0; i < NAME_COUNT && error.code == ERR_OK; i++) {
        error = publication_ca(api->options.fleet, bytes_str(names[i]), &published[i]);
        if (error.code == ERR_OK) {
            ders[i] = shared_view(published[i].bytes);
        }
    }
    if (error.code == ERR_OK) {
        error = certificates_to_pkcs7(ders, NAME_COUNT, out);
    }
    for (size_t i = 0; i < NAME_COUNT; i++) {
        shared_unref(published[i].bytes);
    }
    return error;
}

err_t cacerts_sha256(struct api *api, struct sha256 *out)
{
    AUTO_VAL(buf) message = {0};
    TRY(cacerts_message(api, &message));
    return sha256_of(buf_view(&message), out);
}
