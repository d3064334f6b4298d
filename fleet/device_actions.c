/* Orders about a device: one table says what each does, one transaction does it. Signs no CRL (publication.c)
 * and judges no request of a device (contact.c, enrol_decide.c): those read the state that is left here. */
#include "fleet/device_actions.h"

#include "db/device_rows.h"
#include "db/recovery_rows.h"
#include "fleet/approvals.h"
#include "fleet/clones.h"
#include "fleet/device_change.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/revocation.h"
#include "fleet/revoked_rows.h"

enum { REASON_KEY_COMPROMISE = 1, REASON_CESSATION = 5 };

struct act {
    const struct terms *terms;
    const struct device_order *order;
    struct device_row *device;
    struct revocation revocation;
    int64_t allowed_until; /* of ACTION_ALLOW_RECOVERY */
};

/* --- what each order does to the device's row ------------------------------------------------------- */

static void lose_everything(struct device_row *device)
{
    device->reenrol_allowed = false;
    device->rekey_requested_at = 0;
    device->rekey_above = 0;
}

static err_t quarantine(struct db_tx *tx, struct act *run)
{
    return device_change(tx, run->device, DEVICE_QUARANTINED, BYTES_NONE);
}

static err_t release(struct db_tx *tx, struct act *run)
{
    bool was_enrolled = run->device->enrolled_at != 0;
    return device_change(tx, run->device, was_enrolled ? DEVICE_ENROLLED : DEVICE_REGISTERED, BYTES_NONE);
}

static err_t revoke(struct db_tx *tx, struct act *run)
{
    run->revocation.reason = run->order->reason;
    TRY(revocation_of_unlisted(tx, &run->revocation, run->device));
    lose_everything(run->device);
    return device_change(tx, run->device, DEVICE_REVOKED, BYTES_NONE);
}

static err_t allow_reenrol(struct db_tx *tx, struct act *run)
{
    run->device->reenrol_allowed = true;
    return device_rows_update(tx, run->device, BYTES_NONE);
}

/* The word of an operator answers what was asked. */
static err_t allow_recovery(struct db_tx *tx, struct act *run)
{
    const struct recovery_row row = {.device = run->device->id,
                                     .tenant = run->device->tenant,
                                     .allowed_until = db_tx_now_ms(tx) + run->order->valid_for_s * 1000};
    run->allowed_until = row.allowed_until;
    TRY(recovery_rows_put(tx, &row));
    return device_rows_update(tx, run->device, BYTES_NONE);
}

static err_t rekey(struct db_tx *tx, struct act *run)
{
    run->device->rekey_requested_at = db_tx_now_ms(tx);
    run->device->rekey_above = run->device->generation;
    return device_change(tx, run->device, run->device->state, BYTES_NONE); /* it is due now */
}

static err_t retire(struct db_tx *tx, struct act *run)
{
    run->revocation.reason = REASON_CESSATION;
    TRY(revocation_of_unlisted(tx, &run->revocation, run->device));
    lose_everything(run->device);
    return device_change(tx, run->device, DEVICE_RETIRED, BYTES_NONE);
}

static err_t call_compromised(struct db_tx *tx, struct act *run)
{
    run->revocation.reason = REASON_KEY_COMPROMISE;
    TRY(revocation_of_compromised(tx, &run->revocation, run->device));
    lose_everything(run->device);
    return device_change(tx, run->device, DEVICE_COMPROMISED, BYTES_NONE);
}

static const struct effect {
    err_t (*apply)(struct db_tx *tx, struct act *run);
    const char *kind;
} EFFECTS[] = {
    [ACTION_QUARANTINE] = {quarantine, "device.quarantined"},
    [ACTION_RELEASE] = {release, "device.released"},
    [ACTION_REVOKE] = {revoke, "device.revoked"},
    [ACTION_ALLOW_REENROL] = {allow_reenrol, "device.reenrol_allowed"},
    [ACTION_ALLOW_RECOVERY] = {allow_recovery, "device.recovery_allowed"},
    [ACTION_REKEY] = {rekey, "device.rekey_requested"},
    [ACTION_RETIRE] = {retire, "device.retired"},
    [ACTION_COMPROMISED] = {call_compromised, "device.compromised"},
};

/* --- the transaction -------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct act *run, enum device_state before)
{
    const struct device_order *order = run->order;
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "from", device_state_name(before)));
    TRY(json_set_text(body, "state", device_state_name(run->device->state)));
    if (run->revocation.reason >= 0) {
        TRY(json_set_text(body, "reason", revocation_reason_name(run->revocation.reason)));
        TRY(json_set_int(body, "certificates", run->revocation.count));
    }
    if (run->allowed_until != 0) {
        TRY(json_set_time(body, "allowed_until", run->allowed_until));
    }
    if (order->cause != NULL) {
        TRY(json_set_text(body, "cause", order->cause));
    }
    if (order->note != NULL) {
        TRY(json_set_text(body, "note", order->note));
    }
    struct event event = {.kind = EFFECTS[order->action].kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->device->tenant,
                          .device = &run->device->id};
    return event_append_value(tx, &event, body);
}

/* --- what waits for a second person ----------------------------------------------------------------- */

static err_t write_request(const struct device_order *order, json_t *out)
{
    TRY(json_set_hex(out, "device", BYTES_OF(order->id.b)));
    if (order->cause != NULL) {
        TRY(json_set_text(out, "reason", order->cause));
    }
    return order->note != NULL ? json_set_text(out, "note", order->note) : OK;
}

err_t device_order_read(const json_t *request, struct device_order *order)
{
    static const struct json_field fields[] = {
        {"device", JSON_KIND_HEX32, true, offsetof(struct device_order, id), 0, 0, JSON_NO_HAS},
        {"reason", JSON_KIND_TEXT, false, offsetof(struct device_order, cause), 0, 0, JSON_NO_HAS},
        {"note", JSON_KIND_TEXT, false, offsetof(struct device_order, note), 0, 0, JSON_NO_HAS},
    };
    *order = (struct device_order){.action = ACTION_COMPROMISED};
    err_t error = json_read(request, fields, sizeof fields / sizeof fields[0], true, order);
    ENSURE(error.code == ERR_OK, ERR_DB, "a stored request is not readable: %s", error.detail);
    return OK;
}

static err_t ask_second(struct db_tx *tx, const struct act *run, bool *is_waiting)
{
    *is_waiting = false;
    if (run->order->action != ACTION_COMPROMISED) {
        return OK;
    }
    TRY(dual_control_asks(tx, run->terms, &run->device->product, APPROVAL_COMPROMISED, is_waiting));
    if (!*is_waiting) {
        return OK;
    }
    AUTO(json_t) *request = json_object();
    TRY(write_request(run->order, request));
    const struct approval_wish wish = {
        .bit = APPROVAL_COMPROMISED, .request = request, .op_kind = EFFECTS[ACTION_COMPROMISED].kind};
    return approval_request(tx, run->terms, &wish);
}

/* --- the transaction, continued --------------------------------------------------------------------- */

/* Whether this very order was carried out before, under its Idempotency-Key: then nothing happens again. */
static err_t find_repeat(struct db_tx *tx, const struct act *run, bool *is_repeat)
{
    struct op_row op;
    bool is_waiting = false;
    TRY(idempotency_find(tx, &run->terms->idempotency, EFFECTS[run->order->action].kind, &op, is_repeat));
    return *is_repeat ? approval_take_repeat(run->terms, &op, &is_waiting) : OK;
}

static err_t act_in(struct db_tx *tx, struct act *run)
{
    const struct device_order *order = run->order;
    bool is_done = false;
    TRY(device_rows_find(tx, run->terms->tenant, &order->id, run->device));
    TRY(find_repeat(tx, run, &is_done));
    if (is_done) {
        return OK;
    }
    TRY(terms_check_version(run->terms, run->device->ver));
    enum device_state before = run->device->state;
    TRY(device_action_check(order->action, before));
    if (order->action == ACTION_ALLOW_REENROL && run->device->reenrol_allowed) {
        return OK;
    }
    TRY(ask_second(tx, run, &is_done));
    if (is_done) {
        return OK;
    }
    TRY(EFFECTS[order->action].apply(tx, run));
    TRY(device_action_end(order->action, before, run->device->state));
    TRY(clone_alarm_clear(tx, run->device));
    TRY(idempotency_keep(tx, &run->terms->idempotency, EFFECTS[order->action].kind, ""));
    return record(tx, run, before);
}

err_t device_act_in(struct db_tx *tx, const struct terms *terms, const struct device_order *order,
                    struct device_row *out, int64_t *revoked)
{
    struct act run = {.terms = terms, .order = order, .device = out};
    run.revocation = (struct revocation){.actor = &terms->actor, .reason = -1};
    TRY(act_in(tx, &run));
    *revoked += run.revocation.count;
    return OK;
}

static err_t act(struct db_tx *tx, void *arg)
{
    struct act *run = arg;
    run->revocation = (struct revocation){.actor = &run->terms->actor, .reason = -1};
    return act_in(tx, run);
}

err_t device_act(struct fleet *fleet, const struct terms *terms, const struct device_order *order,
                 struct device_row *out)
{
    ENSURE(order->action >= ACTION_QUARANTINE, ERR_INTERNAL, "%s is no order",
           device_action_name(order->action));
    struct act run = {.terms = terms, .order = order, .device = out};
    TRY(db_write(fleet->db, act, &run));
    atomic_fetch_add(&fleet->counters.revoked, run.revocation.count);
    return OK;
}
