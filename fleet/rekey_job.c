/* What time does to campaigns. Those who were told too long ago are found by an index, in steps that leave
 * the writer to others in between; each running campaign is then judged by its counts, which are one row. A
 * campaign that nothing happens to costs a read and no write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/device_rows.h"
#include "fleet/internal.h"
#include "fleet/rekey_live.h"
#include "fleet/rekey_plans_internal.h"
#include "fleet/rekey_why.h"
#include "fleet/states.h"
#include "fleet/yield.h"

enum { STEP = 200, STEPS_MAX = 25 };

static const struct actor HOUSE = {.name = "whorld", .request_id = ""};

/* --- those who took too long -------------------------------------------------------------------------- */

struct due {
    struct rekey_member_row rows[STEP];
    size_t count;
    int64_t limit;
};
DEFINE_AUTO_PTR(due, free);

static err_t take_due(const struct rekey_member_row *row, void *arg)
{
    struct due *due = arg;
    due->rows[due->count++] = *row; /* the statement's limit is at most the array's */
    return OK;
}

static err_t record_end(struct db_tx *tx, const struct rekey_member_row *member)
{
    char plan[UUID_TEXT_SIZE];
    uuid_format(member->plan, plan);
    struct event event = {.kind = member->state == REKEY_MEMBER_FAILED ? "rekey_plan.device_failed"
                                                                       : "rekey_plan.device_skipped",
                          .result = "ok",
                          .actor = HOUSE.name,
                          .request_id = "",
                          .tenant = &member->tenant,
                          .device = &member->device};
    return event_append(tx, &event, "{\"rekey_plan\":\"%s\",\"reason\":\"%s\",\"told_at\":%lld}", plan,
                        member->reason, (long long)member->told_at);
}

/* A device that is not enrolled any more did not fail: somebody took it out. */
static err_t end_member(struct db_tx *tx, struct rekey_member_row *member)
{
    struct device_row device = {.state = DEVICE_RETIRED};
    struct rekey_tally_row tally;
    err_t found = device_rows_find(tx, member->tenant, &member->device, &device);
    TRY(found.code == ERR_NOT_FOUND ? OK : found);
    bool has_failed = device.state == DEVICE_ENROLLED;
    member->state = has_failed ? REKEY_MEMBER_FAILED : REKEY_MEMBER_SKIPPED;
    (void)snprintf(member->reason, sizeof member->reason, "%s%s",
                   has_failed ? rekey_verdict_word(REKEY_NOT_IN_TIME) : "device_",
                   has_failed ? "" : device_state_name(device.state));
    member->due_at = 0;
    member->ended_at = db_tx_now_ms(tx);
    TRY(rekey_member_rows_update(tx, member));
    TRY(rekey_tally_rows_find(tx, member->plan, &tally));
    tally.waiting--;
    tally.failed += has_failed ? 1 : 0;
    tally.skipped += has_failed ? 0 : 1;
    TRY(rekey_tally_rows_update(tx, &tally));
    return record_end(tx, member);
}

static err_t look_due(struct db_tx *tx, void *arg)
{
    struct due *due = arg;
    due->count = 0;
    return rekey_member_rows_due(tx, db_tx_now_ms(tx), due->limit, take_due, due);
}

static err_t fail_due(struct db_tx *tx, void *arg)
{
    struct due *due = arg;
    TRY(look_due(tx, due));
    for (size_t i = 0; i < due->count; i++) {
        TRY(end_member(tx, &due->rows[i]));
    }
    return OK;
}

/* Asks before it writes: mostly nobody is due, and then no commit is made. */
static err_t fail_all_due(struct fleet *fleet)
{
    AUTO_PTR(due) *due = calloc(1, sizeof *due);
    ENSURE(due != NULL, ERR_NO_MEMORY, "devices of rekey plans");
    due->limit = 1;
    TRY(db_read(fleet->db, look_due, due));
    due->limit = STEP;
    for (int i = 0; i < STEPS_MAX && due->count > 0; i++) {
        TRY(db_write(fleet->db, fail_due, due));
        if (due->count < STEP) {
            break;
        }
        yield_pause(fleet, YIELD_STEP);
    }
    return OK;
}

/* --- each campaign ------------------------------------------------------------------------------------ */

enum step { STAY, STOP, WIDEN, FINISH };

static bool has_failed(const struct rekey_plan *plan)
{
    const struct rekey_spec *spec = &plan->spec;
    const struct rekey_tally_row *tally = &plan->tally;
    int64_t told = tally->told - tally->skipped;
    return spec->stop_percent > 0 && told >= spec->stop_min && told > 0 &&
           tally->failed * 100 >= spec->stop_percent * told;
}

static bool is_soaked(const struct rekey_plan *plan, int64_t now_ms)
{
    const struct rekey_spec *spec = &plan->spec;
    const struct rekey_tally_row *tally = &plan->tally;
    return spec->soak_s > 0 && now_ms >= plan->row.wave_at + spec->soak_s * 1000 && tally->wave_told > 0 &&
           tally->wave_confirmed * 100 >= spec->success_percent * tally->wave_told;
}

static bool is_quiet(const struct rekey_plan *plan, int64_t now_ms)
{
    int64_t since = plan->tally.last_at > plan->row.wave_at ? plan->tally.last_at : plan->row.wave_at;
    return plan->tally.waiting == 0 && now_ms >= since + plan->spec.finish_after_quiet_s * 1000;
}

static enum step judge(const struct rekey_plan *plan, int64_t now_ms)
{
    if (plan->row.state != REKEY_PLAN_RUNNING) {
        return STAY;
    }
    if (has_failed(plan)) {
        return STOP;
    }
    if (plan->row.wave + 1 < (int64_t)plan->spec.wave_count) {
        return is_soaked(plan, now_ms) ? WIDEN : STAY;
    }
    return is_quiet(plan, now_ms) ? FINISH : STAY;
}

static err_t stop(struct db_tx *tx, struct rekey_plan *plan)
{
    plan->row.state = REKEY_PLAN_STOPPED;
    plan->row.ended_at = db_tx_now_ms(tx);
    (void)snprintf(plan->row.reason, sizeof plan->row.reason,
                   "%lld of %lld devices that were told failed: the limit is %lld percent",
                   (long long)plan->tally.failed, (long long)(plan->tally.told - plan->tally.skipped),
                   (long long)plan->spec.stop_percent);
    TRY(rekey_plan_rows_update(tx, &plan->row));
    return rekey_plan_record(tx, &HOUSE, plan, "rekey_plan.stopped");
}

static err_t finish(struct db_tx *tx, struct rekey_plan *plan)
{
    plan->row.state = REKEY_PLAN_FINISHED;
    plan->row.ended_at = db_tx_now_ms(tx);
    TRY(rekey_plan_rows_update(tx, &plan->row));
    return rekey_plan_record(tx, &HOUSE, plan, "rekey_plan.finished");
}

static err_t widen(struct db_tx *tx, struct rekey_plan *plan)
{
    TRY(rekey_plan_widen(tx, plan));
    TRY(rekey_plan_rows_update(tx, &plan->row));
    return rekey_plan_record(tx, &HOUSE, plan, "rekey_plan.wave_opened");
}

struct turn {
    struct uuid tenant, id;
    struct rekey_plan plan;
    enum step step;
};

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct turn *turn = arg;
    TRY(rekey_plan_find_in(tx, turn->tenant, turn->id, &turn->plan));
    turn->step = judge(&turn->plan, db_tx_now_ms(tx));
    return OK;
}

static err_t turn_in(struct db_tx *tx, void *arg)
{
    struct turn *turn = arg;
    TRY(look_in(tx, turn));
    switch (turn->step) {
    case STAY:
        break;
    case STOP:
        return stop(tx, &turn->plan);
    case WIDEN:
        return widen(tx, &turn->plan);
    case FINISH:
        return finish(tx, &turn->plan);
    }
    return OK;
}

static err_t turn_all(struct fleet *fleet, bool *has_changed)
{
    AUTO_PTR(rekey_live) *live = rekey_live_ref(fleet);
    size_t count = 0;
    const struct rekey_live_plan *plans = rekey_live_all(live, &count);
    *has_changed = false;
    for (size_t i = 0; i < count; i++) {
        struct turn turn = {.tenant = plans[i].tenant, .id = plans[i].course.id};
        TRY(db_read(fleet->db, look_in, &turn));
        if (turn.step != STAY) {
            TRY(db_write(fleet->db, turn_in, &turn));
            *has_changed = true;
        }
    }
    return OK;
}

err_t rekey_plans_run(struct fleet *fleet, int64_t now_ms)
{
    bool has_changed = false;
    (void)now_ms; /* the transaction's own time counts */
    TRY(rekey_live_refresh(fleet));
    TRY(fail_all_due(fleet));
    TRY(turn_all(fleet, &has_changed));
    return has_changed ? rekey_live_refresh(fleet) : OK;
}
