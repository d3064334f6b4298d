/* The poll: a look at memory and one read for everybody, a second read for those whom a running rollout may
 * mean, a write for the one that is offered something. The transaction judges all of it again. */
#include "fleet/firmware_offers.h"

#include <string.h>

#include "fleet/clock_guard.h"
#include "fleet/firmware_describe.h"
#include "fleet/firmware_notes.h"
#include "fleet/firmware_policy.h"
#include "fleet/internal.h"
#include "fleet/rollout_live.h"
#include "fleet/rollout_offer.h"

err_t firmware_check_contact(const struct contact *contact)
{
    bool has_proof = contact->proof == PROOF_OPERATIONAL || contact->proof == PROOF_TARGET_TOKEN;
    ENSURE(contact->is_known && has_proof, ERR_FORBIDDEN,
           "firmware is for a device with a certificate that is honoured");
    ENSURE(contact->device.state == DEVICE_ENROLLED, ERR_FORBIDDEN,
           "the state of the device allows no firmware");
    return OK;
}

/* --- what an action says ------------------------------------------------------------------------------ */

static err_t take_artifact(const struct offer_artifact_row *row, void *arg)
{
    struct firmware_artifacts *out = arg;
    ENSURE(out->count < FIRMWARE_ARTIFACTS_MAX, ERR_DB, "a release of too many images");
    struct firmware_artifact *item = &out->items[out->count];
    item->image = row->image;
    item->digests.sha256 = row->sha256;
    memcpy(item->digests.sha1, row->sha1, sizeof item->digests.sha1);
    memcpy(item->digests.md5, row->md5, sizeof item->digests.md5);
    item->digests.size = row->size;
    memcpy(item->filename, row->filename, sizeof item->filename);
    memcpy(item->part, row->part, sizeof item->part);
    out->is_good[out->count++] = row->is_good;
    return OK;
}

err_t firmware_artifacts_read(struct db_tx *tx, struct uuid release, struct firmware_artifacts *out)
{
    *out = (struct firmware_artifacts){.count = 0};
    return firmware_offer_rows_artifacts(tx, release, take_artifact, out);
}

err_t firmware_describe(struct db_tx *tx, const struct firmware_case *it, struct firmware_action *out)
{
    struct firmware_artifacts artifacts;
    const struct offer_release_row *release = &it->release;
    int64_t next = 0;
    TRY(firmware_artifacts_read(tx, release->id, &artifacts));
    *out =
        (struct firmware_action){.id = it->action.id,
                                 .state = firmware_case_state(it),
                                 .rollout = it->action.rollout,
                                 .release = it->action.release,
                                 .sequence = release->sequence,
                                 .counter = release->counter,
                                 .is_security = release->is_security,
                                 .is_forced = it->spec.is_forced,
                                 .has_window = it->spec.window_count > 0,
                                 .is_in_window = rollout_window_is_open(&it->spec, db_tx_now_ms(tx), &next),
                                 .manifest = release->manifest,
                                 .artifact_count = artifacts.count,
                                 .offered_at = it->action.offered_at,
                                 .updated_at = it->action.updated_at};
    memcpy(out->name, release->product_name, sizeof out->name);
    memcpy(out->version, release->version, sizeof out->version);
    memcpy(out->artifacts, artifacts.items, sizeof out->artifacts);
    return OK;
}

/* --- the poll ----------------------------------------------------------------------------------------- */

struct poll {
    struct firmware_owner owner;
    struct uuid product;
    struct device_firmware_row firmware;
    struct firmware_poll *out;
    bool has_to_mark;
};

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct poll *poll = arg;
    struct firmware_poll *out = poll->out;
    struct firmware_policy_row policy;
    struct firmware_case it;
    *out = (struct firmware_poll){.has_action = false};
    poll->has_to_mark = false;
    TRY(device_firmware_rows_read(tx, &poll->owner, &poll->firmware));
    TRY(firmware_policy_of(tx, poll->owner.tenant, poll->product, &policy));
    out->poll_s = policy.poll_s;
    out->wants_attributes = poll->firmware.attributes_at == 0;
    out->installed_action = poll->firmware.installed_action;
    if (poll->firmware.open_action == 0) {
        return OK;
    }
    TRY(firmware_case_read(tx, &poll->owner, poll->firmware.open_action, &it));
    out->has_action = true;
    poll->has_to_mark = it.action.state != ACTION_CANCELLING && firmware_case_state(&it) == ACTION_CANCELLING;
    return firmware_describe(tx, &it, &out->action);
}

/* What was taken back becomes that in its row when the device is told so, once. */
static err_t mark_in(struct db_tx *tx, void *arg)
{
    const struct poll *poll = arg;
    struct firmware_case it;
    TRY(firmware_case_read(tx, &poll->owner, poll->out->action.id, &it));
    bool is_new = it.action.state != ACTION_CANCELLING && firmware_case_state(&it) == ACTION_CANCELLING;
    return is_new ? firmware_case_move(tx, &it, ACTION_CANCELLING) : OK;
}

/* By what memory holds: most devices are no rollout's, or not yet, and cost no more than this. */
static bool may_be_meant(const struct rollout_live_one *one, const struct contact *contact,
                         const struct device_firmware_row *firmware)
{
    const struct rollout_subject subject = {&contact->device, firmware};
    struct rollout_place place;
    if (rollout_need_judge(&one->spec, one->course.started_at, &one->release, &subject) != ROLLOUT_MEANS_IT ||
        rollout_place_of(&one->spec, &one->course, &contact->device, &place).code != ERR_OK) {
        return false;
    }
    return rollout_wave_judge(&place, &one->course, 0) == ROLLOUT_MEANS_IT; /* how full it is, is read */
}

static err_t try_rollout(struct fleet *fleet, const struct rollout_live_one *one, struct rollout_offer *offer)
{
    offer->rollout = one->course.id;
    TRY(db_read(fleet->db, rollout_offer_judge, offer));
    if (offer->verdict != ROLLOUT_MEANS_IT) {
        return OK;
    }
    return db_write(fleet->db, rollout_offer_make, offer);
}

/* The rollout that began first has the first word; one that has no room leaves the device to the next. */
static err_t try_rollouts(struct fleet *fleet, const struct contact *contact, const struct poll *poll,
                          bool *is_made)
{
    size_t count = 0;
    AUTO_PTR(rollout_live) *live = rollout_live_ref(fleet);
    const struct rollout_live_one *items = rollout_live_of(live, poll->owner.tenant, poll->product, &count);
    struct rollout_offer offer = {.owner = poll->owner};
    *is_made = false;
    for (size_t i = 0; i < count && !*is_made; i++) {
        if (may_be_meant(&items[i], contact, &poll->firmware)) {
            TRY(try_rollout(fleet, &items[i], &offer));
            *is_made = offer.verdict == ROLLOUT_MEANS_IT;
        }
    }
    return OK;
}

err_t firmware_poll(struct fleet *fleet, const struct contact *contact, struct firmware_poll *out)
{
    struct poll poll = {.owner = firmware_owner_of(contact), .product = contact->device.product, .out = out};
    bool is_made = false;
    TRY(firmware_check_contact(contact));
    TRY(db_read(fleet->db, look_in, &poll));
    firmware_notes_polled(fleet->firmware_notes, &poll.owner, clock_guard_now_ms(fleet));
    if (poll.has_to_mark) {
        TRY(db_write(fleet->db, mark_in, &poll));
    }
    if (out->has_action || clock_guard_check(fleet).code != ERR_OK) {
        return OK;
    }
    TRY(try_rollouts(fleet, contact, &poll, &is_made));
    return is_made ? db_read(fleet->db, look_in, &poll) : OK;
}

/* --- one action --------------------------------------------------------------------------------------- */

struct get {
    struct firmware_owner owner;
    int64_t id;
    struct firmware_action *out;
};

static err_t get_in(struct db_tx *tx, void *arg)
{
    const struct get *get = arg;
    struct firmware_case it;
    TRY(firmware_case_read(tx, &get->owner, get->id, &it));
    bool is_ended = !firmware_action_is_open((enum firmware_action_state)it.action.state);
    bool is_taken_back = it.action.state == ACTION_CANCELLED || it.release.state == OFFER_RELEASE_WITHDRAWN;
    ENSURE(!is_ended || !is_taken_back, ERR_GONE, "the action was taken back");
    return firmware_describe(tx, &it, get->out);
}

err_t firmware_action_get(struct fleet *fleet, const struct contact *contact, int64_t id,
                          struct firmware_action *out)
{
    struct get get = {.owner = firmware_owner_of(contact), .id = id, .out = out};
    TRY(firmware_check_contact(contact));
    return db_read(fleet->db, get_in, &get);
}
