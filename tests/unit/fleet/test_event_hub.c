/* The hub of events without its thread: who is woken, when, and how many may wait. */
#include "tests/unit/fleet/event_scene.h"

static void count_wake(void *waker)
{
    ++*(int *)waker;
}

static void who_waits_is_woken_once_and_for_a_reason(void **state)
{
    struct fleet_fixture f;
    struct tenant_row other;
    struct event_stream *mine = NULL;
    struct event_stream *theirs = NULL;
    int woken = 0, woken_theirs = 0;
    fleet_fixture_init(&f, *state);
    assert_ok(tenant_add(f.fleet, &test_actor, "other", &other));
    assert_ok(event_stream_open(f.fleet, f.tenant.id, &mine));
    assert_ok(event_stream_open(f.fleet, other.id, &theirs));
    struct event_wait wait = {
        .position = head(&f), .until_ms = f.clock.at_ms + 15000, .wake = count_wake, .waker = &woken};
    event_stream_wait(mine, &wait);
    wait.position = 1000;
    wait.waker = &woken_theirs;
    event_stream_wait(theirs, &wait);
    event_hub_look(f.fleet);
    assert_int_equal(woken, 0);
    assert_ok(happen(&f, "hub.added", "ok", &f.tenant.id));
    event_hub_look(f.fleet);
    event_hub_look(f.fleet);
    assert_int_equal(woken, 1);
    assert_int_equal(woken_theirs, 0);
    manual_clock_advance(&f.clock, 15000);
    event_hub_look(f.fleet);
    assert_int_equal(woken_theirs, 1);
    /* what came before the waiting is seen too */
    wait = (struct event_wait){
        .position = head(&f) - 1, .until_ms = f.clock.at_ms + 15000, .wake = count_wake, .waker = &woken};
    event_stream_wait(mine, &wait);
    event_hub_look(f.fleet);
    assert_int_equal(woken, 2);
    event_stream_wait(mine, &wait);
    event_stream_close(mine);
    event_hub_look(f.fleet);
    assert_int_equal(woken, 2);
    event_stream_close(theirs);
    event_stream_close(NULL);
    assert_int_equal(event_hub_streams(f.fleet), 0);
    fleet_fixture_clear(&f);
}

static void places_are_limited(void **state)
{
    struct fleet_fixture f;
    struct event_stream *streams[4] = {NULL};
    struct tenant_row other;
    fleet_fixture_init(&f, *state);
    assert_ok(tenant_add(f.fleet, &test_actor, "other", &other));
    fleet_free(f.fleet);
    f.options.event_streams = 3;
    f.options.event_streams_per_tenant = 2;
    assert_ok(fleet_new(&f.options, &f.fleet));
    assert_ok(event_stream_open(f.fleet, f.tenant.id, &streams[0]));
    assert_ok(event_stream_open(f.fleet, f.tenant.id, &streams[1]));
    assert_error(event_stream_open(f.fleet, f.tenant.id, &streams[2]), ERR_TOO_MANY, "2 streams");
    assert_null(streams[2]);
    assert_ok(event_stream_open(f.fleet, other.id, &streams[2]));
    assert_error(event_stream_open(f.fleet, other.id, &streams[3]), ERR_BUSY, "3 streams");
    event_stream_close(streams[0]);
    assert_ok(event_stream_open(f.fleet, f.tenant.id, &streams[0]));
    for (int i = 0; i < 3; i++) {
        event_stream_close(streams[i]);
    }
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_is_woken_once_and_for_a_reason),
        cmocka_unit_test(places_are_limited),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
