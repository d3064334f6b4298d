/* Rows of blobs: which bytes the store has, for all tenants, and whether they are good. */
#ifndef WHORL_DB_FIRMWARE_BLOB_ROWS_H
#define WHORL_DB_FIRMWARE_BLOB_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum firmware_blob_state {
    FIRMWARE_BLOB_GOOD,
    FIRMWARE_BLOB_CORRUPT, /* its file has other bytes than the name says, or is gone */
    FIRMWARE_BLOB_REMOVED  /* nothing names it, and its file is being removed */
};

struct firmware_blob_row {
    struct sha256 sha256;
    uint8_t sha1[SHA1_SIZE], md5[MD5_SIZE];
    int64_t size;
    enum firmware_blob_state state;
    int64_t uses; /* images, SBOMs: who names it */
    int64_t created_at, checked_at, ver;
};

typedef err_t (*firmware_blob_row_fn)(const struct firmware_blob_row *row, void *arg);

/** @errors ERR_CONFLICT it is there @thread of tx, like all functions here */
err_t firmware_blob_rows_insert(struct db_tx *tx, const struct firmware_blob_row *row);
/** Stores state, uses and checked_at if the version is still row->ver, then raises it. @errors ERR_BUSY
 *  somebody else changed it meanwhile */
err_t firmware_blob_rows_update(struct db_tx *tx, struct firmware_blob_row *row);
/** @errors ERR_NOT_FOUND */
err_t firmware_blob_rows_find(struct db_tx *tx, const struct sha256 *name, struct firmware_blob_row *out);
/** Of one that is being removed and that nothing names. @param[out] is_gone false: it is used again */
err_t firmware_blob_rows_delete(struct db_tx *tx, const struct sha256 *name, bool *is_gone);
/** All, in order of name. @param after or NULL */
err_t firmware_blob_rows_list(struct db_tx *tx, const struct sha256 *after, int64_t limit,
                              firmware_blob_row_fn fn, void *arg);
/** Good ones that were last checked before `before`, the oldest first. */
err_t firmware_blob_rows_list_due(struct db_tx *tx, int64_t before, int64_t limit, firmware_blob_row_fn fn,
                                  void *arg);
/** Those that nothing names, in order of name. @param after or NULL */
err_t firmware_blob_rows_list_unused(struct db_tx *tx, const struct sha256 *after, int64_t limit,
                                     firmware_blob_row_fn fn, void *arg);

#endif
