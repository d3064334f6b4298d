/* Work on many devices: started, looked at, cancelled. The steps are run by operation_job.c. */
#include "fleet/operations.h"

#include <stdio.h>
#include <string.h>

#include "fleet/approval_internal.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/operation_steps.h"

static const char *const state_names[] = {
    [OPERATION_RUNNING] = "running",
    [OPERATION_DONE] = "done",
    [OPERATION_FAILED] = "failed",
    [OPERATION_CANCELLED] = "cancelled",
};
enum { STATE_COUNT = sizeof state_names / sizeof state_names[0] };

const char *operation_state_name(enum operation_state state)
{
    return (size_t)state < STATE_COUNT ? state_names[state] : "unknown";
}

err_t operation_state_parse(struct bytes text, enum operation_state *out)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (bytes_is(text, state_names[i])) {
            *out = (enum operation_state)i;
            return OK;
        }
    }
    return ERR(ERR_NOT_FOUND, "no such state of an operation; known: running, done, failed, cancelled");
}

/* --- started and ended ------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct operation_row *row, const struct actor *actor,
                    const char *kind)
{
    char id[UUID_TEXT_SIZE];
    AUTO(json_t) *body = json_object();
    uuid_format(row->id, id);
    TRY(json_set_text(body, "operation", id));
    TRY(json_set_text(body, "kind", operation_kind_name(row->kind)));
    TRY(json_take(body, "request", json_loads(row->request, 0, NULL)));
    TRY(json_set_int(body, "total", row->total));
    if (row->state != OPERATION_RUNNING) {
        TRY(json_set_int(body, "done", row->done));
        TRY(json_set_int(body, "skipped", row->skipped));
        TRY(json_set_int(body, "failed", row->failed));
    }
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant};
    return event_append_value(tx, &event, body);
}

err_t operation_start(struct db_tx *tx, const struct terms *terms, const struct operation_order *order,
                      struct operation_row *out)
{
    AUTO_VAL(buf) request = {0};
    int64_t now_ms = db_tx_now_ms(tx);
    *out = (struct operation_row){.tenant = terms->tenant,
                                  .kind = order->kind,
                                  .total = order->total,
                                  .created_at = now_ms,
                                  .updated_at = now_ms,
                                  .ver = 1};
    TRY(approval_canonical(order->request, &request));
    ENSURE(request.n < sizeof out->request, ERR_UNPROCESSABLE, "the texts of the request are too long");
    memcpy(out->request, buf_str(&request), request.n + 1);
    (void)snprintf(out->actor, sizeof out->actor, "%s", terms->actor.name);
    const char *request_id = terms->actor.request_id;
    (void)snprintf(out->request_id, sizeof out->request_id, "%s", request_id == NULL ? "" : request_id);
    TRY(db_tx_uuid(tx, &out->id));
    TRY(operation_rows_insert(tx, out));
    return record(tx, out, &terms->actor, "operation.started");
}

err_t operation_end(struct db_tx *tx, struct operation_row *row, enum operation_state state,
                    const struct actor *actor)
{
    static const char *const kinds[] = {
        [OPERATION_RUNNING] = "operation.started",
        [OPERATION_DONE] = "operation.done",
        [OPERATION_FAILED] = "operation.failed",
        [OPERATION_CANCELLED] = "operation.cancelled",
    };
    row->state = state;
    row->finished_at = db_tx_now_ms(tx);
    TRY(operation_rows_update(tx, row));
    return record(tx, row, actor, kinds[state]);
}

void operation_note_failure(struct operation_row *row, const struct device_id *id, const err_t *error)
{
    char text[2 * DEVICE_ID_SIZE + 1];
    hex_encode(BYTES_OF(id->b), text);
    row->failed++;
    (void)snprintf(row->failure, sizeof row->failure, "%.16s…: %.160s", text, error->detail);
}

/* --- looked at --------------------------------------------------------------------------------------- */

struct get {
    struct uuid tenant, id;
    struct operation_row *out;
};

static err_t get_in(struct db_tx *tx, void *arg)
{
    const struct get *run = arg;
    return operation_rows_find(tx, run->tenant, run->id, run->out);
}

err_t operation_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct operation_row *out)
{
    struct get run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, get_in, &run);
}

struct list {
    const struct operation_filter *filter;
    const struct row_window *window;
    operation_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    const struct operation_filter *filter = run->filter;
    return operation_rows_list(tx, filter->tenant, filter->has_state ? &filter->state : NULL, run->window,
                               run->fn, run->arg);
}

err_t operation_list(struct fleet *fleet, const struct operation_filter *filter,
                     const struct row_window *window, operation_row_fn fn, void *arg)
{
    struct list run = {.filter = filter, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

/* --- cancelled --------------------------------------------------------------------------------------- */

struct cancel {
    const struct terms *terms;
    struct uuid id;
    struct operation_row *out;
};

static err_t cancel_in(struct db_tx *tx, void *arg)
{
    const struct cancel *run = arg;
    struct operation_row *row = run->out;
    TRY(operation_rows_find(tx, run->terms->tenant, run->id, row));
    TRY(terms_check_version(run->terms, row->ver));
    if (row->state == OPERATION_CANCELLED) {
        return OK;
    }
    ENSURE(row->state == OPERATION_RUNNING, ERR_WRONG_STATE,
           "the operation is %s; cancelling needs it to be running", operation_state_name(row->state));
    ENSURE(row->kind == OPERATION_REVOKE_MANY, ERR_WRONG_STATE, "%s runs to its end",
           operation_kind_name(row->kind));
    return operation_end(tx, row, OPERATION_CANCELLED, &run->terms->actor);
}

err_t operation_cancel(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       struct operation_row *out)
{
    struct cancel run = {.terms = terms, .id = id, .out = out};
    return db_write(fleet->db, cancel_in, &run);
}
