/* What a product's certificate profile asks of the device and of its request, before anything is signed or
 * stored. */
#include <stdio.h>
#include <string.h>

#include "fleet/enrol_internal.h"
#include "fleet/policy_words.h"
#include "fleet/profile_cache.h"
#include "fleet/registry.h"

static bool uses_tenant(const struct certificate_profile *profile)
{
    return strstr(profile->uri_template, "{tenant}") != NULL ||
           strstr(profile->dns_template, "{tenant}") != NULL;
}

err_t enrol_subject(struct fleet *fleet, const struct enrol_view *view, const struct kept_profile *profile,
                    struct enrol_subject *out)
{
    const struct device_row *device = &view->device;
    hex_encode(BYTES_OF(device->id.b), out->id);
    out->tenant[0] = '\0';
    if (uses_tenant(&profile->spec.certificate)) {
        struct tenant_row tenant;
        TRY(tenant_by_id(fleet, device->tenant, &tenant));
        (void)snprintf(out->tenant, sizeof out->tenant, "%s", tenant.name);
    }
    out->subject = (struct device_subject){.device_id_hex = out->id,
                                           .serial_number = device->serial,
                                           .device_id = BYTES_OF(device->id.b),
                                           .model = device->model,
                                           .tenant = out->tenant,
                                           .product = view->product.name};
    return OK;
}

err_t enrol_check_wanted(const struct enrol_order *order, const char *profile)
{
    bool is_it = order->profile.p == NULL || bytes_equal(order->profile, bytes_str(profile));
    return is_it ? OK
                 : ERR(ERR_BAD_REQUEST,
                       "another certificate profile is asked for than %s, which the device's product uses",
                       profile);
}

err_t enrol_check_profile(const struct enrol_order *order, const struct enrol_view *view,
                          const struct enrol_decision *decision, const struct kept_profile *profile)
{
    const struct profile_spec *spec = &profile->spec;
    TRY(enrol_check_wanted(order, profile->name));
    const struct key_info *key = csr_borrow_key(order->csr);
    bool is_identity = memcmp(key->spki_sha256.b, view->device.id.b, DEVICE_ID_SIZE) == 0;
    uint32_t algorithms = spec->key_algorithms & view->product.key_algorithms;
    if ((algorithms & key_algorithm_bit(key->alg)) == 0) {
        char accepted[KEY_ALGORITHMS_TEXT_SIZE];
        key_algorithms_format(algorithms, accepted);
        return ERR(ERR_UNPROCESSABLE, "the certificate profile %s certifies keys of %s only", profile->name,
                   accepted);
    }
    ENSURE(!spec->is_identity_key_only || is_identity, ERR_UNPROCESSABLE,
           "the certificate profile %s is for the identity key, and the request is over another one",
           profile->name);
    ENSURE(!spec->is_first_key_only || is_identity || decision->generation <= 1, ERR_UNPROCESSABLE,
           "the certificate profile %s is for a device's first key, and this one is of generation %lld",
           profile->name, (long long)decision->generation);
    return OK;
}
