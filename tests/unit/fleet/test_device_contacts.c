/* Contact times: noted in memory, written in groups, counted by days since a device was told. What follows
 * from that is in test_overdue.c. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/late_scene.h"

static int64_t commits(struct scene *scene)
{
    struct db_stats stats;
    db_stats_read(scene->db, &stats);
    return stats.commits;
}

/* --- memory and rows -------------------------------------------------------------------------------- */

static void contacts_cost_no_write_and_are_written_in_groups(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    AUTO_VAL(unit) never;
    late_make(scene, &late, 0);
    unit_init(&never);
    scene_register(scene, 0, &never.id);
    contact(scene, &late); /* the first use writes */
    int64_t before = commits(scene);
    for (int i = 0; i < 1000; i++) {
        manual_clock_advance(&scene->clock, 10);
        (void)contact_by_certificate(scene, buf_view(&late.first.certificate.der));
    }
    assert_int_equal(commits(scene), before);
    assert_int_equal(found(scene, &late.unit).seen_at, scene->clock.at_ms); /* known before it is written */
    flush(scene);
    assert_int_equal(commits(scene), before + 1);
    assert_int_equal(scene_number(scene, "SELECT seen_at FROM device_contact"), scene->clock.at_ms);
    flush(scene); /* nothing to write */
    assert_int_equal(commits(scene), before + 1);
    assert_int_equal(found(scene, &never).seen_at, 0);
    assert_int_equal(found(scene, &late.unit).told_at, 0);
}

static void who_is_unknown_or_shows_nothing_good_is_noted_rightly(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    AUTO_VAL(unit) stranger;
    late_make(scene, &late, 0);
    unit_init(&stranger);
    (void)contact_by_identity(scene, &stranger);
    flush(scene);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_contact"), 1); /* the enrolment's */
    /* in quarantine it is seen, and told nothing */
    wait_days(scene, 61);
    struct device_row row;
    assert_ok(order_device(scene, &late.unit.id, ACTION_QUARANTINE, &row));
    contact(scene, &late);
    assert_int_equal(found(scene, &late.unit).seen_at, scene->clock.at_ms);
    assert_int_equal(found(scene, &late.unit).told_at, 0);
    /* as by its identity key */
    assert_ok(order_device(scene, &late.unit.id, ACTION_RELEASE, &row));
    (void)contact_by_identity(scene, &late.unit);
    flush(scene);
    assert_int_equal(found(scene, &late.unit).told_at, 0);
}

/* Far more devices than memory holds, and several transactions of them: bounded, and no error. */
static void a_full_memory_drops_contacts(void **state)
{
    struct scene *scene = *state;
    struct contact some = {.is_known = true};
    some.device.tenant = scene->tenants[0].id;
    for (int i = 0; i < 100000; i++) {
        some.device.id.b[0] = (uint8_t)(i >> 8);
        some.device.id.b[1] = (uint8_t)i;
        some.device.id.b[2] = (uint8_t)(i >> 16);
        device_contacts_note(scene->fleet->device_contacts, &some, scene->clock.at_ms);
    }
    int64_t before = commits(scene);
    flush(scene);
    assert_in_range(commits(scene) - before, 60, 70); /* of 500 each */
    assert_in_range(scene_number(scene, "SELECT COUNT(*) FROM device_contact"), 30000, 1 << 15);
}

/* --- days of contact -------------------------------------------------------------------------------- */

static void days_are_counted_at_contacts_only(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    late_make(scene, &late, 0);
    wait_days(scene, 59);
    contact(scene, &late);
    assert_int_equal(found(scene, &late.unit).told_at, 0);
    wait_days(scene, 1);
    contact(scene, &late);
    int64_t told_at = scene->clock.at_ms;
    assert_int_equal(found(scene, &late.unit).told_at, told_at);
    assert_int_equal(found(scene, &late.unit).contact_days, 0);
    for (int i = 0; i < 23; i++) {
        manual_clock_advance(&scene->clock, DAY_MS / 24);
        contact(scene, &late);
    }
    assert_int_equal(found(scene, &late.unit).contact_days, 0);
    manual_clock_advance(&scene->clock, DAY_MS / 24);
    (void)contact_by_certificate(scene, buf_view(&late.first.certificate.der));
    assert_int_equal(found(scene, &late.unit).contact_days, 1); /* memory counts too */
    flush(scene);
    assert_int_equal(found(scene, &late.unit).contact_days, 1);
    wait_days(scene, 10); /* in a drawer: one more day, not ten */
    contact(scene, &late);
    assert_int_equal(found(scene, &late.unit).contact_days, 2);
    assert_int_equal(found(scene, &late.unit).told_at, told_at);
    manual_clock_advance(&scene->clock,
                         -5 * DAY_MS); /* a clock that went back takes nothing and adds nothing */
    contact(scene, &late);
    assert_int_equal(found(scene, &late.unit).contact_days, 2);
}

static void doing_it_ends_the_count(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    AUTO_VAL(enrolment) next = {0};
    late_make(scene, &late, 3);
    wait_days(scene, 60);
    contact(scene, &late);
    wait_days(scene, 2);
    contact(scene, &late);
    assert_int_equal(found(scene, &late.unit).contact_days, 1);
    struct bytes der = buf_view(&late.first.certificate.der);
    assert_ok(enrol_by_certificate(scene, der, late.key, 0, &next)); /* told, and done, in one group */
    (void)contact_by_certificate(scene, buf_view(&next.certificate.der));
    flush(scene);
    struct device_contact_row row = found(scene, &late.unit);
    assert_true(row.told_at == 0 && row.contact_days == 0 && row.day_at == 0);
    assert_int_equal(row.seen_at, scene->clock.at_ms);
    assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
}

/* Late, done, and ordered to come again, all between two writings: what was counted before does not go on. */
static void a_new_order_has_days_of_its_own(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    AUTO_VAL(enrolment) next = {0};
    struct device_row row;
    late_make(scene, &late, 3);
    wait_days(scene, 60);
    contact(scene, &late);
    wait_days(scene, 2);
    contact(scene, &late);
    struct bytes der = buf_view(&late.first.certificate.der);
    assert_ok(enrol_by_certificate(scene, der, late.key, 0, &next));
    (void)contact_by_certificate(scene, buf_view(&next.certificate.der));
    assert_ok(order_device(scene, &late.unit.id, ACTION_REKEY, &row));
    manual_clock_advance(&scene->clock, 1000);
    (void)contact_by_certificate(scene, buf_view(&next.certificate.der));
    assert_int_equal(found(scene, &late.unit).told_at, scene->clock.at_ms);
    flush(scene);
    assert_int_equal(found(scene, &late.unit).told_at, scene->clock.at_ms);
    assert_int_equal(found(scene, &late.unit).contact_days, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(contacts_cost_no_write_and_are_written_in_groups),
        scene_test(who_is_unknown_or_shows_nothing_good_is_noted_rightly),
        scene_test(a_full_memory_drops_contacts),
        scene_test(days_are_counted_at_contacts_only),
        scene_test(doing_it_ends_the_count),
        scene_test(a_new_order_has_days_of_its_own),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
