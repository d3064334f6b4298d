/* Rows of rekey plans of kind campaign: what was ordered, and how far it is. What the words of a plan mean is
 * in fleet/rekey_spec.h; the devices that were told are in db/rekey_member_rows.h. */
#ifndef WHORL_DB_REKEY_PLAN_ROWS_H
#define WHORL_DB_REKEY_PLAN_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { REKEY_SPEC_SIZE = 4096, REKEY_REASON_SIZE = 128, REKEY_RATE_SLOTS = 21, REKEY_NUMBER_SIZE = 4 };

enum rekey_plan_state {
    REKEY_PLAN_DRAFT,
    REKEY_PLAN_RUNNING,
    REKEY_PLAN_PAUSED,
    REKEY_PLAN_FINISHED,
    REKEY_PLAN_CANCELLED,
    REKEY_PLAN_STOPPED
};
enum { REKEY_PLAN_STATES = 6 };

struct rekey_plan_row {
    struct uuid id, tenant;
    char name[NAME_SIZE];
    enum rekey_plan_state state;
    char spec[REKEY_SPEC_SIZE];     /* canonical JSON */
    char reason[REKEY_REASON_SIZE]; /* why it was stopped; or "" */
    int64_t wave;                   /* the last one that is open, from 0 */
    int64_t wave_at;                /* when it was opened */
    int64_t started_at;             /* when the first device can be told: also ahead of the present */
    int64_t ended_at, created_at, updated_at, ver;
};

/* Who was told how many in the last slots of a rate limit: n[0] is of `slot`, n[1] of the one before, … */
struct rekey_window {
    int64_t slot;
    uint32_t n[REKEY_RATE_SLOTS];
};

/* The numbers of a window as a column keeps them: rollouts keep theirs so too. @thread any */
typedef uint8_t rekey_window_bytes[REKEY_RATE_SLOTS * REKEY_NUMBER_SIZE];
void rekey_window_write(const struct rekey_window *window, rekey_window_bytes out);
void rekey_window_read(const rekey_window_bytes in, struct rekey_window *out);

struct rekey_tally_row {
    struct uuid plan;
    int64_t told; /* all that ever were: waiting + confirmed + failed + skipped */
    int64_t waiting, confirmed, failed, skipped;
    int64_t wave, wave_told, wave_confirmed;
    int64_t last_at; /* when the last one was told */
    struct rekey_window window;
};

/** With a tally of zeros. @errors ERR_CONFLICT the tenant has a plan of this name @thread of tx, like all
 *  functions here */
err_t rekey_plan_rows_insert(struct db_tx *tx, const struct rekey_plan_row *row);
/** Everything but id, tenant and created_at, if the version is still row->ver, then raises it; sets
 *  row->updated_at. @errors ERR_CONFLICT as above, ERR_BUSY somebody else changed it meanwhile */
err_t rekey_plan_rows_update(struct db_tx *tx, struct rekey_plan_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t rekey_plan_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct rekey_plan_row *out);

typedef err_t (*rekey_plan_row_fn)(const struct rekey_plan_row *row, void *arg);
/** In order of id. @param state or NULL */
err_t rekey_plan_rows_list(struct db_tx *tx, struct uuid tenant, const enum rekey_plan_state *state,
                           const struct row_window *window, rekey_plan_row_fn fn, void *arg);
/** All that run, of every tenant: in order of tenant, then of their start. */
err_t rekey_plan_rows_running(struct db_tx *tx, rekey_plan_row_fn fn, void *arg);
/** A number that every change of a plan raises. */
err_t rekey_plan_rows_version(struct db_tx *tx, int64_t *out);

/** @errors ERR_NOT_FOUND */
err_t rekey_tally_rows_find(struct db_tx *tx, struct uuid plan, struct rekey_tally_row *out);
err_t rekey_tally_rows_update(struct db_tx *tx, const struct rekey_tally_row *row);

#endif
