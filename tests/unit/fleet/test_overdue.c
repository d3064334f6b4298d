/* Devices that are due for too long: counted and reported once, by the job alone, and forgotten when they
 * have done it; put in quarantine when they keep contact and do nothing; an alarm; a clock in doubt. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/late_scene.h"

#include "fleet/alarms.h"
#include "fleet/clock_guard.h"
#include "fleet/jobs.h"
#include "fleet/overdue.h"

static void set_plan(struct scene *scene, const struct product_change *change)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    terms.faults = &faults;
    assert_ok(product_change(scene->fleet, &terms, scene->products[0].id, change, &scene->products[0]));
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
}

static void pass(struct scene *scene, int64_t days)
{
    manual_clock_advance(&scene->clock, days * DAY_MS);
    assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
}

static void assert_overdue(struct scene *scene, int64_t overdue, int64_t reports)
{
    struct device_counts counts, of_batch;
    assert_ok(device_counts_read(scene->fleet, scene->products[0].id, &counts));
    assert_ok(device_counts_read(scene->fleet, (struct uuid){{0}}, &of_batch));
    assert_int_equal(counts.overdue, overdue);
    assert_int_equal(of_batch.overdue, overdue);
    assert_int_equal(scene_number(scene, "SELECT SUM(is_overdue) FROM device_term"), overdue);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.overdue'"),
                     reports);
    assert_audit_verifies(scene);
}

/* 90 days, to be renewed at 66 % exactly: day 59.4. */
static const struct product_change week = {
    .has_renew_spread_percent = true, .has_overdue_alert_after_s = true, .overdue_alert_after_s = 7 * 86400};

static void who_is_silent_is_reported_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) next = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    set_plan(scene, &week);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    pass(scene, 66);
    assert_overdue(scene, 0, 0);
    pass(scene, 1);
    assert_overdue(scene, 1, 1);
    for (int i = 0; i < 5; i++) {
        pass(scene, 1);
        assert_overdue(scene, 1, 1);
    }
    /* a clock that went back a little: nothing is said twice */
    pass(scene, -2);
    pass(scene, 2);
    assert_overdue(scene, 1, 1);
    /* renewed: forgotten when the new certificate is used */
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), key, 0, &next));
    assert_overdue(scene, 1, 1);
    (void)contact_by_certificate(scene, buf_view(&next.certificate.der));
    assert_overdue(scene, 0, 1);
    /* expired without a word: overdue too, and reported again, since that is another due period */
    pass(scene, 100);
    assert_overdue(scene, 1, 2);
    struct device_row row;
    assert_ok(order_device(scene, &unit.id, ACTION_REVOKE, &row));
    assert_overdue(scene, 0, 2);
}

static void policy_decides_what_is_overdue(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    pass(scene, 80);
    assert_overdue(scene, 0, 0); /* the scene's product never says so */
    set_plan(scene, &week);
    pass(scene, 0);
    assert_overdue(scene, 1, 1);
    set_plan(scene, &(struct product_change){.has_overdue_alert_after_s = true});
    assert_overdue(scene, 0, 1);
    set_plan(scene, &week);
    pass(scene, 0);
    assert_overdue(scene, 1, 1); /* counted again; it was reported before */
}

/* A client that never makes a new key: it renews, stays due and overdue, and is not reported for each
 * renewal. */
static void a_key_that_stays_is_overdue_over_renewals(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next_key = ec_key("P-256");
    struct enrolment certificates[4] = {{.renew_after = 0}};
    struct product_change change = week;
    change.has_rekey_period_s = true;
    change.rekey_period_s = 30 * 86400;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    set_plan(scene, &change);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &certificates[0]));
    pass(scene, 36);
    assert_overdue(scene, 0, 0);
    pass(scene, 1);
    assert_overdue(scene, 1, 1);
    for (int i = 1; i < 3; i++) {
        struct bytes before = buf_view(&certificates[i - 1].certificate.der);
        assert_ok(enrol_by_certificate(scene, before, key, 0, &certificates[i]));
        (void)contact_by_certificate(scene, buf_view(&certificates[i].certificate.der));
        pass(scene, 10);
        assert_overdue(scene, 1, 1);
        assert_true(certificates[i].needs_new_key);
    }
    struct bytes before = buf_view(&certificates[2].certificate.der);
    assert_ok(enrol_by_certificate(scene, before, next_key, 0, &certificates[3]));
    (void)contact_by_certificate(scene, buf_view(&certificates[3].certificate.der));
    assert_false(certificates[3].needs_new_key && certificates[3].renew_after <= scene->clock.at_ms);
    assert_overdue(scene, 0, 1);
    for (int i = 0; i < 4; i++) {
        enrolment_clear(&certificates[i]);
    }
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
    set_quarantine(scene, 2);
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
        scene_test(who_is_silent_is_reported_once),
        scene_test(policy_decides_what_is_overdue),
        scene_test(a_key_that_stays_is_overdue_over_renewals),
        scene_test(contact_without_a_rekey_ends_in_quarantine),
        scene_test(silence_never_does),
        scene_test(a_changed_plan_counts_at_once),
        scene_test(who_is_not_due_is_not_judged),
        scene_test(a_clock_in_doubt_judges_nobody),
        scene_test(an_alarm_stands_as_long_as_somebody_is_overdue),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
