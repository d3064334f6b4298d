/* The rules of enrolment codes while nobody shows one. Secrets are made before the transaction that stores
 * their hashes with one audit record for all of them; an answer that was lost cannot be given again. */
#include "fleet/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/code_rows.h"
#include "db/product_rows.h"
#include "fleet/admission_batch.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/policy_words.h"

static const char OP_KIND[] = "code.create";
static const int64_t LIFETIME_MS = INT64_C(90) * 24 * 3600 * 1000;
static const int64_t LIFETIME_MAX_MS = INT64_C(1827) * 24 * 3600 * 1000;

void new_codes_clear(struct new_codes *codes)
{
    if (codes->codes != NULL) {
        bytes_wipe(codes->codes, codes->count * sizeof codes->codes[0]);
    }
    free(codes->codes);
    *codes = (struct new_codes){.count = 0};
}

/* --- checked ---------------------------------------------------------------------------------------- */

static void check_kind(const struct code_wish *wish, struct faults *faults)
{
    bool is_batch = wish->kind == CODE_BATCH;
    bool is_right_limit = wish->use_limit >= 1 && wish->use_limit <= CODE_USES_MAX;
    if (is_batch && (!wish->has_use_limit || !is_right_limit)) {
        faults_add(faults, "/use_limit", "a batch code admits 1 to %d devices", CODE_USES_MAX);
    }
    if (!is_batch && wish->has_use_limit && wish->use_limit != 1) {
        faults_add(faults, "/use_limit", "a code of kind device is good for one device");
    }
    if (is_batch && wish->has_device) {
        faults_add(faults, "/device_id", "a batch code is for no device of its own");
    }
    if (is_batch && wish->serial.n > 0) {
        faults_add(faults, "/serial", "a batch code is for no device of its own");
    }
}

static void check_count(const struct code_wish *wish, struct faults *faults)
{
    if (wish->count < 1 || wish->count > CODES_AT_ONCE_MAX) {
        faults_add(faults, "/count", "1 to %d codes can be made at once", CODES_AT_ONCE_MAX);
    } else if (wish->count > 1 && (wish->has_device || wish->serial.n > 0)) {
        faults_add(faults, "/count", "one device needs one code");
    }
}

static void check_times(const struct code_wish *wish, int64_t now_ms, struct faults *faults)
{
    if (wish->not_after <= now_ms || wish->not_after <= wish->not_before) {
        faults_add(faults, "/not_after", "a code ends in the future, and after it begins");
    } else if (wish->not_after - now_ms > LIFETIME_MAX_MS) {
        faults_add(faults, "/not_after", "a code lives five years at most");
    }
}

static err_t check(const struct code_wish *wish, int64_t now_ms, struct faults *faults)
{
    TRY(faults_note(faults, "/name", name_check(wish->name, "code name")));
    if (wish->batch.n > 0) {
        TRY(faults_note(faults, "/batch", name_check(wish->batch, "batch name")));
    }
    if (wish->serial.n > 0 && !serial_number_is_valid(wish->serial)) {
        faults_add(faults, "/serial",
                   "a serial has 1 to 64 letters, digits, spaces or signs of a PrintableString");
    }
    check_kind(wish, faults);
    check_count(wish, faults);
    check_times(wish, now_ms, faults);
    return faults_error(faults);
}

/* --- made ------------------------------------------------------------------------------------------- */

static err_t make_texts(struct fleet *fleet, size_t count, struct new_codes *out)
{
    out->codes = calloc(count, sizeof out->codes[0]);
    ENSURE(out->codes != NULL, ERR_NO_MEMORY, "enrolment codes");
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        struct new_code *code = &out->codes[i];
        struct code_parts parts;
        struct sha256 hash;
        TRY(random_fill(fleet->random, parts.id, sizeof parts.id));
        TRY(random_fill(fleet->random, parts.secret, sizeof parts.secret));
        TRY(sha256_of(BYTES_OF(parts.secret), &hash));
        memcpy(code->id, parts.id, sizeof code->id);
        memcpy(code->secret_sha256, hash.b, sizeof code->secret_sha256);
        code_text_write(&parts, code->text);
        bytes_wipe(&parts, sizeof parts);
    }
    return OK;
}

struct code_run {
    const struct terms *terms;
    const struct code_wish *wish;
    const uint8_t *id;
    struct new_codes *fresh;
    struct code_row *out;
};

static err_t refuse_repeat(struct db_tx *tx, const struct code_run *run)
{
    struct op_row op;
    bool is_repeat = false;
    TRY(idempotency_find(tx, &run->terms->idempotency, OP_KIND, &op, &is_repeat));
    ENSURE(!is_repeat, ERR_CONFLICT, "done before for code %s: codes are shown once and are not stored",
           op.result);
    return OK;
}

static err_t find_product(struct db_tx *tx, const struct code_run *run, struct product_row *out)
{
    struct bytes name = run->wish->product.n > 0 ? run->wish->product : bytes_str("default");
    err_t error = product_rows_find(tx, run->terms->tenant, name, out);
    if (error.code == ERR_NOT_FOUND) {
        faults_add(run->terms->faults, "/product", "no product has this name");
        return faults_error(run->terms->faults);
    }
    TRY(error);
    if (out->admission != ADMISSION_TOKEN) {
        faults_add(run->terms->faults, "/product", "the product does not admit by code: its admission is %s",
                   admission_name(out->admission));
    }
    return faults_error(run->terms->faults);
}

static err_t record_created(struct db_tx *tx, const struct code_run *run, const struct batch_row *batch)
{
    char id[CODE_ID_TEXT_SIZE], batch_id[UUID_TEXT_SIZE], hash_text[2 * SHA256_SIZE + 1];
    struct sha256 hash = {{0}};
    for (size_t i = 0; i < run->fresh->count; i++) {
        const struct bytes parts[] = {BYTES_OF(hash.b), BYTES_OF(run->fresh->codes[i].id)};
        struct sha256 next;
        TRY(sha256_of_parts(parts, 2, &next));
        hash = next;
    }
    code_id_format(run->fresh->codes[0].id, id);
    uuid_format(batch->id, batch_id);
    hex_encode(BYTES_OF(hash.b), hash_text);
    const struct code_row *row = run->out;
    struct event event = {.kind = "code.created",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &row->tenant,
                          .device = row->has_device ? &row->device : NULL};
    return event_append(tx, &event,
                        "{\"code\":\"%s\",\"count\":%zu,\"ids_sha256_chain\":\"%s\",\"name\":\"%s\","
                        "\"kind\":\"%s\",\"batch\":\"%s\",\"use_limit\":%lld,\"not_before\":%lld,"
                        "\"not_after\":%lld}",
                        id, run->fresh->count, hash_text, row->name, code_kind_name(row->kind), batch_id,
                        (long long)row->use_limit, (long long)row->not_before, (long long)row->not_after);
}

static void fill(const struct code_run *run, const struct batch_row *batch, int64_t now_ms)
{
    const struct code_wish *wish = run->wish;
    *run->out = (struct code_row){.tenant = batch->tenant,
                                  .product = batch->product,
                                  .batch = batch->id,
                                  .kind = wish->kind,
                                  .has_device = wish->has_device,
                                  .device = wish->device,
                                  .use_limit = wish->kind == CODE_BATCH ? wish->use_limit : 1,
                                  .not_before = wish->not_before,
                                  .not_after = wish->not_after,
                                  .created_at = now_ms,
                                  .ver = 1};
    name_copy(wish->name, run->out->name);
    if (wish->serial.n > 0) {
        memcpy(run->out->serial, wish->serial.p, wish->serial.n); /* checked: it fits */
    }
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct code_run *run = arg;
    struct product_row product;
    struct batch_row batch;
    char id[CODE_ID_TEXT_SIZE];
    TRY(refuse_repeat(tx, run));
    TRY(find_product(tx, run, &product));
    TRY(admission_batch_ensure(tx, run->terms, &product, run->wish->batch, &batch));
    fill(run, &batch, db_tx_now_ms(tx));
    for (size_t i = 0; i < run->fresh->count; i++) {
        const struct new_code *code = &run->fresh->codes[i];
        memcpy(run->out->id, code->id, sizeof run->out->id);
        memcpy(run->out->secret_sha256, code->secret_sha256, sizeof run->out->secret_sha256);
        TRY(code_rows_insert(tx, run->out));
    }
    code_id_format(run->fresh->codes[0].id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return record_created(tx, run, &batch);
}

err_t code_add(struct fleet *fleet, const struct terms *terms, const struct code_wish *wish,
               struct new_codes *out)
{
    struct code_wish whole = *wish;
    int64_t now_ms = clock_now_ms(fleet->clock);
    whole.not_before = wish->not_before != 0 ? wish->not_before : now_ms;
    whole.not_after = wish->not_after != 0 ? wish->not_after : whole.not_before + LIFETIME_MS;
    TRY(check(&whole, now_ms, terms->faults));
    TRY(make_texts(fleet, (size_t)whole.count, out));
    struct code_run run = {.terms = terms, .wish = &whole, .fresh = out, .out = &out->row};
    return db_write(fleet->db, add_in, &run);
}

/* --- ended ------------------------------------------------------------------------------------------ */

static err_t find_own(struct db_tx *tx, const struct code_run *run)
{
    TRY(code_rows_find(tx, run->id, run->out));
    ENSURE(uuid_equal(run->out->tenant, run->terms->tenant), ERR_NOT_FOUND, "no such enrolment code");
    return terms_check_version(run->terms, run->out->ver);
}

static err_t revoke_in(struct db_tx *tx, void *arg)
{
    struct code_run *run = arg;
    bool is_changed = false;
    char id[CODE_ID_TEXT_SIZE];
    TRY(find_own(tx, run));
    TRY(code_rows_revoke(tx, run->id, &is_changed));
    if (!is_changed) {
        return OK;
    }
    TRY(code_rows_find(tx, run->id, run->out));
    code_id_format(run->id, id);
    struct event event = {.kind = "code.revoked",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->out->tenant};
    return event_append(tx, &event, "{\"code\":\"%s\",\"name\":\"%s\",\"used\":%lld}", id, run->out->name,
                        (long long)run->out->used);
}

err_t code_revoke(struct fleet *fleet, const struct terms *terms, const uint8_t id[CODE_ID_SIZE],
                  struct code_row *out)
{
    struct code_run run = {.terms = terms, .id = id, .out = out};
    return db_write(fleet->db, revoke_in, &run);
}

/* --- read ------------------------------------------------------------------------------------------- */

static err_t get_in(struct db_tx *tx, void *arg)
{
    return find_own(tx, arg);
}

err_t code_get(struct fleet *fleet, struct uuid tenant, const uint8_t id[CODE_ID_SIZE], struct code_row *out)
{
    const struct terms terms = {.tenant = tenant};
    struct code_run run = {.terms = &terms, .id = id, .out = out};
    return db_read(fleet->db, get_in, &run);
}

struct list {
    struct uuid tenant;
    const struct uuid *product;
    const struct row_window *window;
    code_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return code_rows_list(tx, run->tenant, run->product, run->window, run->fn, run->arg);
}

err_t code_list(struct fleet *fleet, struct uuid tenant, const struct uuid *product,
                const struct row_window *window, err_t (*fn)(const struct code_row *row, void *arg),
                void *arg)
{
    struct list run = {.tenant = tenant, .product = product, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
