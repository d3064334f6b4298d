/* The outside of CMP messages: those that OpenSSL's client makes, and those that nobody should make. */
#include "tests/unit/pki/cmp_fixture.h"
#include "tests/unit/pki/cmp_parts.h"

static const uint8_t CODE[] = "a code that only this device has";

/* --- what OpenSSL sends ------------------------------------------------------------------------------ */

static void test_request_under_a_code(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    struct cmp_header header;
    enum cmp_failure failure;
    (void)state;
    cmp_mac_request(key, bytes_str("ref-17"), BYTES_OF(CODE), &der);
    assert_ok(cmp_header_read(buf_view(&der), &header, &failure));
    assert_int_equal(header.pvno, 2);
    assert_int_equal(header.body, CMP_BODY_IR);
    assert_int_equal(header.protection_kind, CMP_PBM);
    assert_true(bytes_is(header.sender_kid, "ref-17"));
    assert_int_equal(header.sender_name.n, 2); /* nobody's name yet */
    assert_int_equal(header.transaction_id.n, 16);
    assert_int_equal(header.sender_nonce.n, 16);
    assert_int_equal(header.recip_nonce.n, 0);
    assert_true(header.has_time && !header.has_implicit_confirm);
    assert_int_equal(header.mac.derivation, CMP_SHA256);
    assert_int_equal(header.mac.mac, CMP_SHA1); /* OpenSSL's habit */
    assert_int_equal(header.mac.iterations, 500);
    assert_int_equal(header.mac.salt.n, 16);
    assert_int_equal(header.protection.n, 20);
    assert_int_equal(header.extra_count, 0);
    assert_ptr_equal(header.header_der.p + header.header_der.n, header.body_der.p);
}

static void test_what_a_client_chooses(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    AUTO(OSSL_CMP_CTX) *client = cmp_client(bytes_str("r"), BYTES_OF(CODE), &der);
    struct cmp_header header;
    enum cmp_failure failure;
    (void)state;
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    assert_int_equal(OSSL_CMP_CTX_set0_newPkey(client, 1, key), 1);
    assert_int_equal(OSSL_CMP_CTX_set_option(client, OSSL_CMP_OPT_IMPLICIT_CONFIRM, 1), 1);
    assert_int_equal(OSSL_CMP_CTX_set_option(client, OSSL_CMP_OPT_OWF_ALGNID, NID_sha512), 1);
    assert_int_equal(OSSL_CMP_CTX_set_option(client, OSSL_CMP_OPT_MAC_ALGNID, NID_hmacWithSHA384), 1);
    assert_null(OSSL_CMP_exec_certreq(client, CMP_BODY_CR, NULL));
    openssl_forget_errors();
    assert_ok(cmp_header_read(buf_view(&der), &header, &failure));
    assert_int_equal(header.body, CMP_BODY_CR);
    assert_true(header.has_implicit_confirm);
    assert_int_equal(header.mac.derivation, CMP_SHA512);
    assert_int_equal(header.mac.mac, CMP_SHA384);
}

/* Cut anywhere, or with any bit another way: refused, or still read inside its bounds. */
static void test_cut_and_flipped(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    struct cmp_header header;
    enum cmp_failure failure;
    (void)state;
    cmp_mac_request(key, bytes_str("ref-17"), BYTES_OF(CODE), &der);
    for (size_t n = 0; n < der.n; n++) {
        AUTO_VAL(buf) cut = {0}; /* its end is the sanitizer's */
        assert_ok(buf_append(&cut, der.p, n));
        assert_int_equal(cmp_header_read(buf_view(&cut), &header, &failure).code, ERR_BAD_ENCODING);
        assert_int_equal(failure, CMP_FAILURE_BAD_DATA_FORMAT);
    }
    for (size_t bit = 0; bit < der.n * 8; bit++) {
        der.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
        err_t error = cmp_header_read(buf_view(&der), &header, &failure);
        assert_true(error.code != ERR_OK || header.body_der.p + header.body_der.n <= der.p + der.n);
        assert_true(error.code == ERR_OK || error.detail[0] != '\0');
        der.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void test_sizes(void **state)
{
    struct cmp_header header;
    enum cmp_failure failure;
    (void)state;
    assert_error(cmp_header_read(BYTES_NONE, &header, &failure), ERR_BAD_ENCODING, "empty");
    uint8_t *huge = calloc(1, CMP_MESSAGE_MAX + 1);
    assert_non_null(huge);
    assert_error(cmp_header_read((struct bytes){huge, CMP_MESSAGE_MAX + 1}, &header, &failure), ERR_TOO_LARGE,
                 "65537");
    free(huge);
}

/* --- messages byte by byte --------------------------------------------------------------------------- */

static void test_headers(void **state)
{
    static const struct form FORMS[] = {
        {{0}, NULL, 0},
        {{.pvno = "02 01 03"}, NULL, 0},
        {{.pvno = "02 01 01"}, "pvno", CMP_FAILURE_UNSUPPORTED_VERSION},
        {{.pvno = "02 02 01 02"}, "pvno", CMP_FAILURE_UNSUPPORTED_VERSION},
        {{.pvno = "0a 01 02"}, "pvno", FORMAT},
        {{.pvno = ""}, "pvno", FORMAT},
        {{.sender = "86 03 61 3a 62"}, NULL, 0}, /* a URI */
        {{.sender = "30 00"}, "sender", FORMAT},
        {{.sender = "a4 02 05 00"}, "sender", FORMAT},
        {{.sender = "a4 04 30 00 30 00"}, "sender", FORMAT},
        {{.sender = "a9 02 30 00"}, "sender", FORMAT},
        {{.recipient = "04 00"}, "recipient", FORMAT},
        {{.recipient = "a4 02 05 00"}, "recipient", FORMAT},
        {{.time = "18 0f 32 30 32 36 30 32 32 38 32 33 35 39 35 39 5a"}, NULL, 0},
        {{.time = "18 0f 32 30 32 36 30 32 32 39 32 33 35 39 35 39 5a"}, "messageTime", FORMAT}, /* 29 Feb */
        {{.time = "18 0f 32 30 32 34 30 32 32 39 32 33 35 39 35 39 5a"}, NULL, 0},
        {{.time = "18 0f 32 30 32 36 31 33 30 31 32 33 35 39 35 39 5a"}, "messageTime", FORMAT},
        {{.time = "18 0f 32 30 32 36 31 32 30 31 32 34 30 30 30 30 5a"}, "messageTime", FORMAT},
        {{.time = "18 11 32 30 32 36 30 32 32 38 32 33 35 39 35 39 2e 35 5a"}, NULL, 0},
        {{.time = "18 11 32 30 32 36 30 32 32 38 32 33 35 39 35 39 2e 30 5a"}, "messageTime", FORMAT},
        {{.time = "17 0d 32 36 30 32 32 38 32 33 35 39 35 39 5a"}, "messageTime", FORMAT},
        {{.sender_kid = "04 01 41"}, NULL, 0},
        {{.sender_kid = "04 41 00 " ID_64}, "senderKID", RULE},
        {{.sender_kid = "0c 01 41"}, "senderKID", FORMAT},
        {{.transaction = ""}, "transactionID: it is missing", RULE},
        {{.transaction = "04 0f 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"}, "transactionID: 15", RULE},
        {{.transaction = "04 40 " ID_64}, NULL, 0},
        {{.transaction = "04 41 00 " ID_64}, "transactionID: 65", RULE},
        {{.transaction = "04 10 " ID_16 " 05 00"}, "transactionID", FORMAT},
        {{.sender_nonce = ""}, "senderNonce: it is missing", RULE},
        {{.sender_nonce = "04 01 00"}, "senderNonce: 1", RULE},
        {{.recip_nonce = "04 10 " ID_16}, NULL, 0},
        {{.recip_nonce = "04 00"}, "recipNonce: 0", RULE},
        {{.behind_header = "a4 12 04 10 " ID_16}, "order", FORMAT},
        {{.behind_header = "a9 02 05 00"}, "not known", FORMAT},
    };
    (void)state;
    try_forms(FORMS, sizeof FORMS / sizeof FORMS[0]);
}

#define IMPLICIT "06 08 2b 06 01 05 05 07 04 0d"
#define PROFILE  "06 08 2b 06 01 05 05 07 04 15"

static void test_general_info(void **state)
{
    static const struct form FORMS[] = {
        {{.info = "30 0e 30 0c " IMPLICIT " 05 00"}, NULL, 0},
        {{.info = "30 0c 30 0a " IMPLICIT}, NULL, 0},
        {{.info = "30 0f 30 0d " IMPLICIT " 02 01 00"}, "implicitConfirm", FORMAT},
        {{.info = "30 10 30 0e " IMPLICIT " 05 00 05 00"}, "more than one", FORMAT},
        {{.info = "30 11 30 0f " PROFILE " 30 03 0c 01 61"}, NULL, 0},
        {{.info = "30 0e 30 0c " PROFILE " 30 00"}, "certProfile", FORMAT},
        {{.info = "30 0c 30 0a " PROFILE}, "certProfile", FORMAT},
        {{.info = "30 04 30 02 05 00"}, "without a type", FORMAT},
        {{.info = "30 02 05 00"}, "generalInfo", FORMAT},
        {{.info = "05 00"}, "generalInfo", FORMAT},
        {{.text = "30 03 0c 01 61"}, NULL, 0},
    };
    (void)state;
    try_forms(FORMS, sizeof FORMS / sizeof FORMS[0]);
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) info = {0};
    struct cmp_header header;
    enum cmp_failure failure;
    build(&FORMS[4].parts, &der);
    assert_ok(cmp_header_read(buf_view(&der), &header, &failure));
    assert_true(bytes_is(header.profile, "a"));
    assert_ok(buf_append_str(&info, "30 66"));
    for (int i = 0; i < 17; i++) {
        assert_ok(buf_append_str(&info, " 30 04 06 02 2a 03"));
    }
    const struct form many = {{.info = buf_str(&info)}, "more than 16", RULE};
    try_forms(&many, 1);
}

static void test_bodies_and_what_follows(void **state)
{
    static const struct form FORMS[] = {
        {{.body = "ba 02 30 00"}, NULL, 0},
        {{.body = "bb 02 30 00"}, "body", FORMAT},
        {{.body = "93 00"}, "body", FORMAT},
        {{.body = "30 00"}, "body", FORMAT},
        {{.body = ""}, "protection", RULE}, /* what follows is taken for an ir */
        {{.protection = "03 01 00"}, "protection", FORMAT},
        {{.protection = "03 02 01 aa"}, "protection", FORMAT},
        {{.protection = "04 02 00 aa"}, "protection", FORMAT},
        {{.protection = ""}, "protection", RULE},
        {{.algorithm = ""}, "protection", RULE},
        {{.algorithm = "", .protection = ""}, NULL, 0},
        {{.certs = "30 04 30 02 05 00"}, NULL, 0},
        {{.certs = "30 00"}, "extraCerts", FORMAT},
        {{.certs = "30 02 05 00"}, "extraCerts", FORMAT},
        {{.certs = "30 12 30 00 30 00 30 00 30 00 30 00 30 00 30 00 30 00 30 00"}, "more than 8", RULE},
        {{.behind = "00"}, "follow", FORMAT},
    };
    (void)state;
    try_forms(FORMS, sizeof FORMS / sizeof FORMS[0]);
}

static void test_time_is_told(void **state)
{
    AUTO_VAL(buf) der = {0};
    struct cmp_header header;
    enum cmp_failure failure;
    const struct parts parts = {.time = "18 0f 32 30 32 36 31 31 32 35 30 34 34 31 33 32 5a"};
    (void)state;
    build(&parts, &der);
    assert_ok(cmp_header_read(buf_view(&der), &header, &failure));
    assert_true(header.message_time_ms == INT64_C(1795581692000)); /* date -u -d 2026-11-25T04:41:32 +%s */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_under_a_code),
        cmocka_unit_test(test_what_a_client_chooses),
        cmocka_unit_test(test_cut_and_flipped),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_general_info),
        cmocka_unit_test(test_bodies_and_what_follows),
        cmocka_unit_test(test_time_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
