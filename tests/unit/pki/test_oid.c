/* Object identifiers between text and DER, with OpenSSL's reading as a second opinion. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/oid.h"

static void test_reads_as_openssl_does(void **state)
{
    static const char *const texts[] = {"1.3.6.1.4.1.32473.7",
                                        "2.5.29.32.0",
                                        "0.0",
                                        "1.39",
                                        "2.999.3",
                                        "2.40",
                                        "1.2.840.113549.1.9.16.2.61",
                                        "1.3.127.128.16383.16384.2097151.2097152",
                                        "1.3.6.1.4.1.9223372036854775799"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        AUTO_VAL(buf) der = {0};
        ASN1_OBJECT *object = OBJ_txt2obj(texts[i], 1);
        assert_non_null(object);
        assert_ok(oid_parse(bytes_str(texts[i]), &der));
        assert_int_equal(der.n, OBJ_length(object));
        assert_memory_equal(der.p, OBJ_get0_data(object), der.n);
        ASN1_OBJECT_free(object);
    }
}

static void test_refuses_what_is_none(void **state)
{
    static const char *const texts[] = {"",
                                        "1",
                                        "1.",
                                        ".1.2",
                                        "1..2",
                                        "1.2.",
                                        "3.1",
                                        "1.40",
                                        "0.40",
                                        "01.2",
                                        "1.02",
                                        "1.2.00",
                                        "1.2 .3",
                                        "1.-2",
                                        "1.2.x",
                                        "1.2.9223372036854775808",
                                        "1.2.99999999999999999999999",
                                        "iso.org"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        AUTO_VAL(buf) der = {0};
        if (oid_parse(bytes_str(texts[i]), &der).code != ERR_UNPROCESSABLE) {
            fail_msg("\"%s\" was read", texts[i]);
        }
    }
}

static void test_has_a_limit(void **state)
{
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) der = {0};
    (void)state;
    assert_ok(buf_append_str(&text, "1.3"));
    while (text.n < OID_TEXT_SIZE) {
        assert_ok(buf_append_str(&text, ".1"));
    }
    assert_error(oid_parse(buf_view(&text), &der), ERR_UNPROCESSABLE, "at most 95 characters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_as_openssl_does),
        cmocka_unit_test(test_refuses_what_is_none),
        cmocka_unit_test(test_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
