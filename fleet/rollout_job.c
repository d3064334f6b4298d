/* What time does to rollouts. Actions of which nothing was heard for too long are found by an index, in steps
 * that leave the writer to others in between; each running rollout is then judged by its counts, which are
 * one row. A rollout that nothing happens to costs a read and no write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/device_rows.h"
#include "fleet/alarms.h"
#include "fleet/firmware_actions.h"
#include "fleet/internal.h"
#include "fleet/rollout_live.h"
#include "fleet/rollouts_internal.h"
#include "fleet/states.h"
#include "fleet/yield.h"

enum { STEP = 200, STEPS_MAX = 25 };

static const struct actor HOUSE = {.name = "whorld", .request_id = ""};

/* --- those that are silent ----------------------------------------------------------------------------- */

struct due {
    struct firmware_action_row rows[STEP];
    size_t count;
    int64_t limit;
};
DEFINE_AUTO_PTR(due, free);

static err_t take_due(const struct firmware_action_row *row, void *arg)
{
    struct due *due = arg;
    due->rows[due->count++] = *row; /* the statement's limit is at most the array's */
    return OK;
}

/* One that was to be cancelled and does not answer is let go; one that is not enrolled any more did not fail:
 * somebody took it out. */
static err_t end_action(struct db_tx *tx, const struct firmware_action_row *row)
{
    struct firmware_case it;
    struct device_row device = {.state = DEVICE_RETIRED};
    TRY(firmware_case_read(tx, &row->owner, row->id, &it));
    err_t found = device_rows_find(tx, row->owner.tenant, &row->owner.device, &device);
    TRY(found.code == ERR_NOT_FOUND ? OK : found);
    bool is_out = device.state != DEVICE_ENROLLED;
    bool is_cancelling = firmware_case_state(&it) == ACTION_CANCELLING;
    if (is_out) {
        (void)snprintf(it.action.reason, sizeof it.action.reason, "device_%s",
                       device_state_name(device.state));
    } else {
        (void)snprintf(it.action.reason, sizeof it.action.reason, "%s",
                       is_cancelling ? FIRMWARE_REASON_NO_ANSWER : FIRMWARE_REASON_SILENT);
    }
    return firmware_case_move(tx, &it, is_out || is_cancelling ? ACTION_CANCELLED : ACTION_FAILED);
}

static err_t look_due(struct db_tx *tx, void *arg)
{
    struct due *due = arg;
    due->count = 0;
    return firmware_action_rows_due(tx, db_tx_now_ms(tx), due->limit, take_due, due);
}

static err_t end_due(struct db_tx *tx, void *arg)
{
    struct due *due = arg;
    TRY(look_due(tx, due));
    for (size_t i = 0; i < due->count; i++) {
        TRY(end_action(tx, &due->rows[i]));
    }
    return OK;
}

/* Asks before it writes: mostly nobody is due, and then no commit is made. */
static err_t end_all_due(struct fleet *fleet)
{
    AUTO_PTR(due) *due = calloc(1, sizeof *due);
    ENSURE(due != NULL, ERR_NO_MEMORY, "actions of rollouts");
    due->limit = 1;
    TRY(db_read(fleet->db, look_due, due));
    due->limit = STEP;
    for (int i = 0; i < STEPS_MAX && due->count > 0; i++) {
        TRY(db_write(fleet->db, end_due, due));
        if (due->count < STEP) {
            break;
        }
        yield_pause(fleet, YIELD_STEP);
    }
    return OK;
}

/* --- each rollout --------------------------------------------------------------------------------------- */

enum step { STAY, STOP, TAKEN_BACK, WIDEN, FINISH };

static int64_t judged(const struct rollout_tally_row *tally)
{
    return tally->offered - tally->unverified - tally->cancelled;
}

static bool has_failed(const struct rollout *rollout)
{
    const struct rollout_spec *spec = &rollout->spec;
    int64_t offered = judged(&rollout->tally);
    return spec->stop_percent > 0 && offered >= spec->stop_min && offered > 0 &&
           rollout->tally.failed * 100 >= spec->stop_percent * offered;
}

static bool is_soaked(const struct rollout *rollout, int64_t now_ms)
{
    const struct rollout_spec *spec = &rollout->spec;
    const struct rollout_tally_row *tally = &rollout->tally;
    return spec->soak_s > 0 && now_ms >= rollout->row.wave_at + spec->soak_s * 1000 &&
           tally->wave_offered > 0 && tally->wave_offered >= spec->advance_min &&
           tally->wave_succeeded * 100 >= spec->success_percent * tally->wave_offered;
}

static bool is_quiet(const struct rollout *rollout, int64_t now_ms)
{
    const struct rollout_tally_row *tally = &rollout->tally;
    int64_t since = tally->last_at > rollout->row.wave_at ? tally->last_at : rollout->row.wave_at;
    return tally->waiting == 0 && now_ms >= since + rollout->spec.finish_after_quiet_s * 1000;
}

static enum step judge(const struct rollout *rollout, int64_t now_ms)
{
    if (rollout->row.state != ROLLOUT_RUNNING) {
        return STAY;
    }
    if (rollout->release.state != OFFER_RELEASE_PUBLISHED) {
        return TAKEN_BACK;
    }
    if (has_failed(rollout)) {
        return STOP;
    }
    if (rollout->row.wave + 1 < (int64_t)rollout->spec.wave_count) {
        return is_soaked(rollout, now_ms) ? WIDEN : STAY;
    }
    return is_quiet(rollout, now_ms) ? FINISH : STAY;
}

static struct alarm alarm_of(const struct rollout *rollout, char id[UUID_TEXT_SIZE])
{
    uuid_format(rollout->row.id, id);
    return (struct alarm){.kind = "rollout.stopped",
                          .subject = id,
                          .tenant = &rollout->row.tenant,
                          .severity = ALARM_CRITICAL,
                          .detail = rollout->row.reason};
}

err_t rollout_alarm_clear(struct db_tx *tx, const struct rollout *rollout)
{
    char id[UUID_TEXT_SIZE];
    const struct alarm alarm = alarm_of(rollout, id);
    return alarm_clear(tx, &alarm);
}

static err_t end(struct db_tx *tx, struct rollout *rollout, enum rollout_state state, const char *kind)
{
    rollout->row.state = state;
    rollout->row.ended_at = db_tx_now_ms(tx);
    TRY(rollout_rows_update(tx, &rollout->row));
    return rollout_record(tx, &HOUSE, rollout, kind);
}

static err_t stop(struct db_tx *tx, struct rollout *rollout)
{
    char id[UUID_TEXT_SIZE];
    (void)snprintf(rollout->row.reason, sizeof rollout->row.reason,
                   "%lld of %lld devices that were offered it failed: the limit is %lld percent",
                   (long long)rollout->tally.failed, (long long)judged(&rollout->tally),
                   (long long)rollout->spec.stop_percent);
    const struct alarm alarm = alarm_of(rollout, id);
    TRY(alarm_raise(tx, &alarm));
    return end(tx, rollout, ROLLOUT_STOPPED, "rollout.stopped");
}

static err_t take_back(struct db_tx *tx, struct rollout *rollout)
{
    (void)snprintf(rollout->row.reason, sizeof rollout->row.reason, "the release was withdrawn");
    return end(tx, rollout, ROLLOUT_STOPPED, "rollout.stopped");
}

static err_t widen(struct db_tx *tx, struct rollout *rollout)
{
    TRY(rollout_widen(tx, rollout));
    TRY(rollout_rows_update(tx, &rollout->row));
    return rollout_record(tx, &HOUSE, rollout, "rollout.wave_opened");
}

struct turn {
    struct uuid tenant, id;
    struct rollout rollout;
    enum step step;
};

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct turn *turn = arg;
    TRY(rollout_find_in(tx, turn->tenant, turn->id, &turn->rollout));
    turn->step = judge(&turn->rollout, db_tx_now_ms(tx));
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
        return stop(tx, &turn->rollout);
    case TAKEN_BACK:
        return take_back(tx, &turn->rollout);
    case WIDEN:
        return widen(tx, &turn->rollout);
    case FINISH:
        return end(tx, &turn->rollout, ROLLOUT_FINISHED, "rollout.finished");
    }
    return OK;
}

static err_t turn_all(struct fleet *fleet, bool *has_changed)
{
    AUTO_PTR(rollout_live) *live = rollout_live_ref(fleet);
    size_t count = 0;
    const struct rollout_live_one *items = rollout_live_all(live, &count);
    *has_changed = false;
    for (size_t i = 0; i < count; i++) {
        struct turn turn = {.tenant = items[i].tenant, .id = items[i].course.id};
        TRY(db_read(fleet->db, look_in, &turn));
        if (turn.step != STAY) {
            TRY(db_write(fleet->db, turn_in, &turn));
            *has_changed = true;
        }
    }
    return OK;
}

err_t rollouts_run(struct fleet *fleet, int64_t now_ms)
{
    bool has_changed = false;
    (void)now_ms; /* the transaction's own time counts */
    TRY(rollout_live_refresh(fleet));
    TRY(end_all_due(fleet));
    TRY(turn_all(fleet, &has_changed));
    return has_changed ? rollout_live_refresh(fleet) : OK;
}
