/* Names and key identifiers as they are read from DER that anybody may have made. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/certificate.h"

static struct test_house house;

static int make_house(void **state)
{
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    return 0;
}

static int end_house(void **state)
{
    (void)state;
    test_house_clear(&house);
    return 0;
}

static void test_common_names(void **state)
{
    static const struct {
        const char *name, *expected;
        size_t size;
    } cases[] = {
        {"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"
         "ab",
         "ab", 15},
        {"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02"
         "ab",
         "ab", 15}, /* PrintableString */
        {"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x05\x0c\x02"
         "ab",
         "", 15}, /* serialNumber */
        {"\x30\x1a\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"
         "ab\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"
         "cd",
         "cd", 28}, /* the last of two */
        {"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"
         "a",
         "", 14},                                                 /* cut */
        {"\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03", "", 11}, /* without a value */
        {"\x30\x00", "", 2},
        {"\x31\x00", "", 2},
        {"", "", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes name = {(const uint8_t *)cases[i].name, cases[i].size};
        assert_true(bytes_is(name_common_name(name), cases[i].expected));
    }
}

static void test_key_identifiers(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {.der = {0}};
    uint8_t id[65] = {0};
    (void)state;
    issue_device(&house, key, house_from_ms + 86400000, 30, &issued);
    const unsigned char *p = issued.der.p;
    AUTO(X509) *x509 = d2i_X509(NULL, &p, (long)issued.der.n);
    const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(x509);
    const ASN1_OCTET_STRING *issuers = X509_get0_authority_key_id(x509);
    struct bytes der = buf_view(&issued.der);
    size_t size = (size_t)ASN1_STRING_length(own);
    memcpy(id, ASN1_STRING_get0_data(own), size);
    assert_true(certificate_has_key_id(der, (struct bytes){id, size}));
    assert_false(certificate_has_key_id(der, (struct bytes){id, size - 1})); /* whole or not at all */
    assert_false(certificate_has_key_id(der, (struct bytes){id, size + 1}));
    assert_false(certificate_has_key_id(der, (struct bytes){id, sizeof id}));
    assert_false(certificate_has_key_id(der, BYTES_NONE));
    assert_false(certificate_has_key_id(
        der, (struct bytes){ASN1_STRING_get0_data(issuers), (size_t)ASN1_STRING_length(issuers)}));
    id[0] ^= 1;
    assert_false(certificate_has_key_id(der, (struct bytes){id, size}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_common_names),
                                       cmocka_unit_test(test_key_identifiers)};
    return cmocka_run_group_tests(tests, make_house, end_house);
}
