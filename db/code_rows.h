/* Enrolment codes: what admits a device that shows one. Only a hash of each secret is kept. */
#ifndef WHORL_DB_CODE_ROWS_H
#define WHORL_DB_CODE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/** @errors ERR_CONFLICT the id is taken @thread of tx, like all functions here */
err_t code_rows_insert(struct db_tx *tx, const struct code_row *row);
/** Whoever's it is. @errors ERR_NOT_FOUND */
err_t code_rows_find(struct db_tx *tx, const uint8_t id[CODE_ID_SIZE], struct code_row *out);

/** Counts one use, if there is one left and nobody revoked it. @param device to bind it to, or NULL
 *  @param[out] is_used false: it was not counted */
err_t code_rows_use(struct db_tx *tx, const uint8_t id[CODE_ID_SIZE], const struct device_id *device,
                    bool *is_used);
/** @param[out] is_changed false: it was revoked before */
err_t code_rows_revoke(struct db_tx *tx, const uint8_t id[CODE_ID_SIZE], bool *is_changed);

typedef err_t (*code_row_fn)(const struct code_row *row, void *arg);
/** In order of id. @param product or NULL: of all; costs the same wherever the window starts */
err_t code_rows_list(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                     const struct row_window *window, code_row_fn fn, void *arg);

#endif
