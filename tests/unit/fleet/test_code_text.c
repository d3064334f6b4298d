/* The text of enrolment codes: there and back, and every slip of a hand. */
#include "tests/unit/pki/pki_fixture.h"

#include "fleet/code_text.h"

static const struct code_parts PARTS = {.id = {1, 2, 3, 4, 5, 6, 7, 0xff},
                                        .secret = {0xab, 0xcd, [15] = 0x10}};

static void there_and_back(void **state)
{
    (void)state;
    char text[CODE_TEXT_SIZE];
    char pasted[CODE_TEXT_SIZE + 8];
    struct code_parts back;
    code_text_write(&PARTS, text);
    assert_int_equal(strlen(text), CODE_TEXT_SIZE - 1);
    assert_int_equal(strncmp(text, "whorlcode_01020304050607ff_abcd00", 33), 0);
    assert_ok(code_text_read(bytes_str(text), &back));
    assert_memory_equal(&back, &PARTS, sizeof back);
    (void)snprintf(pasted, sizeof pasted, " \t%s\r\n ", text);
    assert_ok(code_text_read(bytes_str(pasted), &back));
    assert_memory_equal(&back, &PARTS, sizeof back);
}

static void every_slip_is_noticed(void **state)
{
    (void)state;
    char text[CODE_TEXT_SIZE];
    struct code_parts back;
    code_text_write(&PARTS, text);
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        char before = text[i];
        text[i] = before == 'x' ? 'y' : 'x';
        assert_error(code_text_read(bytes_str(text), &back), ERR_ENROLMENT_CODE, "not valid");
        text[i] = before;
        assert_error(code_text_read((struct bytes){(const uint8_t *)text, i}, &back), ERR_ENROLMENT_CODE,
                     "not valid");
    }
    static const char *const others[] = {
        "", " ", "whorlcode_", "whorl_0102030405060708_00_00",
        "whorlcode_01020304050607ff_abcd0000000000000000000000000010_00000000_"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_error(code_text_read(bytes_str(others[i]), &back), ERR_ENROLMENT_CODE, "not valid");
    }
}

/* The right CRC over what is no hex: capitals, and a letter too far. */
static void the_crc_is_not_all(void **state)
{
    (void)state;
    char text[CODE_TEXT_SIZE];
    char wrong[CODE_TEXT_SIZE + 16];
    struct code_parts back;
    code_text_write(&PARTS, text);
    text[CODE_TEXT_SIZE - 10] = '\0';
    text[27] = 'g';
    uint32_t crc = crc32_of(bytes_str(text));
    (void)snprintf(wrong, sizeof wrong, "%s_%08x", text, crc);
    assert_error(code_text_read(bytes_str(wrong), &back), ERR_ENROLMENT_CODE, "not valid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(every_slip_is_noticed),
        cmocka_unit_test(the_crc_is_not_all),
    };
    return cmocka_run_group_tests_name("code_text", tests, NULL, NULL);
}
