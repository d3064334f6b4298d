/* OCSP answers, read back and verified by OpenSSL: every status, nonce, delegate; and who signs nothing.
 * Requests are in test_ocsp_request.c. */
#include "tests/unit/pki/ocsp_fixture.h"

static struct test_house house;
static const int64_t LIFE_MS = 7 * 86400000LL;
static const int64_t NOW_MS = house_from_ms + 86400000LL + 999;
static const uint8_t SERIALS[4][SERIAL_SIZE] = {{0x01, 2, 3}, {0x7f, 0xff}, {0x11, 9}, {0x22, 8}};

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

static struct ocsp_signer *make_signer(const struct authority *authority)
{
    struct ocsp_signer *signer = NULL;
    const struct ocsp_signer_spec spec = {.random = random_system(), .now_ms = NOW_MS, .life_ms = LIFE_MS};
    assert_ok(ocsp_signer_new(authority, &spec, &signer));
    return signer;
}

static struct bytes id_bytes(OCSP_CERTID *id, struct buf *out)
{
    unsigned char *der = NULL;
    int size = i2d_OCSP_CERTID(id, &der);
    bytes_of_i2d(size, der, out);
    return buf_view(out);
}

static struct ocsp_content content_of(const struct ocsp_single *singles, size_t count)
{
    return (struct ocsp_content){.singles = singles,
                                 .count = count,
                                 .produced_at_ms = NOW_MS,
                                 .this_update_ms = NOW_MS,
                                 .next_update_ms = NOW_MS + 3600000};
}

/* One answer for four certificates, in every state, under each authority. */
static void every_status(const struct authority *authority)
{
    static const struct {
        enum ocsp_status status;
        int64_t revoked_at_ms;
        int reason, seen_status, seen_reason;
        int64_t seen_at_s;
    } CASES[4] = {
        {OCSP_GOOD, 0, 0, V_OCSP_CERTSTATUS_GOOD, -1, -1},
        {OCSP_REVOKED, 1767225600999, 1, V_OCSP_CERTSTATUS_REVOKED, 1, 1767225600},
        {OCSP_REVOKED, 1767225600000, 0, V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED_STATUS_NOSTATUS, 1767225600},
        {OCSP_UNKNOWN, 0, 0, V_OCSP_CERTSTATUS_UNKNOWN, -1, -1}};
    AUTO_PTR(ocsp_signer) *signer = make_signer(authority);
    struct ocsp_single singles[4];
    struct buf ids[4] = {{0}};
    OCSP_CERTID *certids[4];
    for (size_t i = 0; i < 4; i++) {
        certids[i] = certid_of(authority, i % 2 == 0 ? EVP_sha1() : EVP_sha256(), BYTES_OF(SERIALS[i]));
        singles[i] = (struct ocsp_single){.id = id_bytes(certids[i], &ids[i]),
                                          .status = CASES[i].status,
                                          .revoked_at_ms = CASES[i].revoked_at_ms,
                                          .reason = CASES[i].reason};
    }
    struct ocsp_content content = content_of(singles, 4);
    AUTO_VAL(buf) der = {0};
    assert_ok(ocsp_signer_sign(signer, &content, &der));
    AUTO(OCSP_RESPONSE) *response = response_of(buf_view(&der));
    AUTO(OCSP_BASICRESP) *basic = basic_of(response, house.root, authority, NOW_MS);
    assert_int_equal(OCSP_resp_count(basic), 4);
    assert_int_equal(OCSP_BASICRESP_get_ext_count(basic), 0);
    for (size_t i = 0; i < 4; i++) {
        struct ocsp_seen seen = ocsp_see(basic, certids[i]);
        assert_int_equal(seen.status, CASES[i].seen_status);
        assert_int_equal(seen.reason, CASES[i].seen_reason);
        assert_int_equal(seen.revoked_at_s, CASES[i].seen_at_s);
        assert_int_equal(seen.this_update_s, NOW_MS / 1000);
        assert_int_equal(seen.next_update_s, NOW_MS / 1000 + 3600);
        OCSP_CERTID_free(certids[i]);
        buf_clear(&ids[i]);
    }
    assert_int_equal(seconds_of(OCSP_resp_get0_produced_at(basic)), NOW_MS / 1000);
}

static void test_every_status_under_each_authority(void **state)
{
    (void)state;
    every_status(house.root);
    every_status(house.device);
    every_status(house.infrastructure);
}

/* RFC 6960 §2.2 and §4.4.8: a serial that nobody gave is revoked since the epoch, on hold, and the answer
 * says how that is meant. */
static void test_never_issued(void **state)
{
    AUTO_PTR(ocsp_signer) *signer = make_signer(house.device);
    AUTO(OCSP_CERTID) *id = certid_of(house.device, EVP_sha256(), BYTES_OF(SERIALS[0]));
    AUTO_VAL(buf) id_der = {0};
    AUTO_VAL(buf) der = {0};
    (void)state;
    struct ocsp_single single = {.id = id_bytes(id, &id_der), .status = OCSP_NEVER_ISSUED};
    struct ocsp_content content = content_of(&single, 1);
    assert_ok(ocsp_signer_sign(signer, &content, &der));
    AUTO(OCSP_RESPONSE) *response = response_of(buf_view(&der));
    AUTO(OCSP_BASICRESP) *basic = basic_of(response, house.root, house.device, NOW_MS);
    struct ocsp_seen seen = ocsp_see(basic, id);
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_REVOKED);
    assert_int_equal(seen.reason, OCSP_REVOKED_STATUS_CERTIFICATEHOLD);
    assert_int_equal(seen.revoked_at_s, 0);
    ASN1_OBJECT *extended = OBJ_txt2obj("1.3.6.1.5.5.7.48.1.9", 1);
    int at = OCSP_BASICRESP_get_ext_by_OBJ(basic, extended, -1);
    ASN1_OBJECT_free(extended);
    assert_int_equal(at, 0);
    assert_int_equal(X509_EXTENSION_get_critical(OCSP_BASICRESP_get_ext(basic, at)), 0);
}

static void test_nonces_come_back(void **state)
{
    static const int SIZES[] = {1, 16, 32, 125, 126, 127, 128};
    AUTO_PTR(ocsp_signer) *signer = make_signer(house.device);
    (void)state;
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        AUTO_VAL(buf) asked = {0};
        AUTO_VAL(buf) der = {0};
        struct ocsp_request request;
        ocsp_ask(house.device, EVP_sha256(), BYTES_OF(SERIALS[0]), SIZES[i], &asked);
        assert_ok(ocsp_request_read(buf_view(&asked), &request));
        assert_int_equal(request.nonce.n, SIZES[i]);
        struct ocsp_single single = {.id = request.certs[0].id, .status = OCSP_GOOD};
        struct ocsp_content content = content_of(&single, 1);
        content.nonce = request.nonce;
        assert_ok(ocsp_signer_sign(signer, &content, &der));
        AUTO(OCSP_RESPONSE) *response = response_of(buf_view(&der));
        AUTO(OCSP_BASICRESP) *basic = basic_of(response, house.root, house.device, NOW_MS);
        const unsigned char *p = asked.p;
        AUTO(OCSP_REQUEST) *theirs = d2i_OCSP_REQUEST(NULL, &p, (long)asked.n);
        assert_int_equal(OCSP_check_nonce(theirs, basic), 1);
    }
}

/* What the delegate's certificate says, and how ResponderID names it. */
static void test_the_delegate(void **state)
{
    AUTO_PTR(ocsp_signer) *signer = make_signer(house.device);
    AUTO_VAL(buf) id_der = {0};
    AUTO_VAL(buf) der = {0};
    AUTO(OCSP_CERTID) *id = certid_of(house.device, EVP_sha1(), BYTES_OF(SERIALS[0]));
    (void)state;
    struct ocsp_single single = {.id = id_bytes(id, &id_der), .status = OCSP_GOOD};
    struct ocsp_content content = content_of(&single, 1);
    assert_ok(ocsp_signer_sign(signer, &content, &der));
    AUTO(OCSP_RESPONSE) *response = response_of(buf_view(&der));
    AUTO(OCSP_BASICRESP) *basic = basic_of(response, house.root, house.device, NOW_MS);
    const STACK_OF(X509) *certs = OCSP_resp_get0_certs(basic);
    assert_int_equal(sk_X509_num(certs), 1);
    X509 *delegate = sk_X509_value(certs, 0);
    const ASN1_OCTET_STRING *by_key = NULL;
    const X509_NAME *by_name = NULL;
    assert_int_equal(OCSP_resp_get0_id(basic, &by_key, &by_name), 1);
    assert_null(by_name);
    assert_int_equal(ASN1_STRING_length(by_key), SHA1_SIZE);
    uint8_t hash[SHA1_SIZE];
    assert_int_equal(X509_pubkey_digest(delegate, EVP_sha1(), hash, NULL), 1);
    assert_memory_equal(ASN1_STRING_get0_data(by_key), hash, SHA1_SIZE);
    assert_int_equal(X509_get_extended_key_usage(delegate), XKU_OCSP_SIGN);
    assert_int_equal(X509_get_key_usage(delegate), KU_DIGITAL_SIGNATURE);
    assert_true(X509_get_ext_by_NID(delegate, NID_id_pkix_OCSP_noCheck, -1) >= 0);
    assert_int_equal(X509_get_ext_by_NID(delegate, NID_crl_distribution_points, -1), -1);
    assert_int_equal(X509_get_ext_by_NID(delegate, NID_info_access, -1), -1);
    AUTO_VAL(certificate_facts) facts = {0};
    assert_ok(certificate_facts_read(delegate, &facts));
    const struct ocsp_signer_facts *told = ocsp_signer_facts(signer);
    assert_int_equal(facts.not_after_ms, told->not_after_ms);
    assert_int_equal(facts.not_before_ms, told->not_before_ms);
    assert_int_equal(facts.not_after_ms, (NOW_MS + LIFE_MS) / 1000 * 1000);
    assert_memory_equal(facts.serial, told->serial, SERIAL_SIZE);
    write_pem_in(&house.folder, "root.pem", authority_borrow_der(house.root));
    write_pem_in(&house.folder, "ca.pem", authority_borrow_der(house.device));
    AUTO_VAL(buf) own = {0};
    assert_ok(certificate_encode(delegate, &own));
    write_pem_in(&house.folder, "delegate.pem", buf_view(&own));
    AUTO_VAL(buf) text = {0};
    assert_int_equal(run_in(&house.folder,
                            "openssl verify -x509_strict -purpose ocsphelper -attime 1767400000 -CAfile "
                            "root.pem -untrusted ca.pem delegate.pem",
                            &text),
                     0);
}

static void test_who_signs_nothing(void **state)
{
    AUTO_PTR(authority) *offline = NULL;
    struct ocsp_signer *signer = NULL;
    struct ocsp_signer_spec spec = {.random = random_system(), .now_ms = NOW_MS, .life_ms = LIFE_MS};
    (void)state;
    assert_ok(authority_load("root", AUTHORITY_ROOT, authority_borrow_der(house.root), NULL, &offline));
    assert_error(ocsp_signer_new(offline, &spec, &signer), ERR_UNAVAILABLE, "root");
    assert_null(signer);
    spec.now_ms = house_from_ms + 40 * year_ms; /* beyond the authority's own end */
    assert_error(ocsp_signer_new(house.device, &spec, &signer), ERR_UNPROCESSABLE, "dates");
    assert_null(signer);
}

/* Cut to the authority's life; a count keeps it while somebody signs. */
static void test_its_life(void **state)
{
    struct ocsp_signer *signer = NULL;
    struct ocsp_signer_spec spec = {.random = random_system(), .life_ms = LIFE_MS};
    (void)state;
    spec.now_ms = authority_not_after_ms(house.device) - 3600000;
    assert_ok(ocsp_signer_new(house.device, &spec, &signer));
    assert_int_equal(ocsp_signer_facts(signer)->not_after_ms, authority_not_after_ms(house.device));
    struct ocsp_signer *second = ocsp_signer_ref(signer);
    ocsp_signer_unref(signer);
    assert_int_equal(ocsp_signer_facts(second)->not_after_ms, authority_not_after_ms(house.device));
    ocsp_signer_unref(second);
    ocsp_signer_unref(NULL);
}

static void test_content_that_is_none(void **state)
{
    AUTO_PTR(ocsp_signer) *signer = make_signer(house.device);
    AUTO_VAL(buf) der = {0};
    (void)state;
    struct ocsp_single single = {
        .id = BYTES_OF(SERIALS[0]), .status = OCSP_REVOKED, .revoked_at_ms = 1, .reason = 7};
    struct ocsp_content content = content_of(&single, 1);
    assert_int_equal(ocsp_signer_sign(signer, &content, &der).code, ERR_INTERNAL);
    single.reason = 1;
    content.next_update_ms = content.this_update_ms;
    assert_int_equal(ocsp_signer_sign(signer, &content, &der).code, ERR_INTERNAL);
    content = content_of(&single, 0);
    assert_int_equal(ocsp_signer_sign(signer, &content, &der).code, ERR_INTERNAL);
    content = content_of(&single, 1);
    content.produced_at_ms = -1;
    assert_int_equal(ocsp_signer_sign(signer, &content, &der).code, ERR_INTERNAL);
    assert_int_equal(der.n, 0);
}

static void test_answers_without_a_signature(void **state)
{
    static const enum ocsp_error ERRORS[] = {OCSP_MALFORMED, OCSP_INTERNAL, OCSP_TRY_LATER,
                                             OCSP_UNAUTHORIZED};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        AUTO(OCSP_RESPONSE) *response = response_of(ocsp_error_answer(ERRORS[i]));
        assert_int_equal(OCSP_response_status(response), ERRORS[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_under_each_authority),
        cmocka_unit_test(test_never_issued),
        cmocka_unit_test(test_nonces_come_back),
        cmocka_unit_test(test_the_delegate),
        cmocka_unit_test(test_who_signs_nothing),
        cmocka_unit_test(test_its_life),
        cmocka_unit_test(test_content_that_is_none),
        cmocka_unit_test(test_answers_without_a_signature),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
