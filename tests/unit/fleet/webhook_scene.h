/* What the tests of webhooks share: a fleet that may call, a receiver that is a function, and a clock that is
 * moved. */
#ifndef WHORL_TESTS_WEBHOOK_SCENE_H
#define WHORL_TESTS_WEBHOOK_SCENE_H

#include "tests/unit/fleet/event_scene.h"

#include "fleet/webhook_schedule.h"
#include "fleet/webhook_send.h"
#include "fleet/webhooks.h"

enum { CALLS_MAX = 500 };

/* What the receiver was sent, and what it answers. */
struct receiver {
    int status;              /* 0: it is not reached */
    int64_t retry_after_s;   /* told with it */
    const char *turned_down; /* events of this type are answered 500 */
    int count;
    char ids[CALLS_MAX][DELIVERY_EVENT_SIZE];
    char last_body[2048], last_signature[256], last_timestamp[24], last_url[64];
};

static inline const char *header_of(const struct outbound_call *call, const char *name)
{
    for (size_t i = 0; i < call->header_count; i++) {
        if (strcmp(call->headers[i].name, name) == 0) {
            return call->headers[i].value;
        }
    }
    fail_msg("no header %s", name);
    return "";
}

static inline err_t receive(void *context, const struct outbound_call *call, struct outbound_answer *answer)
{
    struct receiver *receiver = context;
    assert_true(receiver->count < CALLS_MAX);
    (void)snprintf(receiver->ids[receiver->count++], DELIVERY_EVENT_SIZE, "%s",
                   header_of(call, "webhook-id"));
    (void)snprintf(receiver->last_body, sizeof receiver->last_body, "%.*s", (int)call->body.n,
                   (const char *)call->body.p);
    (void)snprintf(receiver->last_signature, sizeof receiver->last_signature, "%s",
                   header_of(call, "webhook-signature"));
    (void)snprintf(receiver->last_timestamp, sizeof receiver->last_timestamp, "%s",
                   header_of(call, "webhook-timestamp"));
    (void)snprintf(receiver->last_url, sizeof receiver->last_url, "%s", call->url);
    ENSURE(receiver->status != 0, ERR_UNAVAILABLE, "connection refused");
    bool is_turned_down =
        receiver->turned_down != NULL && strstr(receiver->last_body, receiver->turned_down) != NULL;
    answer->status = is_turned_down ? 500 : receiver->status;
    answer->retry_after_s = receiver->retry_after_s;
    return OK;
}

struct webhook_scene {
    struct fleet_fixture f;
    struct outbound *outbound;
    struct receiver receiver;
    struct webhook_transport transport;
    struct faults faults;
    struct terms terms;
    struct webhook_row row;
    char secret[WEBHOOK_SECRET_TEXT_SIZE];
};

static inline void webhook_scene_fleet(struct webhook_scene *s)
{
    fleet_free(s->f.fleet);
    s->f.options.outbound = s->outbound;
    assert_ok(fleet_new(&s->f.options, &s->f.fleet));
}

static inline void webhook_scene_init(struct webhook_scene *s, void *house)
{
    const struct outbound_options options = {.allow = ""};
    *s = (struct webhook_scene){.receiver = {.status = 200}};
    fleet_fixture_init(&s->f, house);
    assert_ok(outbound_new(&options, &s->outbound));
    webhook_scene_fleet(s);
    s->transport = (struct webhook_transport){.send = receive, .context = &s->receiver};
    s->terms = (struct terms){.tenant = s->f.tenant.id, .actor = test_actor, .faults = &s->faults};
}

/** As after a kill: nothing in memory survives. */
static inline void webhook_scene_reopen(struct webhook_scene *s)
{
    fleet_fixture_reopen(&s->f);
    webhook_scene_fleet(s);
}

static inline void webhook_scene_clear(struct webhook_scene *s)
{
    assert_audit_verifies(&s->f);
    fleet_fixture_clear(&s->f);
    outbound_free(s->outbound);
}

/** Makes the scene's webhook. @param types a pattern, or NULL: all */
static inline void make_webhook(struct webhook_scene *s, const char *name, const char *types)
{
    struct webhook_change change = {.name = bytes_str(name), .url = bytes_str("https://erp.example.com/in")};
    if (types != NULL) {
        change.has_types = true;
        assert_ok(event_filter_add(&change.types, bytes_str(types)));
    }
    assert_ok(webhook_add(s->f.fleet, &s->terms, &change, s->secret, &s->row));
}

static inline void look_at_webhook(struct webhook_scene *s)
{
    assert_ok(webhook_find(s->f.fleet, s->f.tenant.id, s->row.id, &s->row));
}

static inline err_t keep_due(const struct webhook_due *due, void *arg)
{
    *(struct webhook_due *)arg = *due;
    return OK;
}

struct due_run {
    int64_t now_ms;
    struct webhook_due due;
};

static inline err_t find_due(struct db_tx *tx, void *arg)
{
    struct due_run *run = arg;
    return webhook_rows_due(tx, run->now_ms, 1, keep_due, &run->due);
}

/** Whether some webhook has something to do now. */
static inline bool is_due(struct webhook_scene *s)
{
    static const struct uuid none;
    struct due_run run = {.now_ms = s->f.clock.at_ms};
    assert_ok(db_read(s->f.db, find_due, &run));
    return !uuid_equal(run.due.id, none);
}

/** As a thread of the pool: works for the webhook while it is due. */
static inline void work(struct webhook_scene *s)
{
    const struct webhook_due due = {.id = s->row.id, .tenant = s->f.tenant.id};
    for (int i = 0; i < 1000 && is_due(s); i++) {
        assert_ok(webhook_work(s->f.fleet, &s->transport, &due));
    }
    assert_false(is_due(s));
    look_at_webhook(s);
}

static inline void advance(struct webhook_scene *s, int64_t by_ms)
{
    manual_clock_advance(&s->f.clock, by_ms);
    work(s);
}

static inline void something_happens(struct webhook_scene *s, const char *kind)
{
    assert_ok(happen(&s->f, kind, "ok", &s->f.tenant.id));
}

#endif
