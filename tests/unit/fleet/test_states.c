/* The table of states: names there and back, and which action each state allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fleet/states.h"

static void names_go_there_and_back(void **state)
{
    (void)state;
    static const char *const names[] = {"registered", "enrolled", "quarantined",
                                        "revoked",    "retired",  "compromised"};
    for (int i = DEVICE_REGISTERED; i <= DEVICE_COMPROMISED; i++) {
        enum device_state found = DEVICE_COMPROMISED;
        assert_string_equal(device_state_name((enum device_state)i), names[i]);
        assert_int_equal(device_state_parse(bytes_str(names[i]), &found).code, ERR_OK);
        assert_int_equal(found, i);
    }
}

static void unknown_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "Enrolled", "enrolle", "enrolled ", "unknown"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum device_state found;
        assert_int_equal(device_state_parse(bytes_str(bad[i]), &found).code, ERR_NOT_FOUND);
    }
}

static void words_have_the_codes_of_the_client(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *name;
    } rows[] = {{10, "enrolled"}, {12, "not_enrolled"},   {13, "certificate_expired"},
                {14, "revoked"},  {30, "does_not_exist"}, {31, "device_revoked"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(device_word_name((enum device_word)rows[i].code), rows[i].name);
    }
}

static void certificate_states_have_names(void **state)
{
    (void)state;
    assert_string_equal(certificate_state_name(CERTIFICATE_UNCONFIRMED), "unconfirmed");
    assert_string_equal(certificate_state_name(CERTIFICATE_CONFIRMED), "confirmed");
    assert_string_equal(certificate_state_name(CERTIFICATE_SUPERSEDED), "superseded");
    assert_string_equal(certificate_state_name(CERTIFICATE_REVOKED), "revoked");
}

/* One letter per state, in the order of the enum: y allowed, n not. */
static void each_state_allows_what_it_should(void **state)
{
    (void)state;
    static const struct {
        enum device_action action;
        const char *allowed;
    } rows[] = {
        {ACTION_ENROL, "yynnnn"},         {ACTION_USE, "nynnnn"},        {ACTION_REVOKE, "nyynnn"},
        {ACTION_ALLOW_REENROL, "nynynn"}, {ACTION_QUARANTINE, "yynnnn"}, {ACTION_RELEASE, "nnynnn"},
        {ACTION_REKEY, "nynnnn"},         {ACTION_RETIRE, "yyyynn"},     {ACTION_COMPROMISED, "yyyynn"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int s = DEVICE_REGISTERED; s <= DEVICE_COMPROMISED; s++) {
            err_code want = rows[i].allowed[s] == 'y' ? ERR_OK : ERR_WRONG_STATE;
            assert_int_equal(device_action_check(rows[i].action, (enum device_state)s).code, want);
        }
    }
}

static void certificate_states_are_read(void **state)
{
    (void)state;
    enum certificate_state found = CERTIFICATE_UNCONFIRMED;
    assert_int_equal(certificate_state_parse(bytes_str("revoked"), &found).code, ERR_OK);
    assert_int_equal(found, CERTIFICATE_REVOKED);
    assert_int_equal(certificate_state_parse(bytes_str("Revoked"), &found).code, ERR_NOT_FOUND);
}

static void a_refusal_names_both_states(void **state)
{
    (void)state;
    err_t error = device_action_check(ACTION_REVOKE, DEVICE_RETIRED);
    assert_non_null(strstr(error.detail, "is retired"));
    assert_non_null(strstr(error.detail, "enrolled or quarantined"));
    assert_non_null(strstr(error.detail, "allowed now: nothing"));
    error = device_action_check(ACTION_RELEASE, DEVICE_ENROLLED);
    assert_non_null(strstr(error.detail, "needs it to be quarantined"));
    assert_non_null(
        strstr(error.detail,
               "allowed now: quarantine, revoke, allow-reenrol, allow-recovery, rekey, retire, compromised"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_there_and_back),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(words_have_the_codes_of_the_client),
        cmocka_unit_test(certificate_states_have_names),
        cmocka_unit_test(each_state_allows_what_it_should),
        cmocka_unit_test(certificate_states_are_read),
        cmocka_unit_test(a_refusal_names_both_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
