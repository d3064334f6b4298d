/* Rows of the devices that a campaign has told to make a new key, and what became of each. */
#ifndef WHORL_DB_REKEY_MEMBER_ROWS_H
#define WHORL_DB_REKEY_MEMBER_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum rekey_member_state {
    REKEY_MEMBER_TOLD,
    REKEY_MEMBER_CONFIRMED, /* a certificate over a newer key was used */
    REKEY_MEMBER_FAILED,    /* not in time; it may still become confirmed */
    REKEY_MEMBER_SKIPPED    /* it is not enrolled any more */
};
enum { REKEY_MEMBER_STATES = 4, REKEY_MEMBER_REASON_SIZE = 32, REKEY_MEMBERS_OPEN_MAX = 16 };

struct rekey_member_row {
    struct uuid plan, tenant;
    struct device_id device;
    enum rekey_member_state state;
    char reason[REKEY_MEMBER_REASON_SIZE]; /* a word of fleet/rekey_why.h; or "" */
    int64_t wave;                          /* in which it was told */
    int64_t above;                         /* generation that the new key must exceed */
    int64_t told_at;
    int64_t due_at; /* when it fails; 0: it is not told any more */
    int64_t ended_at;
};

/** @errors ERR_CONFLICT the plan has told the device before @thread of tx, like all functions here */
err_t rekey_member_rows_insert(struct db_tx *tx, const struct rekey_member_row *row);
/** Stores state, reason, due_at and ended_at. */
err_t rekey_member_rows_update(struct db_tx *tx, const struct rekey_member_row *row);
/** @errors ERR_NOT_FOUND */
err_t rekey_member_rows_find(struct db_tx *tx, struct uuid plan, const struct device_id *device,
                             struct rekey_member_row *out);

typedef err_t (*rekey_member_row_fn)(const struct rekey_member_row *row, void *arg);
/** In order of the device's id. @param state or NULL */
err_t rekey_member_rows_list(struct db_tx *tx, struct uuid plan, const enum rekey_member_state *state,
                             const struct row_window *window, rekey_member_row_fn fn, void *arg);
/** Those of one device in this state, at most REKEY_MEMBERS_OPEN_MAX. */
err_t rekey_member_rows_of_device(struct db_tx *tx, const struct device_row *device,
                                  enum rekey_member_state state, rekey_member_row_fn fn, void *arg);
/** Told, and due by `now_ms`: the longest overdue first, at most `limit`. */
err_t rekey_member_rows_due(struct db_tx *tx, int64_t now_ms, int64_t limit, rekey_member_row_fn fn,
                            void *arg);

#endif
