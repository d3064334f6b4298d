/* The batch that devices come into which no list registered. */
#ifndef WHORL_FLEET_ADMISSION_BATCH_H
#define WHORL_FLEET_ADMISSION_BATCH_H

#include "fleet/terms.h"

/** Finds the product's batch of this name, or makes it, with its audit record.
 *  @param name checked, or empty: "<product>-admitted" @errors ERR_UNPROCESSABLE with a fault at /batch: the
 *  name is another product's batch @thread of tx (write) */
err_t admission_batch_ensure(struct db_tx *tx, const struct terms *terms, const struct product_row *product,
                             struct bytes name, struct batch_row *out);

#endif
