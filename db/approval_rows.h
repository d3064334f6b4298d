/* Rows of requests that wait for a second person, and of what became of them. */
#ifndef WHORL_DB_APPROVAL_ROWS_H
#define WHORL_DB_APPROVAL_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum {
    APPROVAL_KIND_SIZE = 32,
    APPROVAL_SUBJECT_SIZE = 512,
    APPROVAL_COMMENT_SIZE = 513,
    APPROVAL_RESULT_SIZE = 192
};

enum approval_state {
    APPROVAL_PENDING,
    APPROVAL_EXECUTED,  /* approved, and done in the same transaction */
    APPROVAL_REJECTED,  /* by a second person */
    APPROVAL_WITHDRAWN, /* by whoever asked */
    APPROVAL_EXPIRED,
    APPROVAL_VOID,  /* what it is about changed meanwhile */
    APPROVAL_FAILED /* approved, but it could not be done */
};

struct approval_row {
    struct uuid id, tenant;
    char kind[APPROVAL_KIND_SIZE];
    enum approval_state state;
    struct buf request;                  /* canonical JSON; filled by the functions that say so */
    char subject[APPROVAL_SUBJECT_SIZE]; /* canonical JSON: what it is about, as it was when it was asked */
    uint8_t digest[SHA256_SIZE];
    char requested_by[ACTOR_SIZE], requested_owner[ACTOR_SIZE];
    char decided_by[ACTOR_SIZE], decided_owner[ACTOR_SIZE]; /* "" until somebody did */
    char comment[APPROVAL_COMMENT_SIZE];
    char result[APPROVAL_RESULT_SIZE]; /* what came of it, or why nothing did */
    int64_t requested_at, expires_at, decided_at, ver;
};
void approval_row_clear(struct approval_row *row);
DEFINE_AUTO_VAL(approval_row, approval_row_clear);

typedef err_t (*approval_row_fn)(const struct approval_row *row, void *arg);

/** With row->request. @errors ERR_CONFLICT the same one waits already @thread of tx, like all functions here
 */
err_t approval_rows_insert(struct db_tx *tx, const struct approval_row *row);
/** Stores state, decision, comment and result if the version is still row->ver, then raises it.
 *  @errors ERR_BUSY somebody else changed it meanwhile */
err_t approval_rows_update(struct db_tx *tx, struct approval_row *row);
/** With the request. @param[in,out] out {0} or a row before; cleared by the caller
 *  @errors ERR_NOT_FOUND also for another tenant's */
err_t approval_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct approval_row *out);
/** The one of this digest that waits, without its request. @errors ERR_NOT_FOUND */
err_t approval_rows_find_waiting(struct db_tx *tx, struct uuid tenant, const uint8_t digest[SHA256_SIZE],
                                 struct approval_row *out);
/** In order of id, without requests. @param state or NULL */
err_t approval_rows_list(struct db_tx *tx, struct uuid tenant, const enum approval_state *state,
                         const struct row_window *window, approval_row_fn fn, void *arg);
/** Those that waited until `until`, the oldest first, without requests. */
err_t approval_rows_list_expired(struct db_tx *tx, int64_t until, int64_t limit, approval_row_fn fn,
                                 void *arg);

#endif
