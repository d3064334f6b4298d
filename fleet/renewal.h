/* When a device should ask for its next certificate. */
#ifndef WHORL_FLEET_RENEWAL_H
#define WHORL_FLEET_RENEWAL_H

#include "db/rows.h"

/** The product's percentage of the certificate's life, moved by up to a tenth of it for each device, so that
 * a fleet that was enrolled in one hour does not come back in one hour. The same for the same certificate.
 *  @return Unix ms @thread any */
int64_t renewal_after(const struct product_row *product, const struct certificate_row *certificate);

/** Whether the device was ordered to make a new key and this certificate is not over one. */
bool renewal_is_ordered(const struct device_row *device, const struct certificate_row *certificate);
/** When this device should come: at once when a rekey was ordered, else as above. */
int64_t renewal_due(const struct product_row *product, const struct device_row *device,
                    const struct certificate_row *certificate);

#endif
