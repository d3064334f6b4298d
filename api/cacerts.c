/* The CA certificates as one message. Made when it is asked for: it is small, and a set that changes needs
 * nobody to drop a copy. */
#include "api/cacerts.h"

#include "fleet/authority_set.h"
#include "pki/certificate.h"

err_t cacerts_message(struct api *api, const struct uuid *tenant, struct buf *out)
{
    struct bytes ders[CACERTS_MAX];
    AUTO_PTR(authority_set) *set = authority_set_take(api->options.fleet);
    size_t count = authority_set_cacerts(set, tenant, ders);
    return certificates_to_pkcs7(ders, count, out);
}

err_t cacerts_sha256(struct api *api, struct sha256 *out)
{
    AUTO_VAL(buf) message = {0};
    TRY(cacerts_message(api, NULL, &message));
    return sha256_of(buf_view(&message), out);
}
