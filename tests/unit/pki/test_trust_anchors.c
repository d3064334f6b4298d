/* Trust anchors: certificates come through, everything else does not. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/trust_anchors.h"

#include <openssl/pem.h>

static void key_to_pem(struct buf *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long size = BIO_get_mem_data(bio, &text);
    assert_ok(buf_append(out, text, (size_t)size));
}

static void certificates_come_through_alone(void **state)
{
    struct test_house *house = *state;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) noisy = {0};
    AUTO_VAL(buf) out = {0};
    assert_ok(certificate_to_pem(authority_borrow_der(house->root), &pem));
    assert_ok(certificate_to_pem(authority_borrow_der(house->device), &pem));
    assert_ok(buf_printf(&noisy, "# both\n%s\ntrailing words", buf_str(&pem)));
    assert_ok(trust_anchors_read(buf_view(&noisy), &out));
    assert_string_equal(buf_str(&out), buf_str(&pem));
}

static void everything_else_is_refused(void **state)
{
    struct test_house *house = *state;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) cut = {0};
    AUTO_VAL(buf) out = {0};
    assert_ok(certificate_to_pem(authority_borrow_der(house->root), &pem));
    assert_ok(buf_append(&cut, pem.p, pem.n - 30));
    err_t error = trust_anchors_read(buf_view(&cut), &out);
    assert_int_equal(error.code, ERR_UNPROCESSABLE);
    key_to_pem(&pem);
    error = trust_anchors_read(buf_view(&pem), &out);
    assert_int_equal(error.code, ERR_UNPROCESSABLE);
    assert_non_null(strstr(error.detail, "block 2"));
    assert_non_null(strstr(error.detail, "PRIVATE KEY"));
    static const char *const bad[] = {"", "words", "-----BEGIN CERTIFICATE-----\n",
                                      "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
                                      "-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(trust_anchors_read(bytes_str(bad[i]), &out).code, ERR_UNPROCESSABLE);
    }
}

static int setup(void **state)
{
    struct test_house *house = calloc(1, sizeof *house);
    assert_non_null(house);
    test_house_init(house, KEY_ALG_P256);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    test_house_clear(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_come_through_alone),
        cmocka_unit_test(everything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
