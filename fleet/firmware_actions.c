/* One place counts, so that the kept numbers are always those that a count would give. */
#include "fleet/firmware_actions.h"

#include <stdio.h>
#include <string.h>

#include "fleet/event.h"

static const char *const STATES[FIRMWARE_ACTION_STATES] = {
    [ACTION_OFFERED] = "offered",       [ACTION_RUNNING] = "running",
    [ACTION_DOWNLOADED] = "downloaded", [ACTION_INSTALLED] = "installed",
    [ACTION_CANCELLING] = "cancelling", [ACTION_SUCCEEDED] = "succeeded",
    [ACTION_UNVERIFIED] = "unverified", [ACTION_FAILED] = "failed",
    [ACTION_CANCELLED] = "cancelled"};

static const char *const KINDS[FIRMWARE_ACTION_STATES] = {
    [ACTION_SUCCEEDED] = "firmware.succeeded",
    [ACTION_UNVERIFIED] = "firmware.unverified",
    [ACTION_FAILED] = "firmware.failed",
    [ACTION_CANCELLED] = "firmware.cancelled",
};

const char *firmware_action_state_name(enum firmware_action_state state)
{
    return STATES[state];
}

err_t firmware_case_read(struct db_tx *tx, const struct firmware_owner *owner, int64_t id,
                         struct firmware_case *out)
{
    TRY(firmware_action_rows_find(tx, owner, id, &out->action));
    TRY(device_firmware_rows_read(tx, owner, &out->firmware));
    TRY(rollout_rows_find(tx, owner->tenant, out->action.rollout, &out->rollout));
    TRY(rollout_spec_parse(out->rollout.spec, &out->spec));
    return firmware_offer_rows_release(tx, out->action.release, &out->release);
}

static bool is_reason(const struct firmware_case *it, const char *reason)
{
    return strcmp(it->action.reason, reason) == 0;
}

enum firmware_action_state firmware_case_state(const struct firmware_case *it)
{
    enum firmware_action_state state = (enum firmware_action_state)it->action.state;
    bool is_taken_back = it->rollout.state == ROLLOUT_CANCELLED || it->rollout.state == ROLLOUT_STOPPED ||
                         it->release.state == OFFER_RELEASE_WITHDRAWN;
    bool is_cancelling =
        firmware_action_is_open(state) && is_taken_back && !is_reason(it, FIRMWARE_REASON_CANCEL_REJECTED);
    return is_cancelling ? ACTION_CANCELLING : state;
}

bool firmware_case_is_house_end(const struct firmware_case *it)
{
    return !firmware_action_is_open((enum firmware_action_state)it->action.state) &&
           (is_reason(it, FIRMWARE_REASON_SILENT) || is_reason(it, FIRMWARE_REASON_NO_ANSWER));
}

void rollout_tally_add(struct rollout_tally_row *tally, enum firmware_action_state state, int64_t wave,
                       int64_t by)
{
    const int64_t of_wave = wave == tally->wave ? by : 0;
    tally->offered += by;
    switch (state) {
    case ACTION_OFFERED:
    case ACTION_RUNNING:
    case ACTION_DOWNLOADED:
    case ACTION_INSTALLED:
    case ACTION_CANCELLING:
        tally->waiting += by;
        tally->wave_offered += of_wave;
        break;
    case ACTION_SUCCEEDED:
        tally->succeeded += by;
        tally->wave_offered += of_wave;
        tally->wave_succeeded += of_wave;
        break;
    case ACTION_FAILED:
        tally->failed += by;
        tally->wave_offered += of_wave;
        tally->wave_failed += of_wave;
        break;
    case ACTION_UNVERIFIED:
        tally->unverified += by;
        break;
    case ACTION_CANCELLED:
        tally->cancelled += by;
        break;
    }
}

static err_t count(struct db_tx *tx, const struct firmware_case *it, enum firmware_action_state state)
{
    struct rollout_tally_row tally;
    const enum firmware_action_state before = (enum firmware_action_state)it->action.state;
    if (firmware_action_is_open(before) && firmware_action_is_open(state)) {
        return OK; /* waiting still */
    }
    TRY(rollout_tally_rows_find(tx, it->rollout.id, &tally));
    rollout_tally_add(&tally, before, it->action.wave, -1);
    rollout_tally_add(&tally, state, it->action.wave, 1);
    return rollout_tally_rows_update(tx, &tally);
}

/* What it runs now: never less than what it ran before. */
static void take_installed(struct firmware_case *it, int64_t now_ms)
{
    struct device_firmware_row *firmware = &it->firmware;
    const struct offer_release_row *release = &it->release;
    if (release->sequence < firmware->sequence) {
        return;
    }
    firmware->has_installed = true;
    firmware->installed_release = release->id;
    firmware->installed_action = it->action.id;
    firmware->sequence = release->sequence;
    firmware->counter = release->counter > firmware->counter ? release->counter : firmware->counter;
    firmware->installed_at = now_ms;
    memcpy(firmware->installed_version, release->version, sizeof firmware->installed_version);
}

static err_t record(struct db_tx *tx, const struct firmware_case *it)
{
    AUTO(json_t) *body = json_object();
    const struct firmware_action_row *action = &it->action;
    TRY(json_set_int(body, "action", action->id));
    TRY(json_set_uuid(body, "rollout", action->rollout));
    TRY(json_set_uuid(body, "release", action->release));
    TRY(json_set_text(body, "version", it->release.version));
    TRY(json_set_int(body, "sequence", it->release.sequence));
    TRY(action->reason[0] != '\0' ? json_set_text(body, "reason", action->reason) : OK);
    struct event event = {.kind = KINDS[action->state],
                          .result = "ok",
                          .actor = "whorld",
                          .request_id = "",
                          .tenant = &action->owner.tenant,
                          .device = &action->owner.device};
    return event_append_value(tx, &event, body);
}

static err_t end(struct db_tx *tx, struct firmware_case *it)
{
    struct firmware_action_row *action = &it->action;
    const int64_t now_ms = db_tx_now_ms(tx);
    action->due_at = 0;
    action->ended_at = now_ms;
    it->firmware.open_action = it->firmware.open_action == action->id ? 0 : it->firmware.open_action;
    if (action->state == ACTION_SUCCEEDED || action->state == ACTION_UNVERIFIED) {
        take_installed(it, now_ms);
    }
    return record(tx, it);
}

err_t firmware_case_move(struct db_tx *tx, struct firmware_case *it, enum firmware_action_state state)
{
    TRY(count(tx, it, state));
    it->action.state = (int)state;
    TRY(firmware_action_is_open(state) ? OK : end(tx, it));
    TRY(firmware_action_rows_update(tx, &it->action));
    return device_firmware_rows_put(tx, &it->firmware);
}

int64_t firmware_due_at(const struct rollout_spec *spec, int64_t now_ms)
{
    int64_t from = now_ms;
    (void)rollout_window_is_open(spec, now_ms, &from);
    return from + spec->silent_after_s * 1000;
}

/* A client of old counts in its path from the last digit: a multiple of ten it cannot cancel. */
int64_t firmware_next_id(int64_t last)
{
    int64_t next = last + 1;
    next += next % 10 == 0 ? 1 : 0;
    return next <= FIRMWARE_ACTION_ID_MAX ? next : 0;
}
