/* Rows of uploads that are not whole yet: what they are to become, and how much of them is durable. */
#ifndef WHORL_DB_FIRMWARE_UPLOAD_ROWS_H
#define WHORL_DB_FIRMWARE_UPLOAD_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { FIRMWARE_UPLOAD_REQUEST_SIZE = 2048 };

struct firmware_upload_row {
    struct uuid id, tenant, product;
    char product_name[NAME_SIZE]; /* as read; not stored here */
    int64_t size, received;
    bool has_sha256; /* as the client said; or as found, once all bytes are there and good */
    struct sha256 sha256;
    char request[FIRMWARE_UPLOAD_REQUEST_SIZE]; /* canonical JSON */
    char created_by[ACTOR_SIZE];
    int64_t created_at, expires_at, ver;
};

typedef err_t (*firmware_upload_row_fn)(const struct firmware_upload_row *row, void *arg);

/** @thread of tx, like all functions here */
err_t firmware_upload_rows_insert(struct db_tx *tx, const struct firmware_upload_row *row);
/** Stores received, sha256 and expires_at if the version is still row->ver, then raises it. @errors ERR_BUSY
 *  somebody else changed it meanwhile */
err_t firmware_upload_rows_update(struct db_tx *tx, struct firmware_upload_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t firmware_upload_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                                struct firmware_upload_row *out);
/** Whether any tenant has one of this id. */
err_t firmware_upload_rows_exists(struct db_tx *tx, struct uuid id, bool *out);
/** None when it is gone already. */
err_t firmware_upload_rows_delete(struct db_tx *tx, struct uuid id);
/** In order of id. */
err_t firmware_upload_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                                firmware_upload_row_fn fn, void *arg);
/** Those whose time ended at `until` or before, the oldest first. */
err_t firmware_upload_rows_list_expired(struct db_tx *tx, int64_t until, int64_t limit,
                                        firmware_upload_row_fn fn, void *arg);

#endif
