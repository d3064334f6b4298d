/* The feed of a tenant: numbers without gaps in the order of the commits, readings from any place, filters;
 * and who is woken when there is more. */
#include "tests/unit/fleet/event_scene.h"

#include "fleet/audit_log.h"

static void only_changes_of_a_tenant_are_events(void **state)
{
    struct fleet_fixture f;
    struct tenant_row other;
    struct seen seen = {0};
    fleet_fixture_init(&f, *state);
    assert_ok(tenant_add(f.fleet, &test_actor, "other", &other));
    int64_t start = head(&f);
    assert_ok(happen(&f, "hub.added", "ok", &f.tenant.id));
    assert_ok(happen(&f, "hub.added", "refused", &f.tenant.id));
    assert_ok(happen(&f, "device.refused", "refused", &f.tenant.id));
    assert_ok(happen(&f, "audit.exported", "ok", &f.tenant.id));
    assert_ok(happen(&f, "crl.published", "ok", NULL));
    assert_ok(happen(&f, "hub.changed", "ok", &other.id));
    assert_ok(happen(&f, "product.changed", "ok", &f.tenant.id));
    struct event_reading reading = reading_of(&f, start, &seen);
    assert_ok(events_read(f.fleet, &reading));
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.kinds[0], "hub.added");
    assert_string_equal(seen.kinds[1], "product.changed");
    assert_int_equal(seen.numbers[0], start + 1);
    assert_int_equal(seen.numbers[1], start + 2);
    assert_false(reading.has_more);
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

static void a_kind_of_no_table_is_refused(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    assert_error(happen(&f, "hub.painted", "ok", &f.tenant.id), ERR_INTERNAL, "hub.painted");
    fleet_fixture_clear(&f);
}

static err_t take_body(const struct audit_row *row, void *arg)
{
    (void)snprintf(arg, 128, "%.*s", (int)row->body.n, (const char *)row->body.p);
    return OK;
}

/* The record of a request that runs and came with a trace names it; no other does, of any form of body. */
static void a_record_names_the_trace(void **state)
{
#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"
    static const struct {
        const char *request_id, *format, *want;
    } rows[] = {
        {"0190aaaa-bbbb-7ccc-8ddd-000000000001", "{}", "{\"trace_id\":\"" TRACE_ID "\"}"},
        {"0190aaaa-bbbb-7ccc-8ddd-000000000001", "{\"a\":1}", "{\"a\":1,\"trace_id\":\"" TRACE_ID "\"}"},
        {"0190aaaa-bbbb-7ccc-8ddd-000000000002", "{\"a\":1}", "{\"a\":1}"},
        {"", "{}", "{}"},
        {NULL, "{}", "{}"},
    };
    struct fleet_fixture f;
    AUTO_PTR(trace_table) *traces = NULL;
    struct trace_entry entry = {.trace = {.id = TRACE_ID, .parent = "00f067aa0ba902b7"}};
    memcpy(entry.request_id, rows[0].request_id, sizeof entry.request_id);
    assert_ok(trace_table_new(&traces));
    fleet_fixture_init(&f, *state);
    f.traces = traces;
    fleet_fixture_reopen(&f);
    for (int is_over = 0; is_over < 2; is_over++) {
        if (is_over == 0) {
            trace_table_put(traces, &entry);
        }
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            char body[128] = "";
            struct happening run = {.event = {.kind = "hub.added",
                                              .result = "ok",
                                              .actor = "test",
                                              .request_id = rows[i].request_id,
                                              .tenant = &f.tenant.id},
                                    .body = rows[i].format};
            const struct audit_range last = {.tenant = f.tenant.id, .until = INT64_MAX, .limit = 1};
            f.clock.at_ms += 1;
            assert_ok(db_write(f.db, happen_in, &run));
            assert_ok(audit_list(f.fleet, &last, take_body, body));
            assert_string_equal(body, is_over == 0 ? rows[i].want : rows[i].format);
        }
        trace_table_drop(traces, &entry);
    }
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

static void what_is_undone_leaves_no_gap(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    int64_t start = head(&f);
    struct happening undone = {.event = {.kind = "hub.added",
                                         .result = "ok",
                                         .actor = "test",
                                         .request_id = "",
                                         .tenant = &f.tenant.id},
                               .fails = true};
    assert_error(db_write(f.db, happen_in, &undone), ERR_CONFLICT, "undone");
    assert_int_equal(head(&f), start);
    assert_ok(happen(&f, "hub.added", "ok", &f.tenant.id));
    assert_int_equal(head(&f), start + 1);
    fleet_fixture_reopen(&f); /* and a restart begins no new count */
    assert_ok(happen(&f, "hub.added", "ok", &f.tenant.id));
    assert_int_equal(head(&f), start + 2);
    fleet_fixture_clear(&f);
}

/* The commands beside the server write as another node: one feed all the same. */
static void two_processes_share_a_feed(void **state)
{
    struct fleet_fixture f;
    struct seen seen = {0};
    struct db *second = NULL;
    fleet_fixture_init(&f, *state);
    int64_t start = head(&f);
    const struct db_options options = {.path = f.path,
                                       .node_name = "admin",
                                       .clock = &f.clock.clock,
                                       .random = random_system(),
                                       .read_connections = 1,
                                       .queue_limit = 10};
    assert_ok(db_open(&options, &second));
    struct happening run = {.event = {.kind = "hub.changed",
                                      .result = "ok",
                                      .actor = "whorld",
                                      .request_id = "",
                                      .tenant = &f.tenant.id}};
    for (int i = 0; i < 3; i++) {
        assert_ok(happen(&f, "hub.added", "ok", &f.tenant.id));
        assert_ok(db_write(second, happen_in, &run));
    }
    db_close(second);
    struct event_reading reading = reading_of(&f, start, &seen);
    assert_ok(events_read(f.fleet, &reading));
    assert_int_equal(seen.count, 6);
    for (size_t i = 0; i < seen.count; i++) {
        assert_int_equal(seen.numbers[i], start + 1 + (int64_t)i);
        assert_string_equal(seen.kinds[i], i % 2 == 0 ? "hub.added" : "hub.changed");
    }
    fleet_fixture_clear(&f);
}

static void pages_of_any_size_tell_each_once(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    int64_t start = head(&f);
    for (int i = 0; i < 7; i++) {
        assert_ok(happen(&f, i % 3 == 0 ? "hub.added" : "product.added", "ok", &f.tenant.id));
    }
    for (int64_t limit = 1; limit <= 8; limit++) {
        struct seen seen = {0};
        struct event_reading reading = reading_of(&f, start, &seen);
        reading.limit = limit;
        do {
            size_t before = seen.count;
            assert_ok(events_read(f.fleet, &reading));
            assert_true(reading.has_more == (reading.position < start + 7));
            assert_int_equal(seen.count - before, reading.has_more ? (size_t)limit : seen.count - before);
            reading.after = reading.position;
        } while (reading.has_more);
        assert_int_equal(seen.count, 7);
        for (size_t i = 0; i < 7; i++) {
            assert_int_equal(seen.numbers[i], start + 1 + (int64_t)i);
        }
        /* later again: nothing, and the place stays */
        assert_ok(events_read(f.fleet, &reading));
        assert_int_equal(reading.position, start + 7);
        assert_string_equal(reading.position_id, "");
    }
    fleet_fixture_clear(&f);
}

static void filters_leave_out_and_still_move_on(void **state)
{
    struct fleet_fixture f;
    struct seen seen = {0};
    struct event_filter filter = {.type_count = 0};
    const struct device_id one = device_id_of(1), two = device_id_of(2);
    fleet_fixture_init(&f, *state);
    int64_t start = head(&f);
    happen_to(&f, "device.enrolled", &one);
    happen_to(&f, "device.enrolled", &two);
    happen_to(&f, "certificate.revoked", &one);
    happen_to(&f, "hub.added", NULL);
    assert_ok(event_filter_add(&filter, bytes_str("device.*")));
    struct event_reading reading = reading_of(&f, start, &seen);
    reading.filter = &filter;
    assert_ok(events_read(f.fleet, &reading));
    assert_int_equal(seen.count, 2);
    assert_int_equal(reading.position, start + 4);
    assert_ok(event_filter_add(&filter, bytes_str("certificate.revoked")));
    filter.has_device = true;
    filter.device = one;
    seen.count = 0;
    assert_ok(events_read(f.fleet, &reading));
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.kinds[1], "certificate.revoked");
    fleet_fixture_clear(&f);
}

/* A rare type among many others: looked for in steps, found in the end. */
static err_t many_in(struct db_tx *tx, void *arg)
{
    for (int i = 0; i < EVENTS_SCAN_MAX; i++) {
        TRY(happen_in(tx, arg));
    }
    return OK;
}

static void a_rare_type_is_looked_for_in_steps(void **state)
{
    struct fleet_fixture f;
    struct seen seen = {0};
    struct event_filter filter = {.type_count = 0};
    fleet_fixture_init(&f, *state);
    int64_t start = head(&f);
    struct happening run = {.event = {.kind = "product.changed",
                                      .result = "ok",
                                      .actor = "test",
                                      .request_id = "",
                                      .tenant = &f.tenant.id}};
    assert_ok(db_write(f.db, many_in, &run));
    assert_ok(happen(&f, "hub.added", "ok", &f.tenant.id));
    assert_ok(event_filter_add(&filter, bytes_str("hub.added")));
    struct event_reading reading = reading_of(&f, start, &seen);
    reading.filter = &filter;
    assert_ok(events_read(f.fleet, &reading));
    assert_int_equal(seen.count, 0);
    assert_true(reading.has_more);
    assert_int_equal(reading.position, start + EVENTS_SCAN_MAX);
    reading.after = reading.position;
    assert_ok(events_read(f.fleet, &reading));
    assert_int_equal(seen.count, 1);
    assert_false(reading.has_more);
    fleet_fixture_clear(&f);
}

static void ids_name_one_event_of_one_tenant(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "latest",
        "01920000-0000-7000-8000-00000000000a",
        "01920000-0000-7000-8000-00000000000a.1.0",
        "01920000-0000-7000-8000-00000000000a.1.0.",
        "01920000-0000-7000-8000-00000000000a.1.0.01",
        "01920000-0000-7000-8000-00000000000a.1.0.1 ",
        "01920000-0000-7000-8000-00000000000a.1.0.1.2",
        "01920000-0000-7000-8000-00000000000a.1.0.-1",
        "01920000-0000-7000-8000-00000000000a.1.0.9999999999999999999",
        "01920000-0000-7000-8000-00000000000a,1,0,1",
    };
    struct fleet_fixture f;
    struct tenant_row other;
    int64_t number = 0;
    char id[EVENT_ID_SIZE];
    fleet_fixture_init(&f, *state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(event_locate(f.fleet, f.tenant.id, bytes_str(bad[i]), &number).code,
                         ERR_BAD_REQUEST);
    }
    assert_ok(tenant_add(f.fleet, &test_actor, "other", &other));
    assert_ok(happen(&f, "hub.added", "ok", &f.tenant.id));
    assert_ok(event_latest(f.fleet, f.tenant.id, &number, id));
    int64_t found = 0;
    assert_ok(event_locate(f.fleet, f.tenant.id, bytes_str(id), &found));
    assert_int_equal(found, number);
    assert_error(event_locate(f.fleet, other.id, bytes_str(id), &found), ERR_NOT_FOUND, "event");
    /* a record that is no event */
    assert_ok(happen(&f, "audit.exported", "ok", &f.tenant.id));
    struct audit_place place;
    assert_ok(event_id_parse(bytes_str(id), &place));
    place.seq++;
    audit_event_id(&place, id);
    assert_error(event_locate(f.fleet, f.tenant.id, bytes_str(id), &found), ERR_NOT_FOUND, "event");
    fleet_fixture_clear(&f);
}

static void patterns(void **state)
{
    (void)state;
    static const char *const good[] = {"*", "device.*", "device.enrolled", "hub.*"};
    static const char *const bad[] = {
        "",        "device",       "dev*",           "*.enrolled",       "device.**",
        "audit.*", "node.started", "device.refused", "device.enrolled ", "**"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(event_pattern_check(bytes_str(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(event_pattern_check(bytes_str(bad[i])).code, ERR_UNPROCESSABLE);
    }
    assert_true(event_pattern_fits("device.*", bytes_str("device.enrolled")));
    assert_false(event_pattern_fits("device.*", bytes_str("device")));
    assert_false(event_pattern_fits("device.enrol", bytes_str("device.enrolled")));
    struct event_filter filter = {.type_count = 0};
    for (int i = 0; i < EVENT_TYPES_MAX; i++) {
        assert_ok(event_filter_add(&filter, bytes_str("*")));
    }
    assert_int_equal(event_filter_add(&filter, bytes_str("*")).code, ERR_UNPROCESSABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_changes_of_a_tenant_are_events),
        cmocka_unit_test(a_kind_of_no_table_is_refused),
        cmocka_unit_test(a_record_names_the_trace),
        cmocka_unit_test(what_is_undone_leaves_no_gap),
        cmocka_unit_test(two_processes_share_a_feed),
        cmocka_unit_test(pages_of_any_size_tell_each_once),
        cmocka_unit_test(filters_leave_out_and_still_move_on),
        cmocka_unit_test(a_rare_type_is_looked_for_in_steps),
        cmocka_unit_test(ids_name_one_event_of_one_tenant),
        cmocka_unit_test(patterns),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
