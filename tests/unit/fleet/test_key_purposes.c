/* The words of key purposes: each has its bit, none is guessed. */
#include "fleet/key_purposes.h"
#include "tests/unit/fleet/fleet_fixture.h"

static void every_word_has_its_bit(void **state)
{
    static const struct {
        const char *word;
        uint32_t bit;
    } rows[] = {{"client_auth", PURPOSE_CLIENT_AUTH},
                {"server_auth", PURPOSE_SERVER_AUTH},
                {"code_signing", PURPOSE_CODE_SIGNING},
                {"config_signing", PURPOSE_CONFIG_SIGNING},
                {"trust_anchor_config", PURPOSE_TRUST_ANCHOR_CONFIG},
                {"update_package_signing", PURPOSE_UPDATE_PACKAGE_SIGNING},
                {"safety_communication", PURPOSE_SAFETY_COMMUNICATION}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t bit = 0;
        assert_ok(key_purpose_parse(bytes_str(rows[i].word), &bit));
        assert_int_equal(bit, rows[i].bit);
        assert_string_equal(key_purpose_name(bit), rows[i].word);
    }
    assert_string_equal(key_purpose_name(0), "");
}

static void other_words_are_named_by_their_place(void **state)
{
    struct faults faults = {.count = 0};
    AUTO(json_t) *list = json_pack("[s,s,i,s]", "client_auth", "clientAuth", 1, "");
    AUTO(json_t) *back = NULL;
    uint32_t bits = 0;
    (void)state;
    assert_ok(key_purposes_read(list, "/key_purposes", &faults, &bits));
    assert_int_equal(faults.count, 3);
    assert_string_equal(faults.items[0].pointer, "/key_purposes/1");
    assert_string_equal(faults.items[1].pointer, "/key_purposes/2");
    assert_int_equal(bits, PURPOSE_CLIENT_AUTH);
    assert_ok(key_purposes_write(PURPOSE_CLIENT_AUTH | PURPOSE_CODE_SIGNING, &back));
    AUTO(json_t) *expected = json_pack("[s,s]", "client_auth", "code_signing");
    assert_int_equal(json_equal(back, expected), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_has_its_bit),
        cmocka_unit_test(other_words_are_named_by_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
