/* Taking rights away from certificates. Orders about a device as a whole are in device_actions.h. */
#ifndef WHORL_FLEET_REVOCATION_H
#define WHORL_FLEET_REVOCATION_H

#include "fleet/fleet.h"
#include "fleet/revoked_rows.h"

/** RFC 5280 §5.3.1 names ("keyCompromise", …; hold and removeFromCRL are not offered). @errors
 * ERR_UNPROCESSABLE */
err_t revocation_reason_parse(struct bytes text, int *out);
const char *revocation_reason_name(int reason);

struct revocation_order {
    struct uuid tenant;
    const uint8_t *serial; /* CERTIFICATE_SERIAL_SIZE bytes, borrowed */
    int reason;
};
/** Revokes a certificate, durably, with its audit record; marks the CRL stale. Revoking the device's current
 * certificate makes the device `revoked` and revokes with it whatever waits for its first use. Repeating it
 * changes nothing and is no error.
 *  @errors ERR_NOT_FOUND also for another tenant's @thread worker */
err_t certificate_revoke(struct fleet *fleet, const struct actor *actor, const struct revocation_order *order,
                         struct certificate_row *out);
/** The same in a transaction that is running, of one that is not revoked yet. @param[in,out] row as it is
 * stored @thread of tx */
err_t certificate_revoke_in(struct db_tx *tx, struct revocation *run, struct certificate_row *row);

#endif
