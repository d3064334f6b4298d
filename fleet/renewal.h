/* When a device should ask for its next certificate. */
#ifndef WHORL_FLEET_RENEWAL_H
#define WHORL_FLEET_RENEWAL_H

#include "db/rows.h"

/** The product's percentage of the certificate's life, moved by up to a tenth of it for each device, so that
 * a fleet that was enrolled in one hour does not come back in one hour. The same for the same certificate.
 *  @return Unix ms @thread any */
int64_t renewal_after(const struct product_row *product, const struct certificate_row *certificate);

#endif
