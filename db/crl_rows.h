/* Published CRLs, one row per authority and shard; shard 0 is the complete list. A row that is stale waits to
 * be signed again. */
#ifndef WHORL_DB_CRL_ROWS_H
#define WHORL_DB_CRL_ROWS_H

#include "db/db.h"
#include "db/rows.h"

struct crl_row {
    char authority[AUTHORITY_ID_SIZE];
    int64_t number; /* 0: none was ever signed, der is empty */
    int64_t this_update, next_update;
    bool is_stale;
    struct buf der;
    int64_t ver;
};
void crl_row_clear(struct crl_row *row);
DEFINE_AUTO_VAL(crl_row, crl_row_clear);

/** The complete list, with DER. @param out cleared by the caller @errors ERR_NOT_FOUND
 *  @thread of tx, like all functions here */
err_t crl_rows_find(struct db_tx *tx, const char *authority, struct crl_row *out);
/** The same without DER: cheap enough for every second. */
err_t crl_rows_find_state(struct db_tx *tx, const char *authority, struct crl_row *out);
/** The first one of an authority. @errors ERR_CONFLICT there is one */
err_t crl_rows_insert(struct db_tx *tx, const struct crl_row *row);
/** Replaces the list if its version is still row->ver: nothing was revoked since its entries were read.
 *  @errors ERR_BUSY otherwise */
err_t crl_rows_replace(struct db_tx *tx, const struct crl_row *row);
/** Says that the list lacks something; makes the row when there is none. */
err_t crl_rows_mark_stale(struct db_tx *tx, const char *authority);

#endif
