/* The sender. Reads and writes are closures; the call itself stands between them, outside of every
 * transaction. */
#include "fleet/webhook_send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/feed_rows.h"
#include "fleet/webhook_schedule.h"
#include "fleet/webhooks_internal.h"
#include "fleet/yield.h"

enum {
    QUEUE_STEP = 200,  /* records that one step looks at */
    SEND_STEP = 16,    /* deliveries that one step reads */
    STRETCH_MS = 1000, /* then others have their turn */
    CONNECT_MS = 5000,
    TOTAL_MS = 20000, /* the specification asks for 15 to 30 s */
    ANSWER_LIMIT = 4096
};

struct work {
    struct fleet *fleet;
    const struct webhook_transport *transport;
    struct webhook_due due;
    struct webhook_row webhook;
    struct event_filter types;
    struct delivery_row batch[SEND_STEP];
    size_t count;
    bool is_probe;  /* the batch: one that is not due, to find out whether the receiver is back */
    int64_t looked; /* records seen by one step of queueing */
    bool is_over;
};

/* --- from the feed to deliveries -------------------------------------------------------------------- */

struct queueing {
    struct work *work;
    struct db_tx *tx;
};

static err_t queue_event(const struct feed_row *event, void *arg)
{
    const struct queueing *run = arg;
    struct work *work = run->work;
    struct webhook_row *webhook = &work->webhook;
    if (webhook->waiting >= WEBHOOK_WAITING_MAX) {
        return OK;
    }
    webhook->position = event->number;
    work->looked++;
    if (!event_filter_fits(&work->types, event)) {
        return OK;
    }
    int64_t now_ms = db_tx_now_ms(run->tx);
    bool is_new = false;
    struct delivery_row delivery = {
        .webhook = webhook->id, .feed = event->number, .next_at = now_ms, .created_at = now_ms};
    TRY(db_tx_uuid(run->tx, &delivery.id));
    audit_event_id(&event->record.place, delivery.event);
    (void)snprintf(delivery.type, sizeof delivery.type, "%.*s", (int)event->record.kind.n,
                   (const char *)event->record.kind.p);
    TRY(delivery_rows_queue(run->tx, &delivery, &is_new));
    webhook->waiting += is_new ? 1 : 0;
    return OK;
}

/* When there is something to do again: at once while the feed goes on, or when the next delivery is due; not
 * before the hold ends. */
static err_t set_due(struct db_tx *tx, struct webhook_row *webhook)
{
    int64_t head = 0, next = -1;
    webhook->due_at = -1;
    if (webhook->state == WEBHOOK_DISABLED) {
        return OK;
    }
    TRY(feed_rows_head(tx, webhook->tenant, &head));
    TRY(delivery_rows_next_due(tx, webhook->id, &next));
    bool has_more = webhook->position < head && webhook->waiting < WEBHOOK_WAITING_MAX;
    bool is_away = webhook->outages > 0 && next >= 0; /* it is looked for whenever the hold ends */
    int64_t due = has_more || is_away ? db_tx_now_ms(tx) : next;
    webhook->due_at = due >= 0 && due < webhook->hold_until ? webhook->hold_until : due;
    return OK;
}

static err_t queue_in(struct db_tx *tx, void *arg)
{
    struct work *work = arg;
    struct queueing run = {.work = work, .tx = tx};
    struct webhook_row *webhook = &work->webhook;
    work->looked = 0;
    TRY(webhook_rows_find(tx, work->due.tenant, work->due.id, webhook));
    TRY(webhook_types(webhook, &work->types));
    if (webhook->state == WEBHOOK_ENABLED && webhook->hold_until <= db_tx_now_ms(tx)) {
        TRY(feed_rows_list(tx, webhook->tenant, webhook->position, QUEUE_STEP, queue_event, &run));
    }
    TRY(set_due(tx, webhook));
    return webhook_rows_update(tx, webhook);
}

/* --- what is due ------------------------------------------------------------------------------------ */

static err_t take_delivery(const struct delivery_row *row, void *arg)
{
    struct work *work = arg;
    work->batch[work->count++] = *row;
    return OK;
}

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct work *work = arg;
    work->count = 0;
    TRY(delivery_rows_due(tx, work->due.id, db_tx_now_ms(tx), SEND_STEP, take_delivery, work));
    work->is_probe = work->count == 0 && work->webhook.outages > 0;
    return work->is_probe ? delivery_rows_due(tx, work->due.id, INT64_MAX, 1, take_delivery, work) : OK;
}

struct body_run {
    const struct work *work;
    const struct delivery_row *delivery;
    json_t *event;
};

static err_t render_event(const struct feed_row *event, void *arg)
{
    struct body_run *run = arg;
    json_decref(run->event);
    run->event = NULL;
    return event_render(run->work->due.tenant, event, &run->event);
}

static err_t body_in(struct db_tx *tx, void *arg)
{
    const struct body_run *run = arg;
    return feed_rows_get(tx, run->work->due.tenant, run->delivery->feed, render_event, arg);
}

static err_t render_test(struct body_run *run)
{
    char tenant[UUID_TEXT_SIZE], webhook[UUID_TEXT_SIZE];
    AUTO(json_t) *data = json_object();
    uuid_format(run->work->due.tenant, tenant);
    uuid_format(run->work->due.id, webhook);
    TRY(json_set_text(data, "webhook", webhook));
    TRY(json_set_text(data, "name", run->work->webhook.name));
    run->event = json_object();
    TRY(json_set_text(run->event, "id", run->delivery->event));
    TRY(json_set_text(run->event, "type", run->delivery->type));
    TRY(json_set_time(run->event, "timestamp", run->delivery->created_at));
    TRY(json_set_text(run->event, "tenant_id", tenant));
    return json_take(run->event, "data", TAKE(data));
}

static err_t make_body(const struct work *work, const struct delivery_row *delivery, struct buf *out)
{
    struct body_run run = {.work = work, .delivery = delivery};
    err_t error = delivery->feed > 0 ? db_read(work->fleet->db, body_in, &run) : render_test(&run);
    if (error.code == ERR_OK) {
        error = json_append(out, run.event);
    }
    json_decref(run.event);
    return error;
}

/* --- one call --------------------------------------------------------------------------------------- */

static err_t call_out(const struct work *work, const struct webhook_message *message,
                      struct outbound_answer *answer)
{
    char timestamp[24];
    AUTO_VAL(buf) signature = {0};
    TRY(webhook_sign_all(work->fleet, &work->webhook, message, &signature));
    (void)snprintf(timestamp, sizeof timestamp, "%lld", (long long)message->timestamp_s);
    const struct outbound_call call = {.method = "POST",
                                       .url = work->webhook.url,
                                       .headers = {{"Content-Type", "application/json"},
                                                   {"User-Agent", "whorl"},
                                                   {"webhook-id", message->id},
                                                   {"webhook-timestamp", timestamp},
                                                   {"webhook-signature", buf_str(&signature)}},
                                       .header_count = 5,
                                       .body = message->body,
                                       .connect_ms = CONNECT_MS,
                                       .total_ms = TOTAL_MS,
                                       .answer_limit = ANSWER_LIMIT};
    return work->transport->send(work->transport->context, &call, answer);
}

/* An answer that is too long was an answer all the same: nobody reads what it says. */
static void note_answer(const struct outbound_answer *answer, const err_t *error, struct webhook_attempt *out)
{
    bool has_status = answer->status > 0 && (error->code == ERR_OK || error->code == ERR_TOO_LARGE);
    out->status = has_status ? answer->status : 0;
    out->error = error->detail;
    out->retry_after_s = answer->retry_after_s;
}

struct outcome {
    struct work *work;
    struct delivery_row *delivery;
    const struct webhook_attempt *attempt;
};

static err_t outcome_in(struct db_tx *tx, void *arg)
{
    static const struct actor self = {.name = "whorld", .request_id = ""};
    const struct outcome *run = arg;
    struct work *work = run->work;
    struct webhook_row *webhook = &work->webhook;
    struct delivery_row now;
    TRY(webhook_rows_find(tx, work->due.tenant, work->due.id, webhook));
    TRY(delivery_rows_find(tx, webhook->id, run->delivery->id, &now));
    if (now.state != DELIVERY_WAITING) {
        return OK; /* settled meanwhile */
    }
    bool was_enabled = webhook->state == WEBHOOK_ENABLED;
    if (webhook_judge(run->attempt, &now, webhook)) {
        TRY(delivery_rows_hasten(tx, webhook->id, db_tx_now_ms(tx)));
    }
    TRY(delivery_rows_update(tx, &now));
    bool is_disabled = was_enabled && webhook->state == WEBHOOK_DISABLED;
    if (is_disabled) {
        webhook->updated_at = db_tx_now_ms(tx);
        webhook->ver++;
    }
    TRY(set_due(tx, webhook));
    TRY(webhook_rows_update(tx, webhook));
    return is_disabled ? webhook_record(tx, &self, webhook, "webhook.disabled", webhook->reason) : OK;
}

static void count(struct fleet *fleet, int status)
{
    struct fleet_counters *counters = &fleet->counters;
    bool is_good = status >= 200 && status <= 299;
    atomic_fetch_add(status == 0 ? &counters->webhook_unreached
                     : is_good   ? &counters->webhook_delivered
                                 : &counters->webhook_turned_down,
                     1);
}

static err_t send_one(struct work *work, struct delivery_row *delivery)
{
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(outbound_answer) answer = {.status = 0};
    int64_t now_ms = clock_now_ms(work->fleet->clock);
    struct webhook_attempt attempt = {.is_probe = work->is_probe};
    TRY(random_fill(work->fleet->random, &attempt.jitter, sizeof attempt.jitter));
    TRY(make_body(work, delivery, &body));
    const struct webhook_message message = {
        .id = delivery->event, .timestamp_s = now_ms / 1000, .body = buf_view(&body)};
    err_t error = call_out(work, &message, &answer);
    note_answer(&answer, &error, &attempt);
    count(work->fleet, attempt.status);
    attempt.at_ms = clock_now_ms(work->fleet->clock); /* a slow answer pushes the next attempt on */
    struct outcome outcome = {.work = work, .delivery = delivery, .attempt = &attempt};
    return db_write(work->fleet->db, outcome_in, &outcome);
}

static bool may_send(const struct work *work, int64_t now_ms)
{
    return work->webhook.state == WEBHOOK_ENABLED && work->webhook.hold_until <= now_ms;
}

static err_t send_batch(struct work *work, int64_t until_ms)
{
    TRY(db_read(work->fleet->db, read_in, work));
    work->is_over = work->count == 0;
    for (size_t i = 0; i < work->count && !work->is_over; i++) {
        work->is_over = !may_send(work, clock_now_ms(work->fleet->clock));
        if (!work->is_over) {
            yield_pause(work->fleet, YIELD_WEBHOOK);
            TRY(send_one(work, &work->batch[i]));
        }
        work->is_over = work->is_over || clock_monotonic_ms(work->fleet->clock) >= until_ms;
    }
    return OK;
}

err_t webhook_work(struct fleet *fleet, const struct webhook_transport *transport,
                   const struct webhook_due *due)
{
    struct work *work = calloc(1, sizeof *work);
    ENSURE(work != NULL, ERR_NO_MEMORY, "work for a webhook");
    *work = (struct work){.fleet = fleet, .transport = transport, .due = *due};
    int64_t until_ms = clock_monotonic_ms(fleet->clock) + STRETCH_MS;
    err_t error = OK;
    do {
        error = db_write(fleet->db, queue_in, work);
        if (error.code == ERR_OK) {
            error = send_batch(work, until_ms);
        }
    } while (error.code == ERR_OK && !(work->is_over && work->looked < QUEUE_STEP) &&
             clock_monotonic_ms(fleet->clock) < until_ms && may_send(work, clock_now_ms(fleet->clock)));
    free(work);
    return error.code == ERR_NOT_FOUND ? OK : error; /* removed meanwhile */
}
