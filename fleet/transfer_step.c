/* The move of devices to their next owner, some in each transaction: at every commit a device has one owner,
 * the one before or the one after (invariant I2). What cannot be moved stays where it is, with its reason. */
#include <string.h>

#include "db/batch_rows.h"
#include "db/device_count_rows.h"
#include "db/device_rows.h"
#include "fleet/device_change.h"
#include "fleet/event.h"
#include "fleet/operation_steps.h"
#include "fleet/registration.h"
#include "fleet/revoked_rows.h"
#include "fleet/states.h"
#include "fleet/transfer_internal.h"

enum { REASON_CESSATION = 5 };

struct move {
    struct operation_step *step;
    struct transfer_row transfer;
    struct batch_row batch; /* of the next owner */
    struct device_id ids[OPERATION_STEP_DEVICES];
    size_t count;
    int64_t arrived; /* in the batch, in this transaction */
};

/* One device: the row of the owner before, and that of the next one when it has one. */
struct pair {
    struct device_row from, to;
    bool has_row;
};

/* --- judged: nothing is changed before both sides are found to be good ------------------------------- */

static err_t judge(struct db_tx *tx, const struct move *move, const struct device_id *id, struct pair *out)
{
    TRY(device_rows_find(tx, move->transfer.tenant, id, &out->from));
    TRY(transfer_check_device(&out->from));
    err_t error = device_rows_find(tx, move->transfer.to_tenant, id, &out->to);
    out->has_row = error.code == ERR_OK;
    if (error.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(error);
    ENSURE(out->to.state == DEVICE_REGISTERED || out->to.transferred_at != 0, ERR_CONFLICT,
           "the next owner has the device already, and there it is %s", device_state_name(out->to.state));
    return OK;
}

/* --- the owner before -------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct move *move, const struct device_row *device,
                    const struct actor *actor, const char *kind)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(move->transfer.id, id);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &device->tenant,
                          .device = &device->id};
    return event_append(tx, &event, "{\"transfer\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}", id,
                        move->transfer.tenant_name, move->transfer.to_tenant_name);
}

static err_t let_go(struct db_tx *tx, struct move *move, struct device_row *device)
{
    const struct actor actor = transfer_actor_seen(move->transfer.to_tenant_name);
    struct revocation revocation = {.actor = &actor, .reason = REASON_CESSATION};
    TRY(revocation_of_unlisted(tx, &revocation, device));
    move->step->revoked += revocation.count;
    device->reenrol_allowed = false;
    device->rekey_requested_at = 0;
    device->rekey_above = 0;
    device->transferred_at = db_tx_now_ms(tx);
    TRY(device_change(tx, device, DEVICE_RETIRED, BYTES_NONE));
    return record(tx, move, device, &actor, "device.transferred");
}

/* --- the next owner ---------------------------------------------------------------------------------- */

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static err_t arrive_new(struct db_tx *tx, struct move *move, struct pair *pair, struct bytes spki)
{
    const struct device_row *from = &pair->from;
    int64_t now_ms = db_tx_now_ms(tx);
    pair->to = (struct device_row){.id = from->id,
                                   .tenant = move->transfer.to_tenant,
                                   .batch = move->batch.id,
                                   .product = move->batch.product,
                                   .state = DEVICE_REGISTERED,
                                   .claim = from->claim,
                                   .key_origin = from->key_origin,
                                   .generation = from->generation,
                                   .registered_at = now_ms,
                                   .updated_at = now_ms,
                                   .ver = 1};
    memcpy(pair->to.serial, from->serial, sizeof pair->to.serial);
    memcpy(pair->to.model, from->model, sizeof pair->to.model);
    memcpy(pair->to.attributes, from->attributes, sizeof pair->to.attributes);
    move->arrived++;
    return registration_insert(tx, &pair->to, spki);
}

/* The owner before the last: the row that it kept wakes up in the new batch. Its certificates of that time
 * are revoked, so one enrolment under the identity key is allowed whatever the policy of recovery says. */
static err_t arrive_back(struct db_tx *tx, struct move *move, struct pair *pair, struct bytes spki)
{
    struct device_row *to = &pair->to;
    struct batch_row before;
    TRY(batch_rows_find(tx, to->tenant, to->batch, &before));
    to->claim = pair->from.claim;
    to->key_origin = pair->from.key_origin;
    to->generation = greater(to->generation, pair->from.generation);
    to->reenrol_allowed = true;
    to->enrolled_at = 0;
    to->transferred_at = 0;
    TRY(device_change(tx, to, DEVICE_REGISTERED, spki));
    TRY(device_count_rows_add(tx, &before, DEVICE_REGISTERED, -1));
    TRY(batch_rows_add_devices(tx, &before, -1));
    to->batch = move->batch.id;
    to->product = move->batch.product;
    to->registered_at = db_tx_now_ms(tx);
    memcpy(to->serial, pair->from.serial, sizeof to->serial);
    memcpy(to->model, pair->from.model, sizeof to->model);
    memcpy(to->attributes, pair->from.attributes, sizeof to->attributes);
    move->arrived++;
    return device_rows_place(tx, to);
}

/* It had registered the id on its own: that row stays where it is, and becomes as good a claim as the other
 * was. */
static err_t arrive_listed(struct db_tx *tx, struct pair *pair, struct bytes spki)
{
    struct device_row *to = &pair->to;
    to->claim = to->claim > pair->from.claim ? to->claim : pair->from.claim;
    to->key_origin = to->key_origin > pair->from.key_origin ? to->key_origin : pair->from.key_origin;
    to->generation = greater(to->generation, pair->from.generation);
    return device_change(tx, to, DEVICE_REGISTERED, spki);
}

static err_t move_one(struct db_tx *tx, struct move *move, struct pair *pair)
{
    AUTO_VAL(buf) spki = {0};
    TRY(device_rows_read_spki(tx, pair->from.tenant, &pair->from.id, &spki));
    TRY(let_go(tx, move, &pair->from));
    if (!pair->has_row) {
        TRY(arrive_new(tx, move, pair, buf_view(&spki)));
    } else if (pair->to.transferred_at != 0) {
        TRY(arrive_back(tx, move, pair, buf_view(&spki)));
    } else {
        TRY(arrive_listed(tx, pair, buf_view(&spki)));
    }
    return record(tx, move, &pair->to, &move->step->terms->actor, "device.received");
}

/* --- the step ---------------------------------------------------------------------------------------- */

static err_t take_id(const struct device_id *id, void *arg)
{
    struct move *move = arg;
    move->ids[move->count++] = *id; /* the statement's limit is the array's */
    return OK;
}

static err_t take_row(const struct device_row *row, void *arg)
{
    return take_id(&row->id, arg);
}

static err_t find_some(struct db_tx *tx, struct move *move)
{
    const struct operation_row *row = move->step->row;
    const struct transfer_row *transfer = &move->transfer;
    const struct device_id *after = row->has_cursor ? &row->cursor : NULL;
    struct device_place place = {.id = row->cursor};
    const struct device_range range = {.tenant = transfer->tenant,
                                       .batch = &transfer->batch,
                                       .after = after != NULL ? &place : NULL,
                                       .limit = OPERATION_STEP_DEVICES};
    return transfer->has_batch
               ? device_rows_list(tx, &range, take_row, move)
               : transfer_rows_devices(tx, transfer->id, after, OPERATION_STEP_DEVICES, take_id, move);
}

/* Devices of a batch that nobody named and that stay where they are were passed over; named ones failed. */
static err_t work_on(struct db_tx *tx, struct move *move, const struct device_id *id)
{
    struct operation_row *row = move->step->row;
    struct pair pair;
    err_t error = judge(tx, move, id, &pair);
    bool is_late = error.code == ERR_OK && move->transfer.has_batch &&
                   pair.from.registered_at > move->transfer.offered_at;
    if (is_late || (move->transfer.has_batch && error.code == ERR_WRONG_STATE)) {
        row->skipped++;
        return OK;
    }
    if (error.code == ERR_OK) {
        row->done++;
        move->transfer.moved++;
        return move_one(tx, move, &pair);
    }
    if (err_status(error.code) >= 500) {
        return error;
    }
    operation_note_failure(row, id, &error);
    move->transfer.failed++;
    return OK;
}

static err_t read_transfer(struct db_tx *tx, struct operation_step *step, struct transfer_row *out)
{
    struct uuid id = {.b = {0}};
    static const struct json_field fields[] = {{"transfer", JSON_KIND_UUID, true, 0, 0, 0, JSON_NO_HAS}};
    TRY(json_read(step->request, fields, 1, true, &id));
    return transfer_rows_find(tx, step->row->tenant, id, out);
}

err_t transfer_step(struct db_tx *tx, struct operation_step *step)
{
    struct move move = {.step = step};
    TRY(read_transfer(tx, step, &move.transfer));
    TRY(batch_rows_find(tx, step->row->tenant, move.transfer.to_batch, &move.batch));
    TRY(find_some(tx, &move));
    for (size_t i = 0; i < move.count; i++) {
        TRY(work_on(tx, &move, &move.ids[i]));
        step->row->cursor = move.ids[i];
        step->row->has_cursor = true;
    }
    if (move.arrived > 0) {
        TRY(batch_rows_add_devices(tx, &move.batch, move.arrived));
        TRY(device_count_rows_add(tx, &move.batch, DEVICE_REGISTERED, move.arrived));
    }
    step->is_done = move.count < OPERATION_STEP_DEVICES;
    if (step->is_done) {
        move.transfer.state = TRANSFER_COMPLETED;
    }
    TRY(transfer_rows_update(tx, &move.transfer));
    return step->is_done ? transfer_record(tx, &move.transfer, "transfer.completed", NULL, NULL) : OK;
}
