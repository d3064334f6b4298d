/* What becomes of events for a webhook, by an answer, an outage, a restart: with a receiver that is a
 * function and a clock that is moved. */
#include "tests/unit/fleet/webhook_scene.h"

#include "fleet/work_figures.h"

static const int64_t second_ms = 1000;
static const int64_t minute_ms = 60 * 1000;

static void assert_figures(const struct webhook_scene *s, int64_t waiting, int64_t delivered, int64_t failed)
{
    assert_int_equal(s->row.waiting, waiting);
    assert_int_equal(s->row.delivered, delivered);
    assert_int_equal(s->row.failed, failed);
    AUTO_VAL(buf) text = {0};
    char line[64];
    int64_t to_be_sent = s->row.state == WEBHOOK_ENABLED ? waiting : 0;
    (void)snprintf(line, sizeof line, "\nwhorl_webhook_waiting %lld\n", (long long)to_be_sent);
    assert_ok(work_figures_write(s->f.fleet, &text));
    assert_non_null(strstr(buf_str(&text), line));
}

static bool is_id_seen(const struct receiver *receiver, const char *id, int before)
{
    for (int i = 0; i < before; i++) {
        if (strcmp(receiver->ids[i], id) == 0) {
            return true;
        }
    }
    return false;
}

static void what_happens_is_sent_once_in_order(void **state)
{
    struct webhook_scene s;
    int64_t number = 0;
    char last[EVENT_ID_SIZE];
    webhook_scene_init(&s, *state);
    something_happens(&s, "hub.added"); /* before it was there */
    make_webhook(&s, "erp", "hub.*");
    assert_false(is_due(&s));
    work(&s);
    assert_int_equal(s.receiver.count, 0);
    for (int i = 0; i < 40; i++) {
        something_happens(&s, i % 2 == 0 ? "hub.changed" : "product.changed");
    }
    assert_true(is_due(&s));
    work(&s);
    assert_int_equal(s.receiver.count, 20);
    assert_figures(&s, 0, 20, 0);
    for (int i = 0; i < s.receiver.count; i++) {
        assert_false(is_id_seen(&s.receiver, s.receiver.ids[i], i));
    }
    something_happens(&s, "hub.added");
    assert_ok(event_latest(s.f.fleet, s.f.tenant.id, &number, last));
    work(&s);
    assert_string_equal(s.receiver.ids[20], last);
    AUTO(json_t) *event = json_loads(s.receiver.last_body, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(event, "id")), last);
    assert_string_equal(json_string_value(json_object_get(event, "type")), "hub.added");
    assert_true(json_is_string(json_object_get(event, "timestamp")));
    assert_true(json_is_object(json_object_get(event, "data")));
    assert_int_equal(strtoll(s.receiver.last_timestamp, NULL, 10), s.f.clock.at_ms / 1000);
    assert_string_equal(s.receiver.last_url, "https://erp.example.com/in");
    AUTO_VAL(buf) signature = {0};
    const struct webhook_message message = {
        .id = last, .timestamp_s = s.f.clock.at_ms / 1000, .body = bytes_str(s.receiver.last_body)};
    assert_ok(webhook_sign_all(s.f.fleet, &s.row, &message, &signature));
    assert_string_equal(s.receiver.last_signature, buf_str(&signature));
    advance(&s, day_ms);
    assert_int_equal(s.receiver.count, 21);
    webhook_scene_clear(&s);
}

/* A receiver that is away is asked rarely, whatever waits; back, it gets all, each once, in order. */
static void an_outage_holds_the_webhook(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    s.receiver.status = 0;
    for (int i = 0; i < 30; i++) {
        something_happens(&s, "hub.added");
    }
    work(&s);
    assert_int_equal(s.receiver.count, 1);
    assert_true(s.row.hold_until > s.f.clock.at_ms);
    something_happens(&s, "hub.added"); /* does not wake it */
    assert_false(is_due(&s));
    for (int i = 0; i < 24 * 60; i++) {
        advance(&s, minute_ms);
    }
    assert_true(s.receiver.count > 200 && s.receiver.count < 300); /* a day, a call in five minutes */
    assert_int_equal(s.row.waiting, 31);
    s.receiver.status = 200;
    s.receiver.count = 0;
    advance(&s, 6 * minute_ms);
    assert_int_equal(s.receiver.count, 31);
    assert_figures(&s, 0, 31, 0);
    webhook_scene_clear(&s);
}

/* Longer than the schedule: disabled, and still nothing is lost. */
static void nobody_for_days_disables_it(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    s.receiver.status = 0;
    for (int i = 0; i < 3; i++) {
        something_happens(&s, "hub.added");
    }
    work(&s);
    int hours = 0;
    for (; hours < 100 && s.row.state == WEBHOOK_ENABLED; hours++) {
        advance(&s, hour_ms);
    }
    assert_true(hours > 72 && hours < 80);
    assert_non_null(strstr(s.row.reason, "three days"));
    assert_int_equal(s.row.waiting + s.row.failed, 3);
    advance(&s, 10 * day_ms);
    s.receiver.status = 200;
    s.receiver.count = 0;
    const struct webhook_change change = {.has_enabled = true, .is_enabled = true};
    int64_t waiting = s.row.waiting;
    assert_ok(webhook_alter(s.f.fleet, &s.terms, s.row.id, &change, &s.row));
    work(&s);
    assert_int_equal(s.receiver.count, waiting);
    webhook_scene_clear(&s);
}

static void a_poison_event_stops_no_other(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", NULL);
    s.receiver.turned_down = "hub.added";
    something_happens(&s, "hub.added");
    something_happens(&s, "hub.changed");
    work(&s);
    assert_int_equal(s.receiver.count, 2);
    assert_figures(&s, 1, 1, 0);
    int64_t hours = 0;
    while (s.row.waiting > 0 && hours < 100) {
        something_happens(&s, "hub.changed");
        advance(&s, hour_ms);
        hours++;
    }
    assert_true(hours > 65 && hours < 90); /* some three days */
    assert_int_equal(s.row.failed, 1);
    assert_int_equal(s.row.state, WEBHOOK_ENABLED); /* others were delivered */
    int tries = 0;
    for (int i = 0; i < s.receiver.count; i++) {
        tries += strcmp(s.receiver.ids[i], s.receiver.ids[0]) == 0 ? 1 : 0;
    }
    assert_int_equal(tries, WEBHOOK_ATTEMPTS);
    webhook_scene_clear(&s);
}

static void three_days_of_silence_disable_it(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", NULL);
    s.receiver.status = 500;
    something_happens(&s, "hub.added");
    work(&s);
    for (int hour = 0; hour < 100 && s.row.state == WEBHOOK_ENABLED; hour++) {
        advance(&s, hour_ms);
    }
    assert_int_equal(s.row.state, WEBHOOK_DISABLED);
    assert_non_null(strstr(s.row.reason, "three days"));
    assert_figures(&s, 0, 0, 1);
    assert_int_equal(audit_of(&s.f, "webhook.disabled").count, 1);
    /* it does not work, and misses nothing */
    s.receiver.status = 200;
    s.receiver.count = 0;
    something_happens(&s, "product.added");
    assert_false(is_due(&s));
    const struct webhook_change change = {.has_enabled = true, .is_enabled = true};
    assert_ok(webhook_alter(s.f.fleet, &s.terms, s.row.id, &change, &s.row));
    work(&s);
    assert_int_equal(s.receiver.count, 3); /* webhook.disabled, product.added, webhook.changed */
    webhook_scene_clear(&s);
}

static void gone_is_gone(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    s.receiver.status = 410;
    long long before = atomic_load(&s.f.fleet->counters.webhook_turned_down);
    something_happens(&s, "hub.added");
    something_happens(&s, "hub.changed");
    work(&s);
    assert_int_equal(s.receiver.count, 1);
    assert_int_equal(s.row.state, WEBHOOK_DISABLED);
    assert_figures(&s, 1, 0, 1);
    assert_int_equal(atomic_load(&s.f.fleet->counters.webhook_turned_down), before + 1);
    advance(&s, 10 * day_ms);
    assert_int_equal(s.receiver.count, 1);
    webhook_scene_clear(&s);
}

static void retry_after_is_heeded(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    s.receiver.status = 503;
    s.receiver.retry_after_s = 600;
    something_happens(&s, "hub.added");
    work(&s);
    s.receiver.status = 200;
    s.receiver.retry_after_s = 0;
    advance(&s, 599 * second_ms);
    assert_int_equal(s.receiver.count, 1);
    advance(&s, second_ms);
    assert_int_equal(s.receiver.count, 2);
    s.receiver.status = 429;
    s.receiver.retry_after_s = INT64_MAX;
    something_happens(&s, "hub.added");
    work(&s);
    assert_true(s.row.hold_until <= s.f.clock.at_ms + day_ms);
    webhook_scene_clear(&s);
}

static void a_restart_loses_nothing(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    s.receiver.status = 0;
    for (int i = 0; i < 5; i++) {
        something_happens(&s, "hub.added");
    }
    work(&s);
    webhook_scene_reopen(&s);
    something_happens(&s, "hub.added");
    webhook_scene_reopen(&s);
    s.receiver.status = 200;
    s.receiver.count = 0;
    advance(&s, minute_ms);
    assert_int_equal(s.receiver.count, 6);
    assert_figures(&s, 0, 6, 0);
    webhook_scene_clear(&s);
}

static err_t crowd_in(struct db_tx *tx, void *arg)
{
    return db_run(tx, "UPDATE webhook SET waiting = waiting + $1", DB_VALUES(DB_I(*(const int64_t *)arg)),
                  NULL, NULL);
}

/* As if so many more were waiting. */
static void crowd(struct webhook_scene *s, int64_t more)
{
    assert_ok(db_write(s->f.db, crowd_in, &more));
}

static void no_more_wait_than_may(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    s.receiver.status = 500; /* turned down one by one, so nothing holds it */
    crowd(&s, WEBHOOK_WAITING_MAX - 5);
    for (int i = 0; i < 8; i++) {
        something_happens(&s, "hub.added");
    }
    work(&s);
    assert_int_equal(s.row.waiting, WEBHOOK_WAITING_MAX);
    assert_int_equal(s.receiver.count, 5);
    something_happens(&s, "hub.added"); /* wakes nobody: there is no room */
    assert_false(is_due(&s));
    s.receiver.status = 200;
    s.receiver.count = 0;
    advance(&s, minute_ms);
    assert_int_equal(s.receiver.count, 9);
    crowd(&s, 5 - WEBHOOK_WAITING_MAX);
    look_at_webhook(&s);
    assert_figures(&s, 0, 9, 0);
    webhook_scene_clear(&s);
}

static void removed_while_it_waits(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    something_happens(&s, "hub.added");
    assert_ok(webhook_remove(s.f.fleet, &s.terms, s.row.id));
    const struct webhook_due due = {.id = s.row.id, .tenant = s.f.tenant.id};
    assert_ok(webhook_work(s.f.fleet, &s.transport, &due));
    assert_int_equal(s.receiver.count, 0);
    something_happens(&s, "hub.added");
    assert_false(is_due(&s));
    webhook_scene_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happens_is_sent_once_in_order),
        cmocka_unit_test(an_outage_holds_the_webhook),
        cmocka_unit_test(nobody_for_days_disables_it),
        cmocka_unit_test(a_poison_event_stops_no_other),
        cmocka_unit_test(three_days_of_silence_disable_it),
        cmocka_unit_test(gone_is_gone),
        cmocka_unit_test(retry_after_is_heeded),
        cmocka_unit_test(a_restart_loses_nothing),
        cmocka_unit_test(no_more_wait_than_may),
        cmocka_unit_test(removed_while_it_waits),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
