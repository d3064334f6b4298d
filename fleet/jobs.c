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
    }
    return OK;
}

static const struct job jobs[] = {
    {"clock", SECOND_MS, clock_guard_watch, false},
    {"signer", SECOND_MS, signer_watch, false},
    {"authorities", SECOND_MS, authority_set_refresh, false},
    {"publication", SECOND_MS, publication_refresh, false},
    {"ocsp-signers", MINUTE_MS, ocsp_refresh, false},
    {"checkpoint", 30 * SECOND_MS, checkpoint, false},
    {"token-uses", MINUTE_MS, token_uses_flush, false},
    {"device-contacts", 10 * SECOND_MS, device_contacts_flush, false},
    {"challenge-sweep", MINUTE_MS, challenge_sweep, true},
    {"cmp-sweep", MINUTE_MS, cmp_sweep, true},
    {"cmp-code-tries", MINUTE_MS, cmp_code_tries_flush, false},
    {"cmp-code-sweep", HOUR_MS, cmp_code_sweep, true},
    {"superseded", 10 * SECOND_MS, revocation_list_superseded, true},
    {"oidc-keys", SECOND_MS, oidc_refresh, false},
    {"operation-sweep", HOUR_MS, ops_sweep, true},
    {"audit-anchor", HOUR_MS, audit_anchor, true},
    {"device-terms", 10 * SECOND_MS, device_terms_pass, true},
    {"device-terms-walk", SECOND_MS, device_terms_walk, true},
    {"webhook-sweep", HOUR_MS, webhook_sweep, true},
    {"operations", SECOND_MS, operations_run, false},
    {"rekey-plans", SECOND_MS, rekey_plans_run, true},
    {"rollouts", SECOND_MS, rollouts_run, true},
    {"firmware-notes", 10 * SECOND_MS, firmware_notes_flush, false},
    {"approvals", MINUTE_MS, approvals_expire, true},
    {"release-signing", SECOND_MS, release_sign_run, false},
    {"transfers", MINUTE_MS, transfers_expire, true},
    {"session-sweep", HOUR_MS, session_sweep, true},
    {"firmware-scrub", MINUTE_MS, blobs_scrub, true},
    {"firmware-remove", 10 * SECOND_MS, blobs_remove_unused, false},
    {"firmware-sweep", 10 * MINUTE_MS, blobs_sweep, true},
    {"firmware-uploads", MINUTE_MS, uploads_expire, true},
    {"authority-orders", SECOND_MS, authority_orders_run, true},
    {"authority-ends", MINUTE_MS, authority_ends_run, true},
    {"authority-remains", SECOND_MS, authority_remains_run, true},
    {"expiries", MINUTE_MS, expiries_check, false},
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
