/* What becomes of an offer: accepted, rejected, withdrawn, expired; and looking at offers. Accepting starts
 * the operation of transfer_step.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/batch_rows.h"
#include "db/product_rows.h"
#include "fleet/approvals.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/operations.h"
#include "fleet/transfer_internal.h"

enum { EXPIRED_PER_RUN = 100 };
static const char OP_KIND[] = "transfer.accept";

static const char *const state_names[] = {
    [TRANSFER_OFFERED] = "offered",   [TRANSFER_ACCEPTED] = "accepted",   [TRANSFER_COMPLETED] = "completed",
    [TRANSFER_REJECTED] = "rejected", [TRANSFER_WITHDRAWN] = "withdrawn", [TRANSFER_EXPIRED] = "expired",
};

const char *transfer_state_name(enum transfer_state state)
{
    bool is_known = (size_t)state < sizeof state_names / sizeof state_names[0];
    return is_known ? state_names[state] : "unknown";
}

/* --- records ----------------------------------------------------------------------------------------- */

struct actor transfer_actor_seen(const char *tenant)
{
    struct actor actor = {.request_id = ""};
    (void)snprintf(actor.name, sizeof actor.name, "tenant:%s", tenant);
    return actor;
}

static err_t record_for(struct db_tx *tx, const struct transfer_row *row, const char *kind,
                        const struct actor *actor, const struct uuid *tenant)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(row->id, id);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = tenant};
    return event_append(tx, &event,
                        "{\"transfer\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"devices\":%lld,\"moved\":%lld,"
                        "\"failed\":%lld}",
                        id, row->tenant_name, row->to_tenant_name, (long long)row->device_count,
                        (long long)row->moved, (long long)row->failed);
}

err_t transfer_record(struct db_tx *tx, const struct transfer_row *row, const char *kind,
                      const struct actor *actor, const struct uuid *by)
{
    bool is_by_first = by != NULL && uuid_equal(*by, row->tenant);
    struct actor itself = {.name = "whorld", .request_id = ""};
    struct actor seen = transfer_actor_seen(is_by_first ? row->tenant_name : row->to_tenant_name);
    const struct actor *other = by == NULL ? &itself : &seen;
    const struct actor *own = by == NULL ? &itself : actor;
    TRY(record_for(tx, row, kind, is_by_first ? own : other, &row->tenant));
    return record_for(tx, row, kind, is_by_first ? other : own, &row->to_tenant);
}

/* --- ended without a move ---------------------------------------------------------------------------- */

static err_t check_open(struct db_tx *tx, const struct transfer_row *row)
{
    ENSURE(row->state == TRANSFER_OFFERED, ERR_WRONG_STATE, "the transfer is %s; this needs it to be offered",
           transfer_state_name(row->state));
    ENSURE(db_tx_now_ms(tx) < row->expires_at, ERR_WRONG_STATE, "the offer has expired");
    return OK;
}

struct end_run {
    const struct terms *terms;
    struct uuid id;
    enum transfer_state state; /* TRANSFER_REJECTED or TRANSFER_WITHDRAWN */
    struct transfer_row *out;
};

static err_t end_in(struct db_tx *tx, void *arg)
{
    const struct end_run *run = arg;
    struct transfer_row *row = run->out;
    bool is_rejected = run->state == TRANSFER_REJECTED;
    TRY(transfer_rows_find(tx, run->terms->tenant, run->id, row));
    ENSURE(uuid_equal(run->terms->tenant, is_rejected ? row->to_tenant : row->tenant), ERR_FORBIDDEN,
           is_rejected ? "this is your own offer: withdraw it" : "this offer is made to you: reject it");
    TRY(terms_check_version(run->terms, row->ver));
    if (row->state == run->state) {
        return OK;
    }
    TRY(check_open(tx, row));
    row->state = run->state;
    row->decided_at = db_tx_now_ms(tx);
    (void)snprintf(row->decided_by, sizeof row->decided_by, "%s", run->terms->actor.name);
    TRY(transfer_rows_update(tx, row));
    return transfer_record(tx, row, is_rejected ? "transfer.rejected" : "transfer.withdrawn",
                           &run->terms->actor, &run->terms->tenant);
}

err_t transfer_reject(struct fleet *fleet, const struct terms *terms, struct uuid id,
                      struct transfer_row *out)
{
    struct end_run run = {.terms = terms, .id = id, .state = TRANSFER_REJECTED, .out = out};
    return db_write(fleet->db, end_in, &run);
}

err_t transfer_withdraw(struct fleet *fleet, const struct terms *terms, struct uuid id,
                        struct transfer_row *out)
{
    struct end_run run = {.terms = terms, .id = id, .state = TRANSFER_WITHDRAWN, .out = out};
    return db_write(fleet->db, end_in, &run);
}

struct expiry {
    int64_t now_ms;
    struct transfer_row rows[EXPIRED_PER_RUN];
    size_t count;
};

static err_t take(const struct transfer_row *row, void *arg)
{
    struct expiry *run = arg;
    run->rows[run->count++] = *row; /* the statement's limit is the array's */
    return OK;
}

static err_t expire_in(struct db_tx *tx, void *arg)
{
    struct expiry *run = arg;
    run->count = 0;
    TRY(transfer_rows_list_expired(tx, run->now_ms, EXPIRED_PER_RUN, take, run));
    for (size_t i = 0; i < run->count; i++) {
        struct transfer_row *row = &run->rows[i];
        row->state = TRANSFER_EXPIRED;
        row->decided_at = db_tx_now_ms(tx);
        TRY(transfer_rows_update(tx, row));
        TRY(transfer_record(tx, row, "transfer.expired", NULL, NULL));
    }
    return OK;
}

err_t transfers_expire(struct fleet *fleet, int64_t now_ms)
{
    struct expiry *run = calloc(1, sizeof *run);
    ENSURE(run != NULL, ERR_NO_MEMORY, "offers that stand");
    run->now_ms = now_ms;
    err_t error = db_write(fleet->db, expire_in, run);
    free(run);
    return error;
}

/* --- accepted ---------------------------------------------------------------------------------------- */

static err_t write_acceptance(const struct transfer_acceptance *acceptance, json_t *out)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(acceptance->id, id);
    TRY(json_set_text(out, "transfer", id));
    TRY(json_set_text(out, "product", acceptance->product));
    return json_set_text(out, "batch", acceptance->batch);
}

static err_t read_acceptance(const json_t *request, struct transfer_acceptance *out)
{
    static const struct json_field fields[] = {
        {"transfer", JSON_KIND_UUID, true, offsetof(struct transfer_acceptance, id), 0, 0, JSON_NO_HAS},
        {"product", JSON_KIND_TEXT, true, offsetof(struct transfer_acceptance, product), 0, 0, JSON_NO_HAS},
        {"batch", JSON_KIND_TEXT, true, offsetof(struct transfer_acceptance, batch), 0, 0, JSON_NO_HAS},
    };
    err_t error = json_read(request, fields, sizeof fields / sizeof fields[0], true, out);
    ENSURE(error.code == ERR_OK, ERR_DB, "a stored request is not readable: %s", error.detail);
    return OK;
}

static err_t find_product(struct db_tx *tx, const struct terms *terms, const char *name,
                          struct product_row *out)
{
    err_t error = product_rows_find(tx, terms->tenant, bytes_str(name), out);
    if (error.code != ERR_NOT_FOUND) {
        return error;
    }
    if (terms->faults != NULL) {
        faults_add(terms->faults, "/product", "no product has this name");
    }
    return ERR(ERR_UNPROCESSABLE, "no product has this name");
}

/* A batch that got devices since it was offered is not what was offered. */
static err_t check_batch(struct db_tx *tx, const struct transfer_row *row)
{
    struct batch_row batch;
    if (!row->has_batch) {
        return OK;
    }
    TRY(batch_rows_find(tx, row->tenant, row->batch, &batch));
    ENSURE(batch.device_count == row->device_count, ERR_WRONG_STATE,
           "the batch has other devices than when it was offered: it must be offered again");
    return OK;
}

static err_t judge(struct db_tx *tx, const struct terms *terms, const struct transfer_acceptance *acceptance,
                   struct transfer_row *row, struct product_row *product)
{
    TRY(transfer_rows_find(tx, terms->tenant, acceptance->id, row));
    ENSURE(uuid_equal(row->to_tenant, terms->tenant), ERR_FORBIDDEN,
           "this is your own offer: the other tenant accepts it");
    TRY(check_open(tx, row));
    TRY(check_batch(tx, row));
    return find_product(tx, terms, acceptance->product, product);
}

static err_t make_batch(struct db_tx *tx, const struct product_row *product, const char *name,
                        struct batch_row *out)
{
    int64_t now_ms = db_tx_now_ms(tx);
    *out = (struct batch_row){.tenant = product->tenant,
                              .product = product->id,
                              .created_at = now_ms,
                              .updated_at = now_ms,
                              .ver = 1};
    name_copy(bytes_str(name), out->name);
    TRY(db_tx_uuid(tx, &out->id));
    return batch_rows_insert(tx, out);
}

static err_t start_operation(struct db_tx *tx, const struct terms *terms, const struct transfer_row *row,
                             struct operation_row *out)
{
    char id[UUID_TEXT_SIZE];
    AUTO(json_t) *request = json_object();
    uuid_format(row->id, id);
    TRY(json_set_text(request, "transfer", id));
    const struct operation_order order = {
        .kind = OPERATION_TRANSFER, .request = request, .total = row->device_count};
    return operation_start(tx, terms, &order, out);
}

static err_t start(struct db_tx *tx, const struct terms *terms, const struct transfer_acceptance *acceptance,
                   struct transfer_row *row)
{
    struct product_row product;
    struct batch_row batch;
    struct operation_row operation;
    TRY(judge(tx, terms, acceptance, row, &product));
    TRY(make_batch(tx, &product, acceptance->batch, &batch));
    TRY(start_operation(tx, terms, row, &operation));
    row->state = TRANSFER_ACCEPTED;
    row->is_taken = true;
    row->product = product.id;
    row->to_batch = batch.id;
    row->operation = operation.id;
    row->decided_at = db_tx_now_ms(tx);
    (void)snprintf(row->decided_by, sizeof row->decided_by, "%s", terms->actor.name);
    TRY(transfer_rows_update(tx, row));
    return transfer_record(tx, row, "transfer.accepted", &terms->actor, &terms->tenant);
}

err_t transfer_accept_subject(struct db_tx *tx, const struct approval_case *this, json_t *out)
{
    struct transfer_acceptance acceptance;
    struct transfer_row row;
    struct product_row product;
    char id[UUID_TEXT_SIZE];
    TRY(read_acceptance(this->request, &acceptance));
    TRY(judge(tx, this->terms, &acceptance, &row, &product));
    uuid_format(product.id, id);
    TRY(json_set_text(out, "from", row.tenant_name));
    TRY(json_set_int(out, "devices", row.device_count));
    TRY(json_set_text(out, "product", id));
    return json_set_int(out, "ver", row.ver);
}

err_t transfer_accept_execute(struct db_tx *tx, const struct approval_case *this,
                              struct approval_outcome *out)
{
    struct transfer_acceptance acceptance;
    struct transfer_row row;
    char id[UUID_TEXT_SIZE];
    TRY(read_acceptance(this->request, &acceptance));
    TRY(start(tx, this->terms, &acceptance, &row));
    uuid_format(row.operation, id);
    (void)snprintf(out->result, sizeof out->result, "%s", id);
    return OK;
}

struct accept_run {
    const struct terms *terms;
    const struct transfer_acceptance *acceptance;
    const json_t *request;
    struct transfer_row *out;
};

static err_t accept_in(struct db_tx *tx, void *arg)
{
    const struct accept_run *run = arg;
    struct product_row product;
    struct op_row op;
    bool is_repeat = false;
    bool asks = false;
    TRY(idempotency_find(tx, &run->terms->idempotency, OP_KIND, &op, &is_repeat));
    if (is_repeat) {
        TRY(transfer_rows_find(tx, run->terms->tenant, run->acceptance->id, run->out));
        return approval_take_repeat(run->terms, &op, &asks);
    }
    TRY(judge(tx, run->terms, run->acceptance, run->out, &product));
    TRY(terms_check_version(run->terms, run->out->ver));
    TRY(dual_control_asks(tx, run->terms, &product.id, APPROVAL_TRANSFER_ACCEPT, &asks));
    if (asks) {
        const struct approval_wish wish = {
            .bit = APPROVAL_TRANSFER_ACCEPT, .request = run->request, .op_kind = OP_KIND};
        return approval_request(tx, run->terms, &wish);
    }
    TRY(start(tx, run->terms, run->acceptance, run->out));
    return idempotency_keep(tx, &run->terms->idempotency, OP_KIND, "");
}

err_t transfer_accept(struct fleet *fleet, const struct terms *terms,
                      const struct transfer_acceptance *acceptance, struct transfer_row *out)
{
    AUTO(json_t) *request = json_object();
    TRY(faults_note(terms->faults, "/batch", name_check(bytes_str(acceptance->batch), "batch name")));
    TRY(faults_error(terms->faults));
    TRY(write_acceptance(acceptance, request));
    struct accept_run run = {.terms = terms, .acceptance = acceptance, .request = request, .out = out};
    return db_write(fleet->db, accept_in, &run);
}

/* --- looked at --------------------------------------------------------------------------------------- */

struct get {
    struct uuid tenant, id;
    struct transfer_row *out;
};

static err_t get_in(struct db_tx *tx, void *arg)
{
    const struct get *run = arg;
    return transfer_rows_find(tx, run->tenant, run->id, run->out);
}

err_t transfer_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct transfer_row *out)
{
    struct get run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, get_in, &run);
}

struct list {
    const struct transfer_filter *filter;
    const struct row_window *window;
    transfer_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return transfer_rows_list(tx, run->filter->tenant, run->filter->is_incoming, run->window, run->fn,
                              run->arg);
}

err_t transfer_list(struct fleet *fleet, const struct transfer_filter *filter,
                    const struct row_window *window, transfer_row_fn fn, void *arg)
{
    struct list run = {.filter = filter, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
