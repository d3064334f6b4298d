/* Names of formats and the order of versions. */
#include "tests/unit/base/base_fixture.h"

#include "tests/unit/firmware_store/image_vectors.h"

static void formats_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < IMAGE_FORMATS; i++) {
        enum image_format format = IMAGE_RAW;
        assert_ok(image_format_parse(bytes_str(image_format_name((enum image_format)i)), &format));
        assert_int_equal(format, i);
    }
    enum image_format format = IMAGE_RAW;
    assert_error(image_format_parse(bytes_str("uf2"), &format), ERR_UNPROCESSABLE);
    assert_error(image_format_parse(BYTES_NONE, &format), ERR_UNPROCESSABLE);
}

static void versions_rise(void **state)
{
    (void)state;
    static const struct {
        enum image_format format;
        const char *low, *high;
    } rows[] = {
        {IMAGE_MCUBOOT, "1.4.2+7", "1.4.2+10"},
        {IMAGE_MCUBOOT, "1.9.0+0", "1.10.0+0"},
        {IMAGE_MCUBOOT, "255.0.0+0", "255.0.1+0"},
        {IMAGE_ESP, "v1.2", "v1.2.1"},
        {IMAGE_ESP, "1.2.0-rc.2", "1.2.0-rc.10"},
        {IMAGE_SWU, "1.0.0-alpha", "1.0.0-alpha.1"},
        {IMAGE_SWU, "1.0.0-1", "1.0.0-alpha"},
        {IMAGE_SWU, "1.2.3.4", "1.2.3.10"},
        {IMAGE_RAUC, "5.0.1-rc1", "5.0.1"},
        {IMAGE_RAUC, "2026.9", "2026.10"},
        {IMAGE_SWU, "1.0.0-00000000000000000000002", "1.0.0-10"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(image_version_is_ordered(rows[i].format, rows[i].low));
        assert_true(image_version_compare(rows[i].format, rows[i].low, rows[i].high) < 0);
        assert_true(image_version_compare(rows[i].format, rows[i].high, rows[i].low) > 0);
        assert_int_equal(image_version_compare(rows[i].format, rows[i].low, rows[i].low), 0);
    }
    assert_int_equal(image_version_compare(IMAGE_SWU, "1.0", "1.0.0+5"), 0);
}

static void what_has_no_order_gets_none(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",     "latest", "1.2-12-g3f2a91c", "1..2",        "1.2.3.4.5", "1.2-",       "1.2+",
        "1.2 ", "-1",     "1.2.x",           "99999999999", "v",         "1.2-dirty?", "1.2.3+a b"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(image_version_is_ordered(IMAGE_ESP, rows[i]));
        assert_int_equal(image_version_compare(IMAGE_ESP, rows[i], "1.0"), 0);
        assert_int_equal(image_version_compare(IMAGE_ESP, "1.0", rows[i]), 0);
    }
    assert_false(image_version_is_ordered(IMAGE_RAW, "1.0"));
    assert_int_equal(image_version_compare(IMAGE_RAW, "1.0", "2.0"), 0);
}

static void raw_is_anything_but_nothing(void **state)
{
    (void)state;
    struct image_fault fault;
    AUTO_VAL(image) image = {.facts = NULL};
    assert_ok(vector_read(bytes_str("x"), IMAGE_RAW, &image, &fault));
    assert_int_equal(image.counter, -1);
    assert_string_equal(image.version, "");
    vector_refused(BYTES_NONE, IMAGE_RAW, &fault);
}

static void formats_are_guessed(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum image_format format;
    } rows[] = {{"mcuboot_p256.bin", IMAGE_MCUBOOT}, {"esp_p256.bin", IMAGE_ESP},
                {"swu_signed.swu", IMAGE_SWU},       {"swu_newc.swu", IMAGE_SWU},
                {"rauc_plain.raucb", IMAGE_RAUC},    {"rauc_verity.raucb", IMAGE_RAUC},
                {"p256.pub.pem", IMAGE_RAW}};
    enum image_format format = IMAGE_RAW;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        vector_load(rows[i].file, &bytes);
        struct bytes view = buf_view(&bytes);
        const struct byte_source source = byte_source_of(&view);
        assert_ok(image_guess_source(&source, &format));
        assert_int_equal(format, rows[i].format);
    }
    static const char *const raw[] = {"", "\xe9", "\xe9-------", "hsqs----",
                                      "hsqs-------------------------------"};
    for (size_t i = 0; i < COUNT_OF(raw); i++) {
        struct bytes view = bytes_str(raw[i]);
        const struct byte_source source = byte_source_of(&view);
        assert_ok(image_guess_source(&source, &format));
        assert_int_equal(format, IMAGE_RAW);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_have_names),
        cmocka_unit_test(formats_are_guessed),
        cmocka_unit_test(versions_rise),
        cmocka_unit_test(what_has_no_order_gets_none),
        cmocka_unit_test(raw_is_anything_but_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
