/* Rows of work on many devices: what is to be done, how far it is. */
#ifndef WHORL_DB_OPERATION_ROWS_H
#define WHORL_DB_OPERATION_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { OPERATION_REQUEST_SIZE = 1024, OPERATION_FAILURE_SIZE = 192 };

enum operation_state { OPERATION_RUNNING, OPERATION_DONE, OPERATION_FAILED, OPERATION_CANCELLED };

struct operation_row {
    struct uuid id, tenant;
    int64_t kind; /* fleet/operations.h */
    enum operation_state state;
    char request[OPERATION_REQUEST_SIZE]; /* canonical JSON */
    bool has_cursor;
    struct device_id cursor; /* the last device that was looked at */
    int64_t total;           /* how many there can be at most, as counted at the start */
    int64_t done, skipped, failed;
    char failure[OPERATION_FAILURE_SIZE]; /* of the last device that failed, or of the whole; or "" */
    char actor[ACTOR_SIZE];
    char request_id[UUID_TEXT_SIZE]; /* of the request that started it, or "" */
    int64_t created_at, updated_at, finished_at, ver;
};

typedef err_t (*operation_row_fn)(const struct operation_row *row, void *arg);

/** @thread of tx, like all functions here */
err_t operation_rows_insert(struct db_tx *tx, const struct operation_row *row);
/** Stores state, cursor, counts and times if the version is still row->ver, then raises it; sets
 *  row->updated_at. @errors ERR_BUSY somebody else changed it meanwhile */
err_t operation_rows_update(struct db_tx *tx, struct operation_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t operation_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct operation_row *out);
/** The running one that waited longest. @errors ERR_NOT_FOUND none runs */
err_t operation_rows_find_next(struct db_tx *tx, struct operation_row *out);
/** In order of id. @param state or NULL */
err_t operation_rows_list(struct db_tx *tx, struct uuid tenant, const enum operation_state *state,
                          const struct row_window *window, operation_row_fn fn, void *arg);

#endif
