/* A rollout over many devices: who is meant, waves, gates, stop, soak, silence, anti-rollback, and why a
 * device waits. */
#include "tests/unit/fleet/rollout_scene.h"

#include "fleet/rollout_dry_run.h"
#include "fleet/rollout_why.h"

enum { DEVICES = 40, HOUR_MS = 3600 * 1000 };

static err_t take_why(const struct rollout_offer *why, void *arg)
{
    *(struct rollout_offer *)arg = *why;
    return OK;
}

static enum rollout_verdict why_waits(struct scene *scene, const struct rollout *rollout, int number)
{
    struct rollout_device_view view;
    struct rollout_offer why = {.verdict = ROLLOUT_MEANS_IT};
    const struct rollout_whys question = {scene->tenants[0].id, crowd_id(number), &rollout->row.id};
    assert_ok(rollout_whys(scene->fleet, &question, &view, take_why, &why));
    assert_non_null(rollout_verdict_word(why.verdict));
    assert_non_null(rollout_verdict_meaning(why.verdict));
    return why.verdict;
}

static int offered_of(struct scene *scene, int count)
{
    int offered = 0;
    for (int i = 0; i < count; i++) {
        offered += crowd_polls(scene, i).has_action ? 1 : 0;
    }
    return offered;
}

static void test_waves_by_percent_grow(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, DEVICES);
    release_make(scene, &release);
    start_rollout(scene, &release,
                  "{\"name\":\"a\",\"waves\":[{\"percent\":20},{\"percent\":60},{\"percent\":100}]}",
                  &rollout);
    int first = offered_of(scene, DEVICES);
    assert_in_range(first, 2, 16);
    static const char name[] = "whorl_rollout_devices{rollout";
    assert_int_equal(course_figure(scene, name, rollout.row.id, "waiting"), first);
    assert_int_equal(course_figure(scene, name, rollout.row.id, "failed"), 0);
    assert_int_equal(courses_running(scene, "\nwhorl_rollouts_running "), 1);
    assert_int_equal(offered_of(scene, DEVICES), first);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_NEXT_WAVE));
    int second = offered_of(scene, DEVICES); /* those of the first wave have it still */
    assert_in_range(second, first + 1, DEVICES - 1);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.tally.wave_offered, second - first);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_NEXT_WAVE));
    assert_int_equal(offered_of(scene, DEVICES), DEVICES);
    assert_err(order_rollout(scene, &rollout, ROLLOUT_ORDER_NEXT_WAVE), ERR_WRONG_STATE);
    assert_int_equal(course_figure(scene, name, rollout.row.id, "waiting"), DEVICES);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_CANCEL));
    assert_int_equal(courses_running(scene, "\nwhorl_rollouts_running "), 0);
    assert_int_equal(course_figure(scene, name, rollout.row.id, "waiting"), -1); /* it runs no more */
}

static void test_waves_by_count_hold_exactly_so_many(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, DEVICES);
    release_make(scene, &release);
    start_rollout(scene, &release,
                  "{\"name\":\"a\",\"waves\":[{\"count\":3},{\"count\":10},{\"percent\":100}]}", &rollout);
    assert_int_equal(offered_of(scene, DEVICES), 3);
    assert_int_equal(why_waits(scene, &rollout, DEVICES - 1), ROLLOUT_WAVE_FULL);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_NEXT_WAVE));
    assert_int_equal(offered_of(scene, DEVICES), 10);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_NEXT_WAVE));
    assert_int_equal(offered_of(scene, DEVICES), DEVICES);
}

static void test_it_stops_when_enough_failed(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, 10);
    release_make(scene, &release);
    start_rollout(scene, &release, "{\"name\":\"a\",\"stop_on_failure\":{\"percent\":50,\"min_devices\":4}}",
                  &rollout);
    for (int i = 0; i < 3; i++) { /* all of three, and three are too few to judge */
        int64_t id = crowd_polls(scene, i).action.id;
        assert_ok(crowd_closes(scene, i, id, FIRMWARE_FAILURE));
    }
    rollouts_later(scene, 1000);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.row.state, ROLLOUT_RUNNING);
    (void)crowd_polls(scene, 3);
    rollouts_later(scene, 1000);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.row.state, ROLLOUT_STOPPED);
    assert_string_equal(rollout.row.reason,
                        "3 of 4 devices that were offered it failed: the limit is 50 percent");
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM alarm WHERE kind = 'rollout.stopped'"), 1);
    assert_false(crowd_polls(scene, 5).has_action);
    assert_int_equal(crowd_polls(scene, 3).action.state, ACTION_CANCELLING);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_CANCEL));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM alarm WHERE kind = 'rollout.stopped'"), 0);
}

/* What nobody fetched here counts for neither side. */
static void test_waves_open_after_their_soak(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, 10);
    release_make(scene, &release);
    start_rollout(scene, &release,
                  "{\"name\":\"a\",\"waves\":[{\"count\":4},{\"percent\":100}],"
                  "\"advance\":{\"soak_s\":3600,\"success_percent\":60,\"min_devices\":3}}",
                  &rollout);
    assert_int_equal(offered_of(scene, 10), 4);
    assert_ok(crowd_closes(scene, 0, 1, FIRMWARE_SUCCESS)); /* unverified */
    (void)crowd_updates(scene, 1);
    rollouts_later(scene, 2 * HOUR_MS);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.row.wave, 0); /* one of three */
    (void)crowd_updates(scene, 2);
    rollouts_later(scene, 1000);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.row.wave, 1);
    assert_int_equal(rollout.tally.wave_offered, 0);
    rollouts_later(scene, 2 * HOUR_MS);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.row.wave, 1);
    assert_counts(scene, &rollout, COUNTS(4, 1, 2, 1, 0, 0));
}

static void test_silence_is_failure_and_a_late_word_counts(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, 3);
    release_make(scene, &release);
    start_rollout(scene, &release, "{\"name\":\"a\",\"silent_after_s\":3600}", &rollout);
    assert_int_equal(offered_of(scene, 3), 3);
    crowd_fetches(scene, 0);
    rollouts_later(scene, HOUR_MS - 1000);
    const struct firmware_report alive = {.action = 1, .word = FIRMWARE_PROCEEDING};
    assert_ok(crowd_reports(scene, 1, &alive));
    scene_change(scene,
                 "UPDATE device SET state = 2 WHERE id = (SELECT MIN(id) FROM device WHERE state = 1 "
                 "AND id NOT IN (SELECT device FROM firmware_report) AND id NOT IN (SELECT device FROM "
                 "firmware_action WHERE device IN (SELECT device FROM firmware_report)))");
    rollouts_later(scene, 2000);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.tally.waiting, 1);
    assert_int_equal(rollout.tally.failed, 1);
    assert_int_equal(rollout.tally.cancelled, 1); /* somebody took it out */
    scene_change(scene, "UPDATE device SET state = 1");
    rollouts_later(scene, HOUR_MS);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.tally.failed, 2);
    assert_ok(crowd_closes(scene, 1, 1, FIRMWARE_SUCCESS)); /* it was long on its way */
    assert_ok(crowd_closes(scene, 1, 1, FIRMWARE_SUCCESS));
    assert_counts(scene, &rollout, COUNTS(3, 0, 0, 1, 1, 1));
    assert_err(crowd_closes(scene, 1, 1, FIRMWARE_FAILURE), ERR_GONE);
    rollouts_later(scene, 8 * DAY_MS);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.row.state, ROLLOUT_FINISHED);
}

static void install(struct scene *scene, int number, int64_t sequence, int64_t counter)
{
    struct rollout rollout;
    char version[24], text[48];
    (void)snprintf(version, sizeof version, "0.%d.%d", (int)sequence, number);
    (void)snprintf(text, sizeof text, "{\"name\":\"i-%d-%d\"}", (int)sequence, number);
    struct test_release release = {.version = version, .sequence = sequence, .counter = counter};
    release_make(scene, &release);
    start_rollout(scene, &release, text, &rollout);
    assert_true(crowd_updates(scene, number) > 0);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_CANCEL));
}

static void test_a_rollback_lists_those_whose_counter_is_higher(void **state)
{
    struct scene *scene = *state;
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    struct rollout rollout;
    struct rollout_dry_run run;
    crowd_add(scene, 0, 4);
    install(scene, 0, 5, 2);
    install(scene, 1, 6, 7);
    /* the former image under a higher sequence */
    struct test_release rollback = {.version = "1.0.0", .sequence = 7, .counter = 2, .min_sequence = 5};
    release_make(scene, &rollback);
    manual_clock_advance(&scene->clock, 1000);
    start_rollout(scene, &rollback, "{\"name\":\"back\"}", &rollout);
    terms.faults = &faults;
    struct rollout_question question = {.release = rollback.id, .spec = rollout.spec};
    assert_ok(rollout_dry_run(scene->fleet, &terms, &question, &run));
    assert_true(run.is_exact);
    assert_int_equal(run.count, 1);
    assert_int_equal(run.excluded_count, 3);
    assert_int_equal(run.most, 4);
    assert_int_equal(why_waits(scene, &rollout, 0), ROLLOUT_NO_CONTACT);
    assert_int_equal(why_waits(scene, &rollout, 1), ROLLOUT_COUNTER_TOO_HIGH);
    assert_int_equal(why_waits(scene, &rollout, 2), ROLLOUT_MIN_SEQUENCE);
    assert_int_equal(offered_of(scene, 4), 1);
    assert_int_equal(why_waits(scene, &rollout, 0), ROLLOUT_WAITS_FOR_REPORT);
    (void)crowd_updates(scene, 0);
    assert_int_equal(scene_number(scene, "SELECT MAX(counter) FROM device_firmware WHERE sequence = 7"), 2);
    assert_int_equal(why_waits(scene, &rollout, 0), ROLLOUT_DEVICE_DONE);
}

static void test_each_filter_and_gate_has_its_reason(void **state)
{
    static const struct {
        const char *text;
        enum rollout_verdict verdict;
    } rows[] = {
        {"{\"name\":\"a\",\"filter\":{\"model\":\"x\"}}", ROLLOUT_NOT_MODEL},
        {"{\"name\":\"b\",\"filter\":{\"labels\":{\"ring\":\"canary\"}}}", ROLLOUT_NOT_LABEL},
        {"{\"name\":\"c\",\"filter\":{\"installed_version\":\"9\"}}", ROLLOUT_NOT_VERSION},
        {"{\"name\":\"d\",\"filter\":{\"sequence_below\":5}}", ROLLOUT_NOT_SEQUENCE},
        {"{\"name\":\"e\",\"min_source\":{\"version\":\"0.5.1\"}}", ROLLOUT_NOT_SOURCE},
        {"{\"name\":\"f\",\"min_source\":{\"sequence\":6}}", ROLLOUT_NOT_SOURCE},
        {"{\"name\":\"g\",\"waves\":[{\"label\":{\"ring\":\"canary\"}},{\"percent\":100}]}",
         ROLLOUT_OTHER_WAVE},
        {"{\"name\":\"h\",\"starts_at\":\"2027-01-01T00:00:00Z\"}", ROLLOUT_NOT_BEGUN},
        {"{\"name\":\"i\",\"min_source\":{\"version\":\"0.5.0\"}}", ROLLOUT_NO_CONTACT},
    };
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 9, .counter = -1};
    struct test_release other = {.version = "1.0.0", .sequence = 9, .counter = -1, .hardware_class = "x"};
    struct rollout rollout;
    crowd_add(scene, 0, 2);
    install(scene, 0, 5, -1);
    release_make(scene, &release);
    release_make(scene, &other);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        manual_clock_advance(&scene->clock, 1000);
        start_rollout(scene, &release, rows[i].text, &rollout);
        assert_int_equal(why_waits(scene, &rollout, 0), rows[i].verdict);
        assert_int_equal(crowd_polls(scene, 0).has_action, rows[i].verdict == ROLLOUT_NO_CONTACT);
        assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_CANCEL));
    }
    start_rollout(scene, &other, "{\"name\":\"j\"}", &rollout);
    assert_int_equal(why_waits(scene, &rollout, 1), ROLLOUT_NOT_CLASS);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_CANCEL));
    start_rollout(scene, &release, "{\"name\":\"k\",\"rate_limit\":{\"devices\":1,\"per\":\"minute\"}}",
                  &rollout);
    assert_int_equal(why_waits(scene, &rollout, 1), ROLLOUT_NEVER_POLLED);
    crowd_add(scene, 5, 2);
    assert_true(crowd_polls(scene, 5).has_action);
    assert_false(crowd_polls(scene, 1).has_action);
    assert_int_equal(why_waits(scene, &rollout, 1), ROLLOUT_RATE_USED_UP);
    assert_int_equal(why_waits(scene, &rollout, 0), ROLLOUT_OPEN_ACTION);
    scene_change(scene, "UPDATE firmware_blob SET state = 1");
    assert_int_equal(why_waits(scene, &rollout, 6), ROLLOUT_TAKEN_BACK);
}

static void test_overdue_devices_as_the_product_says(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct test_release security = {.version = "1.0.1", .sequence = 2, .counter = -1, .kind = 1};
    struct rollout rollout, urgent;
    crowd_add(scene, 0, 2);
    release_make(scene, &release);
    release_make(scene, &security);
    scene_change(scene, "INSERT INTO device_term (device, tenant, renew_at, expires_at, term, is_overdue, "
                        "overdue_at) SELECT id, tenant, 1, 9999999999999, 1, 1, 1 FROM device");
    start_rollout(scene, &release, "{\"name\":\"a\"}", &rollout);
    assert_true(crowd_polls(scene, 0).has_action); /* warned of, by default */
    assert_int_equal(scene_number(scene,
                                  "SELECT COUNT(*) FROM audit WHERE kind = 'firmware.offered' AND body "
                                  "LIKE '%rekey_overdue%'"),
                     1);
    scene_change(scene,
                 "INSERT INTO firmware_policy (product, tenant, poll_s, signed_urls, target_tokens, "
                 "first_use_alias, overdue, updated_at, ver) SELECT id, tenant, 60, 0, 0, 1, 2, 1, 1 FROM "
                 "product");
    const struct firmware_poll poll = crowd_polls(scene, 1);
    assert_false(poll.has_action);
    assert_int_equal(poll.poll_s, 60);
    assert_int_equal(why_waits(scene, &rollout, 1), ROLLOUT_OVERDUE);
    start_rollout(scene, &security, "{\"name\":\"b\"}", &urgent);
    assert_string_equal(crowd_polls(scene, 1).action.version, "1.0.1");
}

static void test_late_joiners_pause_and_a_withdrawn_release(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, 3);
    release_make(scene, &release);
    struct faults faults;
    assert_ok(try_rollout(scene, &release, "{\"name\":\"a\",\"late_joiners\":false}", &faults, &rollout));
    scene_change(scene, "UPDATE firmware_release SET state = 2");
    assert_err(order_rollout(scene, &rollout, ROLLOUT_ORDER_START), ERR_WRONG_STATE);
    scene_change(scene, "UPDATE firmware_release SET state = 3");
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_START));
    scene_change(scene,
                 "UPDATE device SET registered_at = 9999999999999 WHERE id = (SELECT MAX(id) FROM device)");
    assert_int_equal(offered_of(scene, 2) + offered_of(scene, 3) >= 3, 1);
    int64_t offered = scene_number(scene, "SELECT COUNT(*) FROM firmware_action");
    assert_int_equal(offered, 2);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_PAUSE));
    scene_change(scene, "UPDATE device SET registered_at = 1");
    (void)offered_of(scene, 3);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM firmware_action"), 2); /* what is open stays */
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_RESUME));
    assert_int_equal(offered_of(scene, 3), 3);
    /* withdrawn while it is offered */
    scene_change(scene, "UPDATE firmware_release SET state = 4");
    scene_change(scene, "UPDATE rollout_version SET n = n + 1");
    assert_int_equal(crowd_polls(scene, 0).action.state, ACTION_CANCELLING);
    rollouts_later(scene, 1000);
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.row.state, ROLLOUT_STOPPED);
    assert_string_equal(rollout.row.reason, "the release was withdrawn");
}

static void test_two_rollouts_share_the_devices(void **state)
{
    struct scene *scene = *state;
    struct test_release one = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct test_release two = {.version = "2.0.0", .sequence = 2, .counter = -1};
    struct rollout first, second;
    crowd_add(scene, 0, 2);
    release_make(scene, &one);
    release_make(scene, &two);
    start_rollout(scene, &one, "{\"name\":\"a\",\"waves\":[{\"count\":1}]}", &first);
    manual_clock_advance(&scene->clock, 1000);
    start_rollout(scene, &two, "{\"name\":\"b\"}", &second);
    assert_string_equal(crowd_polls(scene, 0).action.version, "1.0.0");
    assert_string_equal(crowd_polls(scene, 1).action.version, "2.0.0"); /* the first one has no room */
    assert_string_equal(crowd_polls(scene, 0).action.version, "1.0.0");
    assert_int_equal(crowd_updates(scene, 0), 1);
    assert_int_equal(crowd_updates(scene, 0), 2); /* the newer one follows */
    assert_int_equal(why_waits(scene, &first, 1), ROLLOUT_OPEN_ACTION);
}

static void test_windows_are_told_and_silence_waits_for_them(void **state)
{
    struct scene *scene = *state; /* the scene begins on a Monday, 2026-06-01 00:00 */
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, 1);
    release_make(scene, &release);
    start_rollout(
        scene, &release,
        "{\"name\":\"a\",\"silent_after_s\":3600,\"utc_offset_minutes\":60,\"maintenance_windows\":[{"
        "\"day\":\"tuesday\",\"start\":\"03:00\",\"minutes\":60}]}",
        &rollout);
    struct firmware_poll poll = crowd_polls(scene, 0);
    assert_true(poll.action.has_window && !poll.action.is_in_window);
    assert_int_equal(why_waits(scene, &rollout, 0), ROLLOUT_OUTSIDE_WINDOW);
    rollouts_later(scene, DAY_MS + 2 * HOUR_MS + 60000);
    assert_true(crowd_polls(scene, 0).action.is_in_window);
    assert_counts(scene, &rollout, COUNTS(1, 1, 0, 0, 0, 0));
    rollouts_later(scene, HOUR_MS);
    assert_counts(scene, &rollout, COUNTS(1, 0, 0, 0, 1, 0));
}

static void test_versions_compare_by_their_numbers(void **state)
{
    (void)state;
    assert_int_equal(rollout_version_compare("1.10", "1.9"), 1);
    assert_int_equal(rollout_version_compare("1.2", "1.2.0"), 0);
    assert_int_equal(rollout_version_compare("1.2.3-rc1", "1.2.3"), 0);
    assert_int_equal(rollout_version_compare("", "0.1"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_waves_by_percent_grow),
        scene_test(test_waves_by_count_hold_exactly_so_many),
        scene_test(test_it_stops_when_enough_failed),
        scene_test(test_waves_open_after_their_soak),
        scene_test(test_silence_is_failure_and_a_late_word_counts),
        scene_test(test_a_rollback_lists_those_whose_counter_is_higher),
        scene_test(test_each_filter_and_gate_has_its_reason),
        scene_test(test_overdue_devices_as_the_product_says),
        scene_test(test_late_joiners_pause_and_a_withdrawn_release),
        scene_test(test_two_rollouts_share_the_devices),
        scene_test(test_windows_are_told_and_silence_waits_for_them),
        cmocka_unit_test(test_versions_compare_by_their_numbers),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
