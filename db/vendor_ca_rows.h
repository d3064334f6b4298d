/* Pinned CAs of chip makers: whoever has a certificate under one is let into its product. */
#ifndef WHORL_DB_VENDOR_CA_ROWS_H
#define WHORL_DB_VENDOR_CA_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/** @errors ERR_CONFLICT the name is taken, or the product has this key pinned @thread of tx, like all here */
err_t vendor_ca_rows_insert(struct db_tx *tx, const struct vendor_ca_row *row);
/** Stores name, batch and retired_at with the version of `row`. @errors ERR_CONFLICT the name is taken */
err_t vendor_ca_rows_update(struct db_tx *tx, const struct vendor_ca_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t vendor_ca_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct vendor_ca_row *out);
/** One more device came in by it. */
err_t vendor_ca_rows_count(struct db_tx *tx, struct uuid id);

typedef err_t (*vendor_ca_row_fn)(const struct vendor_ca_row *row, void *arg);
/** In order of id. @param product or NULL: of all; costs the same wherever the window starts */
err_t vendor_ca_rows_list(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                          const struct row_window *window, vendor_ca_row_fn fn, void *arg);
/** Those in force whose subject has this hash, at most `limit`. @param tenant or NULL: of all */
err_t vendor_ca_rows_find_issuers(struct db_tx *tx, uint32_t name_hash, const struct uuid *tenant,
                                  int64_t limit, vendor_ca_row_fn fn, void *arg);

#endif
