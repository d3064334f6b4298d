/* What time and other orders do to a campaign: waves, failures, late joiners, two that meet on one device. */
#include "tests/unit/fleet/rekey_scene.h"

#include "fleet/rekey_dry_run.h"

static void set_labels(struct scene *scene, const char *sql)
{
    scene_change(scene, sql);
}

static int64_t told_of(struct scene *scene, int first, int count)
{
    int64_t told = 0;
    for (int i = first; i < first + count; i++) {
        told += crowd_comes(scene, i) ? 1 : 0;
    }
    return told;
}

static void test_waves_by_hand(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    crowd_add(scene, 0, 300);
    start_plan(scene,
               "{\"name\":\"a\",\"filter\":{\"all\":true},\"waves\":[{\"percent\":10},{\"percent\":50},"
               "{\"percent\":100}]}",
               &plan);
    int64_t first = told_of(scene, 0, 300);
    assert_in_range(first, 5, 60);
    assert_int_equal(told_of(scene, 0, 300), first); /* the same again: they are told already */
    run_job(scene, DAY_MS);
    assert_int_equal(told_of(scene, 0, 300), first); /* no wave opens by itself */
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_NEXT_WAVE));
    int64_t second = told_of(scene, 0, 300);
    assert_in_range(second, 100, 200);
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_PAUSE));
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_NEXT_WAVE));
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_RESUME));
    assert_int_equal(told_of(scene, 0, 300), 300);
    assert_err(order_plan(scene, &plan, REKEY_ORDER_NEXT_WAVE), ERR_WRONG_STATE);
    assert_tally(scene, &plan, TALLY(300, 300, 0, 0, 0));
}

static void test_waves_open_when_the_one_before_went_well(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct holder holders[2];
    for (size_t i = 0; i < 2; i++) {
        holder_init(scene, &holders[i]);
    }
    set_labels(scene, "UPDATE device SET labels = '{\"ring\":\"canary\"}' WHERE ver > 0");
    crowd_add(scene, 0, 1);
    manual_clock_advance(&scene->clock, 1000);
    start_plan(scene,
               "{\"name\":\"a\",\"filter\":{\"all\":true},\"waves\":[{\"label\":{\"ring\":\"canary\"}},"
               "{\"percent\":100}],\"advance\":{\"soak_s\":60,\"success_percent\":100}}",
               &plan);
    struct device_id other = crowd_id(0);
    run_job(scene, 120 * 1000);
    assert_false(crowd_comes(scene, 0)); /* nobody was told: that is no success */
    assert_int_equal(why_of(scene, &plan, &other), REKEY_OTHER_WAVE);
    (void)holder_comes(scene, &holders[0]);
    (void)holder_comes(scene, &holders[1]);
    holder_rekeys(scene, &holders[0]);
    run_job(scene, 120 * 1000);
    assert_false(crowd_comes(scene, 0)); /* half of them */
    holder_rekeys(scene, &holders[1]);
    run_job(scene, 1000);
    assert_true(crowd_comes(scene, 0));
    assert_tally(scene, &plan, TALLY(3, 1, 2, 0, 0));
    assert_int_equal(plan.tally.wave_told, 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'rekey_plan.wave_opened'"),
                     1);
    for (size_t i = 0; i < 2; i++) {
        holder_clear(&holders[i]);
    }
}

static void test_too_many_failures_stop_it(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    crowd_add(scene, 0, 20);
    start_plan(scene,
               "{\"name\":\"a\",\"filter\":{\"all\":true},\"confirm_within_s\":3600,"
               "\"stop_on_failure\":{\"percent\":50,\"min_devices\":10}}",
               &plan);
    (void)told_of(scene, 0, 4);
    run_job(scene, 3600 * 1000);
    assert_tally(scene, &plan, TALLY(4, 0, 0, 4, 0));
    assert_int_equal(plan.row.state, REKEY_PLAN_RUNNING); /* four are too few to judge by */
    (void)told_of(scene, 4, 5);
    run_job(scene, 1000);
    read_plan(scene, &plan);
    assert_int_equal(plan.row.state, REKEY_PLAN_RUNNING);
    (void)told_of(scene, 9, 1);
    run_job(scene, 1000);
    read_plan(scene, &plan);
    assert_int_equal(plan.row.state, REKEY_PLAN_RUNNING); /* 4 of 10 */
    run_job(scene, 3600 * 1000);
    assert_tally(scene, &plan, TALLY(10, 0, 0, 10, 0));
    assert_int_equal(plan.row.state, REKEY_PLAN_STOPPED);
    assert_non_null(strstr(plan.row.reason, "10 of 10"));
    assert_false(crowd_comes(scene, 15));
    struct device_id id = crowd_id(0);
    assert_int_equal(why_of(scene, &plan, &id), REKEY_NOT_IN_TIME);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'rekey_plan.device_failed'"), 10);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'rekey_plan.stopped'"), 1);
}

/* Late is better than never; and who was taken out did not fail. */
static void test_after_its_time(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct device_row row;
    AUTO_VAL(holder) late;
    AUTO_VAL(holder) gone;
    holder_init(scene, &late);
    holder_init(scene, &gone);
    manual_clock_advance(&scene->clock, 1000);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true},\"confirm_within_s\":3600}", &plan);
    (void)holder_comes(scene, &late);
    (void)holder_comes(scene, &gone);
    assert_ok(order_device(scene, &gone.unit.id, ACTION_QUARANTINE, &row));
    run_job(scene, 3599 * 1000);
    assert_tally(scene, &plan, TALLY(2, 2, 0, 0, 0));
    run_job(scene, 1000);
    assert_tally(scene, &plan, TALLY(2, 0, 0, 1, 1));
    assert_int_equal(why_of(scene, &plan, &gone.unit.id), REKEY_LEFT_OUT);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM rekey_member WHERE reason = 'device_quarantined'"), 1);
    holder_rekeys(scene, &late);
    assert_tally(scene, &plan, TALLY(2, 0, 1, 0, 1));
}

static void test_many_fail_in_steps(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    crowd_add(scene, 0, 450);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true},\"confirm_within_s\":60}", &plan);
    assert_int_equal(told_of(scene, 0, 450), 450);
    run_job(scene, 60 * 1000);
    assert_tally(scene, &plan, TALLY(450, 0, 0, 450, 0));
}

static void test_quarantined_devices_are_skipped(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct device_row row;
    AUTO_VAL(holder) holder;
    holder_init(scene, &holder);
    manual_clock_advance(&scene->clock, 1000);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true}}", &plan);
    assert_ok(order_device(scene, &holder.unit.id, ACTION_QUARANTINE, &row));
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &plan, TALLY(0, 0, 0, 0, 0));
    assert_int_equal(why_of(scene, &plan, &holder.unit.id), REKEY_DEVICE_STATE);
    assert_ok(order_device(scene, &holder.unit.id, ACTION_RELEASE, &row));
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &plan, TALLY(1, 1, 0, 0, 0));
}

static void test_late_joiners(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan with, without;
    AUTO_VAL(holder) holder;
    crowd_add(scene, 0, 1);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"product\":\"default\"},\"late_joiners\":false}",
               &without);
    manual_clock_advance(&scene->clock, 1000);
    holder_init(scene, &holder);
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &without, TALLY(0, 0, 0, 0, 0));
    assert_int_equal(why_of(scene, &without, &holder.unit.id), REKEY_LATE_JOINER);
    assert_ok(order_plan(scene, &without, REKEY_ORDER_CANCEL));
    AUTO_VAL(holder) next;
    start_plan(scene, "{\"name\":\"b\",\"filter\":{\"product\":\"default\"},\"late_joiners\":true}", &with);
    manual_clock_advance(&scene->clock, 1000);
    holder_init(scene, &next);
    (void)holder_comes(scene, &next);
    assert_tally(scene, &with, TALLY(1, 1, 0, 0, 0));
    holder_rekeys(scene, &next);
    (void)holder_comes(scene, &next);
    assert_tally(scene, &with, TALLY(1, 0, 1, 0, 0)); /* told once, though it is in the filter still */
}

/* The one that began first keeps the device. When it has its new key, the other one needs nothing of it. */
static void test_two_that_overlap(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan first, second, third;
    AUTO_VAL(holder) holder;
    AUTO_VAL(holder) other;
    holder_init(scene, &holder);
    holder_init(scene, &other);
    manual_clock_advance(&scene->clock, 1000);
    draft_plan(scene, "{\"name\":\"second\",\"filter\":{\"all\":true}}", &second);
    start_plan(scene,
               "{\"name\":\"first\",\"filter\":{\"product\":\"default\"},"
               "\"rate_limit\":{\"devices\":1,\"per\":\"minute\"}}",
               &first);
    manual_clock_advance(&scene->clock, 1000);
    assert_ok(order_plan(scene, &second, REKEY_ORDER_START));
    manual_clock_advance(&scene->clock, 1000);
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &first, TALLY(1, 1, 0, 0, 0));
    assert_tally(scene, &second, TALLY(0, 0, 0, 0, 0));
    assert_int_equal(why_of(scene, &second, &holder.unit.id), REKEY_ORDERED_ALREADY);
    (void)holder_comes(scene, &other); /* the first one has no room: the second one takes it */
    assert_tally(scene, &second, TALLY(1, 1, 0, 0, 0));
    assert_int_equal(why_of(scene, &first, &other.unit.id), REKEY_ORDERED_ALREADY);
    holder_rekeys(scene, &holder);
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &first, TALLY(1, 0, 1, 0, 0));
    assert_tally(scene, &second, TALLY(1, 1, 0, 0, 0));
    assert_int_equal(why_of(scene, &second, &holder.unit.id), REKEY_HAS_NEW_KEY);
    manual_clock_advance(&scene->clock, 1000);
    start_plan(scene, "{\"name\":\"third\",\"filter\":{\"all\":true}}", &third);
    (void)holder_comes(scene, &holder); /* its key is older than this one's start */
    assert_tally(scene, &third, TALLY(1, 1, 0, 0, 0));
}

/* What an operator ordered is not a campaign's: it waits, and then has nothing to do. */
static void test_an_order_by_hand_comes_first(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct device_row row;
    AUTO_VAL(holder) holder;
    holder_init(scene, &holder);
    manual_clock_advance(&scene->clock, 1000);
    assert_ok(order_device(scene, &holder.unit.id, ACTION_REKEY, &row));
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true}}", &plan);
    (void)holder_comes(scene, &holder);
    assert_int_equal(why_of(scene, &plan, &holder.unit.id), REKEY_ORDERED_ALREADY);
    holder_rekeys(scene, &holder);
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &plan, TALLY(0, 0, 0, 0, 0));
    assert_int_equal(why_of(scene, &plan, &holder.unit.id), REKEY_HAS_NEW_KEY);
}

/* Who came and found no room is told apart from who did not come. */
static void test_why_it_waits(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct rekey_why why;
    struct holder holders[3];
    for (size_t i = 0; i < 3; i++) {
        holder_init(scene, &holders[i]);
    }
    manual_clock_advance(&scene->clock, 1000);
    start_plan(scene,
               "{\"name\":\"a\",\"filter\":{\"all\":true},\"rate_limit\":{\"devices\":1,\"per\":\"minute\"}}",
               &plan);
    manual_clock_advance(&scene->clock, 1000);
    (void)holder_comes(scene, &holders[0]);
    (void)holder_comes(scene, &holders[1]);
    manual_clock_advance(&scene->clock, 120 * 1000);
    assert_int_equal(why_of(scene, &plan, &holders[0].unit.id), REKEY_IS_TOLD);
    assert_int_equal(why_of(scene, &plan, &holders[1].unit.id), REKEY_RATE_USED_UP);
    assert_int_equal(why_of(scene, &plan, &holders[2].unit.id), REKEY_NO_CONTACT);
    const struct rekey_question question = {scene->tenants[0].id, plan.row.id, holders[1].unit.id};
    assert_ok(rekey_why(scene->fleet, &question, &why));
    assert_int_equal(why.seen_at, scene->clock.at_ms - 120 * 1000);
    for (size_t i = 0; i < 3; i++) {
        holder_clear(&holders[i]);
    }
}

/* Nobody is told by a clock that stepped; when it is back, all goes on. */
static void test_a_clock_in_doubt_tells_nobody(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    const struct device_id id = crowd_id(0);
    remake_fleet(scene, &scene->clock.clock, 5 * 60 * 1000);
    crowd_add(scene, 0, 1);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true}}", &plan);
    manual_clock_step(&scene->clock, DAY_MS);
    assert_false(crowd_comes(scene, 0));
    assert_int_equal(why_of(scene, &plan, &id), REKEY_HELD);
    manual_clock_step(&scene->clock, -DAY_MS);
    assert_true(crowd_comes(scene, 0));
}

/* --- dry runs ----------------------------------------------------------------------------------------- */

static struct rekey_dry_run dry_run(struct scene *scene, const char *text)
{
    struct rekey_filter filter;
    struct rekey_dry_run out;
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    AUTO(json_t) *document = json_loads(text, 0, NULL);
    terms.faults = &faults;
    assert_ok(rekey_filter_read(document, &faults, &filter));
    assert_int_equal(faults.count, 0);
    assert_ok(rekey_dry_run(scene->fleet, &terms, &filter, &out));
    return out;
}

static void test_dry_runs(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(holder) holder;
    crowd_add(scene, 0, 30);
    struct rekey_dry_run run = dry_run(scene, "{\"filter\":{\"product\":\"default\"}}");
    assert_true(run.is_exact && run.count == 30 && run.most == 30 && run.looked == 0);
    assert_int_equal(run.sample_count, REKEY_SAMPLE_MAX);
    run = dry_run(scene, "{\"filter\":{\"product\":\"default\",\"generation_below\":1}}");
    assert_true(run.is_exact && run.count == 0 && run.looked == 30 && run.sample_count == 0);
    scene_change(scene, "DELETE FROM device WHERE ver > 0");
    scene_change(scene, "DELETE FROM certificate WHERE ver > 0");
    holder_init(scene, &holder);
    run = dry_run(scene, "{\"filter\":{\"key_algorithms\":[\"P-256\"],\"authority\":\"device\"}}");
    assert_true(run.is_exact && run.count == 1 && run.most == -1 && run.looked == 1);
    assert_memory_equal(run.sample[0].b, holder.unit.id.b, DEVICE_ID_SIZE);
    run = dry_run(scene, "{\"filter\":{\"key_algorithms\":[\"P-384\"]}}");
    assert_int_equal(run.count, 0);
}

/* However many there are, no more are looked at. */
static void test_a_dry_run_has_a_bound(void **state)
{
    struct scene *scene = *state;
    crowd_add(scene, 0, REKEY_LOOK_MAX + 100);
    struct rekey_dry_run run = dry_run(scene, "{\"filter\":{\"authority\":\"device\"}}");
    assert_false(run.is_exact);
    assert_int_equal(run.looked, REKEY_LOOK_MAX);
    assert_int_equal(run.count, REKEY_LOOK_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_waves_by_hand),
        scene_test(test_waves_open_when_the_one_before_went_well),
        scene_test(test_too_many_failures_stop_it),
        scene_test(test_after_its_time),
        scene_test(test_many_fail_in_steps),
        scene_test(test_quarantined_devices_are_skipped),
        scene_test(test_late_joiners),
        scene_test(test_two_that_overlap),
        scene_test(test_an_order_by_hand_comes_first),
        scene_test(test_why_it_waits),
        scene_test(test_a_clock_in_doubt_tells_nobody),
        scene_test(test_dry_runs),
        scene_test(test_a_dry_run_has_a_bound),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
