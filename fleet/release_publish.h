/* What publishing asks of bytes, and how long what was published is kept. */
#ifndef WHORL_FLEET_RELEASE_PUBLISH_H
#define WHORL_FLEET_RELEASE_PUBLISH_H

#include "fleet/releases_internal.h"

#define RELEASE_SECURITY_KEPT_MS (10LL * 365 * 86400 * 1000 + 3LL * 86400 * 1000) /* ten years */

/** Reads all bytes of an image again, and judges its signature by the boot keys of today.
 *  @errors ERR_GONE the bytes are not those that the name says: the image is withdrawn; ERR_WRONG_STATE no
 *  active boot key of the product holds for it @thread worker, outside of a transaction */
err_t release_check_bytes(struct fleet *fleet, const struct firmware_release_row *release,
                          const struct release_part *part);
/** The images of a published security release are kept; of another one nothing changes. @thread of tx */
err_t release_hold_images(struct db_tx *tx, const struct release *release);

#endif
