/* ES256 of RFC 7515: the example of its appendix A.3, and every way in which it must not hold. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/foreign_certificate.h"
#include "pki/jws.h"

static const char example_protected[] = "eyJhbGciOiJFUzI1NiJ9";
static const char example_payload[] = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
static const char example_signature[] =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
static const char example_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char example_y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

static void example_spki(struct buf *out)
{
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    assert_ok(buf_append(out, head, sizeof head));
    assert_ok(base64url_decode(bytes_str(example_x), out));
    assert_ok(base64url_decode(bytes_str(example_y), out));
    assert_int_equal(out->n, 91);
}

static err_t verify(struct bytes spki, const char *head, const char *payload, const char *signature)
{
    return jws_verify_es256(spki, bytes_str(head), bytes_str(payload), bytes_str(signature));
}

static void the_example_of_the_rfc_holds(void **state)
{
    (void)state;
    AUTO_VAL(buf) spki = {0};
    example_spki(&spki);
    assert_ok(verify(buf_view(&spki), example_protected, example_payload, example_signature));
}

static void anything_else_does_not(void **state)
{
    (void)state;
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) other = {0};
    AUTO(EVP_PKEY) *p384 = ec_key("P-384");
    example_spki(&spki);
    char bent[sizeof example_payload];
    memcpy(bent, example_payload, sizeof bent);
    bent[5] ^= 1;
    assert_error(verify(buf_view(&spki), example_protected, bent, example_signature), ERR_POP_FAILED, "");
    assert_error(verify(buf_view(&spki), "eyJhbGciOiJFUzI1NiK9", example_payload, example_signature),
                 ERR_POP_FAILED, "");
    assert_error(verify(buf_view(&spki), example_protected, example_payload, ""), ERR_BAD_ENCODING,
                 "64 bytes");
    assert_error(verify(buf_view(&spki), example_protected, example_payload, "AAAA"), ERR_BAD_ENCODING,
                 "64 bytes");
    assert_error(verify(buf_view(&spki), example_protected, example_payload, "A+A="), ERR_BAD_ENCODING,
                 "base64url");
    spki_of(p384, &other);
    assert_error(verify(buf_view(&other), example_protected, example_payload, example_signature),
                 ERR_POP_FAILED, "P-256");
}

/* R = S = 0 once verified under every key (CVE-2022-21449 elsewhere). */
static void zeros_do_not_verify(void **state)
{
    (void)state;
    AUTO_VAL(buf) spki = {0};
    char zeros[87];
    example_spki(&spki);
    memset(zeros, 'A', sizeof zeros - 1);
    zeros[sizeof zeros - 1] = '\0';
    assert_error(verify(buf_view(&spki), example_protected, example_payload, zeros), ERR_POP_FAILED, "");
}

static void base64url_is_strict(void **state)
{
    (void)state;
    AUTO_VAL(buf) out = {0};
    assert_ok(base64url_decode(bytes_str("-_8"), &out));
    assert_memory_equal(out.p, "\xfb\xff", 2);
    static const char *const bad[] = {"-_8=", "+/8", "A", "-_9", "AA AA", "AA\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(base64url_decode(bytes_str(bad[i]), &out).code, ERR_BAD_ENCODING);
    }
}

static void foreign_certificates_are_read(void **state)
{
    (void)state;
    struct test_house house;
    AUTO_VAL(foreign_certificate) root = {.key_id_size = 0};
    test_house_init(&house, KEY_ALG_P256);
    assert_ok(foreign_certificate_read(authority_borrow_der(house.root), &root));
    assert_true(root.is_authority);
    assert_true(root.key_id_size >= 20 && root.spki.n == 91 && root.common_name[0] != '\0');
    test_house_clear(&house);
    AUTO_VAL(foreign_certificate) none = {.key_id_size = 0};
    assert_error(foreign_certificate_read(bytes_str("0"), &none), ERR_BAD_ENCODING, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc_holds),  cmocka_unit_test(anything_else_does_not),
        cmocka_unit_test(zeros_do_not_verify),           cmocka_unit_test(base64url_is_strict),
        cmocka_unit_test(foreign_certificates_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
