/* Signs a device certificate before the transaction, so that the one writer never waits for a signature. What
 * is made here is dropped when the transaction decides otherwise. */
#include <string.h>

#include "fleet/authority_set.h"
#include "fleet/crl_shards.h"
#include "fleet/enrol_internal.h"

enum { BACKDATE_MS = 10 * 60 * 1000 }; /* devices' clocks run behind */

err_t enrol_sign(struct fleet *fleet, const struct enrol_order *order, const struct enrol_view *view,
                 struct enrol_signed *out)
{
    const struct device_row *device = &view->device;
    char id[2 * DEVICE_ID_SIZE + 1];
    char crl_url[CRL_URL_SIZE];
    hex_encode(BYTES_OF(device->id.b), id);
    bool has_serial = serial_number_is_valid(bytes_str(device->serial));
    struct device_subject subject = {.device_id_hex = id,
                                     .serial_number = has_serial ? device->serial : "",
                                     .device_id = BYTES_OF(device->id.b)};
    struct certificate_spec spec = {.not_before_ms = view->now_ms - BACKDATE_MS,
                                    .not_after_ms = view->now_ms + view->product.certificate_ttl_s * 1000,
                                    .publication = {.public_url = fleet->public_url}};
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *issuer = NULL;
    TRY(authority_set_issuer(set, AUTHORITY_DEVICE, &device->tenant, view->product.authority, &issuer));
    TRY(random_fill(fleet->random, spec.serial, sizeof spec.serial));
    serial_normalise(spec.serial);
    TRY(crl_url_for(issuer, spec.serial, crl_url));
    spec.publication.crl_url = crl_url[0] != '\0' ? crl_url : NULL;
    out->is_there = false;
    TRY(authority_issue_device(issuer->authority, order->csr, &subject, &spec, &out->issued));
    memcpy(out->authority, issuer->id, sizeof out->authority);
    out->authorities = authority_set_change(set);
    out->is_there = true;
    out->product_ver = view->product.ver;
    return OK;
}
