/* Rows of webhooks: where events are sent to, and when there is something to do. */
#ifndef WHORL_DB_WEBHOOK_ROWS_H
#define WHORL_DB_WEBHOOK_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum {
    WEBHOOK_URL_SIZE = 1025,
    WEBHOOK_TYPES_SIZE = 1040,
    WEBHOOK_REASON_SIZE = 200,
    WEBHOOK_SEALED_SIZE = 96,
    /* deliveries that may wait; with so many, a webhook takes no further events until some are done */
    WEBHOOK_WAITING_MAX = 1000
};
enum webhook_state { WEBHOOK_ENABLED, WEBHOOK_DISABLED };

struct webhook_row {
    struct uuid id, tenant;
    char name[NAME_SIZE], url[WEBHOOK_URL_SIZE];
    char types[WEBHOOK_TYPES_SIZE]; /* patterns, comma-separated */
    enum webhook_state state;
    char reason[WEBHOOK_REASON_SIZE]; /* why it is disabled, or "" */
    uint8_t secret[WEBHOOK_SEALED_SIZE], old_secret[WEBHOOK_SEALED_SIZE];
    size_t secret_size, old_secret_size; /* the latter 0: there is one secret only */
    int64_t rotated_at;                  /* or 0 */
    int64_t position;                    /* in the feed */
    int64_t due_at;                      /* -1: nothing to do */
    int64_t hold_until;                  /* nothing is sent before */
    int64_t outages;                     /* attempts in a row that reached nobody who could judge them */
    int64_t away_since;                  /* of the first of them, or 0 */
    int64_t waiting, delivered, failed;
    int64_t last_success_at, last_failure_at; /* or 0 */
    int64_t created_at, updated_at, ver;
};
typedef err_t (*webhook_row_fn)(const struct webhook_row *row, void *arg);

/** @errors ERR_CONFLICT the tenant has a webhook of this name @thread of tx, like all functions here */
err_t webhook_rows_insert(struct db_tx *tx, const struct webhook_row *row);
/** Everything but id, tenant and created_at. @errors ERR_CONFLICT as above */
err_t webhook_rows_update(struct db_tx *tx, const struct webhook_row *row);
err_t webhook_rows_delete(struct db_tx *tx, struct uuid id);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t webhook_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct webhook_row *out);
/** In order of id. */
err_t webhook_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                        webhook_row_fn fn, void *arg);

/** The enabled webhooks of a tenant have something to do now, save those that are held or full. */
err_t webhook_rows_mark(struct db_tx *tx, struct uuid tenant, int64_t now_ms);

struct webhook_due {
    struct uuid id, tenant;
};
typedef err_t (*webhook_due_fn)(const struct webhook_due *due, void *arg);
/** Those with something to do, the longest waiting first. */
err_t webhook_rows_due(struct db_tx *tx, int64_t now_ms, int64_t limit, webhook_due_fn fn, void *arg);
/** How many deliveries wait, of those webhooks that have something to do now or later; of so many at most. */
err_t webhook_rows_waiting(struct db_tx *tx, int64_t limit, int64_t *out);

#endif
