/* Registers a production lot: all of its devices or none, in one transaction with its audit record and its
 * Idempotency-Key. A device gets no audit record of its own here: the batch's record names the count and the
 * hash over the sorted ids, so it commits to every one of them, and 200,000 records would say no more. */
#include <stdlib.h>

#include "db/batch_rows.h"
#include "db/device_count_rows.h"
#include "db/product_rows.h"
#include "fleet/batch_lines.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/registration.h"
#include "fleet/registry.h"
#include "fleet/terms.h"

static const char OP_KIND[] = "batch.register";

static void free_lines(struct batch_line **lines)
{
    free(*lines);
}

struct registration {
    const struct actor *actor;
    const struct batch_order *order;
    const struct product_row *product;
    const struct batch_line *lines;
    struct sha256 ids_hash;
    struct batch_row *out;
    struct batch_report *report;
    bool is_repeat;
};

/* --- the Idempotency-Key -------------------------------------------------------------------------------- */

/* The first answer again, when this key did this before. */
static err_t find_repeat(struct db_tx *tx, const struct batch_order *order, struct batch_row *out,
                         bool *is_repeat)
{
    const struct idempotency idempotency = {order->tenant, order->idempotency_key, order->fingerprint};
    struct uuid id;
    TRY(idempotency_find_id(tx, &idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? batch_rows_find(tx, order->tenant, id, out) : OK;
}

static err_t remember(struct db_tx *tx, const struct batch_order *order, const struct batch_row *batch)
{
    const struct idempotency idempotency = {order->tenant, order->idempotency_key, order->fingerprint};
    char id[UUID_TEXT_SIZE];
    uuid_format(batch->id, id);
    return idempotency_keep(tx, &idempotency, OP_KIND, id);
}

/* --- the devices ---------------------------------------------------------------------------------------- */

static err_t register_line(struct db_tx *tx, const struct batch_line *line, struct device_row *row)
{
    row->id = line->id;
    row->claim = line->entry->spki.n > 0 ? CLAIM_SPKI : CLAIM_LISTED;
    TRY(batch_line_fill(line, row));
    return registration_insert(tx, row, line->entry->spki);
}

/* Goes on after a refused line, so that a person gets all of them at once; the caller's error then rolls
 * everything back. */
static err_t register_lines(struct db_tx *tx, const struct registration *run)
{
    const struct batch_row *batch = run->out;
    struct device_row row = {.tenant = batch->tenant,
                             .batch = batch->id,
                             .product = batch->product,
                             .state = DEVICE_REGISTERED,
                             .key_origin = KEY_ORIGIN_BATCH,
                             .registered_at = batch->created_at,
                             .updated_at = batch->created_at,
                             .ver = 1};
    *run->report = (struct batch_report){0};
    for (size_t i = 0; i < run->order->count; i++) {
        err_t error = register_line(tx, &run->lines[i], &row);
        if (error.code == ERR_CONFLICT) {
            batch_report_refuse(run->report, run->lines[i].index, error);
            continue;
        }
        TRY(error);
    }
    return run->report->refused == 0 ? OK : batch_report_error(run->report, ERR_CONFLICT, run->order->count);
}

static err_t record(struct db_tx *tx, const struct registration *run)
{
    char id[UUID_TEXT_SIZE], hash[2 * SHA256_SIZE + 1];
    uuid_format(run->out->id, id);
    hex_encode(BYTES_OF(run->ids_hash.b), hash);
    struct event event = {.kind = "batch.registered",
                          .result = "ok",
                          .actor = run->actor->name,
                          .request_id = run->actor->request_id,
                          .tenant = &run->out->tenant};
    return event_append(
        tx, &event,
        "{\"batch\":\"%s\",\"name\":\"%s\",\"product\":\"%s\",\"count\":%lld,\"ids_sha256\":\"%s\"}", id,
        run->out->name, run->product->name, (long long)run->out->device_count, hash);
}

static err_t register_in(struct db_tx *tx, void *arg)
{
    struct registration *run = arg;
    TRY(find_repeat(tx, run->order, run->out, &run->is_repeat));
    if (run->is_repeat) {
        return OK;
    }
    int64_t now_ms = db_tx_now_ms(tx);
    *run->out = (struct batch_row){.tenant = run->order->tenant,
                                   .product = run->product->id,
                                   .device_count = (int64_t)run->order->count,
                                   .created_at = now_ms,
                                   .updated_at = now_ms,
                                   .ver = 1};
    name_copy(run->order->name, run->out->name);
    TRY(db_tx_uuid(tx, &run->out->id));
    TRY(batch_rows_insert(tx, run->out));
    TRY(register_lines(tx, run));
    TRY(device_count_rows_add(tx, run->out, DEVICE_REGISTERED, run->out->device_count));
    TRY(remember(tx, run->order, run->out));
    return record(tx, run);
}

/* --- outside of the transaction ------------------------------------------------------------------------- */

static err_t find_product(struct fleet *fleet, const struct batch_order *order, struct product_row *out)
{
    struct bytes name = order->product.n > 0 ? order->product : bytes_str("default");
    err_t error = product_find(fleet, order->tenant, name, out);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE, "'product': no such product");
    return error;
}

err_t batch_register(struct fleet *fleet, const struct actor *actor, const struct batch_order *order,
                     struct batch_row *out, struct batch_report *report)
{
    struct product_row product;
    *report = (struct batch_report){0};
    err_t named = name_check(order->name, "batch name");
    ENSURE(named.code == ERR_OK, named.code, "'name': %.120s", named.detail);
    ENSURE(order->idempotency_key.n <= IDEMPOTENCY_KEY_MAX, ERR_UNPROCESSABLE,
           "an Idempotency-Key has at most %d bytes", IDEMPOTENCY_KEY_MAX);
    TRY(find_product(fleet, order, &product));
    struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = product.allow_rsa_2048};
    __attribute__((cleanup(free_lines))) struct batch_line *lines = NULL;
    TRY(batch_lines_check(order, &policy, report, &lines));
    struct registration run = {
        .actor = actor, .order = order, .product = &product, .lines = lines, .out = out, .report = report};
    TRY(batch_lines_hash(lines, order->count, &run.ids_hash));
    TRY(db_write(fleet->db, register_in, &run));
    if (!run.is_repeat) {
        atomic_fetch_add(&fleet->counters.registered, (long long)order->count);
    }
    return OK;
}

struct find {
    struct uuid tenant, id;
    struct batch_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return batch_rows_find(tx, run->tenant, run->id, run->out);
}

err_t batch_find(struct fleet *fleet, struct uuid tenant, struct uuid id, struct batch_row *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}
