/* Rows of people's sessions: of the secret only the hash. A session that ended has no row. */
#ifndef WHORL_DB_SESSION_ROWS_H
#define WHORL_DB_SESSION_ROWS_H

#include "db/db.h"
#include "db/people.h"

typedef err_t (*session_row_fn)(const struct session_row *row, void *arg);

/* Which sessions a list shows. */
struct session_view {
    struct uuid tenant;
    const struct uuid *person; /* NULL: of the whole tenant */
    int64_t now_ms;
    int64_t used_after_ms; /* unused since: over */
};

/** @errors ERR_CONFLICT the id is taken @thread of tx, like all functions here */
err_t session_rows_insert(struct db_tx *tx, const struct session_row *row);
/** @errors ERR_NOT_FOUND */
err_t session_rows_find(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], struct session_row *out);
err_t session_rows_note_use(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], int64_t at_ms);
/** In order of id, those that are over left out. */
err_t session_rows_list(struct db_tx *tx, const struct session_view *view, const struct row_window *window,
                        session_row_fn fn, void *arg);
err_t session_rows_delete(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE], bool *was_there);
/** All of a person, save one (or NULL). */
err_t session_rows_delete_of(struct db_tx *tx, struct uuid person, const uint8_t *keep, int64_t *deleted);
/** Those that expired before a time, at most `limit` of them. */
err_t session_rows_sweep(struct db_tx *tx, int64_t before_ms, int64_t limit, int64_t *deleted);

#endif
