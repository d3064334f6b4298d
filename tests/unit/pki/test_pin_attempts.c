/* The count of wrong PINs: durable, never past three, kept through what it cannot judge, and refusing where
 * it cannot be read. */
#include "tests/unit/pki/pki_fixture.h"

#include <sys/wait.h>

#include "pki/pin_attempts.h"

static const uint8_t key[32] = {7};

static int make_folder(void **state)
{
    static struct test_folder folder;
    test_folder_init(&folder);
    *state = &folder;
    return 0;
}

static int end_folder(void **state)
{
    test_folder_clear(*state);
    return 0;
}

static struct pin_attempts attempts_in(const struct test_folder *folder)
{
    return (struct pin_attempts){.folder = folder->path, .key = BYTES_OF(key)};
}

static void try_once(const struct pin_attempts *attempts, const char *pin, enum pin_outcome outcome)
{
    struct pin_try tried;
    assert_ok(pin_try_begin(attempts, bytes_str(pin), &tried));
    assert_ok(pin_try_end(attempts, &tried, outcome));
}

static void assert_refused(const struct pin_attempts *attempts, const char *pin, const char *word)
{
    struct pin_try tried;
    assert_error(pin_try_begin(attempts, bytes_str(pin), &tried), ERR_FORBIDDEN, word);
}

static int tries_of(const struct test_folder *folder)
{
    struct pin_record record;
    assert_ok(pin_attempts_read(folder->path, &record));
    return record.tries;
}

static void test_three_and_never_a_fourth(void **state)
{
    const struct pin_attempts attempts = attempts_in(*state);
    assert_int_equal(tries_of(*state), 0);
    try_once(&attempts, "1111", PIN_WRONG);
    assert_refused(&attempts, "1111", "not tried again");
    assert_refused(&attempts, "1111", "2 more");
    try_once(&attempts, "2222", PIN_WRONG);
    assert_refused(&attempts, "2222", "1 more");
    try_once(&attempts, "3333", PIN_WRONG);
    assert_int_equal(tries_of(*state), 3);
    assert_refused(&attempts, "4444", "reset-pin-attempts"); /* another one, even the right one */
    assert_refused(&attempts, "3333", "reset-pin-attempts");
    assert_int_equal(tries_of(*state), 3);
    assert_ok(pin_attempts_reset(attempts.folder));
    assert_ok(pin_attempts_reset(attempts.folder));
    try_once(&attempts, "4444", PIN_RIGHT);
    assert_int_equal(tries_of(*state), 0);
}

static void test_a_right_one_forgives(void **state)
{
    const struct pin_attempts attempts = attempts_in(*state);
    try_once(&attempts, "1111", PIN_WRONG);
    try_once(&attempts, "2222", PIN_WRONG);
    try_once(&attempts, "right", PIN_RIGHT);
    try_once(&attempts, "1111", PIN_WRONG); /* counts from one again */
    assert_int_equal(tries_of(*state), 1);
}

/* The token went away in the middle: that was no try. */
static void test_what_is_not_judged_does_not_count(void **state)
{
    const struct pin_attempts attempts = attempts_in(*state);
    for (int i = 0; i < 5; i++) {
        try_once(&attempts, "right", PIN_NOT_JUDGED);
    }
    assert_int_equal(tries_of(*state), 0);
    try_once(&attempts, "1111", PIN_WRONG);
    try_once(&attempts, "right", PIN_NOT_JUDGED);
    assert_int_equal(tries_of(*state), 1);
    assert_refused(&attempts, "1111", "not tried again"); /* what was known before is known still */
}

static void die_in_login(const struct pin_attempts *attempts, const char *pin)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct pin_try tried;
        _exit(pin_try_begin(attempts, bytes_str(pin), &tried).code == ERR_OK ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A process that dies in the middle of a login may have made a wrong try: it counts, but the PIN is not known
 * to be wrong. */
static void test_an_end_that_nobody_saw(void **state)
{
    const struct pin_attempts attempts = attempts_in(*state);
    for (int i = 1; i <= 3; i++) {
        die_in_login(&attempts, "right");
        assert_int_equal(tries_of(*state), i);
    }
    assert_refused(&attempts, "right", "reset-pin-attempts");
}

/* A token that hangs in logins, so that the process is ended, time after time. */
static void test_what_was_right_is_no_try(void **state)
{
    const struct pin_attempts attempts = attempts_in(*state);
    try_once(&attempts, "right", PIN_RIGHT);
    for (int i = 0; i < 5; i++) {
        die_in_login(&attempts, "right");
    }
    assert_int_equal(tries_of(*state), 0);
    try_once(&attempts, "right", PIN_NOT_JUDGED);
    try_once(&attempts, "right", PIN_RIGHT);
    die_in_login(&attempts, "other"); /* of which nothing is known */
    assert_int_equal(tries_of(*state), 1);
    die_in_login(&attempts, "right"); /* nor of this one any more */
    assert_int_equal(tries_of(*state), 2);
    /* the token has another PIN now: three, and never a fourth */
    try_once(&attempts, "right", PIN_RIGHT);
    try_once(&attempts, "right", PIN_WRONG);
    assert_refused(&attempts, "right", "not tried again");
    try_once(&attempts, "a", PIN_WRONG);
    try_once(&attempts, "b", PIN_WRONG);
    assert_refused(&attempts, "c", "reset-pin-attempts");
}

static void test_what_is_kept_tells_nothing(void **state)
{
    const struct test_folder *folder = *state;
    const struct pin_attempts attempts = attempts_in(folder);
    AUTO_VAL(buf) output = {0};
    try_once(&attempts, "31415926", PIN_WRONG);
    assert_int_equal(run_in(folder, "cat pin-attempts; stat -c ' %a' pin-attempts", &output), 0);
    assert_null(strstr(buf_str(&output), "31415926"));
    assert_has(buf_str(&output), "tries 1 wrong ");
    assert_has(buf_str(&output), " 600");
    AUTO_VAL(buf) plain = {0}; /* without the secret, a PIN of eight digits cannot be guessed from it */
    assert_true(run_in(folder, "grep $(printf 31415926 | sha256sum | cut -c 1-64) pin-attempts", &plain) !=
                0);
}

static void test_a_damaged_record_refuses(void **state)
{
    static const char hash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const struct test_folder *folder = *state;
    const struct pin_attempts attempts = attempts_in(folder);
    static const char *const heads[] = {"tries 0 wrong ", "tries x wrong ", "tries 1 right ",
                                        "tries 1 wrong",  "trial 1 wrong ", "tries 22 wrong ",
                                        "tries 1 right ", "right",          "right  "};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        AUTO_VAL(buf) text = {0};
        assert_ok(buf_printf(&text, "%s%s\n", heads[i], hash));
        write_in(folder, PIN_ATTEMPTS_FILE, buf_view(&text));
        assert_refused(&attempts, "1234", "damaged");
    }
    AUTO_VAL(buf) whole = {0};
    assert_ok(buf_printf(&whole, "tries 1 wrong %s\n", hash));
    for (size_t n = 0; n < whole.n; n++) { /* cut at every byte */
        write_in(folder, PIN_ATTEMPTS_FILE, (struct bytes){whole.p, n});
        assert_refused(&attempts, "1234", "damaged");
    }
    AUTO_VAL(buf) huge = {0};
    assert_ok(buf_printf(&huge, "%01000d", 1));
    write_in(folder, PIN_ATTEMPTS_FILE, buf_view(&huge));
    assert_refused(&attempts, "1234", "damaged");
    write_in(folder, PIN_ATTEMPTS_FILE, buf_view(&whole));
    try_once(&attempts, "1234", PIN_RIGHT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_and_never_a_fourth, make_folder, end_folder),
        cmocka_unit_test_setup_teardown(test_a_right_one_forgives, make_folder, end_folder),
        cmocka_unit_test_setup_teardown(test_what_is_not_judged_does_not_count, make_folder, end_folder),
        cmocka_unit_test_setup_teardown(test_an_end_that_nobody_saw, make_folder, end_folder),
        cmocka_unit_test_setup_teardown(test_what_was_right_is_no_try, make_folder, end_folder),
        cmocka_unit_test_setup_teardown(test_what_is_kept_tells_nothing, make_folder, end_folder),
        cmocka_unit_test_setup_teardown(test_a_damaged_record_refuses, make_folder, end_folder),
    };
    return cmocka_run_group_tests_name("pin_attempts", tests, NULL, NULL);
}
