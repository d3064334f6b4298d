/* Below which no CRL number may ever be again: set where an older copy of the inventory was brought up to
 * date or accepted (db/journal.h), read by whoever takes the next number. */
#ifndef WHORL_DB_CRL_FLOOR_ROWS_H
#define WHORL_DB_CRL_FLOOR_ROWS_H

#include "db/db.h"

/** @param list as in db/crl_rows.h @param[out] number 0: none @thread of tx, like all functions here */
err_t crl_floor_rows_read(struct db_tx *tx, const char *authority, int64_t list, int64_t *number);
/** Never lowers it. The list that is stored is older than one that was shown: it is to be signed again. */
err_t crl_floor_rows_raise(struct db_tx *tx, const char *authority, int64_t list, int64_t number);
/** That of every list of every authority; all lists are to be signed again. */
err_t crl_floor_rows_raise_all(struct db_tx *tx, int64_t number);

#endif
