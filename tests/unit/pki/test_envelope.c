/* Envelopes: each recipient opens them, with openssl too; nobody else does, and unfit certificates are
 * refused. */
#include "tests/unit/pki/operator_fixture.h"

static const char TEXT[] = "thirty-two bytes that are secret";

static void seal_for(const struct test_operator *const *operators, size_t count, struct buf *out)
{
    struct bytes pem[ENVELOPE_RECIPIENTS_MAX];
    for (size_t i = 0; i < count; i++) {
        pem[i] = buf_view(&operators[i]->certificate);
    }
    const struct recipients recipients = {.pem = pem, .count = count};
    assert_ok(envelope_seal(bytes_str(TEXT), &recipients, out));
}

static err_t seal_one(struct bytes pem)
{
    AUTO_VAL(buf) der = {0};
    const struct recipients recipients = {.pem = &pem, .count = 1};
    return envelope_seal(bytes_str(TEXT), &recipients, &der);
}

static err_t open_as(struct bytes der, struct operator_key operator_key)
{
    AUTO_VAL(secret) out = {.bytes = {0}};
    TRY(envelope_open(der, &operator_key, &out));
    assert_true(bytes_is(buf_view(&out.bytes), TEXT));
    return OK;
}

static void each_recipient_opens_it(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) rsa = {.key = {0}};
    AUTO_VAL(test_operator) ec = {.key = {0}};
    AUTO_VAL(buf) der = {0};
    test_operator_rsa("rsa", 2048, &rsa);
    test_operator_ec("ec", &ec);
    seal_for((const struct test_operator *const[]){&rsa, &ec}, 2, &der);
    assert_ok(open_as(buf_view(&der), key_of(&rsa)));
    assert_ok(open_as(buf_view(&der), key_of(&ec)));
}

static void openssl_opens_it(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) rsa = {.key = {0}};
    AUTO_VAL(test_operator) ec = {.key = {0}};
    const struct test_operator *const operators[] = {&rsa, &ec};
    AUTO_VAL(buf) der = {0};
    struct test_folder folder;
    test_folder_init(&folder);
    test_operator_rsa("rsa", 2048, &rsa);
    test_operator_ec("ec", &ec);
    seal_for(operators, 2, &der);
    write_in(&folder, "e.der", buf_view(&der));
    for (int i = 0; i < 2; i++) {
        AUTO_VAL(buf) out = {0};
        write_in(&folder, "k.pem", buf_view(&operators[i]->key));
        write_in(&folder, "c.pem", buf_view(&operators[i]->certificate));
        assert_int_equal(
            run_in(&folder, "openssl cms -decrypt -inform DER -in e.der -inkey k.pem -recip c.pem", &out), 0);
        assert_has(buf_str(&out), TEXT);
    }
    AUTO_VAL(buf) shown = {0};
    assert_int_equal(run_in(&folder, "openssl cms -cmsout -print -noout -inform DER -in e.der", &shown), 0);
    assert_has(buf_str(&shown), "rsaesOaep");
    assert_has(buf_str(&shown), "sha256kdf");
    test_folder_clear(&folder);
}

static void others_do_not(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) one = {.key = {0}};
    AUTO_VAL(test_operator) other = {.key = {0}};
    AUTO_VAL(test_operator) rsa = {.key = {0}};
    AUTO_VAL(buf) der = {0};
    test_operator_ec("one", &one);
    test_operator_ec("other", &other);
    test_operator_rsa("rsa", 2048, &rsa);
    seal_for((const struct test_operator *const[]){&one}, 1, &der);
    assert_error(open_as(buf_view(&der), key_of(&other)), ERR_FORBIDDEN, "sealed for others");
    assert_error(open_as(buf_view(&der), key_of(&rsa)), ERR_FORBIDDEN, "sealed for others");
    struct operator_key mixed = key_of(&one);
    mixed.key = buf_view(&other.key);
    assert_error(open_as(buf_view(&der), mixed), ERR_UNPROCESSABLE, "not that of the certificate");
    mixed.key = BYTES_NONE;
    assert_error(open_as(buf_view(&der), mixed), ERR_UNPROCESSABLE, "cannot be read");
    mixed = key_of(&one);
    mixed.certificate = bytes_str("text");
    assert_error(open_as(buf_view(&der), mixed), ERR_UNPROCESSABLE, "no PEM certificate");
}

static void a_key_may_have_a_passphrase(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *pair = ec_key("P-384");
    AUTO_VAL(test_operator) locked = {.key = {0}};
    AUTO_VAL(buf) der = {0};
    test_operator_make(pair, "locked", "a passphrase", &locked);
    seal_for((const struct test_operator *const[]){&locked}, 1, &der);
    struct operator_key key = key_of(&locked);
    assert_error(open_as(buf_view(&der), key), ERR_UNPROCESSABLE, "passphrase is missing or wrong");
    key.passphrase = bytes_str("another");
    assert_error(open_as(buf_view(&der), key), ERR_UNPROCESSABLE, "passphrase is missing or wrong");
    key.passphrase = bytes_str("a passphrase");
    assert_ok(open_as(buf_view(&der), key));
}

static void unfit_certificates_are_refused(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) edwards = {.key = {0}};
    AUTO_VAL(test_operator) small = {.key = {0}};
    AUTO(EVP_PKEY) *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char name[16];
    test_operator_make(pair, "ed", NULL, &edwards);
    test_operator_rsa("small", 1024, &small);
    assert_error(seal_one(buf_view(&edwards.certificate)), ERR_UNPROCESSABLE, "it takes RSA");
    assert_error(seal_one(buf_view(&small.certificate)), ERR_UNPROCESSABLE, "1024 bits is too short");
    assert_error(seal_one(BYTES_NONE), ERR_UNPROCESSABLE, "no PEM certificate");
    assert_error(seal_one(buf_view(&small.key)), ERR_UNPROCESSABLE, "no PEM certificate");
    assert_ok(recipient_name(buf_view(&small.certificate), name, sizeof name));
    assert_string_equal(name, "CN=small");
    assert_ok(recipient_name(buf_view(&small.certificate), name, 5));
    assert_string_equal(name, "CN=s");
    assert_error(recipient_name(BYTES_NONE, name, sizeof name), ERR_UNPROCESSABLE, "no PEM certificate");
}

static void what_is_no_envelope_is_refused(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) one = {.key = {0}};
    AUTO_VAL(buf) der = {0};
    test_operator_ec("one", &one);
    seal_for((const struct test_operator *const[]){&one}, 1, &der);
    assert_error(open_as(BYTES_NONE, key_of(&one)), ERR_BAD_ENCODING, "not an envelope");
    assert_error(open_as(bytes_str("text"), key_of(&one)), ERR_BAD_ENCODING, "not an envelope");
    for (size_t n = 1; n < der.n; n++) {
        assert_error(open_as((struct bytes){der.p, n}, key_of(&one)), ERR_BAD_ENCODING, "not an envelope");
    }
    assert_ok(buf_append_str(&der, "x"));
    assert_error(open_as(buf_view(&der), key_of(&one)), ERR_BAD_ENCODING, "not an envelope");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_recipient_opens_it),
        cmocka_unit_test(openssl_opens_it),
        cmocka_unit_test(others_do_not),
        cmocka_unit_test(a_key_may_have_a_passphrase),
        cmocka_unit_test(unfit_certificates_are_refused),
        cmocka_unit_test(what_is_no_envelope_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
