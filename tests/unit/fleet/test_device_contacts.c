/* Contact times: noted in memory, written in groups, counted by days since a device was told; and what
 * follows when one keeps contact and does nothing. */
#include "tests/unit/fleet/term_scene.h"

#include "fleet/alarms.h"
#include "fleet/clock_guard.h"
#include "fleet/device_contacts.h"
#include "fleet/device_terms.h"
#include "fleet/jobs.h"
#include "fleet/overdue.h"

static int64_t commits(struct scene *scene)
{
    struct db_stats stats;
    db_stats_read(scene->db, &stats);
    return stats.commits;
}

static void flush(struct scene *scene)
{
    assert_ok(device_contacts_flush(scene->fleet, scene->clock.at_ms));
}

static struct device_contact_row found(struct scene *scene, const struct unit *unit)
{
    struct device_contact_row row;
    struct device_row device = scene_device(scene, 0, &unit->id);
    assert_ok(device_contacts_find(scene->fleet, &device, &row));
    return row;
}

static void wait_days(struct scene *scene, int64_t days)
{
    manual_clock_advance(&scene->clock, days * DAY_MS);
}

static void set_plan(struct scene *scene, int64_t quarantine_days)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    const struct product_change change = {.has_renew_spread_percent = true,
                                          .has_overdue_quarantine_days = true,
                                          .overdue_quarantine_days = quarantine_days};
    terms.faults = &faults;
    assert_ok(product_change(scene->fleet, &terms, scene->products[0].id, &change, &scene->products[0]));
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
}

/* One of 90 days, to be renewed at 66 %: due at day 59.4. */
struct late {
    struct unit unit;
    EVP_PKEY *key;
    struct enrolment first;
};
static void late_clear(struct late *late)
{
    unit_clear(&late->unit);
    EVP_PKEY_free(late->key);
    enrolment_clear(&late->first);
}
DEFINE_AUTO_VAL(late, late_clear);

static void late_make(struct scene *scene, struct late *late, int64_t quarantine_days)
{
    *late = (struct late){.key = ec_key("P-256")};
    unit_init(&late->unit);
    scene_register(scene, 0, &late->unit.id);
    set_plan(scene, quarantine_days);
    assert_ok(enrol_by_identity(scene, &late->unit, late->key, 0, &late->first));
}

static void contact(struct scene *scene, const struct late *late)
{
    (void)contact_by_certificate(scene, buf_view(&late->first.certificate.der));
    flush(scene);
}

static enum device_state state_of(struct scene *scene, const struct late *late)
{
    return scene_device(scene, 0, &late->unit.id).state;
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

/* --- quarantine ------------------------------------------------------------------------------------- */

static void contact_without_a_rekey_ends_in_quarantine(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    late_make(scene, &late, 3);
    wait_days(scene, 60);
    for (int day = 0; day < 3; day++) {
        contact(scene, &late);
        assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
        wait_days(scene, 1);
    }
    contact(scene, &late);
    assert_int_equal(state_of(scene, &late), DEVICE_QUARANTINED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.quarantined' AND "
                                         "actor = 'whorld' AND body LIKE '%\"cause\":\"overdue\"%' AND "
                                         "body LIKE '%\"contact_days\":3%'"),
                     1);
    assert_audit_verifies(scene);
    check_terms(scene, &late.unit, 1);
    /* it is seen, and nothing more happens */
    wait_days(scene, 5);
    contact(scene, &late);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.quarantined'"), 1);
    /* released, it has its days again */
    struct device_row row;
    assert_ok(order_device(scene, &late.unit.id, ACTION_RELEASE, &row));
    contact(scene, &late);
    wait_days(scene, 1);
    contact(scene, &late);
    assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
    assert_int_equal(found(scene, &late.unit).contact_days, 1);
}

static void silence_never_does(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    late_make(scene, &late, 1);
    wait_days(scene, 60);
    contact(scene, &late); /* told, and silent from then on */
    for (int day = 0; day < 200; day++) {
        wait_days(scene, 1);
        assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
        flush(scene);
    }
    assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
    contact(scene, &late); /* expired meanwhile: it is told nothing by a certificate that is not honoured */
    assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
}

/* The policy of now decides, and so does the schedule of now. */
static void a_changed_plan_counts_at_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    late_make(scene, &late, 0);
    wait_days(scene, 60);
    for (int day = 0; day < 5; day++) {
        contact(scene, &late);
        wait_days(scene, 1);
    }
    assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
    set_renewal(scene, 0, 90); /* not due any more, though it was told so */
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
    set_plan(scene, 2);
    contact(scene, &late);
    assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
    assert_int_equal(found(scene, &late.unit).told_at, 0);
}

static err_t judge(struct db_tx *tx, void *arg)
{
    return overdue_judge(tx, arg);
}

static void who_is_not_due_is_not_judged(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    late_make(scene, &late, 1);
    struct device_contact_row row = {.device = late.unit.id,
                                     .tenant = scene->tenants[0].id,
                                     .seen_at = scene->clock.at_ms,
                                     .told_at = 1,
                                     .contact_days = 100};
    assert_ok(db_write(scene->db, judge, &row));
    assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
    row.device.b[0] ^= 1; /* a row of nobody */
    assert_ok(db_write(scene->db, judge, &row));
}

/* --- a clock in doubt ------------------------------------------------------------------------------- */

/* The fleet again, with a guard over its clock. */
static void guard(struct scene *scene)
{
    static const uint8_t salt[SALT_SECRET_SIZE] = {1, 2, 3};
    struct fleet_options options = scene->fleet->options;
    options.public_url = "http://pki.example:8080";
    options.salt_secret = BYTES_OF(salt);
    options.clock_step_limit_ms = 5 * 60 * 1000;
    fleet_free(scene->fleet);
    assert_ok(fleet_new(&options, &scene->fleet));
    assert_ok(clock_guard_start(scene->fleet));
}

static void run_jobs(struct scene *scene)
{
    size_t count = 0;
    const struct job *jobs = fleet_jobs(&count);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(jobs[i].name, "device-", 7) == 0) {
            assert_ok(fleet_job_run(scene->fleet, &jobs[i], scene->clock.at_ms));
        }
    }
}

/* A year forward, and an hour back: nobody becomes due, overdue or quarantined by it; when it is right again,
 * things go on where they were. */
static void a_clock_in_doubt_judges_nobody(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    guard(scene);
    late_make(scene, &late, 1);
    scene_change(scene, "UPDATE product SET overdue_alert_after_s = 1");
    int64_t counted_at = scene->clock.at_ms;
    contact(scene, &late);
    manual_clock_step(&scene->clock, 60 * DAY_MS); /* due by this clock, and the certificate is good still */
    (void)contact_by_certificate(scene, buf_view(&late.first.certificate.der));
    run_jobs(scene);
    assert_int_equal(scene_number(scene, "SELECT term FROM device_term"), TERM_CURRENT);
    assert_int_equal(found(scene, &late.unit).seen_at, counted_at); /* by the time without the step */
    assert_int_equal(found(scene, &late.unit).told_at, 0);
    manual_clock_step(&scene->clock, -60 * DAY_MS);
    wait_days(scene, 60);
    (void)contact_by_certificate(scene, buf_view(&late.first.certificate.der));
    run_jobs(scene);
    assert_int_equal(found(scene, &late.unit).told_at, scene->clock.at_ms);
    /* a day of contact too many, but by a clock that nobody trusts */
    wait_days(scene, 1);
    manual_clock_step(&scene->clock, -3600 * 1000);
    (void)contact_by_certificate(scene, buf_view(&late.first.certificate.der));
    run_jobs(scene);
    assert_int_equal(found(scene, &late.unit).contact_days, 1);
    assert_int_equal(state_of(scene, &late), DEVICE_ENROLLED);
    manual_clock_step(&scene->clock, 3600 * 1000);
    (void)contact_by_certificate(scene, buf_view(&late.first.certificate.der));
    run_jobs(scene);
    assert_int_equal(state_of(scene, &late), DEVICE_QUARANTINED);
}

/* --- the alarm -------------------------------------------------------------------------------------- */

static void an_alarm_stands_as_long_as_somebody_is_overdue(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(late) late;
    static const char stands[] = "SELECT COUNT(*) FROM alarm WHERE kind = 'devices.overdue'";
    late_make(scene, &late, 0);
    scene_change(scene, "UPDATE product SET overdue_alert_after_s = 3600");
    scene_change(scene, "INSERT INTO device_term_walk (product, after) SELECT id, zeroblob(32) FROM product");
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, stands), 0);
    wait_days(scene, 61);
    assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, stands), 1);
    struct device_row row;
    assert_ok(order_device(scene, &late.unit.id, ACTION_RETIRE, &row));
    assert_int_equal(scene_number(scene, stands), 0);
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
        scene_test(contact_without_a_rekey_ends_in_quarantine),
        scene_test(silence_never_does),
        scene_test(a_changed_plan_counts_at_once),
        scene_test(who_is_not_due_is_not_judged),
        scene_test(a_clock_in_doubt_judges_nobody),
        scene_test(an_alarm_stands_as_long_as_somebody_is_overdue),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
