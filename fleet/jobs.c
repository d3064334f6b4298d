/* The table of background work. Each row does a bounded step and returns; server/timer runs them, logs what
 * fails and calls them again at the next period. */
#include "fleet/jobs.h"

#include "db/op_rows.h"
#include "fleet/authority_remains.h"
#include "fleet/authority_set.h"
#include "fleet/authority_work.h"
#include "fleet/blobs.h"
#include "fleet/clock_guard.h"
#include "fleet/cmp.h"
#include "fleet/cmp_code_tries.h"
#include "fleet/cmp_codes.h"
#include "fleet/device_contacts.h"
#include "fleet/expiries.h"
#include "fleet/firmware_notes.h"
#include "fleet/internal.h"
#include "fleet/ocsp.h"
#include "fleet/oidc.h"
#include "fleet/publication.h"
#include "fleet/release_sign.h"
#include "fleet/sessions.h"
#include "fleet/signer_watch.h"
#include "fleet/uploads.h"
#include "fleet/yield.h"

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    OP_KEPT_MS = 48 * HOUR_MS, /* a repeat by Idempotency-Key is answered for at least a day */
    OP_SWEEP_STEP = 2000,
    OP_SWEEP_STEPS_MAX = 50
};

static err_t checkpoint(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    return db_checkpoint(fleet->db);
}

struct op_sweep {
    int64_t before_ms, deleted;
};

static err_t sweep_step(struct db_tx *tx, void *arg)
{
    struct op_sweep *sweep = arg;
    return op_rows_sweep(tx, sweep->before_ms, OP_SWEEP_STEP, &sweep->deleted);
}

/* Idempotency keys that nobody repeats any more. */
static err_t ops_sweep(struct fleet *fleet, int64_t now_ms)
{
    struct op_sweep sweep = {.before_ms = now_ms - OP_KEPT_MS};
    for (int i = 0; i < OP_SWEEP_STEPS_MAX; i++) {
        TRY(db_write(fleet->db, sweep_step, &sweep));
        if (sweep.deleted < OP_SWEEP_STEP) {
            break;
        }
        yield_pause(fleet, YIELD_STEP);
    }
    return OK;
}

/* The last number: how long it lets requests go first. Lists are renewed at half their life, so that a second
 * is nothing to them; what keeps the clock, the keys and the write-ahead log in order does not wait. */
static const struct job jobs[] = {
    {"clock", SECOND_MS, clock_guard_watch, false, 0},
    {"signer", SECOND_MS, signer_watch, false, 0},
    {"authorities", SECOND_MS, authority_set_refresh, false, 0},
    {"publication", SECOND_MS, publication_refresh, false, SECOND_MS},
    {"ocsp-signers", MINUTE_MS, ocsp_refresh, false, 0},
    {"checkpoint", 30 * SECOND_MS, checkpoint, false, 0},
    {"token-uses", MINUTE_MS, token_uses_flush, false, 30 * SECOND_MS},
    {"device-contacts", 10 * SECOND_MS, device_contacts_flush, false, 5 * SECOND_MS},
    {"challenge-sweep", MINUTE_MS, challenge_sweep, true, MINUTE_MS},
    {"cmp-sweep", MINUTE_MS, cmp_sweep, true, MINUTE_MS},
    {"cmp-code-tries", MINUTE_MS, cmp_code_tries_flush, false, 30 * SECOND_MS},
    {"cmp-code-sweep", HOUR_MS, cmp_code_sweep, true, 10 * MINUTE_MS},
    {"superseded", 10 * SECOND_MS, revocation_list_superseded, true, 10 * SECOND_MS},
    {"oidc-keys", SECOND_MS, oidc_refresh, false, 0},
    {"operation-sweep", HOUR_MS, ops_sweep, true, 10 * MINUTE_MS},
    {"audit-anchor", HOUR_MS, audit_anchor, true, 10 * MINUTE_MS},
    {"device-terms", 10 * SECOND_MS, device_terms_pass, true, 10 * SECOND_MS},
    {"device-terms-walk", SECOND_MS, device_terms_walk, true, 5 * SECOND_MS},
    {"webhook-sweep", HOUR_MS, webhook_sweep, true, 10 * MINUTE_MS},
    {"operations", SECOND_MS, operations_run, false, 2 * SECOND_MS},
    {"rekey-plans", SECOND_MS, rekey_plans_run, true, 5 * SECOND_MS},
    {"rollouts", SECOND_MS, rollouts_run, true, 5 * SECOND_MS},
    {"firmware-notes", 10 * SECOND_MS, firmware_notes_flush, false, 5 * SECOND_MS},
    {"approvals", MINUTE_MS, approvals_expire, true, MINUTE_MS},
    {"release-signing", SECOND_MS, release_sign_run, false, 2 * SECOND_MS},
    {"transfers", MINUTE_MS, transfers_expire, true, MINUTE_MS},
    {"session-sweep", HOUR_MS, session_sweep, true, 10 * MINUTE_MS},
    {"firmware-scrub", MINUTE_MS, blobs_scrub, true, 10 * MINUTE_MS},
    {"firmware-remove", 10 * SECOND_MS, blobs_remove_unused, false, MINUTE_MS},
    {"firmware-sweep", 10 * MINUTE_MS, blobs_sweep, true, 10 * MINUTE_MS},
    {"firmware-uploads", MINUTE_MS, uploads_expire, true, MINUTE_MS},
    {"authority-orders", SECOND_MS, authority_orders_run, true, 5 * SECOND_MS},
    {"authority-ends", MINUTE_MS, authority_ends_run, true, MINUTE_MS},
    {"authority-remains", SECOND_MS, authority_remains_run, true, 5 * SECOND_MS},
    {"expiries", MINUTE_MS, expiries_check, false, 0},
};

const struct job *fleet_jobs(size_t *count)
{
    *count = sizeof(jobs) / sizeof(jobs[0]);
    return jobs;
}

err_t fleet_job_run(struct fleet *fleet, const struct job *job, int64_t now_ms)
{
    struct clock_view clock;
    clock_guard_view(fleet, &clock);
    if (!clock.is_held) {
        return job->run(fleet, now_ms);
    }
    return job->waits_for_clock ? OK : job->run(fleet, clock_guard_now_ms(fleet));
}

bool fleet_job_may_run(struct fleet *fleet, const struct job *job, int64_t waited_ms)
{
    return yield_may_begin(fleet, waited_ms, job->yields_ms);
}
