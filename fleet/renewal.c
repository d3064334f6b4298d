/* The schedule of one certificate. Enforces nothing: a device may renew at any time. */
#include "fleet/renewal.h"

enum { JITTER_PERMILLE = 100, LEAST_PERMILLE = 10, MOST_PERMILLE = 990 };

int64_t renewal_after(const struct product_row *product, const struct certificate_row *certificate)
{
    const uint8_t *id = certificate->device.b; /* a hash already: evenly spread */
    int64_t spread = ((int64_t)id[30] << 8 | id[31]) % (2 * JITTER_PERMILLE + 1) - JITTER_PERMILLE;
    int64_t permille = product->renew_percent * 10 + spread;
    permille = permille < LEAST_PERMILLE ? LEAST_PERMILLE : permille;
    permille = permille > MOST_PERMILLE ? MOST_PERMILLE : permille;
    int64_t life = certificate->not_after - certificate->issued_at;
    return certificate->issued_at + life / 1000 * permille;
}

bool renewal_is_ordered(const struct device_row *device, const struct certificate_row *certificate)
{
    return device->rekey_requested_at != 0 && certificate->generation <= device->rekey_above;
}

int64_t renewal_due(const struct product_row *product, const struct device_row *device,
                    const struct certificate_row *certificate)
{
    int64_t planned = renewal_after(product, certificate);
    bool is_sooner = renewal_is_ordered(device, certificate) && device->rekey_requested_at < planned;
    return is_sooner ? device->rekey_requested_at : planned;
}
