/* Tests of the tables of steps: what leads where, and that nothing else does. */
#include "tests/unit/pki/pki_fixture.h"

#include "fleet/certificate_steps.h"
#include "fleet/states.h"

static const enum certificate_state U = CERTIFICATE_UNCONFIRMED, C = CERTIFICATE_CONFIRMED,
                                    S = CERTIFICATE_SUPERSEDED, R = CERTIFICATE_REVOKED;

static void a_certificate_goes_forward_only(void **state)
{
    (void)state;
    const enum certificate_state all[] = {U, C, S, R};
    const bool leads[4][4] = {{true, true, true, true},   /* unconfirmed */
                              {false, true, true, true},  /* confirmed */
                              {false, false, true, true}, /* superseded */
                              {false, false, false, true}};
    for (size_t from = 0; from < 4; from++) {
        for (size_t to = 0; to < 4; to++) {
            assert_int_equal(certificate_step_exists(all[from], all[to]), leads[from][to]);
        }
    }
    assert_int_equal(certificate_step_begin(STEP_ISSUE), U);
    assert_int_equal(certificate_step_begin(STEP_ISSUE_FIRST), C);
}

static void a_step_begins_where_the_table_says(void **state)
{
    (void)state;
    struct certificate_row row = {.state = U};
    assert_ok(certificate_step_take(STEP_CONFIRM, &row));
    assert_int_equal(row.state, C);
    assert_error(certificate_step_take(STEP_CONFIRM, &row), ERR_INTERNAL,
                 "'use' of a certificate that is confirmed");
    assert_error(certificate_step_take(STEP_LIST, &row), ERR_INTERNAL, "confirmed");
    assert_ok(certificate_step_take(STEP_REVOKE, &row));
    for (int step = STEP_ISSUE_FIRST; step < STEP_REVOKE; step++) {
        assert_int_equal(certificate_step_take((enum certificate_step)step, &row).code, ERR_INTERNAL);
        assert_int_equal(row.state, R);
    }
    assert_ok(certificate_step_take(STEP_REVOKE, &row)); /* for another reason */
}

static void an_order_ends_where_the_table_says(void **state)
{
    (void)state;
    assert_ok(device_action_end(ACTION_RELEASE, DEVICE_QUARANTINED, DEVICE_REGISTERED));
    assert_ok(device_action_end(ACTION_REKEY, DEVICE_ENROLLED, DEVICE_ENROLLED));
    assert_error(device_action_end(ACTION_RELEASE, DEVICE_QUARANTINED, DEVICE_REVOKED), ERR_INTERNAL,
                 "release brought a device from quarantined to revoked");
    assert_ok(device_action_check(ACTION_REENROL, DEVICE_REVOKED));
    assert_int_equal(device_action_check(ACTION_ENROL, DEVICE_REVOKED).code, ERR_WRONG_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_goes_forward_only),
        cmocka_unit_test(a_step_begins_where_the_table_says),
        cmocka_unit_test(an_order_ends_where_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
