/* The life of webhooks and the orders about them: made, changed, replayed, retried, tested, removed;
 * schedules as pure values. */
#include "tests/unit/fleet/webhook_scene.h"

#include "db/feed_rows.h"

static const int64_t second_ms = 1000;

/* --- the schedule ------------------------------------------------------------------------------------- */

static void the_schedule_is_that_of_the_specification(void **state)
{
    (void)state;
    static const int64_t delays_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    struct delivery_row delivery = {.state = DELIVERY_WAITING};
    struct webhook_row webhook = {.waiting = 1};
    struct webhook_attempt attempt = {.at_ms = 1000000, .status = 500};
    for (size_t i = 0; i < sizeof delays_s / sizeof delays_s[0]; i++) {
        attempt.jitter = (uint8_t)(i * 31);
        assert_false(webhook_judge(&attempt, &delivery, &webhook));
        int64_t delay = delivery.next_at - attempt.at_ms;
        assert_true(delay >= delays_s[i] * 900 && delay <= delays_s[i] * 1100);
        assert_int_equal(delivery.attempts, i + 1);
        attempt.at_ms = delivery.next_at;
    }
    assert_false(webhook_judge(&attempt, &delivery, &webhook));
    assert_int_equal(delivery.state, DELIVERY_FAILED);
    assert_int_equal(delivery.attempts, WEBHOOK_ATTEMPTS);
    assert_int_equal(webhook.state, WEBHOOK_DISABLED);
    assert_int_equal(webhook.waiting, 0);
}

static void jitter_spreads_by_a_tenth(void **state)
{
    (void)state;
    for (int jitter = 0; jitter <= 255; jitter += 255) {
        struct delivery_row delivery = {.state = DELIVERY_WAITING};
        struct webhook_row webhook = {.waiting = 1};
        const struct webhook_attempt attempt = {.at_ms = 0, .status = 404, .jitter = (uint8_t)jitter};
        (void)webhook_judge(&attempt, &delivery, &webhook);
        assert_int_equal(delivery.next_at, jitter == 0 ? 4500 : 5500);
    }
}

static void what_each_answer_means(void **state)
{
    (void)state;
    static const struct {
        int status;
        bool is_delivered, is_held, is_disabled;
    } rows[] = {
        {200, true, false, false},  {204, true, false, false},  {299, true, false, false},
        {0, false, true, false},    {429, false, true, false},  {502, false, true, false},
        {503, false, true, false},  {504, false, true, false},  {301, false, false, false},
        {308, false, false, false}, {400, false, false, false}, {404, false, false, false},
        {500, false, false, false}, {410, false, false, true},  {199, false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct delivery_row delivery = {.state = DELIVERY_WAITING};
        struct webhook_row webhook = {.waiting = 1};
        const struct webhook_attempt attempt = {.at_ms = 1, .status = rows[i].status, .error = "why"};
        (void)webhook_judge(&attempt, &delivery, &webhook);
        assert_int_equal(delivery.state == DELIVERY_DELIVERED, rows[i].is_delivered);
        assert_int_equal(webhook.hold_until > 0, rows[i].is_held);
        assert_int_equal(webhook.state == WEBHOOK_DISABLED, rows[i].is_disabled);
        assert_int_equal(delivery.error[0] == '\0', rows[i].is_delivered);
        assert_int_equal(webhook.waiting, rows[i].is_delivered || rows[i].is_disabled ? 0 : 1);
    }
}

static void holds_grow_to_five_minutes(void **state)
{
    (void)state;
    static const int64_t holds_s[] = {5, 30, 120, 300, 300, 300};
    struct webhook_row webhook = {.waiting = 10};
    for (size_t i = 0; i < sizeof holds_s / sizeof holds_s[0]; i++) {
        struct delivery_row delivery = {.state = DELIVERY_WAITING};
        const struct webhook_attempt attempt = {.at_ms = 0, .status = 0, .error = "", .jitter = 128};
        (void)webhook_judge(&attempt, &delivery, &webhook);
        assert_true(webhook.hold_until >= holds_s[i] * 990 && webhook.hold_until <= holds_s[i] * 1010);
    }
    struct delivery_row delivery = {.state = DELIVERY_WAITING};
    const struct webhook_attempt success = {.at_ms = 9, .status = 200};
    assert_true(webhook_judge(&success, &delivery, &webhook)); /* the outage ended */
    assert_int_equal(webhook.hold_until, 0);
}

/* --- their life --------------------------------------------------------------------------------------- */

static void a_tenant_has_so_many(void **state)
{
    struct webhook_scene s;
    char name[16];
    webhook_scene_init(&s, *state);
    for (int i = 0; i < WEBHOOKS_MAX; i++) {
        (void)snprintf(name, sizeof name, "hook-%d", i);
        make_webhook(&s, name, NULL);
    }
    const struct webhook_change one_more = {.name = bytes_str("x"), .url = bytes_str("https://example.com/")};
    assert_error(webhook_add(s.f.fleet, &s.terms, &one_more, s.secret, &s.row), ERR_CONFLICT, "16 webhooks");
    assert_int_equal(s.secret[0], 0);
    webhook_scene_clear(&s);
}

static void names_and_urls_are_judged(void **state)
{
    static const char *const urls[] = {"",
                                       "erp",
                                       "http://erp.example.com/",
                                       "ftp://erp.example.com/",
                                       "https://127.0.0.1/",
                                       "https://[::1]/",
                                       "https://10.0.0.1/",
                                       "https://169.254.169.254/latest",
                                       "https://user:pass@erp.example.com/",
                                       "https://erp.example.com/#x"};
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct webhook_change bad = {.name = bytes_str("erp"), .url = bytes_str(urls[i])};
        s.faults.count = 0;
        assert_int_equal(webhook_add(s.f.fleet, &s.terms, &bad, s.secret, &s.row).code, ERR_UNPROCESSABLE);
        assert_string_equal(s.faults.items[0].pointer, "/url");
    }
    s.faults.count = 0;
    make_webhook(&s, "erp", NULL);
    const struct webhook_change same = {.name = bytes_str("erp"), .url = bytes_str("https://b.example.com/")};
    assert_error(webhook_add(s.f.fleet, &s.terms, &same, s.secret, &s.row), ERR_CONFLICT, "erp");
    webhook_scene_clear(&s);
}

static void the_record_tells_no_path(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    const struct webhook_change change = {
        .name = bytes_str("erp"), .url = bytes_str("https://erp.example.com:8443/in/s3cret?key=s3cret")};
    assert_ok(webhook_add(s.f.fleet, &s.terms, &change, s.secret, &s.row));
    struct audit_count record = audit_of(&s.f, "webhook.added");
    assert_null(strstr(record.last_body, "s3cret"));
    assert_non_null(strstr(record.last_body, "\"https://erp.example.com:8443\""));
    webhook_scene_clear(&s);
}

static void others_see_nothing(void **state)
{
    struct webhook_scene s;
    struct tenant_row other;
    struct delivery_row delivery;
    webhook_scene_init(&s, *state);
    assert_ok(tenant_add(s.f.fleet, &test_actor, "other", &other));
    make_webhook(&s, "erp", NULL);
    struct terms theirs = s.terms;
    theirs.tenant = other.id;
    const struct webhook_change change = {.has_enabled = true};
    const struct webhook_replay replay = {.has_since = true};
    const struct delivery_name name = {.webhook = s.row.id};
    const struct delivery_window window = {.webhook = s.row.id, .limit = 1};
    struct webhook_row row;
    struct uuid id = s.row.id;
    assert_int_equal(webhook_find(s.f.fleet, other.id, id, &row).code, ERR_NOT_FOUND);
    assert_int_equal(webhook_alter(s.f.fleet, &theirs, id, &change, &row).code, ERR_NOT_FOUND);
    assert_int_equal(webhook_remove(s.f.fleet, &theirs, id).code, ERR_NOT_FOUND);
    assert_int_equal(webhook_rotate(s.f.fleet, &theirs, id, s.secret, &row).code, ERR_NOT_FOUND);
    assert_int_equal(webhook_drop_old(s.f.fleet, &theirs, id, &row).code, ERR_NOT_FOUND);
    assert_int_equal(webhook_test(s.f.fleet, &theirs, id, &delivery).code, ERR_NOT_FOUND);
    assert_int_equal(webhook_replay(s.f.fleet, &theirs, id, &replay, &row).code, ERR_NOT_FOUND);
    assert_int_equal(webhook_retry(s.f.fleet, &theirs, &name, &delivery).code, ERR_NOT_FOUND);
    assert_int_equal(webhook_deliveries(s.f.fleet, other.id, &window, NULL, NULL).code, ERR_NOT_FOUND);
    assert_ok(happen(&s.f, "hub.added", "ok", &other.id)); /* and it is told nothing of theirs */
    assert_false(is_due(&s));
    webhook_scene_clear(&s);
}

/* --- orders ------------------------------------------------------------------------------------------- */

static void a_replay_sends_again_under_the_same_ids(void **state)
{
    struct webhook_scene s;
    char ids[3][EVENT_ID_SIZE];
    int64_t number = 0;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    for (int i = 0; i < 3; i++) {
        manual_clock_advance(&s.f.clock, hour_ms);
        something_happens(&s, "hub.added");
        assert_ok(event_latest(s.f.fleet, s.f.tenant.id, &number, ids[i]));
    }
    work(&s);
    s.receiver.count = 0;
    const struct webhook_replay behind = {.after = bytes_str(ids[0])};
    assert_ok(webhook_replay(s.f.fleet, &s.terms, s.row.id, &behind, &s.row));
    work(&s);
    assert_int_equal(s.receiver.count, 2);
    assert_string_equal(s.receiver.ids[0], ids[1]);
    assert_string_equal(s.receiver.ids[1], ids[2]);
    s.receiver.count = 0;
    const struct webhook_replay since = {.has_since = true, .since_ms = s.f.clock.at_ms - hour_ms};
    assert_ok(webhook_replay(s.f.fleet, &s.terms, s.row.id, &since, &s.row));
    work(&s);
    assert_int_equal(s.receiver.count, 2); /* from the very second on */
    assert_string_equal(s.receiver.ids[0], ids[1]);
    assert_int_equal(s.row.delivered, 7);
    const struct webhook_replay future = {.has_since = true, .since_ms = s.f.clock.at_ms + day_ms};
    assert_ok(webhook_replay(s.f.fleet, &s.terms, s.row.id, &future, &s.row));
    work(&s);
    assert_int_equal(s.receiver.count, 2);
    static const char *const bad[] = {"", "x", "01920000-0000-7000-8000-00000000000a.1.0.1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct webhook_replay wrong = {.after = bytes_str(bad[i])};
        s.faults.count = 0;
        assert_int_equal(webhook_replay(s.f.fleet, &s.terms, s.row.id, &wrong, &s.row).code,
                         ERR_UNPROCESSABLE);
        assert_string_equal(s.faults.items[0].pointer, "/after");
    }
    const struct webhook_replay both = {.has_since = true, .after = bytes_str(ids[0])};
    assert_int_equal(webhook_replay(s.f.fleet, &s.terms, s.row.id, &both, &s.row).code, ERR_UNPROCESSABLE);
    webhook_scene_clear(&s);
}

static err_t keep_delivery(const struct delivery_row *row, void *arg)
{
    *(struct delivery_row *)arg = *row;
    return OK;
}

static struct delivery_row newest(struct webhook_scene *s)
{
    struct delivery_row row = {.attempts = -1};
    const struct delivery_window window = {.webhook = s->row.id, .limit = 1};
    assert_ok(webhook_deliveries(s->f.fleet, s->f.tenant.id, &window, keep_delivery, &row));
    return row;
}

static void a_retry_begins_anew(void **state)
{
    struct webhook_scene s;
    struct delivery_row row;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    s.receiver.status = 500;
    something_happens(&s, "hub.added");
    work(&s);
    advance(&s, 6 * second_ms);
    row = newest(&s);
    assert_int_equal(row.attempts, 2);
    s.receiver.status = 200;
    const struct delivery_name name = {.webhook = s.row.id, .id = row.id};
    assert_ok(webhook_retry(s.f.fleet, &s.terms, &name, &row));
    assert_ok(webhook_retry(s.f.fleet, &s.terms, &name, &row)); /* asked twice, sent once */
    work(&s);
    assert_int_equal(s.receiver.count, 3);
    assert_int_equal(s.row.waiting, 0);
    assert_int_equal(newest(&s).state, DELIVERY_DELIVERED);
    /* one that was delivered, too */
    assert_ok(webhook_retry(s.f.fleet, &s.terms, &name, &row));
    work(&s);
    assert_int_equal(s.receiver.count, 4);
    assert_string_equal(s.receiver.ids[3], s.receiver.ids[0]);
    const struct delivery_name nowhere = {.webhook = s.row.id, .id = s.row.id};
    assert_error(webhook_retry(s.f.fleet, &s.terms, &nowhere, &row), ERR_NOT_FOUND, "delivery");
    webhook_scene_clear(&s);
}

static void a_test_goes_to_one_webhook_and_into_no_feed(void **state)
{
    struct webhook_scene s;
    struct delivery_row row;
    int64_t before = 0;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    before = head(&s.f);
    assert_ok(webhook_test(s.f.fleet, &s.terms, s.row.id, &row));
    work(&s);
    assert_int_equal(s.receiver.count, 1);
    assert_string_equal(s.receiver.ids[0], row.event);
    assert_non_null(strstr(s.receiver.last_body, "\"webhook.test\""));
    assert_int_equal(head(&s.f), before);
    const struct webhook_change off = {.has_enabled = true};
    assert_ok(webhook_alter(s.f.fleet, &s.terms, s.row.id, &off, &s.row));
    assert_string_equal(s.row.reason, "disabled by an operator");
    assert_error(webhook_test(s.f.fleet, &s.terms, s.row.id, &row), ERR_WRONG_STATE, "enable it");
    webhook_scene_clear(&s);
}

static void what_ended_is_swept_after_a_week(void **state)
{
    struct webhook_scene s;
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", "hub.*");
    something_happens(&s, "hub.added");
    work(&s);
    assert_ok(webhook_sweep(s.f.fleet, s.f.clock.at_ms + 6 * day_ms));
    assert_int_equal(newest(&s).attempts, 1);
    assert_ok(webhook_sweep(s.f.fleet, s.f.clock.at_ms + 8 * day_ms));
    assert_int_equal(newest(&s).attempts, -1);
    webhook_scene_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schedule_is_that_of_the_specification),
        cmocka_unit_test(jitter_spreads_by_a_tenth),
        cmocka_unit_test(what_each_answer_means),
        cmocka_unit_test(holds_grow_to_five_minutes),
        cmocka_unit_test(a_tenant_has_so_many),
        cmocka_unit_test(names_and_urls_are_judged),
        cmocka_unit_test(the_record_tells_no_path),
        cmocka_unit_test(others_see_nothing),
        cmocka_unit_test(a_replay_sends_again_under_the_same_ids),
        cmocka_unit_test(a_retry_begins_anew),
        cmocka_unit_test(a_test_goes_to_one_webhook_and_into_no_feed),
        cmocka_unit_test(what_ended_is_swept_after_a_week),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
