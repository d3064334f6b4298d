/* Revoking many devices: the order as a request that can wait and be stored, and the step that works through
 * the devices in order of id. What is revoked of one device, and its record, is device_actions.c's. */
#include "fleet/mass_revoke.h"

#include <stdio.h>
#include <string.h>

#include "db/batch_rows.h"
#include "db/device_count_rows.h"
#include "db/device_rows.h"
#include "db/product_rows.h"
#include "fleet/approvals.h"
#include "fleet/device_actions.h"
#include "fleet/internal.h"
#include "fleet/operation_steps.h"
#include "fleet/revocation.h"

enum { LABEL_SIZE = 192 };
static const char OP_KIND[] = "devices.revoke_many";

/* --- the order as a request -------------------------------------------------------------------------- */

struct mass {
    bool is_product, has_state;
    struct uuid owner;
    int reason;
    enum device_state state;
    char label_name[LABEL_SIZE]; /* "": any */
    const char *label_value;     /* within label_name's array */
    const char *note;            /* of the request; or NULL */
};

static err_t write_request(const struct mass_order *order, json_t *out)
{
    char owner[UUID_TEXT_SIZE], label[LABEL_SIZE];
    uuid_format(order->owner, owner);
    TRY(json_set_text(out, order->is_product ? "product" : "batch", owner));
    TRY(json_set_text(out, "reason", revocation_reason_name(order->reason)));
    if (order->has_state) {
        TRY(json_set_text(out, "state", device_state_name(order->state)));
    }
    if (order->label_name != NULL) {
        int n = snprintf(label, sizeof label, "%s=%s", order->label_name, order->label_value);
        ENSURE(n > 0 && (size_t)n < sizeof label, ERR_UNPROCESSABLE, "the label is too long");
        TRY(json_set_text(out, "label", label));
    }
    return order->note != NULL ? json_set_text(out, "note", order->note) : OK;
}

struct raw {
    struct uuid batch, product;
    bool has_batch, has_product;
    const char *reason, *state, *label, *note;
};

static err_t take_texts(const struct raw *raw, struct mass *out)
{
    TRY(revocation_reason_parse(bytes_str(raw->reason), &out->reason));
    out->has_state = raw->state != NULL;
    if (raw->state != NULL) {
        TRY(device_state_parse(bytes_str(raw->state), &out->state));
    }
    if (raw->label != NULL) {
        (void)snprintf(out->label_name, sizeof out->label_name, "%s", raw->label);
        char *sign = strchr(out->label_name, '=');
        ENSURE(sign != NULL, ERR_DB, "a stored label has no value");
        *sign = '\0';
        out->label_value = sign + 1;
    }
    return OK;
}

static err_t read_request(const json_t *request, struct mass *out)
{
    struct raw raw = {.has_batch = false};
    static const struct json_field fields[] = {
        {"batch", JSON_KIND_UUID, false, offsetof(struct raw, batch), 0, 0, offsetof(struct raw, has_batch)},
        {"product", JSON_KIND_UUID, false, offsetof(struct raw, product), 0, 0,
         offsetof(struct raw, has_product)},
        {"reason", JSON_KIND_TEXT, true, offsetof(struct raw, reason), 0, 0, JSON_NO_HAS},
        {"state", JSON_KIND_TEXT, false, offsetof(struct raw, state), 0, 0, JSON_NO_HAS},
        {"label", JSON_KIND_TEXT, false, offsetof(struct raw, label), 0, LABEL_SIZE - 1, JSON_NO_HAS},
        {"note", JSON_KIND_TEXT, false, offsetof(struct raw, note), 0, 0, JSON_NO_HAS},
    };
    err_t error = json_read(request, fields, sizeof fields / sizeof fields[0], true, &raw);
    ENSURE(error.code == ERR_OK && raw.has_batch != raw.has_product, ERR_DB,
           "a stored request is not readable: %s", error.detail);
    *out = (struct mass){
        .is_product = raw.has_product, .owner = raw.has_product ? raw.product : raw.batch, .note = raw.note};
    return take_texts(&raw, out);
}

/* --- what it is about -------------------------------------------------------------------------------- */

/* The batch or the product as it is. */
struct place {
    struct uuid product;
    char name[NAME_SIZE];
    int64_t ver;
    int64_t counts[DEVICE_STATES];
};

static err_t read_place(struct db_tx *tx, struct uuid tenant, const struct mass *mass, struct place *out)
{
    struct product_row product;
    struct batch_row batch;
    if (mass->is_product) {
        TRY(product_rows_find_by_id(tx, mass->owner, &product));
        ENSURE(uuid_equal(product.tenant, tenant), ERR_NOT_FOUND, "no such product");
        out->product = product.id;
        out->ver = product.ver;
        memcpy(out->name, product.name, sizeof out->name);
    } else {
        TRY(batch_rows_find(tx, tenant, mass->owner, &batch));
        out->product = batch.product;
        out->ver = batch.ver;
        memcpy(out->name, batch.name, sizeof out->name);
    }
    return device_count_rows_read(tx, mass->owner, out->counts);
}

static bool is_revocable(enum device_state state)
{
    return device_action_check(ACTION_REVOKE, state).code == ERR_OK;
}

/* By the counts that are kept. */
static int64_t total_of(const struct place *place, const struct mass *mass)
{
    int64_t total = 0;
    for (int i = 0; i < DEVICE_STATES; i++) {
        enum device_state state = (enum device_state)i;
        bool is_meant = !mass->has_state || mass->state == state;
        total += is_meant && is_revocable(state) ? place->counts[i] : 0;
    }
    return total;
}

/* Devices that come into a batch or a product make another request of it; that they change state does not. */
err_t mass_revoke_subject(struct db_tx *tx, const struct approval_case *this, json_t *out)
{
    struct mass mass;
    struct place place;
    int64_t devices = 0;
    char owner[UUID_TEXT_SIZE];
    TRY(read_request(this->request, &mass));
    TRY(read_place(tx, this->terms->tenant, &mass, &place));
    for (int i = 0; i < DEVICE_STATES; i++) {
        devices += place.counts[i];
    }
    uuid_format(mass.owner, owner);
    TRY(json_set_text(out, mass.is_product ? "product" : "batch", owner));
    TRY(json_set_text(out, "name", place.name));
    TRY(json_set_int(out, "ver", place.ver));
    return json_set_int(out, "devices", devices);
}

/* --- started ----------------------------------------------------------------------------------------- */

static err_t start(struct db_tx *tx, const struct terms *terms, const json_t *request,
                   struct operation_row *out)
{
    struct mass mass;
    struct place place;
    TRY(read_request(request, &mass));
    TRY(read_place(tx, terms->tenant, &mass, &place));
    const struct operation_order order = {
        .kind = OPERATION_REVOKE_MANY, .request = request, .total = total_of(&place, &mass)};
    return operation_start(tx, terms, &order, out);
}

err_t mass_revoke_execute(struct db_tx *tx, const struct approval_case *this, struct approval_outcome *out)
{
    struct operation_row row;
    char id[UUID_TEXT_SIZE];
    TRY(start(tx, this->terms, this->request, &row));
    uuid_format(row.id, id);
    (void)snprintf(out->result, sizeof out->result, "%s", id);
    return OK;
}

struct order_run {
    const struct terms *terms;
    const json_t *request;
    const struct mass_order *order;
    struct operation_row *out;
};

static err_t find_repeat(struct db_tx *tx, const struct order_run *run, bool *is_repeat)
{
    struct approval_repeat repeat;
    TRY(approval_find_repeat(tx, run->terms, OP_KIND, &repeat));
    *is_repeat = repeat.is_repeat;
    return repeat.has_made ? operation_rows_find(tx, run->terms->tenant, repeat.made, run->out) : OK;
}

static err_t order_in(struct db_tx *tx, void *arg)
{
    const struct order_run *run = arg;
    const struct mass mass = {.is_product = run->order->is_product, .owner = run->order->owner};
    struct place place;
    bool is_done = false;
    char id[UUID_TEXT_SIZE];
    TRY(find_repeat(tx, run, &is_done));
    if (is_done) {
        return OK;
    }
    TRY(read_place(tx, run->terms->tenant, &mass, &place));
    TRY(terms_check_version(run->terms, place.ver));
    TRY(dual_control_asks(tx, run->terms, &place.product, APPROVAL_REVOKE_MANY, &is_done));
    if (is_done) {
        const struct approval_wish wish = {
            .bit = APPROVAL_REVOKE_MANY, .request = run->request, .op_kind = OP_KIND};
        return approval_request(tx, run->terms, &wish);
    }
    TRY(start(tx, run->terms, run->request, run->out));
    uuid_format(run->out->id, id);
    return idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id);
}

static err_t check(const struct mass_order *order)
{
    ENSURE(!order->has_state || is_revocable(order->state), ERR_UNPROCESSABLE,
           "nothing is revoked of devices that are %s", device_state_name(order->state));
    return OK;
}

err_t mass_revoke(struct fleet *fleet, const struct terms *terms, const struct mass_order *order,
                  struct operation_row *out)
{
    AUTO(json_t) *request = json_object();
    TRY(check(order));
    TRY(write_request(order, request));
    struct order_run run = {.terms = terms, .request = request, .order = order, .out = out};
    return db_write(fleet->db, order_in, &run);
}

/* --- the devices ------------------------------------------------------------------------------------- */

static bool has_label(const struct mass *mass, const struct device_row *row)
{
    if (mass->label_value == NULL) {
        return true;
    }
    AUTO(json_t) *labels = json_loads(row->labels, 0, NULL);
    const char *value = json_string_value(json_object_get(labels, mass->label_name));
    return value != NULL && strcmp(value, mass->label_value) == 0;
}

struct found {
    const struct mass *mass;
    struct device_id ids[OPERATION_STEP_DEVICES];
    bool is_meant[OPERATION_STEP_DEVICES];
    size_t count;
};

static err_t take(const struct device_row *row, void *arg)
{
    struct found *found = arg;
    found->ids[found->count] = row->id; /* the range's limit is the array's */
    found->is_meant[found->count] = is_revocable(row->state) && has_label(found->mass, row);
    found->count++;
    return OK;
}

static err_t find_some(struct db_tx *tx, struct uuid tenant, const struct device_id *after, struct found *out)
{
    const struct mass *mass = out->mass;
    struct device_place place = {.at = 0};
    if (after != NULL) {
        place.id = *after;
    }
    const struct device_range range = {.tenant = tenant,
                                       .batch = mass->is_product ? NULL : &mass->owner,
                                       .product = mass->is_product ? &mass->owner : NULL,
                                       .state = mass->has_state ? &mass->state : NULL,
                                       .after = after != NULL ? &place : NULL,
                                       .limit = OPERATION_STEP_DEVICES};
    out->count = 0;
    return device_rows_list(tx, &range, take, out);
}

static err_t revoke_one(struct db_tx *tx, struct operation_step *step, const struct mass *mass,
                        const struct device_id *id)
{
    char operation[UUID_TEXT_SIZE], cause[64];
    struct device_row device;
    uuid_format(step->row->id, operation);
    (void)snprintf(cause, sizeof cause, "operation %s", operation);
    const struct device_order order = {
        .id = *id, .action = ACTION_REVOKE, .reason = mass->reason, .cause = cause, .note = mass->note};
    return device_act_in(tx, step->terms, &order, &device, &step->revoked);
}

err_t mass_revoke_step(struct db_tx *tx, struct operation_step *step)
{
    struct mass mass;
    struct found found = {.mass = &mass};
    struct operation_row *row = step->row;
    TRY(read_request(step->request, &mass));
    TRY(find_some(tx, row->tenant, row->has_cursor ? &row->cursor : NULL, &found));
    for (size_t i = 0; i < found.count; i++) {
        if (found.is_meant[i]) {
            TRY(revoke_one(tx, step, &mass, &found.ids[i]));
        }
        row->done += found.is_meant[i] ? 1 : 0;
        row->skipped += found.is_meant[i] ? 0 : 1;
        row->cursor = found.ids[i];
        row->has_cursor = true;
    }
    step->is_done = found.count < OPERATION_STEP_DEVICES;
    return OK;
}

/* --- looked at only ---------------------------------------------------------------------------------- */

enum { PREVIEW_PAGES = 10 };

struct preview_run {
    struct uuid tenant;
    const struct mass *mass;
    struct mass_preview *out;
};

/* A rare label is looked for in the first pages only: a preview costs the same for every fleet. */
static err_t preview_in(struct db_tx *tx, void *arg)
{
    const struct preview_run *run = arg;
    struct mass_preview *out = run->out;
    struct found found = {.mass = run->mass};
    struct device_id after;
    struct place place;
    *out = (struct mass_preview){.total = 0};
    TRY(read_place(tx, run->tenant, run->mass, &place));
    out->total = total_of(&place, run->mass);
    for (int page = 0; page < PREVIEW_PAGES; page++) {
        TRY(find_some(tx, run->tenant, page == 0 ? NULL : &after, &found));
        for (size_t i = 0; i < found.count && out->count < MASS_SAMPLE_MAX; i++) {
            if (found.is_meant[i]) {
                out->sample[out->count++] = found.ids[i];
            }
        }
        if (found.count < OPERATION_STEP_DEVICES || out->count == MASS_SAMPLE_MAX) {
            break;
        }
        after = found.ids[found.count - 1];
    }
    return OK;
}

err_t mass_revoke_preview(struct fleet *fleet, struct uuid tenant, const struct mass_order *order,
                          struct mass_preview *out)
{
    AUTO(json_t) *request = json_object();
    struct mass mass;
    TRY(check(order));
    TRY(write_request(order, request));
    TRY(read_request(request, &mass));
    struct preview_run run = {.tenant = tenant, .mass = &mass, .out = out};
    return db_read(fleet->db, preview_in, &run);
}
