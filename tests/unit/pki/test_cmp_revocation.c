/* Bodies of rr: those that OpenSSL's client makes, and those that nobody should make. */
#include "tests/unit/pki/cmp_parts.h"

#include "pki/cmp_revocation.h"

#define SERIAL     "81 02 01 02"
#define ISSUER     "a3 02 30 00"
#define DETAILS    "30 08 " SERIAL " " ISSUER
#define REASON(n)  "30 0a 06 03 55 1d 15 04 03 0a 01 " n
#define INVALIDITY "30 07 06 03 55 1d 18 04 00"
#define ONE_REASON "30 0c " REASON("01")

static err_t read_hex(const char *hex, struct buf *der, struct cmp_revocation *out, enum cmp_failure *failure)
{
    struct cmp_header header = {.body = CMP_BODY_RR};
    add_hex(der, hex);
    header.body_content = buf_view(der);
    *failure = CMP_FAILURE_BAD_TIME;
    return cmp_revocation_read(&header, out, failure);
}

static void test_what_is_read(void **state)
{
    static const struct {
        const char *hex;
        int reason;
    } CASES[] = {
        {"30 0c 30 0a " DETAILS, 0},
        {"30 1a 30 18 " DETAILS " " ONE_REASON, 1},
        /* what else stands there */
        {"30 0e 30 0c 30 0a " SERIAL " " ISSUER " a5 00", 0},
        {"30 23 30 21 " DETAILS " 30 15 " INVALIDITY " " REASON("04"), 4},
        {"30 1d 30 1b " DETAILS " 30 0f 30 0d 06 03 55 1d 15 01 01 ff 04 03 0a 01 05", 5},
        {"30 1a 30 18 " DETAILS " 30 0c " REASON("7f"), 127},
        {"30 0e 30 0c " DETAILS " 30 00", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        AUTO_VAL(buf) der = {0};
        struct cmp_revocation asked;
        enum cmp_failure failure;
        assert_ok(read_hex(CASES[i].hex, &der, &asked, &failure));
        assert_int_equal(asked.reason, CASES[i].reason);
        assert_true(asked.serial.n == 2 && asked.serial.p[0] == 1 && asked.serial.p[1] == 2);
        assert_int_equal(asked.issuer.n, 2);
    }
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *hex, *text;
        err_code code;
        enum cmp_failure failure;
    } CASES[] = {
        {"30 00", "no request", ERR_BAD_ENCODING, CMP_FAILURE_BAD_DATA_FORMAT},
        {"31 0c 30 0a " DETAILS, "no request", ERR_BAD_ENCODING, CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 0c 30 0a " DETAILS " 05 00", "no request", ERR_BAD_ENCODING, CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 18 30 0a " DETAILS " 30 0a " DETAILS, "one message", ERR_BAD_REQUEST, CMP_FAILURE_BAD_REQUEST},
        {"30 02 30 00", "certDetails", ERR_BAD_ENCODING, CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 04 30 02 30 00", "issuer and serialNumber", ERR_BAD_REQUEST, CMP_FAILURE_BAD_CERT_TEMPLATE},
        {"30 08 30 06 30 04 " SERIAL, "issuer and serialNumber", ERR_BAD_REQUEST,
         CMP_FAILURE_BAD_CERT_TEMPLATE},
        {"30 08 30 06 30 04 " ISSUER, "issuer and serialNumber", ERR_BAD_REQUEST,
         CMP_FAILURE_BAD_CERT_TEMPLATE},
        {"30 0c 30 0a 30 08 " ISSUER " " SERIAL, "certDetails", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 0a 30 08 30 06 81 00 " ISSUER, "serial number", ERR_BAD_ENCODING, CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 0c 30 0a 30 08 81 02 00 02 " ISSUER, "serial number", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 0c 30 0a 30 08 81 02 ff 82 " ISSUER, "serial number", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 0a 30 08 30 06 " SERIAL " a3 00", "issuer", ERR_BAD_ENCODING, CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 0e 30 0c 30 0a " SERIAL " " ISSUER " aa 00", "certDetails", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 0e 30 0c 30 0a " SERIAL " " ISSUER " 05 00", "certDetails", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 0e 30 0c " DETAILS " 31 00", "follows crlEntryDetails", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        /* reasons */
        {"30 26 30 24 " DETAILS " 30 18 " REASON("01") " " REASON("01"), "two reasonCode", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 1a 30 18 " DETAILS " 30 0c 30 0a 06 03 55 1d 15 04 03 02 01 01", "reasonCode", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 1b 30 19 " DETAILS " 30 0d 30 0b 06 03 55 1d 15 04 04 0a 02 01 00", "reasonCode",
         ERR_BAD_ENCODING, CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 1a 30 18 " DETAILS " 30 0c " REASON("81"), "reasonCode", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 17 30 15 " DETAILS " 30 09 30 07 06 03 55 1d 15 04 00", "", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
        {"30 1a 30 18 " DETAILS " 30 0c 30 0a 06 03 55 1d 18 01 01 ff 04 00", "critical", ERR_BAD_REQUEST,
         CMP_FAILURE_BAD_REQUEST},
        {"30 13 30 11 " DETAILS " 30 05 30 03 04 01 00", "crlEntryDetails", ERR_BAD_ENCODING,
         CMP_FAILURE_BAD_DATA_FORMAT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        AUTO_VAL(buf) der = {0};
        struct cmp_revocation asked;
        enum cmp_failure failure;
        assert_error(read_hex(CASES[i].hex, &der, &asked, &failure), CASES[i].code, CASES[i].text);
        assert_int_equal(failure, CASES[i].failure);
    }
}

/* Cut anywhere: refused, or read inside its bounds. */
static void test_cut(void **state)
{
    AUTO_VAL(buf) der = {0};
    struct cmp_revocation asked;
    enum cmp_failure failure;
    (void)state;
    assert_ok(read_hex("30 1a 30 18 " DETAILS " " ONE_REASON, &der, &asked, &failure));
    for (size_t n = 0; n < der.n; n++) {
        const struct cmp_header header = {.body = CMP_BODY_RR, .body_content = {der.p, n}};
        assert_int_equal(cmp_revocation_read(&header, &asked, &failure).code, ERR_BAD_ENCODING);
    }
}

static void test_what_openssl_sends(void **state)
{
    static const int reasons[] = {-1, 0, 1, 5, 10};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {.der = {0}};
    AUTO_VAL(certificate_facts) facts = {0};
    struct test_house house;
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    issue_device(&house, key, house_from_ms + 86400000, 30, &issued);
    assert_ok(certificate_read(buf_view(&issued.der), &facts));
    const unsigned char *p = issued.der.p;
    AUTO(X509) *x509 = d2i_X509(NULL, &p, (long)issued.der.n);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        AUTO_VAL(buf) sent = {0};
        AUTO(OSSL_CMP_CTX) *client = cmp_client(bytes_str("r"), bytes_str("a code"), &sent);
        struct cmp_header header;
        struct cmp_revocation asked;
        enum cmp_failure failure;
        assert_int_equal(OSSL_CMP_CTX_set1_oldCert(client, x509), 1);
        assert_int_equal(OSSL_CMP_CTX_set_option(client, OSSL_CMP_OPT_REVOCATION_REASON, reasons[i]), 1);
        assert_int_equal(OSSL_CMP_exec_RR_ses(client), 0);
        openssl_forget_errors();
        assert_ok(cmp_header_read(buf_view(&sent), &header, &failure));
        assert_int_equal(header.body, CMP_BODY_RR);
        assert_ok(cmp_revocation_read(&header, &asked, &failure));
        assert_int_equal(asked.reason, reasons[i] < 0 ? 0 : reasons[i]);
        assert_true(bytes_equal(asked.issuer, authority_borrow_subject(house.device)));
        size_t sign = asked.serial.p[0] == 0 ? 1 : 0;
        assert_true(bytes_equal((struct bytes){asked.serial.p + sign, asked.serial.n - sign},
                                (struct bytes){facts.serial, facts.serial_size}));
    }
    test_house_clear(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_what_openssl_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
