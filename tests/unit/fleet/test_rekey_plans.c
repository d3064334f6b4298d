/* A campaign from its draft to its end: devices that come are told, those that make a new key are confirmed,
 * those that do not have failed. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/rekey_scene.h"

#include "fleet/course_figures.h"

static void test_from_draft_to_end(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    AUTO_VAL(holder) holder;
    holder_init(scene, &holder);
    manual_clock_advance(&scene->clock, 1000);
    draft_plan(scene, "{\"name\":\"spring\",\"filter\":{\"all\":true},\"finish_after_quiet_s\":3600}", &plan);
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &plan, TALLY(0, 0, 0, 0, 0)); /* a draft tells nobody */
    assert_int_equal(why_of(scene, &plan, &holder.unit.id), REKEY_NOT_RUNNING);
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_START));
    assert_int_equal(why_of(scene, &plan, &holder.unit.id), REKEY_NO_CONTACT);

    struct contact contact = holder_comes(scene, &holder);
    struct device_status status;
    assert_ok(contact_status(scene->fleet, &contact, &status));
    assert_true(status.needs_new_key); /* told in the answer to this very request */
    assert_true(status.renew_after <= scene->clock.at_ms);
    assert_tally(scene, &plan, TALLY(1, 1, 0, 0, 0));
    assert_int_equal(why_of(scene, &plan, &holder.unit.id), REKEY_IS_TOLD);
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &plan, TALLY(1, 1, 0, 0, 0)); /* told once */

    holder_rekeys(scene, &holder);
    assert_tally(scene, &plan, TALLY(1, 0, 1, 0, 0));
    assert_int_equal(why_of(scene, &plan, &holder.unit.id), REKEY_IS_CONFIRMED);
    assert_int_equal(scene_device(scene, 0, &holder.unit.id).rekey_requested_at, 0);
    (void)holder_comes(scene, &holder);
    assert_tally(scene, &plan, TALLY(1, 0, 1, 0, 0));

    run_job(scene, 3599 * 1000);
    read_plan(scene, &plan);
    assert_int_equal(plan.row.state, REKEY_PLAN_RUNNING);
    run_job(scene, 1000);
    read_plan(scene, &plan);
    assert_int_equal(plan.row.state, REKEY_PLAN_FINISHED);
    assert_int_equal(scene_number(scene,
                                  "SELECT COUNT(*) FROM audit WHERE kind IN ('rekey_plan.added', "
                                  "'rekey_plan.started', 'device.rekey_requested', 'rekey_plan.finished')"),
                     4);
    assert_audit_verifies(scene);
}

/* Renewing the old key answers nothing: a new one was asked for. */
static void test_a_renewed_old_key_is_no_new_key(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) again = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    manual_clock_advance(&scene->clock, 1000);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true}}", &plan);
    (void)contact_by_certificate(scene, buf_view(&first.certificate.der));
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), key, 0, &again));
    (void)contact_by_certificate(scene, buf_view(&again.certificate.der));
    assert_tally(scene, &plan, TALLY(1, 1, 0, 0, 0));
    assert_int_not_equal(scene_device(scene, 0, &unit.id).rekey_requested_at, 0);
}

static void test_pause_resume_cancel(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    crowd_add(scene, 0, 4);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true}}", &plan);
    assert_true(crowd_comes(scene, 0));
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_PAUSE));
    assert_false(crowd_comes(scene, 1));
    struct device_id second = crowd_id(1);
    assert_int_equal(why_of(scene, &plan, &second), REKEY_NOT_RUNNING);
    assert_err(order_plan(scene, &plan, REKEY_ORDER_PAUSE), ERR_WRONG_STATE);
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_RESUME));
    assert_true(crowd_comes(scene, 1));
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_CANCEL));
    assert_false(crowd_comes(scene, 2));
    for (int i = 0; i < REKEY_ORDERS; i++) {
        assert_err(order_plan(scene, &plan, (enum rekey_order)i), ERR_WRONG_STATE);
    }
    assert_tally(scene, &plan, TALLY(2, 2, 0, 0, 0));
}

static void test_started_twice(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan, after;
    struct terms terms = terms_of(scene, 0);
    draft_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true}}", &plan);
    terms.idempotency = (struct idempotency){.tenant = scene->tenants[0].id, .key = bytes_str("once")};
    assert_ok(rekey_plan_order(scene->fleet, &terms, plan.row.id, REKEY_ORDER_START, &after));
    assert_ok(rekey_plan_order(scene->fleet, &terms, plan.row.id, REKEY_ORDER_START, &after));
    err_t error = order_plan(scene, &plan, REKEY_ORDER_START);
    assert_err(error, ERR_WRONG_STATE);
    assert_non_null(strstr(error.detail, "it allows: pause, next-wave, cancel"));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'rekey_plan.started'"), 1);
}

/* One row, one record, whatever the fleet is: nothing else is written. */
static void test_the_start_costs_the_same_for_every_fleet(void **state)
{
    struct scene *scene = *state;
    static const char many[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "INSERT INTO device (id, tenant, batch, product, state, claim, reenrol_allowed, "
        "generation, serial, model, attributes, registered_at, updated_at, ver) SELECT "
        "randomblob(32), id, zeroblob(16), (SELECT id FROM product WHERE tenant = "
        "tenant.id), 1, 0, 0, 1, '', '', '{}', 1, 1, 1 FROM n, tenant WHERE name = "
        "'default'";
    static const char *const texts[] = {"{\"name\":\"small\",\"filter\":{\"all\":true}}",
                                        "{\"name\":\"large\",\"filter\":{\"all\":true}}"};
    int64_t closures[2], records[2];
    crowd_add(scene, 0, 100);
    for (size_t i = 0; i < 2; i++) {
        struct rekey_plan plan;
        struct db_stats before, after;
        draft_plan(scene, texts[i], &plan);
        records[i] = -scene_number(scene, "SELECT COUNT(*) FROM audit");
        db_stats_read(scene->db, &before);
        assert_ok(order_plan(scene, &plan, REKEY_ORDER_START));
        db_stats_read(scene->db, &after);
        closures[i] = after.closures - before.closures;
        records[i] += scene_number(scene, "SELECT COUNT(*) FROM audit");
        assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM rekey_member"), 0);
        assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE ver > 1"), 0);
        scene_change(scene, many);
    }
    assert_int_equal(closures[0], 1);
    assert_int_equal(closures[1], 1);
    assert_int_equal(records[0], 1);
    assert_int_equal(records[1], 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM rekey_plan"), 2);
}

/* Two run; of this one, the second, one device was told. */
static void assert_plan_figures(struct scene *scene, const struct rekey_plan *plan)
{
    AUTO_VAL(buf) text = {0};
    char id[UUID_TEXT_SIZE], line[160];
    assert_ok(course_figures_write(scene->fleet, &text));
    assert_non_null(strstr(buf_str(&text), "\nwhorl_rekey_plans_running 2\n"));
    uuid_format(plan->row.id, id);
    (void)snprintf(line, sizeof line, "\nwhorl_rekey_plan_devices{plan=\"%s\",state=\"waiting\"} 1\n", id);
    assert_non_null(strstr(buf_str(&text), line));
    (void)snprintf(line, sizeof line, "\nwhorl_rekey_plan_devices{plan=\"%s\",state=\"confirmed\"} 0\n", id);
    assert_non_null(strstr(buf_str(&text), line));
}

static void test_nothing_is_written_for_those_who_are_not_meant(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct db_stats before, after;
    crowd_add(scene, 0, 10);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"key_algorithms\":[\"RSA\"]}}", &plan);
    start_plan(scene,
               "{\"name\":\"b\",\"filter\":{\"all\":true},\"rate_limit\":{\"devices\":1,\"per\":\"minute\"}}",
               &plan);
    assert_true(crowd_comes(scene, 0));
    assert_plan_figures(scene, &plan);
    db_stats_read(scene->db, &before);
    for (int i = 0; i < 10; i++) {
        assert_true(crowd_comes(scene, i) == (i == 0));
    }
    db_stats_read(scene->db, &after);
    assert_int_equal(after.closures, before.closures);
    struct device_id second = crowd_id(1);
    assert_int_equal(why_of(scene, &plan, &second), REKEY_RATE_USED_UP);
}

/* What memory does not hold, a new process finds in the rows: the campaign, the rate, who was told. */
static void test_a_restart_changes_nothing(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    crowd_add(scene, 0, 10);
    start_plan(scene,
               "{\"name\":\"a\",\"filter\":{\"all\":true},\"rate_limit\":{\"devices\":3,\"per\":\"second\"}}",
               &plan);
    assert_true(crowd_comes(scene, 0));
    assert_true(crowd_comes(scene, 1));
    scene_stop(scene);
    scene_start(scene);
    assert_true(crowd_comes(scene, 2));
    assert_false(crowd_comes(scene, 3));
    manual_clock_advance(&scene->clock, 999);
    assert_false(crowd_comes(scene, 3));
    manual_clock_advance(&scene->clock, 101);
    assert_true(crowd_comes(scene, 3));
    assert_tally(scene, &plan, TALLY(4, 4, 0, 0, 0));
}

static void test_starts_later(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct device_id id = crowd_id(0);
    crowd_add(scene, 0, 1);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true},\"starts_at\":\"2026-06-01T01:00:00Z\"}",
               &plan);
    assert_false(crowd_comes(scene, 0));
    assert_int_equal(why_of(scene, &plan, &id), REKEY_NOT_BEGUN);
    manual_clock_advance(&scene->clock, 3600 * 1000);
    assert_true(crowd_comes(scene, 0));
}

static void test_a_filter_that_means_nothing_is_told(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct faults faults;
    assert_err(try_plan(scene, "{\"name\":\"a\",\"filter\":{}}", &faults, &plan), ERR_UNPROCESSABLE);
    assert_string_equal(faults.items[0].pointer, "/filter");
    assert_err(try_plan(scene, "{\"name\":\"a\",\"filter\":{\"product\":\"nope\"}}", &faults, &plan),
               ERR_UNPROCESSABLE);
    assert_string_equal(faults.items[0].pointer, "/filter/product");
    assert_err(try_plan(scene, "{\"name\":\"a\",\"filter\":{\"batch\":\"nope\"}}", &faults, &plan),
               ERR_UNPROCESSABLE);
    draft_plan(scene, "{\"name\":\"a\",\"filter\":{\"product\":\"default\"},\"late_joiners\":false}", &plan);
    assert_err(order_plan(scene, &plan, REKEY_ORDER_START), ERR_UNPROCESSABLE);
    crowd_add(scene, 0, 1);
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_START));
}

static err_t change_plan(struct scene *scene, const struct rekey_plan *plan, const char *text)
{
    struct rekey_plan after;
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    AUTO(json_t) *document = json_loads(text, 0, NULL);
    terms.faults = &faults;
    return rekey_plan_change(scene->fleet, &terms, plan->row.id, document, &after);
}

static void test_changed_while_it_runs(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    static const char *const settled[] = {"{\"filter\":{\"authority\":\"device\"}}",
                                          "{\"waves\":[{\"percent\":100}]}", "{\"late_joiners\":false}",
                                          "{\"starts_at\":null}"};
    crowd_add(scene, 0, 10);
    draft_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true}}", &plan);
    assert_ok(change_plan(scene, &plan, "{\"rate_limit\":{\"devices\":1,\"per\":\"minute\"}}"));
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_START));
    for (size_t i = 0; i < sizeof settled / sizeof settled[0]; i++) {
        assert_err(change_plan(scene, &plan, settled[i]), ERR_WRONG_STATE);
    }
    assert_true(crowd_comes(scene, 0));
    assert_false(crowd_comes(scene, 1));
    assert_ok(change_plan(scene, &plan, "{\"rate_limit\":{\"devices\":3,\"per\":\"second\"}}"));
    assert_true(crowd_comes(scene, 1)); /* what was told before the change counts */
    assert_true(crowd_comes(scene, 2));
    assert_false(crowd_comes(scene, 3));
    assert_ok(change_plan(scene, &plan, "{\"rate_limit\":null}"));
    assert_true(crowd_comes(scene, 3));
    assert_ok(order_plan(scene, &plan, REKEY_ORDER_CANCEL));
    assert_err(change_plan(scene, &plan, "{\"name\":\"b\"}"), ERR_WRONG_STATE);
}

static void test_other_tenants_see_nothing(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan, after;
    const struct terms terms = terms_of(scene, 1);
    struct rekey_why why;
    AUTO_VAL(unit) unit;
    unit_init(&unit);
    scene_register(scene, 1, &unit.id);
    start_plan(scene, "{\"name\":\"a\",\"filter\":{\"all\":true}}", &plan);
    assert_err(rekey_plan_get(scene->fleet, scene->tenants[1].id, plan.row.id, &after), ERR_NOT_FOUND);
    assert_err(rekey_plan_order(scene->fleet, &terms, plan.row.id, REKEY_ORDER_PAUSE, &after), ERR_NOT_FOUND);
    const struct rekey_question asked = {scene->tenants[1].id, plan.row.id, unit.id};
    assert_err(rekey_why(scene->fleet, &asked, &why), ERR_NOT_FOUND);
    const struct rekey_question stranger = {scene->tenants[0].id, plan.row.id, unit.id};
    assert_err(rekey_why(scene->fleet, &stranger, &why), ERR_NOT_FOUND);
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    (void)contact_by_certificate(scene, buf_view(&first.certificate.der));
    assert_int_equal(scene_device(scene, 1, &unit.id).rekey_requested_at, 0);
}

static void test_no_more_run_than_a_contact_can_pay(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    for (int i = 0; i <= REKEY_RUNNING_MAX; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "{\"name\":\"p%d\",\"filter\":{\"all\":true}}", i);
        draft_plan(scene, text, &plan);
        err_t error = order_plan(scene, &plan, REKEY_ORDER_START);
        assert_int_equal(error.code, i < REKEY_RUNNING_MAX ? ERR_OK : ERR_WRONG_STATE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_from_draft_to_end),
        scene_test(test_a_renewed_old_key_is_no_new_key),
        scene_test(test_pause_resume_cancel),
        scene_test(test_started_twice),
        scene_test(test_the_start_costs_the_same_for_every_fleet),
        scene_test(test_nothing_is_written_for_those_who_are_not_meant),
        scene_test(test_a_restart_changes_nothing),
        scene_test(test_starts_later),
        scene_test(test_a_filter_that_means_nothing_is_told),
        scene_test(test_changed_while_it_runs),
        scene_test(test_other_tenants_see_nothing),
        scene_test(test_no_more_run_than_a_contact_can_pay),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
