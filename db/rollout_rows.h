/* Rows of rollouts: a release on its way out, and how far it is. What the words of a rollout mean is in
 * fleet/rollout_spec.h; what each device was told is in db/firmware_action_rows.h. */
#ifndef WHORL_DB_ROLLOUT_ROWS_H
#define WHORL_DB_ROLLOUT_ROWS_H

#include "db/rekey_plan_rows.h"

enum { ROLLOUT_SPEC_SIZE = 4096, ROLLOUT_REASON_SIZE = 160 };

enum rollout_state {
    ROLLOUT_DRAFT,
    ROLLOUT_RUNNING,
    ROLLOUT_PAUSED,
    ROLLOUT_FINISHED,
    ROLLOUT_CANCELLED,
    ROLLOUT_STOPPED
};
enum { ROLLOUT_STATES = 6 };

struct rollout_row {
    struct uuid id, tenant, product, release;
    char name[NAME_SIZE];
    enum rollout_state state;
    char spec[ROLLOUT_SPEC_SIZE];     /* canonical JSON */
    char reason[ROLLOUT_REASON_SIZE]; /* why it was stopped; or "" */
    char created_by[ACTOR_SIZE];
    int64_t wave;       /* the last one that is open, from 0 */
    int64_t wave_at;    /* when it was opened */
    int64_t started_at; /* when the first device can be told: also ahead of the present */
    int64_t ended_at, created_at, updated_at, ver;
};

struct rollout_tally_row {
    struct uuid rollout;
    int64_t offered; /* all that ever were: the five that follow */
    int64_t waiting, succeeded, unverified, failed, cancelled;
    int64_t downloads; /* devices that fetched some of it */
    /* of the wave that is open, without those that count for neither side (unverified, cancelled) */
    int64_t wave, wave_offered, wave_succeeded, wave_failed;
    int64_t last_at; /* when the last one was offered it */
    struct rekey_window window;
};

/** With a tally of zeros. @errors ERR_CONFLICT the tenant has a rollout of this name @thread of tx, like all
 *  functions here */
err_t rollout_rows_insert(struct db_tx *tx, const struct rollout_row *row);
/** Everything but id, tenant, product, release and created_at, if the version is still row->ver, then raises
 *  it; sets row->updated_at. @errors ERR_CONFLICT as above, ERR_BUSY somebody else changed it meanwhile */
err_t rollout_rows_update(struct db_tx *tx, struct rollout_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t rollout_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct rollout_row *out);

typedef err_t (*rollout_row_fn)(const struct rollout_row *row, void *arg);
/** In order of id. @param state or NULL */
err_t rollout_rows_list(struct db_tx *tx, struct uuid tenant, const enum rollout_state *state,
                        const struct row_window *window, rollout_row_fn fn, void *arg);
/** All that run, of every tenant: in order of tenant, then of their start. */
err_t rollout_rows_running(struct db_tx *tx, rollout_row_fn fn, void *arg);

/** A number that every change of a rollout, a release or a firmware policy raises. */
err_t rollout_rows_version(struct db_tx *tx, int64_t *out);
err_t rollout_rows_raise_version(struct db_tx *tx);

/** @errors ERR_NOT_FOUND */
err_t rollout_tally_rows_find(struct db_tx *tx, struct uuid rollout, struct rollout_tally_row *out);
err_t rollout_tally_rows_update(struct db_tx *tx, const struct rollout_tally_row *row);

#endif
