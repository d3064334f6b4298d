/* Passwords' hashes and one-time codes, against the words of their standards. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/password_hash.h"
#include "pki/totp.h"

static void a_hash_is_of_one_password(void **state)
{
    (void)state;
    char phc[PASSWORD_PHC_SIZE], again[PASSWORD_PHC_SIZE];
    bool is_same = false;
    assert_ok(password_hash_make(bytes_str("mint-gravel-otter"), random_system(), phc));
    assert_int_equal(strncmp(phc, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
    assert_ok(password_hash_make(bytes_str("mint-gravel-otter"), random_system(), again));
    assert_string_not_equal(phc, again); /* salted */
    assert_ok(password_hash_check(bytes_str("mint-gravel-otter"), phc, &is_same));
    assert_true(is_same);
    assert_ok(password_hash_check(bytes_str("mint-gravel-otteR"), phc, &is_same));
    assert_false(is_same);
    assert_error(password_hash_check(bytes_str("x"), "$argon2id$v=19$broken", &is_same), ERR_CRYPTO,
                 "argon2");
    assert_false(is_same);
}

static void nobodys_password_is_never_right(void **state)
{
    (void)state;
    char phc[PASSWORD_PHC_SIZE];
    bool is_same = true;
    password_hash_nobody(phc);
    assert_false(password_hash_is_weak(phc)); /* as slow as a real one */
    assert_ok(password_hash_check(bytes_str("anything at all"), phc, &is_same));
    assert_false(is_same);
}

static void less_than_today_is_weak(void **state)
{
    (void)state;
    static const struct {
        const char *phc;
        bool is_weak;
    } cases[] = {{"$argon2id$v=19$m=19456,t=2,p=1$a$b", false}, {"$argon2id$v=19$m=65536,t=3,p=4$a$b", false},
                 {"$argon2id$v=19$m=19455,t=2,p=1$a$b", true},  {"$argon2id$v=19$m=19456,t=1,p=1$a$b", true},
                 {"$argon2i$v=19$m=19456,t=2,p=1$a$b", true},   {"", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(password_hash_is_weak(cases[i].phc), cases[i].is_weak);
    }
}

/* RFC 6238, appendix B, SHA-1: the last six of its eight digits. */
static void codes_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        int64_t at_s;
        const char *code;
    } cases[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                 {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t step = 0;
        assert_ok(totp_check(bytes_str("12345678901234567890"), bytes_str(cases[i].code),
                             cases[i].at_s * 1000, 0, &step));
        assert_int_equal(step, cases[i].at_s / 30);
    }
}

static void a_window_of_one_step_and_never_twice(void **state)
{
    (void)state;
    struct bytes secret = bytes_str("12345678901234567890");
    struct bytes code = bytes_str("005924");
    const int64_t at_ms = INT64_C(1234567890) * 1000;
    const int64_t is = 1234567890 / 30;
    int64_t step = 0;
    for (int64_t off = -3; off <= 3; off++) {
        err_t error = totp_check(secret, code, at_ms + off * 30000, 0, &step);
        assert_int_equal(error.code, off >= -1 && off <= 1 ? ERR_OK : ERR_UNAUTHORIZED);
    }
    assert_ok(totp_check(secret, code, at_ms, is - 1, &step));
    assert_error(totp_check(secret, code, at_ms, is, &step), ERR_UNAUTHORIZED, "code");
    assert_error(totp_check(secret, code, at_ms, is + 1, &step), ERR_UNAUTHORIZED, "code");
    static const char *const bad[] = {"",       "00592",  "0059244",         "00592x",
                                      " 05924", "-05924", "\xd9\xa0\xd9\xa0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(totp_check(secret, bytes_str(bad[i]), at_ms, 0, &step), ERR_UNAUTHORIZED, "code");
    }
}

static void base32_is_that_of_the_rfc(void **state)
{
    (void)state;
    char text[TOTP_BASE32_SIZE];
    totp_base32((const uint8_t *)"12345678901234567890", text);
    assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_is_of_one_password),
        cmocka_unit_test(nobodys_password_is_never_right),
        cmocka_unit_test(less_than_today_is_weak),
        cmocka_unit_test(codes_are_those_of_the_standard),
        cmocka_unit_test(a_window_of_one_step_and_never_twice),
        cmocka_unit_test(base32_is_that_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
