/* The lists that hold certificates: Espressif's manifest and Infineon's bundle. */
#include "tests/unit/fleet/handover_scene.h"

struct chip {
    EVP_PKEY *key;
    struct buf pem;
    char id[65];
};

static void chip_clear(struct chip *chip)
{
    EVP_PKEY_free(chip->key);
    buf_clear(&chip->pem);
}
DEFINE_AUTO_VAL(chip, chip_clear);

static void chip_make(EVP_PKEY *issuer, const struct leaf_spec *spec, struct chip *out)
{
    AUTO_VAL(buf) der = {0};
    out->key = ec_key("P-256");
    make_leaf(out->key, issuer, spec, &der);
    assert_ok(certificate_to_pem(buf_view(&der), &out->pem));
    id_of_key(out->key, out->id);
}

static const struct leaf_spec plain = {.common_name = "chip-1", .issuer_name = "Maker"};
static const struct leaf_spec odd = {.common_name = "chip-2", .issuer_name = "Maker", .odd_san = true};
static const struct leaf_spec authority = {
    .common_name = "Sub CA", .issuer_name = "Maker", .is_authority = true};
static const struct leaf_spec self_issued = {.common_name = "Maker", .issuer_name = "Maker"};
static const struct leaf_spec long_name = {
    .common_name = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    .issuer_name = "Maker"};

static void espressif_gives_mac_and_key(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *issuer = ec_key("P-256");
    AUTO_VAL(chip) one = {.key = NULL};
    AUTO_VAL(chip) two = {.key = NULL};
    AUTO_VAL(buf) body = {0};
    struct heard heard = {.count = 0};
    chip_make(issuer, &plain, &one);
    chip_make(issuer, &odd, &two);
    assert_ok(buf_printf(&body, "MAC,cn,cert\r\n4BA2BB8764BD,a-uuid,\"%s\"\r\n4ba2bb8764be,,\"%s\"\r\n",
                         buf_str(&one.pem), buf_str(&two.pem)));
    assert_ok(hear(HANDOVER_ESPRESSIF, buf_view(&body), &heard));
    assert_int_equal(heard.count, 2);
    assert_taken(&heard, 0);
    assert_taken(&heard, 1);
    assert_string_equal(heard.items[0].id, one.id);
    assert_string_equal(heard.items[0].serial, "4BA2BB8764BD");
    assert_string_equal(heard.items[0].attributes, "{\"cn\":\"a-uuid\"}");
    assert_false(heard.items[0].is_signed);
    assert_string_equal(heard.items[1].id, two.id);
    assert_string_equal(heard.items[1].attributes, "");
}

static void espressif_refuses_bad_records(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *issuer = ec_key("P-256");
    AUTO_VAL(chip) ca = {.key = NULL};
    AUTO_VAL(buf) body = {0};
    struct heard heard = {.count = 0};
    chip_make(issuer, &authority, &ca);
    assert_ok(buf_printf(&body,
                         "cert,MAC\n\"%s\",4BA2BB8764BD\nnone,4BA2BB8764BD\nnone,4B:A2:BB:87:64:BD\nx\n",
                         buf_str(&ca.pem)));
    assert_ok(hear(HANDOVER_ESPRESSIF, buf_view(&body), &heard));
    static const char *const words[] = {"authority", "no PEM", "12 hexadecimal", "1 fields"};
    assert_int_equal(heard.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_refused(&heard, i, words[i]);
        assert_false(heard.items[i].is_fatal);
    }
    assert_error(hear(HANDOVER_ESPRESSIF, bytes_str("mac,cert\n"), &heard), ERR_UNPROCESSABLE, "'MAC'");
}

static void infineon_gives_name_and_key(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *issuer = ec_key("P-256");
    AUTO_VAL(chip) one = {.key = NULL};
    AUTO_VAL(chip) two = {.key = NULL};
    AUTO_VAL(chip) ca = {.key = NULL};
    AUTO_VAL(chip) self = {.key = NULL};
    AUTO_VAL(buf) body = {0};
    struct heard heard = {.count = 0};
    chip_make(issuer, &long_name, &one);
    chip_make(issuer, &odd, &two);
    chip_make(issuer, &authority, &ca);
    chip_make(issuer, &self_issued, &self);
    assert_ok(buf_printf(&body, "%s\r\n\n%s%s%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                         buf_str(&one.pem), buf_str(&two.pem), buf_str(&ca.pem), buf_str(&self.pem)));
    assert_ok(hear(HANDOVER_INFINEON, buf_view(&body), &heard));
    assert_int_equal(heard.count, 5);
    assert_taken(&heard, 0);
    assert_taken(&heard, 1);
    assert_string_equal(heard.items[0].id, one.id);
    assert_string_equal(heard.items[0].serial, long_name.common_name);
    assert_int_equal(heard.items[0].line, 1);
    assert_string_equal(heard.items[1].id, two.id);
    assert_string_equal(heard.items[1].serial, "chip-2");
    assert_refused(&heard, 2, "authority");
    assert_refused(&heard, 3, "authority");
    assert_refused(&heard, 4, "");
}

/* What lies beside the certificates of a bundle must never be taken. */
static void infineon_takes_certificates_only(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0A091B5C001500070063, 00112233445566778899aabbccddeeff\n", "line 1 is no certificate"},
        {"7z\xbc\xaf\x27\x1c", "never an archive"},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "private key"},
        {"-----BEGIN PUBLIC KEY-----\n", "is no certificate"},
        {"-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n", "within another"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n", "ends within the certificate of line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard = {.count = 0};
        assert_error(hear(HANDOVER_INFINEON, bytes_str(cases[i][0]), &heard), ERR_UNPROCESSABLE, cases[i][1]);
        assert_int_equal(heard.count, 0);
    }
}

static void real_samples_are_read(void **state)
{
    (void)state;
    struct heard heard = {.count = 0};
    AUTO_VAL(buf) espressif = {0};
    AUTO_VAL(buf) infineon = {0};
    if (read_sample("espressif/manifest-espressif.csv", &espressif)) {
        assert_ok(hear(HANDOVER_ESPRESSIF, buf_view(&espressif), &heard));
        assert_int_equal(heard.count, 7);
        for (size_t i = 0; i < heard.count; i++) {
            assert_taken(&heard, i);
        }
        assert_string_equal(heard.items[0].serial, "4BA2BB8764BD");
    }
    if (read_sample("infineon/0A091B5C001500070063_E0E0.pem", &infineon) &&
        read_sample("infineon/0A091B5C001500070063_E0E1.pem", &infineon)) {
        assert_ok(hear(HANDOVER_INFINEON, buf_view(&infineon), &heard));
        assert_int_equal(heard.count, 2);
        assert_taken(&heard, 0);
        assert_taken(&heard, 1);
        assert_int_equal(strlen(heard.items[0].serial), 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(espressif_gives_mac_and_key), cmocka_unit_test(espressif_refuses_bad_records),
        cmocka_unit_test(infineon_gives_name_and_key), cmocka_unit_test(infineon_takes_certificates_only),
        cmocka_unit_test(real_samples_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
