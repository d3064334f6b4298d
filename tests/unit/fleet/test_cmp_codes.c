/* Codes for CMP while no device shows one: for whom they are made, how they end, and that an ended one leaves
 * no secret behind. */
#include "tests/unit/fleet/cmp_code_scene.h"

#include "fleet/cmp_codes_internal.h"
#include "fleet/internal.h"

static struct unit registered(struct scene *scene)
{
    struct unit unit;
    admit_by_code(scene);
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    return unit;
}

static int64_t secrets(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM cmp_code WHERE length(sealed) > 0");
}

static void a_code_is_sealed_and_opens(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = registered(scene);
    AUTO_VAL(new_cmp_code) made = {.text = ""};
    AUTO_VAL(secret) secret = {0};
    assert_ok(make_cmp_code(scene, 0, &unit.id, 0, &made));
    assert_int_equal(strlen(made.text), strlen("whorlcmp_") + 48);
    assert_int_equal(made.code.state, CMP_CODE_ACTIVE);
    struct cmp_code code = cmp_code_now(scene, &unit.id);
    assert_int_equal(code.state, CMP_CODE_ACTIVE);
    assert_int_equal(code.row.not_after, SCENE_AT_MS + 90 * DAY_MS);
    assert_int_equal(code.row.failed_attempts, 0);
    assert_null(memmem(code.row.sealed, code.row.sealed_size, made.text + 9, 48));
    assert_ok(cmp_code_unseal(scene->fleet, &code.row, &secret));
    assert_true(bytes_equal(buf_view(&secret.bytes), bytes_str(made.text)));
    code.row.device.b[0] ^= 1; /* no row opens another's */
    assert_int_equal(cmp_code_unseal(scene->fleet, &code.row, &secret).code, ERR_CRYPTO);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'cmp_code.created'"), 1);
    assert_audit_verifies(scene);
}

static void only_for_a_device_that_never_had_a_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = {.identity = NULL};
    AUTO_VAL(unit) other = {.identity = NULL};
    AUTO_VAL(new_cmp_code) made = {.text = ""};
    unit_init(&unit);
    unit_init(&other);
    assert_int_equal(make_cmp_code(scene, 0, &unit.id, 0, &made).code, ERR_NOT_FOUND);
    scene_register(scene, 0, &unit.id);
    scene_register(scene, 1, &other.id);
    assert_int_equal(make_cmp_code(scene, 0, &unit.id, 0, &made).code, ERR_WRONG_STATE); /* by list */
    admit_by_code(scene);
    assert_int_equal(make_cmp_code(scene, 0, &other.id, 0, &made).code, ERR_NOT_FOUND);
    for (int state_of_it = 1; state_of_it <= 5; state_of_it++) {
        char sql[64];
        (void)snprintf(sql, sizeof sql, "UPDATE device SET state = %d", state_of_it);
        scene_change(scene, sql);
        assert_int_equal(make_cmp_code(scene, 0, &unit.id, 0, &made).code, ERR_WRONG_STATE);
    }
    scene_change(scene, "UPDATE device SET state = 0");
    struct code_wish wish = one_code();
    struct code_text enrolment_code = add_code(scene, 0, &wish);
    assert_int_equal(showing(scene, &unit, "", enrolment_code.text), ERR_OK);
    scene_change(scene, "UPDATE device SET state = 0");
    assert_int_equal(make_cmp_code(scene, 0, &unit.id, 0, &made).code, ERR_WRONG_STATE);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_code"), 0);
}

static void one_at_a_time(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = registered(scene);
    AUTO_VAL(new_cmp_code) made = {.text = ""};
    AUTO_VAL(new_cmp_code) next = {.text = ""};
    assert_ok(make_cmp_code(scene, 0, &unit.id, 0, &made));
    assert_int_equal(make_cmp_code(scene, 0, &unit.id, 0, &next).code, ERR_WRONG_STATE);
    assert_ok(revoke_cmp_code(scene, &unit.id));
    assert_int_equal(secrets(scene), 0);
    struct cmp_code code = cmp_code_now(scene, &unit.id);
    assert_int_equal(code.state, CMP_CODE_REVOKED);
    assert_ok(revoke_cmp_code(scene, &unit.id)); /* a second time changes nothing */
    assert_int_equal(cmp_code_now(scene, &unit.id).row.ver, code.row.ver);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'cmp_code.revoked'"), 1);
    assert_ok(make_cmp_code(scene, 0, &unit.id, 0, &next));
    assert_true(next.code.row.ver > code.row.ver);
    assert_memory_not_equal(next.code.row.reference, made.code.row.reference, CMP_REFERENCE_SIZE);
    assert_string_not_equal(next.text, made.text);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_code"), 1);
}

static void another_way_in_ends_it(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = registered(scene);
    AUTO_VAL(new_cmp_code) made = {.text = ""};
    assert_ok(make_cmp_code(scene, 0, &unit.id, 0, &made));
    struct code_wish wish = one_code();
    struct code_text enrolment_code = add_code(scene, 0, &wish);
    assert_int_equal(showing(scene, &unit, "", enrolment_code.text), ERR_OK);
    assert_int_equal(secrets(scene), 0);
    assert_int_equal(cmp_code_now(scene, &unit.id).state, CMP_CODE_USED);
    assert_ok(revoke_cmp_code(scene, &unit.id)); /* it has ended */
    assert_int_equal(cmp_code_now(scene, &unit.id).state, CMP_CODE_USED);
}

static void times(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = registered(scene);
    AUTO_VAL(new_cmp_code) made = {.text = ""};
    static const int64_t BAD[] = {SCENE_AT_MS, SCENE_AT_MS - 1, SCENE_AT_MS + 1828 * 86400000LL, INT64_MAX};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_int_equal(make_cmp_code(scene, 0, &unit.id, BAD[i], &made).code, ERR_UNPROCESSABLE);
    }
    assert_ok(make_cmp_code(scene, 0, &unit.id, SCENE_AT_MS + 1000, &made));
    scene->clock.at_ms = SCENE_AT_MS + 999;
    assert_int_equal(cmp_code_now(scene, &unit.id).state, CMP_CODE_ACTIVE);
    scene->clock.at_ms = SCENE_AT_MS + 1000;
    struct cmp_code code = cmp_code_now(scene, &unit.id);
    assert_int_equal(code.state, CMP_CODE_EXPIRED);
    code.row.is_bound = true; /* what it gave can still be confirmed */
    code.row.bound_at = SCENE_AT_MS + 900;
    assert_int_equal(cmp_code_judge(&code.row, SCENE_AT_MS + 900 + 5 * 60 * 1000 - 1), CMP_CODE_BOUND);
    assert_int_equal(cmp_code_judge(&code.row, SCENE_AT_MS + 900 + 5 * 60 * 1000), CMP_CODE_EXPIRED);
}

static void ended_ones_are_cleaned_up(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = registered(scene);
    AUTO_VAL(new_cmp_code) made = {.text = ""};
    int64_t end_ms = SCENE_AT_MS + DAY_MS;
    assert_ok(make_cmp_code(scene, 0, &unit.id, end_ms, &made));
    assert_ok(cmp_code_sweep(scene->fleet, end_ms + 5 * 60 * 1000 - 1));
    assert_int_equal(secrets(scene), 1);
    assert_ok(cmp_code_sweep(scene->fleet, end_ms + 5 * 60 * 1000));
    assert_int_equal(secrets(scene), 0);
    assert_int_equal(cmp_code_now(scene, &unit.id).state, CMP_CODE_EXPIRED);
    assert_ok(cmp_code_sweep(scene->fleet, end_ms + 5 * 60 * 1000 + 30 * DAY_MS - 1));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_code"), 1);
    assert_ok(cmp_code_sweep(scene->fleet, end_ms + 5 * 60 * 1000 + 30 * DAY_MS));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_code"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(a_code_is_sealed_and_opens),
        scene_test(only_for_a_device_that_never_had_a_certificate),
        scene_test(one_at_a_time),
        scene_test(another_way_in_ends_it),
        scene_test(times),
        scene_test(ended_ones_are_cleaned_up),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
