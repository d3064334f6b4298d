/* Rows of deliveries: what a webhook was sent, is to be sent, and what came of it. One row for an event and a
 * webhook; sent again, it is the same row. */
#ifndef WHORL_DB_DELIVERY_ROWS_H
#define WHORL_DB_DELIVERY_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { DELIVERY_EVENT_SIZE = 101, DELIVERY_TYPE_SIZE = 64, DELIVERY_ERROR_SIZE = 200 };
enum delivery_state { DELIVERY_WAITING, DELIVERY_DELIVERED, DELIVERY_FAILED };

struct delivery_row {
    struct uuid id, webhook;
    int64_t feed;                                              /* the event's number; 0: a test */
    char event[DELIVERY_EVENT_SIZE], type[DELIVERY_TYPE_SIZE]; /* the event's id and type */
    enum delivery_state state;
    int64_t attempts;                             /* of this round: sent again, they begin anew */
    int64_t first_at, last_at, next_at, ended_at; /* attempts, and the end; or 0 */
    int64_t status;                               /* of the last answer; 0: there was none */
    char error[DELIVERY_ERROR_SIZE];              /* why the last attempt failed, or "" */
    int64_t created_at;
};
typedef err_t (*delivery_row_fn)(const struct delivery_row *row, void *arg);

/** Makes a delivery that waits, or lets one of the same event that has ended wait again.
 *  @param[out] is_new false: it was waiting already @thread of tx, like all functions here */
err_t delivery_rows_queue(struct db_tx *tx, const struct delivery_row *row, bool *is_new);
/** State, attempts, times, status and error. */
err_t delivery_rows_update(struct db_tx *tx, const struct delivery_row *row);
/** @errors ERR_NOT_FOUND also for another webhook's */
err_t delivery_rows_find(struct db_tx *tx, struct uuid webhook, struct uuid id, struct delivery_row *out);
/** The waiting ones whose time has come, in order of time, then of the feed. */
err_t delivery_rows_due(struct db_tx *tx, struct uuid webhook, int64_t now_ms, int64_t limit,
                        delivery_row_fn fn, void *arg);
/** When the next one is due. @param[out] out -1: none waits */
err_t delivery_rows_next_due(struct db_tx *tx, struct uuid webhook, int64_t *out);
/** All that wait because nobody answered, or somebody who said that he is not able to, are due now. */
err_t delivery_rows_hasten(struct db_tx *tx, struct uuid webhook, int64_t now_ms);
/** All that wait, for whatever reason, are due now. */
err_t delivery_rows_hasten_all(struct db_tx *tx, struct uuid webhook, int64_t now_ms);
/** All that wait have failed: the webhook is gone. */
err_t delivery_rows_abandon(struct db_tx *tx, struct uuid webhook, int64_t now_ms);

struct delivery_window {
    struct uuid webhook;
    bool has_state;
    enum delivery_state state;
    struct bytes before; /* the id; empty: from the newest */
    int64_t limit;
};
/** The newest first. */
err_t delivery_rows_list(struct db_tx *tx, const struct delivery_window *window, delivery_row_fn fn,
                         void *arg);
/** Deletes at most `limit` that ended before a time. @param[out] deleted how many */
err_t delivery_rows_sweep(struct db_tx *tx, int64_t before_ms, int64_t limit, int64_t *deleted);

#endif
