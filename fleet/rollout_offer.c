/* The gates, in the order from what holds longest to what may pass within a second. */
#include "fleet/rollout_offer.h"

#include <stdio.h>

#include "db/device_rows.h"
#include "db/device_term_rows.h"
#include "fleet/event.h"
#include "fleet/firmware_actions.h"
#include "fleet/firmware_policy.h"

/* --- reading ------------------------------------------------------------------------------------------ */

static err_t read_action(struct db_tx *tx, struct rollout_offer *offer)
{
    err_t found = firmware_action_rows_of_rollout(tx, offer->rollout, &offer->owner.device, &offer->action);
    offer->has_action = found.code == ERR_OK && uuid_equal(offer->action.owner.tenant, offer->owner.tenant);
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t read_overdue(struct db_tx *tx, struct rollout_offer *offer)
{
    struct device_term_row term = {.is_overdue = false};
    struct firmware_policy_row policy;
    err_t found = device_term_rows_find(tx, &offer->device, &term);
    TRY(found.code == ERR_NOT_FOUND ? OK : found);
    TRY(firmware_policy_of(tx, offer->device.tenant, offer->device.product, &policy));
    bool has_passed = term.overdue_at != 0 && term.overdue_at <= db_tx_now_ms(tx);
    bool counts = policy.overdue != FIRMWARE_OVERDUE_ALLOW;
    offer->is_overdue = counts && found.code == ERR_OK && (term.is_overdue || has_passed);
    offer->passes_overdue =
        !offer->is_overdue || policy.overdue != FIRMWARE_OVERDUE_EXCLUDE || offer->release.is_security;
    return OK;
}

static err_t read_all(struct db_tx *tx, struct rollout_offer *offer)
{
    TRY(rollout_rows_find(tx, offer->owner.tenant, offer->rollout, &offer->row));
    TRY(rollout_spec_parse(offer->row.spec, &offer->spec));
    TRY(rollout_tally_rows_find(tx, offer->rollout, &offer->tally));
    TRY(firmware_offer_rows_release(tx, offer->row.release, &offer->release));
    TRY(device_rows_find(tx, offer->owner.tenant, &offer->owner.device, &offer->device));
    TRY(device_firmware_rows_read(tx, &offer->owner, &offer->firmware));
    TRY(read_action(tx, offer));
    return read_overdue(tx, offer);
}

struct goodness {
    size_t count;
    bool is_good;
};

static err_t check_artifact(const struct offer_artifact_row *row, void *arg)
{
    struct goodness *goodness = arg;
    goodness->count++;
    goodness->is_good = goodness->is_good && row->is_good;
    return OK;
}

/* Published, and each of its images is as it was. */
static err_t is_good(struct db_tx *tx, const struct rollout_offer *offer, bool *out)
{
    struct goodness goodness = {.is_good = offer->release.state == OFFER_RELEASE_PUBLISHED};
    if (goodness.is_good) {
        TRY(firmware_offer_rows_artifacts(tx, offer->release.id, check_artifact, &goodness));
    }
    *out = goodness.is_good && goodness.count > 0;
    return OK;
}

/* --- judging ------------------------------------------------------------------------------------------ */

static enum rollout_verdict judge_turn(struct rollout_offer *offer, int64_t now_ms)
{
    const struct rollout_course course = {offer->row.id, offer->row.started_at, offer->row.wave};
    if (offer->row.state != ROLLOUT_RUNNING) {
        return ROLLOUT_NOT_RUNNING;
    }
    if (now_ms < offer->row.started_at) {
        return ROLLOUT_NOT_BEGUN;
    }
    if (offer->firmware.open_action != 0) {
        return ROLLOUT_OPEN_ACTION;
    }
    enum rollout_verdict verdict = rollout_wave_judge(&offer->place, &course, offer->tally.offered);
    if (verdict != ROLLOUT_MEANS_IT) {
        return verdict;
    }
    bool has_room = rekey_rate_take(&offer->spec.rate, now_ms, &offer->tally.window);
    return has_room ? ROLLOUT_MEANS_IT : ROLLOUT_RATE_USED_UP;
}

static enum rollout_verdict judge_action(const struct rollout_offer *offer, int64_t now_ms)
{
    static const enum rollout_verdict verdicts[FIRMWARE_ACTION_STATES] = {
        [ACTION_OFFERED] = ROLLOUT_WAITS_FOR_REPORT,     [ACTION_RUNNING] = ROLLOUT_WAITS_FOR_REPORT,
        [ACTION_DOWNLOADED] = ROLLOUT_WAITS_FOR_REPORT,  [ACTION_INSTALLED] = ROLLOUT_WAITS_FOR_REPORT,
        [ACTION_CANCELLING] = ROLLOUT_WAITS_FOR_CANCEL,  [ACTION_SUCCEEDED] = ROLLOUT_DEVICE_DONE,
        [ACTION_UNVERIFIED] = ROLLOUT_DEVICE_UNVERIFIED, [ACTION_FAILED] = ROLLOUT_DEVICE_FAILED,
        [ACTION_CANCELLED] = ROLLOUT_DEVICE_CANCELLED};
    const struct firmware_case it = {
        .action = offer->action, .rollout = offer->row, .release = offer->release};
    int64_t next = 0;
    enum rollout_verdict verdict = verdicts[firmware_case_state(&it)];
    bool is_outside =
        verdict == ROLLOUT_WAITS_FOR_REPORT && !rollout_window_is_open(&offer->spec, now_ms, &next);
    return is_outside ? ROLLOUT_OUTSIDE_WINDOW : verdict;
}

static err_t judge(struct db_tx *tx, struct rollout_offer *offer)
{
    bool is_whole = false;
    const struct rollout_subject subject = {&offer->device, &offer->firmware};
    offer->verdict = rollout_need_judge(&offer->spec, offer->row.started_at, &offer->release, &subject);
    if (offer->verdict != ROLLOUT_MEANS_IT) {
        return OK;
    }
    TRY(is_good(tx, offer, &is_whole));
    if (!is_whole) {
        offer->verdict = ROLLOUT_TAKEN_BACK;
    } else if (!offer->passes_overdue) {
        offer->verdict = ROLLOUT_OVERDUE;
    } else if (firmware_next_id(offer->firmware.last_action) == 0) {
        offer->verdict = ROLLOUT_IDS_USED_UP;
    } else {
        offer->verdict = judge_turn(offer, db_tx_now_ms(tx));
    }
    return OK;
}

err_t rollout_offer_judge(struct db_tx *tx, void *arg)
{
    struct rollout_offer *offer = arg;
    TRY(read_all(tx, offer));
    const struct rollout_course course = {offer->row.id, offer->row.started_at, offer->row.wave};
    TRY(rollout_place_of(&offer->spec, &course, &offer->device, &offer->place));
    if (offer->has_action) {
        offer->verdict = judge_action(offer, db_tx_now_ms(tx));
        return OK;
    }
    return judge(tx, offer);
}

/* --- the offer ---------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct rollout_offer *offer)
{
    char actor[ACTOR_SIZE], id[UUID_TEXT_SIZE];
    AUTO(json_t) *body = json_object();
    uuid_format(offer->row.id, id);
    (void)snprintf(actor, sizeof actor, "rollout:%s", id);
    TRY(json_set_int(body, "action", offer->action.id));
    TRY(json_set_uuid(body, "rollout", offer->row.id));
    TRY(json_set_uuid(body, "release", offer->release.id));
    TRY(json_set_text(body, "version", offer->release.version));
    TRY(json_set_int(body, "sequence", offer->release.sequence));
    TRY(json_set_int(body, "wave", offer->row.wave + 1)); /* people count from 1 */
    TRY(offer->is_overdue ? json_set_bool(body, "rekey_overdue", true) : OK);
    struct event event = {.kind = "firmware.offered",
                          .result = "ok",
                          .actor = actor,
                          .request_id = "",
                          .tenant = &offer->owner.tenant,
                          .device = &offer->owner.device};
    return event_append_value(tx, &event, body);
}

err_t rollout_offer_make(struct db_tx *tx, void *arg)
{
    struct rollout_offer *offer = arg;
    const int64_t now_ms = db_tx_now_ms(tx);
    TRY(rollout_offer_judge(tx, offer));
    if (offer->verdict != ROLLOUT_MEANS_IT) {
        return OK;
    }
    offer->action = (struct firmware_action_row){.owner = offer->owner,
                                                 .id = firmware_next_id(offer->firmware.last_action),
                                                 .rollout = offer->row.id,
                                                 .release = offer->release.id,
                                                 .state = ACTION_OFFERED,
                                                 .wave = offer->row.wave,
                                                 .offered_at = now_ms,
                                                 .updated_at = now_ms,
                                                 .due_at = firmware_due_at(&offer->spec, now_ms)};
    TRY(firmware_action_rows_insert(tx, &offer->action));
    offer->firmware.last_action = offer->firmware.open_action = offer->action.id;
    TRY(device_firmware_rows_put(tx, &offer->firmware));
    rollout_tally_add(&offer->tally, ACTION_OFFERED, offer->row.wave, 1);
    offer->tally.last_at = now_ms;
    TRY(rollout_tally_rows_update(tx, &offer->tally));
    return record(tx, offer);
}
