/* What ends by itself is told in time, gets worse, and is taken back when it was renewed. */
#include "tests/unit/fleet/scene.h"

#include "fleet/alarms.h"
#include "fleet/authority_offline.h"
#include "fleet/expiries.h"

static void check(struct scene *scene)
{
    assert_ok(expiries_check(scene->fleet, scene->clock.at_ms));
}

static int64_t commits(struct scene *scene)
{
    struct db_stats stats;
    db_stats_read(scene->db, &stats);
    return stats.commits;
}

static const char STANDING[] = "SELECT COUNT(*) FROM alarm";
static const char CRL_SEVERITY[] =
    "SELECT severity FROM alarm WHERE kind = 'crl.overdue' AND subject = 'device'";

static void test_nothing_is_wrong(void **state)
{
    struct scene *scene = *state;
    check(scene); /* no list is shown yet */
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    int64_t before = commits(scene);
    check(scene);
    assert_int_equal(scene_number(scene, STANDING), 0);
    assert_int_equal(commits(scene), before);
}

/* Signed again at half of its life: at 59 % all is well, at 61 % it is late, at 81 % it is bad. */
static void test_a_crl_that_is_not_renewed(void **state)
{
    struct scene *scene = *state;
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    manual_clock_advance(&scene->clock, DAY_MS / 100 * 59);
    check(scene);
    assert_int_equal(scene_number(scene, STANDING), 0);
    manual_clock_advance(&scene->clock, DAY_MS / 100 * 2);
    check(scene);
    assert_int_equal(scene_number(scene, STANDING), 3);
    assert_int_equal(scene_number(scene, CRL_SEVERITY), ALARM_WARNING);
    int64_t before = commits(scene);
    check(scene);
    assert_int_equal(commits(scene), before);
    manual_clock_advance(&scene->clock, DAY_MS / 100 * 20);
    check(scene);
    assert_int_equal(scene_number(scene, CRL_SEVERITY), ALARM_CRITICAL);
    manual_clock_advance(&scene->clock, DAY_MS);
    check(scene);
    assert_int_equal(scene_number(scene, STANDING), 3);
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    check(scene);
    assert_int_equal(scene_number(scene, STANDING), 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'alarm.cleared'"), 3);
}

static void test_authorities(void **state)
{
    struct scene *scene = *state;
    const struct authority *device = scene->house.device;
    int64_t left = authority_not_after_ms(device) - scene->clock.at_ms;
    manual_clock_advance(&scene->clock, left - 364 * DAY_MS);
    check(scene);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM alarm WHERE kind = 'authority.expires' AND "
                                         "subject = 'device' AND severity = 0"),
                     1);
    manual_clock_advance(&scene->clock, 275 * DAY_MS);
    check(scene);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM alarm WHERE kind = 'authority.expires' AND "
                                         "subject = 'device' AND severity = 1"),
                     1);
}

/* A short life has short leads: a day's certificate is not wrong from its first hour. */
static void test_the_server_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(buf) text = {0};
    expiries_note_server_certificate(scene->fleet, SCENE_AT_MS, SCENE_AT_MS + DAY_MS);
    check(scene);
    assert_int_equal(scene_number(scene, STANDING), 0);
    assert_ok(expiries_write_metrics(scene->fleet, &text));
    assert_has(buf_str(&text),
               "whorl_expiry_timestamp_seconds{what=\"server_certificate\",subject=\"server\"} 1780358400\n");
    assert_has(buf_str(&text), "whorl_expiry_timestamp_seconds{what=\"authority\",subject=\"root\"}");
    manual_clock_advance(&scene->clock, DAY_MS / 100 * 73);
    check(scene);
    assert_int_equal(scene_number(scene, STANDING), 1);
    expiries_note_server_certificate(scene->fleet, scene->clock.at_ms, scene->clock.at_ms + 90 * DAY_MS);
    check(scene);
    assert_int_equal(scene_number(scene, STANDING), 0);
}

static void pass(struct scene *scene, int days)
{
    manual_clock_advance(&scene->clock, days * DAY_MS);
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    check(scene);
}

/* Nobody here signs the next one: a month is needed to bring it, and nothing is tried meanwhile. */
static void test_a_crl_whose_key_is_elsewhere(void **state)
{
    static const char severity[] =
        "SELECT severity FROM alarm WHERE kind = 'crl.overdue' AND subject = 'root'";
    struct scene *scene = *state;
    struct authority *with_key = scene->house.root;
    struct authority *without = NULL;
    struct offline_list list;
    assert_ok(authority_offline_list(scene->fleet, "root", 200, &list));
    assert_ok(authority_load("root", AUTHORITY_ROOT, authority_borrow_der(with_key), NULL, &without));
    scene_stop(scene);
    scene->house.root = without;
    scene_start(scene);
    pass(scene, 169);
    assert_int_equal(scene_number(scene, STANDING), 0);
    pass(scene, 2);
    assert_int_equal(scene_number(scene, STANDING), 1);
    assert_int_equal(scene_number(scene, severity), ALARM_WARNING);
    pass(scene, 23);
    assert_int_equal(scene_number(scene, severity), ALARM_CRITICAL);
    scene->house.root = with_key;
    authority_free(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_nothing_is_wrong),
        scene_test(test_a_crl_that_is_not_renewed),
        scene_test(test_authorities),
        scene_test(test_the_server_certificate),
        scene_test(test_a_crl_whose_key_is_elsewhere),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
