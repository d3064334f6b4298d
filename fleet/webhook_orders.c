/* What an operator orders of a webhook, and what is read of it: a test, a replay, a retry, the lists. */
#include <stdio.h>
#include <string.h>

#include "db/feed_rows.h"
#include "fleet/webhooks.h"
#include "fleet/webhooks_internal.h"
#include "fleet/yield.h"

static const char OP_TEST[] = "webhook.test";

/* --- orders ----------------------------------------------------------------------------------------- */

struct order_run {
    struct webhook_run webhook;
    const struct webhook_replay *replay;
    struct audit_place after; /* of the replay, parsed */
    struct uuid delivery;
    struct delivery_row *out;
};

static err_t check_enabled(const struct webhook_row *row)
{
    ENSURE(row->state == WEBHOOK_ENABLED, ERR_WRONG_STATE, "the webhook is disabled: enable it first");
    return OK;
}

/* Somebody asks for it now: whatever it was held for, it tries. */
static err_t go_now(struct db_tx *tx, struct webhook_row *row)
{
    row->hold_until = 0;
    row->due_at = db_tx_now_ms(tx);
    return webhook_rows_update(tx, row);
}

static err_t find_repeat(struct db_tx *tx, const struct order_run *run, bool *is_repeat)
{
    struct op_row op;
    struct uuid id;
    TRY(idempotency_find(tx, &run->webhook.terms->idempotency, OP_TEST, &op, is_repeat));
    if (!*is_repeat) {
        return OK;
    }
    TRY(uuid_parse(bytes_str(op.result), &id));
    return delivery_rows_find(tx, run->webhook.id, id, run->out);
}

static err_t test_in(struct db_tx *tx, void *arg)
{
    struct order_run *run = arg;
    struct webhook_row *row = run->webhook.out;
    int64_t now_ms = db_tx_now_ms(tx);
    bool is_repeat = false, is_new = false;
    TRY(webhook_run_find(tx, &run->webhook));
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    TRY(check_enabled(row));
    ENSURE(row->waiting < WEBHOOK_WAITING_MAX, ERR_WRONG_STATE, "%d deliveries wait already",
           WEBHOOK_WAITING_MAX);
    *run->out = (struct delivery_row){
        .webhook = row->id, .type = "webhook.test", .next_at = now_ms, .created_at = now_ms};
    TRY(db_tx_uuid(tx, &run->out->id));
    uuid_format(run->out->id, run->out->event);
    TRY(delivery_rows_queue(tx, run->out, &is_new));
    TRY(idempotency_keep(tx, &run->webhook.terms->idempotency, OP_TEST, run->out->event));
    row->waiting++;
    TRY(go_now(tx, row));
    return webhook_record(tx, &run->webhook.terms->actor, row, "webhook.tested", run->out->event);
}

err_t webhook_test(struct fleet *fleet, const struct terms *terms, struct uuid id, struct delivery_row *out)
{
    struct webhook_row row;
    struct order_run run = {.webhook = {.fleet = fleet, .terms = terms, .id = id, .out = &row}, .out = out};
    return db_write(fleet->db, test_in, &run);
}

static err_t retry_in(struct db_tx *tx, void *arg)
{
    struct order_run *run = arg;
    struct webhook_row *row = run->webhook.out;
    TRY(webhook_run_find(tx, &run->webhook));
    TRY(delivery_rows_find(tx, row->id, run->delivery, run->out));
    TRY(check_enabled(row));
    row->waiting += run->out->state == DELIVERY_WAITING ? 0 : 1;
    run->out->state = DELIVERY_WAITING;
    run->out->attempts = 0;
    run->out->first_at = run->out->ended_at = 0;
    run->out->next_at = db_tx_now_ms(tx);
    TRY(delivery_rows_update(tx, run->out));
    TRY(go_now(tx, row));
    return webhook_record(tx, &run->webhook.terms->actor, row, "webhook.retried", run->out->event);
}

err_t webhook_retry(struct fleet *fleet, const struct terms *terms, const struct delivery_name *name,
                    struct delivery_row *out)
{
    struct webhook_row row;
    struct order_run run = {.webhook = {.fleet = fleet, .terms = terms, .id = name->webhook, .out = &row},
                            .delivery = name->id,
                            .out = out};
    return db_write(fleet->db, retry_in, &run);
}

/* The place in the feed that a replay names. */
static err_t find_place(struct db_tx *tx, const struct order_run *run, int64_t *out)
{
    struct uuid tenant = run->webhook.terms->tenant;
    if (run->replay->has_since) {
        TRY(feed_rows_since(tx, tenant, run->replay->since_ms, out));
        if (*out > 0) {
            --*out; /* that one too */
            return OK;
        }
        return feed_rows_head(tx, tenant, out);
    }
    err_t error = feed_rows_find(tx, tenant, &run->after, out);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE, "no such event");
    return error;
}

static err_t replay_in(struct db_tx *tx, void *arg)
{
    struct order_run *run = arg;
    struct webhook_row *row = run->webhook.out;
    struct faults *faults = run->webhook.terms->faults;
    char detail[64];
    TRY(webhook_run_find(tx, &run->webhook));
    TRY(faults_note(faults, "/after", find_place(tx, run, &row->position)));
    TRY(faults_error(faults));
    row->updated_at = db_tx_now_ms(tx);
    row->ver++;
    row->due_at = row->state == WEBHOOK_ENABLED ? row->updated_at : -1;
    TRY(webhook_rows_update(tx, row));
    (void)snprintf(detail, sizeof detail, "from %lld on", (long long)row->position + 1);
    return webhook_record(tx, &run->webhook.terms->actor, row, "webhook.replayed", detail);
}

err_t webhook_replay(struct fleet *fleet, const struct terms *terms, struct uuid id,
                     const struct webhook_replay *replay, struct webhook_row *out)
{
    struct order_run run = {.webhook = {.fleet = fleet, .terms = terms, .id = id, .out = out},
                            .replay = replay};
    if (replay->has_since == (replay->after.p != NULL)) {
        faults_add(terms->faults, "", "give one of after and since");
    } else if (!replay->has_since && event_id_parse(replay->after, &run.after).code != ERR_OK) {
        faults_add(terms->faults, "/after", "that is no id of an event");
    }
    TRY(faults_error(terms->faults));
    return db_write(fleet->db, replay_in, &run);
}

/* --- read ------------------------------------------------------------------------------------------- */

struct find {
    struct uuid tenant, id;
    struct webhook_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return webhook_rows_find(tx, run->tenant, run->id, run->out);
}

err_t webhook_find(struct fleet *fleet, struct uuid tenant, struct uuid id, struct webhook_row *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

struct list {
    struct uuid tenant;
    const struct row_window *window;
    webhook_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return webhook_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t webhook_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                   webhook_row_fn fn, void *arg)
{
    struct list run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

struct deliveries {
    struct uuid tenant;
    const struct delivery_window *window;
    delivery_row_fn fn;
    void *arg;
};

static err_t deliveries_in(struct db_tx *tx, void *arg)
{
    const struct deliveries *run = arg;
    struct webhook_row row;
    TRY(webhook_rows_find(tx, run->tenant, run->window->webhook, &row));
    return delivery_rows_list(tx, run->window, run->fn, run->arg);
}

err_t webhook_deliveries(struct fleet *fleet, struct uuid tenant, const struct delivery_window *window,
                         delivery_row_fn fn, void *arg)
{
    struct deliveries run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, deliveries_in, &run);
}

/* --- housekeeping ----------------------------------------------------------------------------------- */

enum { SWEEP_STEP = 1000, SWEEP_STEPS_MAX = 100 };
#define KEPT_MS (INT64_C(7) * 24 * 3600 * 1000)

struct sweep {
    int64_t before_ms, deleted;
};

static err_t sweep_in(struct db_tx *tx, void *arg)
{
    struct sweep *run = arg;
    return delivery_rows_sweep(tx, run->before_ms, SWEEP_STEP, &run->deleted);
}

err_t webhook_sweep(struct fleet *fleet, int64_t now_ms)
{
    struct sweep run = {.before_ms = now_ms - KEPT_MS};
    for (int i = 0; i < SWEEP_STEPS_MAX; i++) {
        TRY(db_write(fleet->db, sweep_in, &run));
        if (run.deleted < SWEEP_STEP) {
            break;
        }
        yield_pause(fleet, YIELD_STEP);
    }
    return OK;
}
