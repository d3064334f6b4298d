/* The signed documents of firmware, as devices read them: one row each, by key. */
#ifndef WHORL_DB_FIRMWARE_DOCUMENT_ROWS_H
#define WHORL_DB_FIRMWARE_DOCUMENT_ROWS_H

#include "db/db.h"

/** @param[in,out] out appended @errors ERR_NOT_FOUND no such release, or it has none yet @thread of tx */
err_t firmware_manifest_rows_find(struct db_tx *tx, struct uuid release, struct buf *out);
/** The statement in force for a product's devices. @param out appended, or NULL @errors ERR_NOT_FOUND */
err_t firmware_statement_rows_find(struct db_tx *tx, struct uuid product, int64_t *sequence, struct buf *out);

#endif
