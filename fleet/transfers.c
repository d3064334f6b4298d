/* Offers of devices to another tenant: made, looked at. What becomes of them is in transfer_decide.c; the
 * devices themselves are moved by transfer_step.c. */
#include "fleet/transfers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/batch_rows.h"
#include "db/device_rows.h"
#include "db/tenant_rows.h"
#include "fleet/approvals.h"
#include "fleet/internal.h"
#include "fleet/states.h"
#include "fleet/transfer_internal.h"

static const char OP_KIND[] = "transfer.offer";

/* --- the offer as a request -------------------------------------------------------------------------- */

static err_t set_devices(json_t *out, const struct device_id *ids, size_t count)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char text[2 * DEVICE_ID_SIZE + 1];
        hex_encode(BYTES_OF(ids[i].b), text);
        ENSURE(json_array_append_new(list, json_string(text)) == 0, ERR_NO_MEMORY, "a list of devices");
    }
    return json_take(out, "devices", TAKE(list));
}

static err_t write_request(const struct transfer_wish *wish, json_t *out)
{
    char batch[UUID_TEXT_SIZE];
    TRY(json_set_text(out, "to_tenant", wish->to_tenant));
    TRY(json_set_time(out, "expires_at", wish->expires_at));
    if (wish->note != NULL) {
        TRY(json_set_text(out, "note", wish->note));
    }
    if (!wish->has_batch) {
        return set_devices(out, wish->devices, wish->count);
    }
    uuid_format(wish->batch, batch);
    return json_set_text(out, "batch", batch);
}

struct offer {
    const char *to_tenant, *note;
    int64_t expires_at;
    bool has_batch;
    struct uuid batch;
    json_t *devices;
};

static err_t read_request(const json_t *request, struct offer *out)
{
    static const struct json_field fields[] = {
        {"to_tenant", JSON_KIND_TEXT, true, offsetof(struct offer, to_tenant), 0, 0, JSON_NO_HAS},
        {"expires_at", JSON_KIND_TIME, true, offsetof(struct offer, expires_at), 0, 0, JSON_NO_HAS},
        {"note", JSON_KIND_TEXT, false, offsetof(struct offer, note), 0, 0, JSON_NO_HAS},
        {"batch", JSON_KIND_UUID, false, offsetof(struct offer, batch), 0, 0,
         offsetof(struct offer, has_batch)},
        {"devices", JSON_KIND_ARRAY, false, offsetof(struct offer, devices), 1, TRANSFER_DEVICES_MAX,
         JSON_NO_HAS},
    };
    *out = (struct offer){.note = NULL};
    err_t error = json_read(request, fields, sizeof fields / sizeof fields[0], true, out);
    ENSURE(error.code == ERR_OK && out->has_batch == (out->devices == NULL), ERR_DB,
           "a stored request is not readable: %s", error.detail);
    return OK;
}

/* --- judged ------------------------------------------------------------------------------------------ */

err_t transfer_check_device(const struct device_row *device)
{
    bool is_free = device->state == DEVICE_REGISTERED || device->state == DEVICE_ENROLLED ||
                   device->state == DEVICE_REVOKED;
    ENSURE(is_free, ERR_WRONG_STATE,
           "the device is %s; a transfer needs it to be registered, enrolled or revoked",
           device_state_name(device->state));
    return OK;
}

/* What an offer is found to be, in the transaction. */
struct judged {
    struct tenant_row to;
    int64_t device_count;
    bool asks_second;
    struct batch_row batch;
    struct sha256 devices; /* over id, state and product of each */
};

struct judge {
    const struct terms *terms;
    const struct offer *offer;
    struct judged *out;
    struct uuid product; /* of the device before */
};

static err_t fault(const struct terms *terms, const char *pointer, const char *why)
{
    if (terms->faults == NULL) {
        return ERR(ERR_UNPROCESSABLE, "%s", why);
    }
    faults_add(terms->faults, pointer, "%s", why);
    return faults_error(terms->faults);
}

static err_t ask_product(struct db_tx *tx, struct judge *run, struct uuid product)
{
    bool asks = false;
    if (run->out->asks_second || uuid_equal(product, run->product)) {
        return OK;
    }
    run->product = product;
    TRY(dual_control_asks(tx, run->terms, &product, APPROVAL_TRANSFER_OFFER, &asks));
    run->out->asks_second = asks;
    return OK;
}

static err_t judge_device(struct db_tx *tx, struct judge *run, size_t i, struct buf *seen)
{
    struct device_id id;
    struct device_row device;
    char pointer[FAULT_POINTER_SIZE];
    const json_t *word = json_array_get(run->offer->devices, i);
    struct bytes text = {(const uint8_t *)json_string_value(word), json_string_length(word)};
    (void)snprintf(pointer, sizeof pointer, "/devices/%zu", i);
    ENSURE(hex_decode(text, id.b, sizeof id.b).code == ERR_OK, ERR_DB, "a stored id is no id");
    err_t error = device_rows_find(tx, run->terms->tenant, &id, &device);
    if (error.code == ERR_NOT_FOUND) {
        return fault(run->terms, pointer, "no such device");
    }
    TRY(error);
    error = transfer_check_device(&device);
    ENSURE(error.code == ERR_OK, error.code, "devices[%zu]: %s", i, error.detail);
    const uint8_t state = (uint8_t)device.state;
    TRY(buf_append(seen, device.id.b, sizeof device.id.b));
    TRY(buf_append(seen, &state, 1));
    TRY(buf_append(seen, device.product.b, sizeof device.product.b));
    return ask_product(tx, run, device.product);
}

static err_t judge_devices(struct db_tx *tx, struct judge *run)
{
    AUTO_VAL(buf) seen = {0};
    run->out->device_count = (int64_t)json_array_size(run->offer->devices);
    for (size_t i = 0; i < json_array_size(run->offer->devices); i++) {
        TRY(judge_device(tx, run, i, &seen));
    }
    return sha256_of(buf_view(&seen), &run->out->devices);
}

static err_t judge_batch(struct db_tx *tx, struct judge *run)
{
    TRY(batch_rows_find(tx, run->terms->tenant, run->offer->batch, &run->out->batch));
    run->out->device_count = run->out->batch.device_count;
    return ask_product(tx, run, run->out->batch.product);
}

static err_t judge_offer(struct db_tx *tx, const struct terms *terms, const struct offer *offer,
                         struct judged *out)
{
    struct judge run = {.terms = terms, .offer = offer, .out = out};
    int64_t now_ms = db_tx_now_ms(tx);
    *out = (struct judged){.device_count = 0};
    if (offer->expires_at <= now_ms || offer->expires_at > now_ms + TRANSFER_LIFETIME_MAX_MS) {
        return fault(terms, "/expires_at", "an offer ends in the future, within 30 days");
    }
    err_t error = tenant_rows_find(tx, bytes_str(offer->to_tenant), &out->to);
    if (error.code == ERR_NOT_FOUND) {
        return fault(terms, "/to_tenant", "no such tenant");
    }
    TRY(error);
    if (uuid_equal(out->to.id, terms->tenant)) {
        return fault(terms, "/to_tenant", "the devices are this tenant's already");
    }
    return offer->has_batch ? judge_batch(tx, &run) : judge_devices(tx, &run);
}

err_t transfer_offer_subject(struct db_tx *tx, const struct approval_case *this, json_t *out)
{
    struct offer offer;
    struct judged judged;
    char text[UUID_TEXT_SIZE];
    TRY(read_request(this->request, &offer));
    TRY(judge_offer(tx, this->terms, &offer, &judged));
    uuid_format(judged.to.id, text);
    TRY(json_set_text(out, "to_tenant", text));
    if (!offer.has_batch) {
        return json_set_hex(out, "devices_sha256", BYTES_OF(judged.devices.b));
    }
    uuid_format(judged.batch.id, text);
    TRY(json_set_text(out, "batch", text));
    return json_set_int(out, "ver", judged.batch.ver);
}

/* --- kept -------------------------------------------------------------------------------------------- */

static err_t add_devices(struct db_tx *tx, const struct offer *offer, struct uuid transfer)
{
    for (size_t i = 0; i < json_array_size(offer->devices); i++) {
        struct device_id id;
        bool is_new = false;
        const json_t *word = json_array_get(offer->devices, i);
        struct bytes text = {(const uint8_t *)json_string_value(word), json_string_length(word)};
        TRY(hex_decode(text, id.b, sizeof id.b));
        TRY(transfer_rows_add_device(tx, transfer, &id, &is_new));
        ENSURE(is_new, ERR_UNPROCESSABLE, "devices[%zu] stands earlier in the list", i);
    }
    return OK;
}

static err_t keep(struct db_tx *tx, const struct terms *terms, const struct offer *offer,
                  const struct judged *judged, struct transfer_row *out)
{
    struct tenant_row own;
    TRY(tenant_rows_find_by_id(tx, terms->tenant, &own));
    *out = (struct transfer_row){.tenant = terms->tenant,
                                 .to_tenant = judged->to.id,
                                 .state = TRANSFER_OFFERED,
                                 .has_batch = offer->has_batch,
                                 .batch = offer->batch,
                                 .device_count = judged->device_count,
                                 .offered_at = db_tx_now_ms(tx),
                                 .expires_at = offer->expires_at,
                                 .ver = 1};
    memcpy(out->tenant_name, own.name, sizeof out->tenant_name);
    memcpy(out->to_tenant_name, judged->to.name, sizeof out->to_tenant_name);
    (void)snprintf(out->note, sizeof out->note, "%s", offer->note == NULL ? "" : offer->note);
    (void)snprintf(out->offered_by, sizeof out->offered_by, "%s", terms->actor.name);
    TRY(db_tx_uuid(tx, &out->id));
    TRY(transfer_rows_insert(tx, out));
    TRY(add_devices(tx, offer, out->id));
    return transfer_record(tx, out, "transfer.offered", &terms->actor, &terms->tenant);
}

err_t transfer_offer_execute(struct db_tx *tx, const struct approval_case *this, struct approval_outcome *out)
{
    struct offer offer;
    struct judged judged;
    struct transfer_row row;
    char id[UUID_TEXT_SIZE];
    TRY(read_request(this->request, &offer));
    TRY(judge_offer(tx, this->terms, &offer, &judged));
    TRY(keep(tx, this->terms, &offer, &judged, &row));
    uuid_format(row.id, id);
    (void)snprintf(out->result, sizeof out->result, "%s", id);
    return OK;
}

struct offer_run {
    const struct terms *terms;
    const json_t *request;
    struct transfer_row *out;
};

static err_t find_repeat(struct db_tx *tx, const struct offer_run *run, bool *is_repeat)
{
    struct approval_repeat repeat;
    TRY(approval_find_repeat(tx, run->terms, OP_KIND, &repeat));
    *is_repeat = repeat.is_repeat;
    return repeat.has_made ? transfer_rows_find(tx, run->terms->tenant, repeat.made, run->out) : OK;
}

static err_t offer_in(struct db_tx *tx, void *arg)
{
    const struct offer_run *run = arg;
    struct offer offer;
    struct judged judged;
    bool is_repeat = false;
    char id[UUID_TEXT_SIZE];
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    TRY(read_request(run->request, &offer));
    TRY(judge_offer(tx, run->terms, &offer, &judged));
    if (judged.asks_second) {
        const struct approval_wish wish = {
            .bit = APPROVAL_TRANSFER_OFFER, .request = run->request, .op_kind = OP_KIND};
        return approval_request(tx, run->terms, &wish);
    }
    TRY(keep(tx, run->terms, &offer, &judged, run->out));
    uuid_format(run->out->id, id);
    return idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id);
}

err_t transfer_offer(struct fleet *fleet, const struct terms *terms, const struct transfer_wish *wish,
                     struct transfer_row *out)
{
    AUTO(json_t) *request = json_object();
    TRY(write_request(wish, request));
    struct offer_run run = {.terms = terms, .request = request, .out = out};
    return db_write(fleet->db, offer_in, &run);
}
