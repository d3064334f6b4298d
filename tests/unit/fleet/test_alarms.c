/* Alarms: each stands once, changes are records, and nothing is written when nothing changes. */
#include "tests/unit/fleet/scene.h"

#include "fleet/alarm_kinds.h"
#include "fleet/alarms.h"

static const char RAISED[] = "SELECT COUNT(*) FROM audit WHERE kind = 'alarm.raised'";
static const char CLEARED[] = "SELECT COUNT(*) FROM audit WHERE kind = 'alarm.cleared'";
static const char FED[] = "SELECT COUNT(*) FROM audit WHERE kind = 'alarm.raised' AND feed > 0";

static err_t raise_in(struct db_tx *tx, void *arg)
{
    return alarm_raise(tx, arg);
}

static err_t clear_in(struct db_tx *tx, void *arg)
{
    return alarm_clear(tx, arg);
}

static void raise_alarm(struct scene *scene, struct alarm alarm)
{
    assert_ok(db_write(scene->db, raise_in, &alarm));
    manual_clock_advance(&scene->clock, 1000);
}

static void clear_alarm(struct scene *scene, struct alarm alarm)
{
    assert_ok(db_write(scene->db, clear_in, &alarm));
}

static struct alarm crl_alarm(enum alarm_severity severity)
{
    return (struct alarm){
        .kind = "crl.overdue", .subject = "device", .severity = severity, .detail = "late \"again\""};
}

struct seen {
    struct alarm_row rows[8];
    size_t count;
};

static err_t see(const struct alarm_row *row, void *arg)
{
    struct seen *seen = arg;
    assert_true(seen->count < 8);
    seen->rows[seen->count++] = *row;
    return OK;
}

static struct seen look(struct scene *scene, const struct alarm_view *view, struct bytes after, int limit)
{
    struct seen seen = {.count = 0};
    const struct row_window window = {.after = after, .limit = limit};
    assert_ok(alarm_list(scene->fleet, view, &window, see, &seen));
    return seen;
}

static struct seen look_at_installation(struct scene *scene)
{
    const struct alarm_view view = {.of_installation = true};
    return look(scene, &view, BYTES_NONE, 8);
}

static void test_stands_once_until_cleared(void **state)
{
    struct scene *scene = *state;
    raise_alarm(scene, crl_alarm(ALARM_WARNING));
    raise_alarm(scene, crl_alarm(ALARM_WARNING)); /* the same: nothing */
    struct seen seen = look_at_installation(scene);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.rows[0].since, SCENE_AT_MS);
    assert_int_equal(seen.rows[0].updated_at, SCENE_AT_MS);
    assert_string_equal(seen.rows[0].detail, "late \"again\"");
    assert_true(alarm_is_of_installation(&seen.rows[0]));
    assert_int_equal(scene_number(scene, RAISED), 1);
    raise_alarm(scene, crl_alarm(ALARM_CRITICAL)); /* worse: a record, the same alarm */
    seen = look_at_installation(scene);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.rows[0].severity, ALARM_CRITICAL);
    assert_int_equal(seen.rows[0].since, SCENE_AT_MS);
    assert_int_equal(seen.rows[0].updated_at, SCENE_AT_MS + 2000);
    assert_int_equal(scene_number(scene, RAISED), 2);
    clear_alarm(scene, crl_alarm(ALARM_WARNING));
    clear_alarm(scene, crl_alarm(ALARM_WARNING));
    assert_int_equal(look_at_installation(scene).count, 0);
    assert_int_equal(scene_number(scene, CLEARED), 1);
    assert_int_equal(scene_number(scene, FED), 0); /* of no tenant */
    assert_audit_verifies(scene);
}

static void test_each_owner_has_its_own(void **state)
{
    struct scene *scene = *state;
    struct alarm alarm = crl_alarm(ALARM_WARNING);
    raise_alarm(scene, alarm);
    alarm.tenant = &scene->tenants[0].id;
    raise_alarm(scene, alarm);
    alarm.subject = "second";
    raise_alarm(scene, alarm);
    alarm.tenant = &scene->tenants[1].id;
    raise_alarm(scene, alarm);
    assert_int_equal(scene_number(scene, FED), 3);
    struct alarm_view view = {.of_installation = true, .of_tenant = true, .tenant = scene->tenants[0].id};
    struct seen all = look(scene, &view, BYTES_NONE, 8);
    assert_int_equal(all.count, 3);
    assert_true(alarm_is_of_installation(&all.rows[0]));
    assert_string_equal(all.rows[2].subject, "second");
    for (size_t i = 0; i < all.count; i++) { /* the rest of it behind each */
        uint8_t key[ALARM_KEY_SIZE];
        alarm_key(&all.rows[i], key);
        struct seen rest = look(scene, &view, BYTES_OF(key), 8);
        assert_int_equal(rest.count, all.count - i - 1);
        assert_int_equal(look(scene, &view, BYTES_OF(key), 1).count, rest.count > 0 ? 1 : 0);
    }
    view.of_installation = false;
    assert_int_equal(look(scene, &view, BYTES_NONE, 8).count, 2);
    view.tenant = scene->tenants[1].id;
    assert_int_equal(look(scene, &view, BYTES_NONE, 8).count, 1);
    view = (struct alarm_view){.of_tenant = false};
    assert_int_equal(look(scene, &view, BYTES_NONE, 8).count, 0);
    clear_alarm(scene, alarm);
    assert_int_equal(look_at_installation(scene).count, 1);
}

static void test_bad_names_and_cursors(void **state)
{
    struct scene *scene = *state;
    char longest[200];
    struct alarm alarm = crl_alarm(ALARM_WARNING);
    const struct alarm_view view = {.of_installation = true};
    const struct row_window window = {.after = bytes_str("short"), .limit = 1};
    assert_int_equal(alarm_list(scene->fleet, &view, &window, see, NULL).code, ERR_BAD_REQUEST);
    alarm.kind = "nothing.known";
    assert_int_equal(db_write(scene->db, raise_in, &alarm).code, ERR_INTERNAL);
    alarm = crl_alarm(ALARM_WARNING);
    alarm.subject = "";
    assert_int_equal(db_write(scene->db, raise_in, &alarm).code, ERR_INTERNAL);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    alarm.subject = longest;
    assert_int_equal(db_write(scene->db, raise_in, &alarm).code, ERR_INTERNAL);
    assert_int_equal(look_at_installation(scene).count, 0);
}

/* Cut at a whole character. */
static void test_a_long_detail_is_cut(void **state)
{
    struct scene *scene = *state;
    char detail[800] = "x";
    for (size_t i = 1; i + 2 < sizeof detail; i += 2) {
        memcpy(detail + i, "\xc3\xa4", 3);
    }
    struct alarm alarm = crl_alarm(ALARM_WARNING);
    alarm.detail = detail;
    raise_alarm(scene, alarm);
    struct seen seen = look_at_installation(scene);
    assert_int_equal(strlen(seen.rows[0].detail), ALARM_DETAIL_SIZE - 2);
    assert_int_equal(memcmp(seen.rows[0].detail, detail, ALARM_DETAIL_SIZE - 2), 0);
}

static void test_the_figures(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(buf) text = {0};
    raise_alarm(scene, crl_alarm(ALARM_WARNING));
    struct alarm alarm = crl_alarm(ALARM_WARNING);
    alarm.subject = "root";
    raise_alarm(scene, alarm);
    raise_alarm(scene, crl_alarm(ALARM_CRITICAL));
    assert_ok(alarms_write_metrics(scene->fleet, &text));
    assert_has(buf_str(&text), "# TYPE whorl_alarms gauge\n");
    assert_has(buf_str(&text), "whorl_alarms{kind=\"crl.overdue\",severity=\"warning\"} 1\n");
    assert_has(buf_str(&text), "whorl_alarms{kind=\"crl.overdue\",severity=\"critical\"} 1\n");
    assert_has(buf_str(&text), "whorl_alarms{kind=\"authority.expires\",severity=\"critical\"} 0\n");
    clear_alarm(scene, crl_alarm(ALARM_WARNING));
    buf_clear(&text);
    assert_ok(alarms_write_metrics(scene->fleet, &text));
    assert_has(buf_str(&text), "whorl_alarms{kind=\"crl.overdue\",severity=\"critical\"} 0\n");
}

static void test_the_table(void **state)
{
    (void)state;
    size_t count = 0;
    const struct alarm_kind *kinds = alarm_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(alarm_kind_find(bytes_str(kinds[i].kind)), &kinds[i]);
        assert_true(strlen(kinds[i].kind) < ALARM_KIND_SIZE);
    }
    assert_null(alarm_kind_find(bytes_str("nothing.known")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_stands_once_until_cleared),
        scene_test(test_each_owner_has_its_own),
        scene_test(test_bad_names_and_cursors),
        scene_test(test_a_long_detail_is_cut),
        scene_test(test_the_figures),
        cmocka_unit_test(test_the_table),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
