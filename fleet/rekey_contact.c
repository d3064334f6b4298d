/* At the door: a look at memory for everybody, a small read for those whom a running campaign means, a write
 * for the one that is told. The transaction judges all of it again. */
#include "fleet/rekey_contact.h"

#include <stdio.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "db/device_key_rows.h"
#include "db/device_rows.h"
#include "db/rekey_plan_rows.h"
#include "fleet/clock_guard.h"
#include "fleet/device_change.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/policy_words.h"
#include "fleet/rekey_live.h"
#include "fleet/rekey_tell.h"

/* --- one device, one campaign -------------------------------------------------------------------------- */

static err_t find_member(struct db_tx *tx, struct uuid plan, const struct device_id *device, bool *has)
{
    struct rekey_member_row member;
    err_t found = rekey_member_rows_find(tx, plan, device, &member);
    *has = found.code == ERR_OK;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t find_key_since(struct db_tx *tx, struct rekey_tell *tell)
{
    struct device_key_row key = {.first_seen_at = 0};
    err_t found = device_key_rows_find(tx, tell->certificate.spki_sha256, &key);
    tell->key_since = key.first_seen_at;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

/* All but the rate, from rows of this transaction. */
static err_t judge(struct db_tx *tx, struct rekey_tell *tell, bool *is_meant)
{
    bool has_member = false;
    int64_t wave = 0;
    const struct rekey_subject subject = {&tell->device, &tell->certificate, tell->key_algorithm,
                                          tell->key_since};
    *is_meant = false;
    if (tell->device.rekey_requested_at != 0 || db_tx_now_ms(tx) < tell->course.started_at ||
        rekey_need_judge(&tell->spec, &tell->course, &subject) != REKEY_IS_MEANT) {
        return OK;
    }
    TRY(rekey_wave_of(&tell->spec, tell->course.id, &tell->device, &wave));
    if (wave > tell->course.wave) {
        return OK;
    }
    TRY(find_member(tx, tell->course.id, &tell->device.id, &has_member));
    *is_meant = !has_member;
    return OK;
}

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct rekey_tell *tell = arg;
    bool is_meant = false;
    tell->may = false;
    TRY(find_key_since(tx, tell));
    TRY(judge(tx, tell, &is_meant));
    if (!is_meant) {
        return OK;
    }
    TRY(rekey_tally_rows_find(tx, tell->course.id, &tell->tally));
    tell->may = rekey_rate_take(&tell->spec.rate, db_tx_now_ms(tx), &tell->tally.window);
    return OK;
}

static err_t record(struct db_tx *tx, const struct rekey_tell *tell)
{
    char plan[UUID_TEXT_SIZE], actor[ACTOR_SIZE];
    uuid_format(tell->course.id, plan);
    (void)snprintf(actor, sizeof actor, "rekey_plan:%s", plan);
    struct event event = {.kind = "device.rekey_requested",
                          .result = "ok",
                          .actor = actor,
                          .request_id = tell->request_id,
                          .tenant = &tell->device.tenant,
                          .device = &tell->device.id};
    return event_append(tx, &event,
                        "{\"rekey_plan\":\"%s\",\"wave\":%lld,\"above\":%lld,\"state\":\"enrolled\"}", plan,
                        (long long)tell->course.wave + 1, (long long)tell->certificate.generation);
}

/* The device's row and its place among the plan's. */
static err_t order(struct db_tx *tx, struct rekey_tell *tell)
{
    const int64_t now_ms = db_tx_now_ms(tx);
    const struct rekey_member_row member = {.plan = tell->course.id,
                                            .tenant = tell->device.tenant,
                                            .device = tell->device.id,
                                            .state = REKEY_MEMBER_TOLD,
                                            .wave = tell->course.wave,
                                            .above = tell->certificate.generation,
                                            .told_at = now_ms,
                                            .due_at = now_ms + tell->spec.confirm_within_s * 1000};
    TRY(rekey_member_rows_insert(tx, &member));
    tell->device.rekey_requested_at = now_ms;
    tell->device.rekey_above = tell->certificate.generation;
    TRY(device_change(tx, &tell->device, tell->device.state, BYTES_NONE)); /* it is due now */
    tell->tally.told++;
    tell->tally.waiting++;
    tell->tally.wave_told++;
    tell->tally.last_at = now_ms;
    TRY(rekey_tally_rows_update(tx, &tell->tally));
    return record(tx, tell);
}

/* What was read outside may be old: the plan, the device, its certificate. */
static err_t read_again(struct db_tx *tx, struct rekey_tell *tell, bool *is_there)
{
    struct rekey_plan_row plan;
    const struct certificate_row asked = tell->certificate;
    *is_there = false;
    TRY(rekey_plan_rows_find(tx, tell->device.tenant, tell->course.id, &plan));
    TRY(device_rows_find(tx, tell->device.tenant, &tell->device.id, &tell->device));
    TRY(certificate_rows_find(tx, asked.authority, asked.serial, &tell->certificate));
    if (plan.state != REKEY_PLAN_RUNNING || tell->certificate.state != CERTIFICATE_CONFIRMED ||
        tell->device.state != DEVICE_ENROLLED) {
        return OK;
    }
    tell->course = (struct rekey_course){plan.id, plan.started_at, plan.wave};
    *is_there = true;
    return rekey_spec_parse(plan.spec, &tell->spec);
}

err_t rekey_tell_in(struct db_tx *tx, void *arg)
{
    struct rekey_tell *tell = arg;
    bool is_meant = false;
    tell->may = false;
    TRY(read_again(tx, tell, &is_meant));
    if (!is_meant) {
        return OK;
    }
    TRY(find_key_since(tx, tell));
    TRY(judge(tx, tell, &is_meant));
    if (!is_meant) {
        return OK;
    }
    TRY(rekey_tally_rows_find(tx, tell->course.id, &tell->tally));
    if (!rekey_rate_take(&tell->spec.rate, db_tx_now_ms(tx), &tell->tally.window)) {
        return OK;
    }
    tell->may = true;
    return order(tx, tell);
}

/* --- a contact ---------------------------------------------------------------------------------------- */

/* By what memory holds: most devices are no campaign's, and cost no more than this. */
static bool may_be_meant(const struct rekey_live_plan *plan, const struct rekey_tell *tell, int64_t now_ms)
{
    const struct rekey_subject subject = {&tell->device, &tell->certificate, tell->key_algorithm, 0};
    int64_t wave = 0;
    return now_ms >= plan->course.started_at &&
           rekey_need_judge(&plan->spec, &plan->course, &subject) == REKEY_IS_MEANT &&
           rekey_wave_of(&plan->spec, plan->course.id, &tell->device, &wave).code == ERR_OK &&
           wave <= plan->course.wave;
}

static err_t try_plan(struct fleet *fleet, const struct rekey_live_plan *plan, struct rekey_tell *tell)
{
    tell->may = false;
    if (!may_be_meant(plan, tell, clock_now_ms(fleet->clock))) {
        return OK;
    }
    tell->course = plan->course;
    tell->spec = plan->spec;
    TRY(db_read(fleet->db, look_in, tell));
    return tell->may ? db_write(fleet->db, rekey_tell_in, tell) : OK;
}

/* The campaign that began first has the first word; one that has no room leaves the device to the next. */
static err_t try_plans(struct fleet *fleet, const struct rekey_live *live, struct rekey_tell *tell)
{
    size_t count = 0;
    const struct rekey_live_plan *plans = rekey_live_of(live, tell->device.tenant, &count);
    for (size_t i = 0; i < count && !tell->may; i++) {
        TRY(try_plan(fleet, &plans[i], tell));
    }
    return OK;
}

/* Another request of the device was faster, or the disk is full: it is told next time. What devices could
 * bring about by coming often is no line of the log. */
static void tell_failure(const struct fleet *fleet, const struct contact_facts *facts, err_t error)
{
    if (error.code != ERR_BUSY && error.code != ERR_DISK_FULL) {
        log_error(fleet->log, "rekey_not_ordered", facts->request_id, error);
    }
}

void rekey_contact(struct fleet *fleet, const struct contact_facts *facts, struct contact *contact)
{
    bool is_confirmed =
        contact->proof == PROOF_OPERATIONAL && contact->certificate.state == CERTIFICATE_CONFIRMED;
    bool is_ordered = contact->device.rekey_requested_at != 0;
    if (!is_confirmed || is_ordered || clock_guard_check(fleet).code != ERR_OK) {
        return;
    }
    AUTO_PTR(rekey_live) *live = rekey_live_ref(fleet);
    struct rekey_tell tell = {.device = contact->device,
                              .certificate = contact->certificate,
                              .key_algorithm = key_algorithm_bit(facts->peer->certificate.key.alg),
                              .request_id = facts->request_id};
    err_t error = try_plans(fleet, live, &tell);
    if (error.code != ERR_OK) {
        tell_failure(fleet, facts, error);
    } else if (tell.may) {
        contact->device = tell.device;
    }
}

/* --- done --------------------------------------------------------------------------------------------- */

struct done {
    struct rekey_member_row rows[2 * REKEY_MEMBERS_OPEN_MAX];
    size_t count;
};

static err_t take_member(const struct rekey_member_row *row, void *arg)
{
    struct done *done = arg;
    done->rows[done->count++] = *row; /* the list's limit is half of the array's */
    return OK;
}

static err_t confirm(struct db_tx *tx, struct rekey_member_row *member)
{
    struct rekey_tally_row tally;
    TRY(rekey_tally_rows_find(tx, member->plan, &tally));
    tally.waiting -= member->state == REKEY_MEMBER_TOLD ? 1 : 0;
    tally.failed -= member->state == REKEY_MEMBER_FAILED ? 1 : 0;
    tally.confirmed++;
    tally.wave_confirmed += member->wave == tally.wave ? 1 : 0;
    TRY(rekey_tally_rows_update(tx, &tally));
    member->state = REKEY_MEMBER_CONFIRMED;
    member->reason[0] = '\0';
    member->due_at = 0;
    member->ended_at = db_tx_now_ms(tx);
    return rekey_member_rows_update(tx, member);
}

err_t rekey_confirmed(struct db_tx *tx, const struct device_row *device,
                      const struct certificate_row *certificate)
{
    struct done done = {.count = 0};
    TRY(rekey_member_rows_of_device(tx, device, REKEY_MEMBER_TOLD, take_member, &done));
    TRY(rekey_member_rows_of_device(tx, device, REKEY_MEMBER_FAILED, take_member, &done));
    for (size_t i = 0; i < done.count; i++) {
        TRY(certificate->generation > done.rows[i].above ? confirm(tx, &done.rows[i]) : OK);
    }
    return OK;
}
