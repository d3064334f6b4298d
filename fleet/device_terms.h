/* Where enrolled devices stand in the life of their confirmed certificate: current, due for renewal, expired.
 * Kept for the counts of products and batches; no decision about a device reads it (contact.c and enrol.c
 * look at the certificate and the clock). */
#ifndef WHORL_FLEET_DEVICE_TERMS_H
#define WHORL_FLEET_DEVICE_TERMS_H

#include "db/rows.h"
#include "fleet/fleet.h"
#include "fleet/renewal.h"

/** Finds the term of the device anew, and moves the counts with it. Whoever changes a device's state, its
 * confirmed certificate or an order to rekey calls this afterwards, in the same transaction; device_change()
 * does. @param device as stored now @thread of tx */
err_t device_term_refresh(struct db_tx *tx, const struct device_row *device);
/** The schedule of one certificate, by the plan, the age of its key, orders, and whether its authority is
 * compromised: two rows are read at most. @thread of tx */
err_t device_renewal_find(struct db_tx *tx, const struct product_row *product,
                          const struct device_row *device, const struct certificate_row *certificate,
                          struct renewal *out);
/** The product's renewal changed: its devices are gone through again by the job below. @thread of tx */
err_t device_terms_renew(struct db_tx *tx, struct uuid product);
/** An authority is compromised: the devices of its tenant, or of all (NULL), are gone through again.
 * @thread of tx */
err_t device_terms_renew_all(struct db_tx *tx, const struct uuid *tenant);

#endif
