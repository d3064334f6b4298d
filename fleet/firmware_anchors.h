/* The manifest keys that the devices of a product trust, by a statement that its recovery key signed offline.
 * The first statement of a product is taken when its own recovery key signed it; each later one when the
 * recovery key in force did, and its sequence is above. The server has no recovery key: who breaks into it
 * can sign with the signing key, and cannot move the anchors. */
#ifndef WHORL_FLEET_FIRMWARE_ANCHORS_H
#define WHORL_FLEET_FIRMWARE_ANCHORS_H

#include "db/firmware_anchors_rows.h"
#include "db/firmware_key_rows.h"
#include "fleet/terms.h"

/** The statement in force. @param product its name or id @errors ERR_NOT_FOUND no such product, or no
 *  statement @thread worker, like all functions here */
err_t firmware_anchors_get(struct fleet *fleet, struct uuid tenant, struct bytes product,
                           struct firmware_anchors_row *out);
/** Puts a statement in force: devices fetch it, and releases are signed by its signing key alone. The alarms
 *  of compromised keys that it does not name end.
 *  @errors ERR_UNPROCESSABLE with faults at /statement: not in the profile, for another product, a signing
 *  key that is no active manifest key of the product here, a recovery key that is here; ERR_FORBIDDEN not by
 *  the recovery key in force; ERR_CONFLICT the sequence is not above; ERR_NOT_FOUND, ERR_PRECONDITION */
err_t firmware_anchors_put(struct fleet *fleet, const struct terms *terms, struct bytes product,
                           struct bytes statement, struct firmware_anchors_row *out);

/** Whether the devices of its product trust a manifest key: those of a product without a statement trust what
 *  they were made with, which nobody here knows. @errors ERR_WRONG_STATE they trust another @thread of tx */
err_t firmware_anchors_check_key(struct db_tx *tx, const struct firmware_key_row *key);

#endif
