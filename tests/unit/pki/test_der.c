/* DER: one form for each value and nothing else; and a writer whose lengths OpenSSL reads back. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/der.h"

#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

static void test_accepts_der(void **state)
{
    static const struct bytes rows[] = {
        TEXT("\x30\x00"),
        TEXT("\x05\x00"),
        TEXT("\x02\x01\x00"),
        TEXT("\x02\x01\x80"),
        TEXT("\x02\x02\x00\x80"),
        TEXT("\x01\x01\xff"),
        TEXT("\x03\x01\x00"),
        TEXT("\x03\x02\x07\x80"),
        TEXT("\x06\x03\x55\x1d\x0f"),
        TEXT("\x30\x06\x02\x01\x01\x02\x01\x02"),
        TEXT("\xa0\x03\x02\x01\x02"),
        TEXT("\x80\x02\x00\x00"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(der_check(rows[i]));
    }
}

static void test_refuses_ber_and_worse(void **state)
{
    static const struct {
        const char *what;
        struct bytes der;
    } rows[] = {
        {"nothing", {(const uint8_t *)"", 0}},
        {"a tag alone", TEXT("\x30")},
        {"a missing byte", TEXT("\x30\x03\x02\x01")},
        {"a trailing byte", TEXT("\x05\x00\x00")},
        {"an indefinite length", TEXT("\x30\x80\x00\x00")},
        {"a long form below 128", TEXT("\x02\x81\x01\x01")},
        {"a length of five octets", TEXT("\x30\x85\x00\x00\x00\x00\x00")},
        {"a length beyond the end", TEXT("\x30\x84\xff\xff\xff\xff")},
        {"end of contents", TEXT("\x30\x02\x00\x00")},
        {"a tag of two bytes", TEXT("\x1f\x21\x00")},
        {"an integer without content", TEXT("\x02\x00")},
        {"a padded positive integer", TEXT("\x02\x02\x00\x7f")},
        {"a padded negative integer", TEXT("\x02\x02\xff\x80")},
        {"TRUE as 1", TEXT("\x01\x01\x01")},
        {"a boolean of two bytes", TEXT("\x01\x02\xff\xff")},
        {"a null with content", TEXT("\x05\x01\x00")},
        {"a bit string without a count", TEXT("\x03\x00")},
        {"eight unused bits", TEXT("\x03\x02\x08\x00")},
        {"unused bits that are set", TEXT("\x03\x02\x01\x01")},
        {"unused bits of nothing", TEXT("\x03\x01\x01")},
        {"an empty OID", TEXT("\x06\x00")},
        {"an OID that stops inside an arc", TEXT("\x06\x02\x55\x9d")},
        {"an OID with a padded arc", TEXT("\x06\x03\x55\x80\x01")},
        {"a constructed octet string", TEXT("\x24\x04\x04\x02\x00\x00")},
        {"a constructed bit string", TEXT("\x23\x04\x03\x02\x00\x01")},
        {"a primitive sequence", TEXT("\x10\x00")},
        {"a primitive set", TEXT("\x11\x00")},
        {"a flaw inside", TEXT("\x30\x04\xa0\x02\x02\x00")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err_t error = der_check(rows[i].der);
        if (error.code != ERR_BAD_ENCODING) {
            fail_msg("%s was accepted", rows[i].what);
        }
    }
}

static void test_nesting_is_bounded(void **state)
{
    uint8_t nested[2 * 20];
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        nested[2 * i] = DER_SEQUENCE;
        nested[2 * i + 1] = (uint8_t)(2 * (19 - i));
    }
    assert_ok(der_check((struct bytes){nested + 2 * 10, 2 * 10}));
    err_t error = der_check(BYTES_OF(nested));
    assert_int_equal(error.code, ERR_BAD_ENCODING);
}

/* Every size at which the length changes its form, read back by OpenSSL. */
static void test_written_lengths(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 70000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        AUTO_VAL(buf) content = {0};
        AUTO_VAL(buf) der = {0};
        assert_ok(buf_reserve(&content, sizes[i]));
        memset(content.p, 'x', sizes[i]);
        content.n = sizes[i];
        struct der_writer w = der_writer(&der);
        size_t outer = der_open(&w, DER_SEQUENCE);
        der_put(&w, DER_OCTET_STRING, buf_view(&content));
        der_close(&w, outer);
        assert_ok(der_finish(&w));
        assert_ok(der_check(buf_view(&der)));
        const unsigned char *p = der.p;
        ASN1_TYPE *type = d2i_ASN1_TYPE(NULL, &p, (long)der.n);
        assert_non_null(type);
        assert_ptr_equal(p, der.p + der.n);
        ASN1_TYPE_free(type);
    }
}

static void test_written_numbers(void **state)
{
    static const struct {
        int64_t value;
        struct bytes der;
    } rows[] = {{0, TEXT("\x02\x01\x00")},
                {127, TEXT("\x02\x01\x7f")},
                {128, TEXT("\x02\x02\x00\x80")},
                {256, TEXT("\x02\x02\x01\x00")},
                {INT64_MAX, TEXT("\x02\x08\x7f\xff\xff\xff\xff\xff\xff\xff")}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) der = {0};
        struct der_writer w = der_writer(&der);
        der_put_int64(&w, DER_INTEGER, rows[i].value);
        assert_ok(der_finish(&w));
        assert_true(bytes_equal(buf_view(&der), rows[i].der));
    }
}

/* RFC 5280 §4.1.2.5: the form changes with the year 2050. */
static void test_written_times(void **state)
{
    static const struct {
        int64_t at_ms;
        struct bytes der;
    } rows[] = {{0, TEXT("\x17\x0d"
                         "700101000000Z")},
                {2524607999999, TEXT("\x17\x0d"
                                     "491231235959Z")},
                {2524608000000, TEXT("\x18\x0f"
                                     "20500101000000Z")},
                {253402300799000, TEXT("\x18\x0f"
                                       "99991231235959Z")}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) der = {0};
        struct der_writer w = der_writer(&der);
        der_put_time(&w, rows[i].at_ms);
        assert_ok(der_finish(&w));
        assert_true(bytes_equal(buf_view(&der), rows[i].der));
    }
    static const int64_t impossible[] = {-1000, 253402300800000};
    for (size_t i = 0; i < 2; i++) {
        AUTO_VAL(buf) der = {0};
        struct der_writer w = der_writer(&der);
        der_put_time(&w, impossible[i]);
        der_put_int64(&w, DER_INTEGER, 1);
        assert_error(der_finish(&w), ERR_UNPROCESSABLE, "years");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_der),        cmocka_unit_test(test_refuses_ber_and_worse),
        cmocka_unit_test(test_nesting_is_bounded), cmocka_unit_test(test_written_lengths),
        cmocka_unit_test(test_written_numbers),    cmocka_unit_test(test_written_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
