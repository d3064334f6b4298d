/* The step that every revocation shares: a certificate becomes revoked, the CRL stale, and a record says so.
 */
#ifndef WHORL_FLEET_REVOKED_ROWS_H
#define WHORL_FLEET_REVOKED_ROWS_H

#include "fleet/fleet.h"

struct revocation {
    const struct actor *actor;
    int reason;
    int64_t count; /* certificates that it changed */
};

/** @param[in,out] row as it is stored @thread of tx, like all functions here */
err_t revocation_of_row(struct db_tx *tx, struct revocation *run, struct certificate_row *row);
/** Every certificate of the device that has rights here or waits for its first use. */
err_t revocation_of_live(struct db_tx *tx, struct revocation *run, const struct device_row *device);
/** Every one that brokers may still take: those and the superseded ones that are on no list yet. */
err_t revocation_of_unlisted(struct db_tx *tx, struct revocation *run, const struct device_row *device);
/** Every one of every generation, those that are on a list for another reason included: the reason becomes
 *  keyCompromise. */
err_t revocation_of_compromised(struct db_tx *tx, struct revocation *run, const struct device_row *device);

#endif
