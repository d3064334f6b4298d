/* Signatures after Standard Webhooks, against the vector that its libraries share; secrets that open under
 * their own webhook only. */
#include "tests/unit/fleet/webhook_scene.h"

#include "pki/secret_seal.h"

static void the_vector_of_the_specification(void **state)
{
    (void)state;
    AUTO_VAL(buf) key = {0};
    AUTO_VAL(buf) signature = {0};
    const struct webhook_message message = {.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                            .timestamp_s = 1614265330,
                                            .body = bytes_str("{\"test\": 2432232314}")};
    assert_ok(base64_decode(bytes_str("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key));
    assert_ok(webhook_sign(buf_view(&key), &message, &signature));
    assert_string_equal(buf_str(&signature), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void id_time_and_body_are_signed(void **state)
{
    (void)state;
    const struct webhook_message messages[] = {
        {.id = "a", .timestamp_s = 1, .body = bytes_str("{}")},
        {.id = "b", .timestamp_s = 1, .body = bytes_str("{}")},
        {.id = "a", .timestamp_s = 2, .body = bytes_str("{}")},
        {.id = "a", .timestamp_s = 1, .body = bytes_str("{ }")},
        {.id = "a", .timestamp_s = 1, .body = BYTES_NONE},
    };
    enum { MESSAGES = sizeof messages / sizeof messages[0] };
    char seen[MESSAGES][WEBHOOK_SIGNATURE_SIZE];
    for (size_t i = 0; i < MESSAGES; i++) {
        AUTO_VAL(buf) signature = {0};
        assert_ok(webhook_sign(bytes_str("key"), &messages[i], &signature));
        (void)snprintf(seen[i], sizeof seen[i], "%s", buf_str(&signature));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(seen[i], seen[j]);
        }
    }
}

static void a_secret_is_sealed_and_signs(void **state)
{
    struct webhook_scene s;
    AUTO_VAL(buf) key = {0};
    AUTO_VAL(buf) one = {0};
    AUTO_VAL(buf) all = {0};
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", NULL);
    assert_true(strncmp(s.secret, "whsec_", 6) == 0);
    assert_ok(base64_decode(bytes_str(s.secret + 6), &key));
    assert_int_equal(key.n, WEBHOOK_KEY_SIZE);
    assert_null(memmem(s.row.secret, s.row.secret_size, key.p, key.n));
    const struct webhook_message message = {.id = "a", .timestamp_s = 1, .body = bytes_str("{}")};
    assert_ok(webhook_sign(buf_view(&key), &message, &one));
    assert_ok(webhook_sign_all(s.f.fleet, &s.row, &message, &all));
    assert_string_equal(buf_str(&all), buf_str(&one));
    /* the row of another webhook does not open it */
    struct webhook_row other = s.row;
    other.id.b[0] ^= 1;
    assert_int_equal(webhook_sign_all(s.f.fleet, &other, &message, &all).code, ERR_CRYPTO);
    webhook_scene_clear(&s);
}

static void two_secrets_sign_until_one_is_dropped(void **state)
{
    struct webhook_scene s;
    AUTO_VAL(buf) both = {0};
    AUTO_VAL(buf) last = {0};
    char second[WEBHOOK_SECRET_TEXT_SIZE], third[WEBHOOK_SECRET_TEXT_SIZE];
    const struct webhook_message message = {.id = "a", .timestamp_s = 1, .body = bytes_str("{}")};
    webhook_scene_init(&s, *state);
    make_webhook(&s, "erp", NULL);
    AUTO_VAL(buf) first = {0};
    assert_ok(webhook_sign_all(s.f.fleet, &s.row, &message, &first));
    assert_ok(webhook_rotate(s.f.fleet, &s.terms, s.row.id, second, &s.row));
    assert_string_not_equal(second, s.secret);
    assert_ok(webhook_sign_all(s.f.fleet, &s.row, &message, &both));
    const char *space = strchr(buf_str(&both), ' ');
    assert_non_null(space);
    assert_string_equal(space + 1, buf_str(&first));
    assert_error(webhook_rotate(s.f.fleet, &s.terms, s.row.id, third, &s.row), ERR_WRONG_STATE,
                 "two secrets");
    for (size_t i = 0; i < sizeof third; i++) {
        assert_int_equal(third[i], 0); /* wiped: it stands for nothing */
    }
    assert_ok(webhook_drop_old(s.f.fleet, &s.terms, s.row.id, &s.row));
    assert_ok(webhook_drop_old(s.f.fleet, &s.terms, s.row.id, &s.row));
    assert_ok(webhook_sign_all(s.f.fleet, &s.row, &message, &last));
    assert_int_equal(last.n, first.n);
    assert_true(strncmp(buf_str(&both), buf_str(&last), last.n) == 0);
    webhook_scene_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_the_specification),
        cmocka_unit_test(id_time_and_body_are_signed),
        cmocka_unit_test(a_secret_is_sealed_and_signs),
        cmocka_unit_test(two_secrets_sign_until_one_is_dropped),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
