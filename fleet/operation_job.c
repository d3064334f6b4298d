/* The job that carries operations on: a step is one transaction about some devices, which stores how far it
 * came. Steps of several operations take turns. Knows no kind's work: each is a row of the table. */
#include "fleet/operation_steps.h"

#include <stdio.h>

#include "fleet/internal.h"
#include "fleet/yield.h"

enum { STEPS_PER_RUN = 40 };

static const struct operation_work {
    const char *name;
    err_t (*step)(struct db_tx *tx, struct operation_step *step);
} works[] = {
    [OPERATION_REVOKE_MANY] = {"devices.revoke_many", mass_revoke_step},
    [OPERATION_TRANSFER] = {"devices.transfer", transfer_step},
};
enum { WORK_COUNT = sizeof works / sizeof works[0] };

static const struct operation_work *work_of(int64_t kind)
{
    bool is_known = kind >= 0 && kind < WORK_COUNT && works[kind].step != NULL;
    return is_known ? &works[kind] : NULL;
}

const char *operation_kind_name(int64_t kind)
{
    const struct operation_work *work = work_of(kind);
    return work != NULL ? work->name : "unknown";
}

struct step_run {
    struct operation_row row;
    bool has_work;
    int64_t revoked;
    bool has_failed; /* for good: it would fail again */
    err_t failure;
};

static err_t run_step(struct db_tx *tx, struct step_run *run, const struct terms *terms)
{
    struct operation_step step = {.row = &run->row, .terms = terms};
    const struct operation_work *work = work_of(run->row.kind);
    AUTO(json_t) *request = NULL;
    ENSURE(work != NULL, ERR_UNPROCESSABLE, "this server knows no work of this kind");
    TRY(json_parse(bytes_str(run->row.request), sizeof run->row.request, &request));
    step.request = request;
    TRY(work->step(tx, &step));
    run->revoked = step.revoked;
    return step.is_done ? operation_end(tx, &run->row, OPERATION_DONE, &terms->actor)
                        : operation_rows_update(tx, &run->row);
}

/* Errors of ours (a full disk, a closing inventory) are tried again with the next run. */
static err_t step_in(struct db_tx *tx, void *arg)
{
    struct step_run *run = arg;
    run->has_failed = false;
    run->revoked = 0;
    err_t error = operation_rows_find_next(tx, &run->row);
    run->has_work = error.code == ERR_OK;
    if (error.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(error);
    struct terms terms = {
        .tenant = run->row.tenant, .actor = {.request_id = run->row.request_id}, .is_approved = true};
    (void)snprintf(terms.actor.name, sizeof terms.actor.name, "%s", run->row.actor);
    error = run_step(tx, run, &terms);
    run->has_failed = error.code != ERR_OK && err_status(error.code) < 500;
    run->failure = error;
    return error;
}

/* The step was rolled back: what is stored is how far it came before. */
static err_t fail_in(struct db_tx *tx, void *arg)
{
    struct step_run *run = arg;
    static const struct actor itself = {.name = "whorld", .request_id = ""};
    TRY(operation_rows_find(tx, run->row.tenant, run->row.id, &run->row));
    if (run->row.state != OPERATION_RUNNING) {
        return OK;
    }
    (void)snprintf(run->row.failure, sizeof run->row.failure, "%s", run->failure.detail);
    return operation_end(tx, &run->row, OPERATION_FAILED, &itself);
}

err_t operations_run(struct fleet *fleet, int64_t now_ms)
{
    struct step_run run = {.has_work = true};
    (void)now_ms;
    for (int i = 0; i < STEPS_PER_RUN && run.has_work; i++) {
        err_t error = db_write(fleet->db, step_in, &run);
        if (error.code != ERR_OK && run.has_failed) {
            error = db_write(fleet->db, fail_in, &run);
        }
        TRY(error);
        atomic_fetch_add(&fleet->counters.revoked, run.revoked);
        if (run.has_work) {
            yield_pause(fleet, YIELD_STEP);
        }
    }
    return OK;
}
