/* What the figures say of a device through its life: states, terms, certificates of each authority, and those
 * that end within a week and a month. Random lives compare the same counts with counting (test_invariants.c).
 */
#include "tests/unit/fleet/late_scene.h"

#include "fleet/inventory_figures.h"

static int64_t figure(struct scene *scene, const char *name)
{
    AUTO_VAL(buf) text = {0};
    char line[128];
    assert_ok(inventory_figures_write(scene->fleet, &text));
    (void)snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(buf_str(&text), line);
    if (found == NULL) {
        fail_msg("no %s in\n%s", name, buf_str(&text));
    }
    return strtoll(found + strlen(line), NULL, 10);
}

static void assert_figures(struct scene *scene, const char *const *names, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t found = figure(scene, names[i]);
        if (found != values[i]) {
            fail_msg("%s is %lld, not %lld", names[i], (long long)found, (long long)values[i]);
        }
    }
    check_counts(scene);
}

static void a_life_in_figures(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    static const char *const names[] = {
        "whorl_devices{state=\"registered\"}",
        "whorl_devices{state=\"enrolled\"}",
        "whorl_devices{state=\"quarantined\"}",
        "whorl_devices_certified{term=\"current\"}",
        "whorl_devices_certified{term=\"due\"}",
        "whorl_devices_certified{term=\"expired\"}",
        "whorl_devices_overdue",
    };
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    const struct product_change week = {.has_overdue_alert_after_s = true,
                                        .overdue_alert_after_s = 7 * 86400};
    terms.faults = &faults;
    assert_ok(product_change(scene->fleet, &terms, scene->products[0].id, &week, &scene->products[0]));
    scene_register(scene, 0, &(struct device_id){.b = {7}});
    late_make(scene, &late, 3); /* a second one, with a certificate of 90 days */
    assert_figures(scene, names, (const int64_t[]){1, 1, 0, 1, 0, 0, 0}, 7);
    wait_days(scene, 61);
    assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
    assert_figures(scene, names, (const int64_t[]){1, 1, 0, 0, 1, 0, 0}, 7);
    wait_days(scene, 30);
    assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
    assert_figures(scene, names, (const int64_t[]){1, 1, 0, 0, 0, 1, 1}, 7);
    struct device_row row;
    assert_ok(order_device(scene, &late.unit.id, ACTION_QUARANTINE, &row));
    assert_figures(scene, names, (const int64_t[]){1, 0, 1, 0, 0, 0, 0}, 7);
}

static void certificates_by_state_and_end(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    AUTO(EVP_PKEY) *second = ec_key("P-256");
    AUTO_VAL(enrolment) next = {0};
    static const char *const names[] = {
        "whorl_certificates{authority=\"device\",state=\"unconfirmed\"}",
        "whorl_certificates{authority=\"device\",state=\"confirmed\"}",
        "whorl_certificates{authority=\"device\",state=\"superseded\"}",
        "whorl_certificates{authority=\"device\",state=\"revoked\"}",
        "whorl_certificates_due{authority=\"device\",within=\"7d\"}",
        "whorl_certificates_due{authority=\"device\",within=\"30d\"}",
    };
    late_make(scene, &late, 0);
    contact(scene, &late); /* in case the first one is not confirmed by its issue */
    assert_figures(scene, names, (const int64_t[]){0, 1, 0, 0, 0, 0}, 6);
    wait_days(scene, 61);
    assert_figures(scene, names, (const int64_t[]){0, 1, 0, 0, 0, 1}, 6);
    wait_days(scene, 24);
    assert_figures(scene, names, (const int64_t[]){0, 1, 0, 0, 1, 1}, 6);
    assert_ok(enrol_by_certificate(scene, buf_view(&late.first.certificate.der), second, 0, &next));
    assert_figures(scene, names, (const int64_t[]){1, 1, 0, 0, 1, 1}, 6);
    (void)contact_by_certificate(scene, buf_view(&next.certificate.der));
    assert_figures(scene, names, (const int64_t[]){0, 1, 1, 0, 0, 0}, 6);
    struct device_row row;
    assert_ok(order_device(scene, &late.unit.id, ACTION_REVOKE, &row));
    assert_figures(scene, names, (const int64_t[]){0, 0, 0, 2, 0, 0}, 6);
}

/* Its end is in the figures until the day has passed; then nobody can renew it in time. */
static void the_last_day_counts(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    static const char due[] = "whorl_certificates_due{authority=\"device\",within=\"7d\"}";
    late_make(scene, &late, 0);
    int64_t end = scene_number(scene, "SELECT not_after FROM certificate");
    manual_clock_advance(&scene->clock, end / DAY_MS * DAY_MS - scene->clock.at_ms);
    assert_int_equal(figure(scene, due), 1);
    manual_clock_advance(&scene->clock, -8 * DAY_MS);
    assert_int_equal(figure(scene, due), 0);
    manual_clock_advance(&scene->clock, DAY_MS);
    assert_int_equal(figure(scene, due), 1);
    manual_clock_advance(&scene->clock, 8 * DAY_MS);
    assert_int_equal(figure(scene, due), 0);
    assert_int_equal(figure(scene, "whorl_certificates{authority=\"device\",state=\"confirmed\"}"), 1);
}

static void a_count_that_is_wrong_is_found(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    static const char *const breaks[] = {
        "UPDATE device_count SET n = n + 1 WHERE owner = x'ffffffffffffffffffffffffffffffff' AND state = 1",
        "UPDATE device_term_count SET n = n + 1 WHERE term = 0",
        "INSERT INTO device_overdue_count (owner, n) VALUES (randomblob(16), 1)",
        "UPDATE certificate_count SET n = n + 1", "UPDATE certificate_end_count SET day = day + 1"};
    static const char *const repairs[] = {
        "UPDATE device_count SET n = n - 1 WHERE owner = x'ffffffffffffffffffffffffffffffff' AND state = 1",
        "UPDATE device_term_count SET n = n - 1 WHERE term = 0",
        "DELETE FROM device_overdue_count WHERE n = 1", "UPDATE certificate_count SET n = n - 1",
        "UPDATE certificate_end_count SET day = day - 1"};
    late_make(scene, &late, 0);
    check_counts(scene);
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        scene_change(scene, breaks[i]);
        assert_int_equal(db_read(scene->db, recount, NULL).code, ERR_DB);
        scene_change(scene, repairs[i]);
        check_counts(scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(a_life_in_figures),
        scene_test(certificates_by_state_and_end),
        scene_test(the_last_day_counts),
        scene_test(a_count_that_is_wrong_is_found),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
