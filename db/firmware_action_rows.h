/* Rows of what devices were offered, and of what they said of it. What a state means is decided in
 * fleet/firmware_offers.c and fleet/firmware_reports.c. */
#ifndef WHORL_DB_FIRMWARE_ACTION_ROWS_H
#define WHORL_DB_FIRMWARE_ACTION_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum {
    FIRMWARE_ACTION_STATES_MAX = 9,
    FIRMWARE_REASON_SIZE = 64,
    FIRMWARE_REPORT_ROW_SIZE = 513,
    FIRMWARE_REPORTS_KEPT = 20 /* of one action: the last of them */
};

/* Which device, as the inventory keeps it. */
struct firmware_owner {
    struct device_id device;
    struct uuid tenant;
};

struct firmware_action_row {
    struct firmware_owner owner;
    int64_t id;
    struct uuid rollout, release;
    int state; /* enum firmware_action_state */
    char reason[FIRMWARE_REASON_SIZE];
    int64_t wave; /* in which it was offered */
    int64_t done, of, fetched;
    int64_t offered_at, updated_at;
    int64_t due_at; /* when silence is failure; 0: it is not any more */
    int64_t ended_at;
};

/** With its entry in the journal. @errors ERR_CONFLICT the rollout has offered to the device before, or the
 *  id is used @thread of tx, like all functions here */
err_t firmware_action_rows_insert(struct db_tx *tx, const struct firmware_action_row *row);
/** Stores state, reason, done, of, due_at, ended_at; sets row->updated_at. */
err_t firmware_action_rows_update(struct db_tx *tx, struct firmware_action_row *row);
/** Stores fetched alone: that is no step of the action. */
err_t firmware_action_rows_fetched(struct db_tx *tx, const struct firmware_action_row *row);
/** @errors ERR_NOT_FOUND */
err_t firmware_action_rows_find(struct db_tx *tx, const struct firmware_owner *owner, int64_t id,
                                struct firmware_action_row *out);
/** That of a rollout. @errors ERR_NOT_FOUND */
err_t firmware_action_rows_of_rollout(struct db_tx *tx, struct uuid rollout, const struct device_id *device,
                                      struct firmware_action_row *out);

typedef err_t (*firmware_action_row_fn)(const struct firmware_action_row *row, void *arg);
/** Those of a rollout in order of the device's id. @param state or NULL */
err_t firmware_action_rows_list(struct db_tx *tx, struct uuid rollout, const int *state,
                                const struct row_window *window, firmware_action_row_fn fn, void *arg);
/** Those of a device, the newest first, at most `limit`. */
err_t firmware_action_rows_of_device(struct db_tx *tx, const struct firmware_owner *owner, int64_t limit,
                                     firmware_action_row_fn fn, void *arg);
/** Open, and due by `now_ms`: the longest overdue first, at most `limit`. */
err_t firmware_action_rows_due(struct db_tx *tx, int64_t now_ms, int64_t limit, firmware_action_row_fn fn,
                               void *arg);

struct firmware_report_row {
    struct firmware_owner owner;
    int64_t action, n, at;
    int state; /* enum firmware_action_state after it */
    char text[FIRMWARE_REPORT_ROW_SIZE];
};
/** Adds one, and drops those of the action that are FIRMWARE_REPORTS_KEPT older. */
err_t firmware_report_rows_add(struct db_tx *tx, const struct firmware_report_row *row);
typedef err_t (*firmware_report_row_fn)(const struct firmware_report_row *row, void *arg);
/** Of one action, the oldest first. */
err_t firmware_report_rows_list(struct db_tx *tx, const struct firmware_owner *owner, int64_t action,
                                firmware_report_row_fn fn, void *arg);

#endif
