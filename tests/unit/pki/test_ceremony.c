/* Ceremonies: written, read, described and signed; what OpenSSL makes of the answer; and each thing that an
 * offline root refuses to sign. */
#include "tests/unit/pki/company_fixture.h"

#include "base/json.h"
#include "pki/authority_succession.h"
#include "pki/ca_bundle.h"
#include "pki/ceremony.h"
#include "pki/ceremony_internal.h"
#include "pki/crl_read.h"
#include "pki/request_text.h"

static struct test_house house;
static struct authority *successor;
static struct buf request;
static const int64_t now_ms = house_from_ms + 86400000;

static int setup(void **state)
{
    (void)state;
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(private_key) *root_key = NULL;
    AUTO_VAL(buf) der = {0};
    const uint8_t serial[SERIAL_SIZE] = {9};
    struct authority_spec spec = {.id = "device-2",
                                  .role = AUTHORITY_DEVICE,
                                  .organisation = "Test Works",
                                  .not_before_ms = house_from_ms,
                                  .not_after_ms = house_from_ms + 30 * year_ms,
                                  .publication = test_publication};
    test_house_init(&house, KEY_ALG_P256);
    assert_ok(keystore_generate(house.keystore, "ca-device-2", KEY_ALG_P256, &key));
    assert_ok(authority_make_request(&spec, key, NULL, &request));
    spec.id = "root-2";
    spec.role = AUTHORITY_ROOT;
    assert_ok(keystore_generate(house.keystore, "ca-root-2", KEY_ALG_P256, &root_key));
    assert_ok(authority_make_successor(&spec, root_key, house.root, serial, &der));
    assert_ok(authority_load("root-2", AUTHORITY_ROOT, buf_view(&der), NULL, &successor));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    authority_free(successor);
    buf_clear(&request);
    test_house_clear(&house);
    return 0;
}

static struct ceremony *make_ceremony(void)
{
    struct ceremony *ceremony = NULL;
    assert_ok(ceremony_new(&ceremony));
    ceremony->made_at_ms = house_from_ms;
    (void)snprintf(ceremony->issuer, sizeof ceremony->issuer, "root");
    (void)snprintf(ceremony->public_url, sizeof ceremony->public_url, "%s", test_publication.public_url);
    assert_ok(buf_append_bytes(&ceremony->issuer_der, authority_borrow_der(house.root)));
    struct ceremony_certificate *issuing = &ceremony->certificates[0];
    *issuing = (struct ceremony_certificate){
        .kind = CEREMONY_ISSUING, .authority = "device-2", .role = AUTHORITY_DEVICE, .lifetime_days = 3652};
    assert_ok(buf_append_bytes(&issuing->der, buf_view(&request)));
    struct ceremony_certificate *cross = &ceremony->certificates[1];
    *cross = (struct ceremony_certificate){.kind = CEREMONY_CROSS, .authority = "root-2"};
    assert_ok(buf_append_bytes(&cross->der, authority_borrow_der(successor)));
    ceremony->certificate_count = 2;
    ceremony->has_crl = true;
    ceremony->crl_number = 100;
    ceremony->crl_days = 180;
    ceremony->entries[0] = (struct ceremony_entry){
        .entry = {.serial = {0x11, 0x22}, .revoked_at_ms = house_from_ms, .reason = 2},
        .subject = "CN=Device CA 1"};
    ceremony->entry_count = 1;
    return ceremony;
}

static struct ceremony_signer make_signer(void)
{
    return (struct ceremony_signer){.authority = house.root, .random = random_system(), .now_ms = now_ms};
}

static void what_is_written_is_read(void **state)
{
    AUTO_PTR(ceremony) *ceremony = make_ceremony();
    AUTO_PTR(ceremony) *again = NULL;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) second = {0};
    (void)state;
    assert_ok(ceremony_write(ceremony, &text));
    assert_ok(ceremony_read(buf_view(&text), &again));
    assert_ok(ceremony_write(again, &second));
    assert_string_equal(buf_str(&text), buf_str(&second));
    assert_int_equal(again->certificate_count, 2);
    assert_int_equal(again->entry_count, 1);
}

static void it_is_told_in_words(void **state)
{
    AUTO_PTR(ceremony) *ceremony = make_ceremony();
    const struct ceremony_signer signer = make_signer();
    AUTO_VAL(buf) text = {0};
    char spki[2 * SHA256_SIZE + 1];
    (void)state;
    assert_ok(ceremony_check(ceremony, &signer));
    assert_ok(ceremony_describe(ceremony, &signer, &text));
    hex_encode(BYTES_OF(authority_spki_sha256(house.root)->b), spki);
    assert_has(buf_str(&text), "The clock of this machine says 2026-01-02T00:00:00Z.");
    assert_has(buf_str(&text), spki);
    assert_has(buf_str(&text), "1. a certificate of the issuing CA \"device-2\"");
    assert_has(buf_str(&text), "subject      CN=Device CA ");
    assert_has(buf_str(&text), "role         device");
    assert_has(buf_str(&text), "pathlen      0: it may certify no further CA");
    assert_has(buf_str(&text), "purposes     clientAuth\n");
    assert_has(buf_str(&text), "valid        2026-01-01T23:00:00Z to 2036-01-02T00:00:00Z");
    assert_has(buf_str(&text),
               "2. a cross certificate: whoever trusts this CA will trust the root \"root-2\" too");
    assert_has(buf_str(&text), "3. the CRL with the number 100");
    assert_has(buf_str(&text), "revokes      11220000000000000000000000000000 at 2026-01-01T00:00:00Z "
                               "(cACompromise) CN=Device CA 1");
}

static void openssl_verifies_what_was_signed(void **state)
{
    AUTO_PTR(ceremony) *ceremony = make_ceremony();
    const struct ceremony_signer signer = make_signer();
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    AUTO_VAL(ca_certificate) issuing = {.is_ca = false};
    const struct ca_wish wish = {.role = AUTHORITY_DEVICE};
    (void)state;
    assert_ok(ceremony_sign(ceremony, &signer, &pem));
    assert_ok(ca_bundle_add(buf_view(&pem), &bundle));
    assert_int_equal(bundle.count, 3);
    assert_ok(ca_certificate_read(buf_view(&bundle.items[0].der), &issuing));
    assert_ok(ca_certificate_check_issuing(&issuing, &wish, now_ms));
    write_pem_in(&house.folder, "root.pem", authority_borrow_der(house.root));
    write_pem_in(&house.folder, "issuing.pem", buf_view(&bundle.items[0].der));
    write_pem_in(&house.folder, "cross.pem", buf_view(&bundle.items[1].der));
    write_in(&house.folder, "root.crl", buf_view(&bundle.items[2].der));
    assert_int_equal(run_in(&house.folder,
                            "openssl crl -inform DER -in root.crl -out crl.pem; "
                            "openssl verify -attime 1767312100 -x509_strict -crl_check -CRLfile crl.pem "
                            "-CAfile root.pem issuing.pem cross.pem",
                            &text),
                     0);
    assert_has(buf_str(&text), "issuing.pem: OK");
    assert_has(buf_str(&text), "cross.pem: OK");
    assert_int_equal(run_in(&house.folder,
                            "openssl x509 -in issuing.pem -noout -text; openssl crl -in crl.pem -noout -text",
                            &text),
                     0);
    assert_has(buf_str(&text), "URI:http://pki.example:8080/crl/root.crl");
    assert_has(buf_str(&text), "URI:http://pki.example:8080/ca/root.cer");
    assert_has(buf_str(&text), "CA:TRUE, pathlen:0");
    assert_has(buf_str(&text), "TLS Web Client Authentication");
    assert_has(buf_str(&text), "CA Compromise");
}

static void no_crl_number_is_used_twice(void **state)
{
    AUTO_PTR(ceremony) *ceremony = make_ceremony();
    struct ceremony_signer signer = make_signer();
    (void)state;
    static const struct {
        int64_t last, next;
    } cases[] = {{0, 100}, {99, 100}, {100, 101}, {5000, 5001}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO_VAL(buf) pem = {0};
        AUTO_VAL(ca_bundle) bundle = {.count = 0};
        struct crl_facts crl;
        signer.last_crl_number = cases[i].last;
        assert_int_equal(ceremony_crl_number(ceremony, &signer), cases[i].next);
        assert_ok(ceremony_sign(ceremony, &signer, &pem));
        assert_ok(ca_bundle_add(buf_view(&pem), &bundle));
        assert_ok(crl_read(buf_view(&bundle.items[2].der), &crl));
        assert_int_equal(crl.number, cases[i].next);
    }
}

/* --- refused ------------------------------------------------------------------------------------------ */

static void check_refused(struct ceremony *ceremony, const struct ceremony_signer *signer, const char *word)
{
    AUTO_VAL(buf) pem = {0};
    assert_error(ceremony_check(ceremony, signer), ERR_UNPROCESSABLE, word);
    assert_error(ceremony_sign(ceremony, signer, &pem), ERR_UNPROCESSABLE, word);
    assert_int_equal(pem.n, 0);
    ceremony_free(ceremony);
}

static void what_a_root_may_not_sign_is_refused(void **state)
{
    const struct ceremony_signer signer = make_signer();
    struct ceremony *ceremony = make_ceremony();
    (void)state;
    ceremony->certificates[0].lifetime_days = 31 * 366;
    check_refused(ceremony, &signer, "beyond the end of the signing CA");
    ceremony = make_ceremony();
    ceremony->crl_days = 31 * 366;
    check_refused(ceremony, &signer, "the CRL: 11346 days");
    ceremony = make_ceremony();
    ceremony->certificates[0].der.p[ceremony->certificates[0].der.n - 3] ^= 1;
    check_refused(ceremony, &signer, "does not verify with its own key");
    ceremony = make_ceremony();
    ceremony->entries[0].entry.revoked_at_ms = now_ms + 1000;
    check_refused(ceremony, &signer, "revoked in the future");
    ceremony = make_ceremony();
    ceremony->certificates[1].der.n = 0;
    assert_ok(buf_append_bytes(&ceremony->certificates[1].der, authority_borrow_der(house.device)));
    check_refused(ceremony, &signer, "cross certificates are for roots");
    ceremony = make_ceremony();
    ceremony->certificates[1].der.n = 0;
    assert_ok(buf_append_bytes(&ceremony->certificates[1].der, authority_borrow_der(house.root)));
    check_refused(ceremony, &signer, "has the signing CA's own key");
    ceremony = make_ceremony();
    ceremony->issuer_der.n = 0;
    assert_ok(buf_append_bytes(&ceremony->issuer_der, authority_borrow_der(successor)));
    check_refused(ceremony, &signer, "is for another CA");
    ceremony = make_ceremony();
    ceremony->certificate_count = 1;
    buf_clear(&ceremony->certificates[1].der);
    ceremony->has_crl = false;
    ceremony->public_url[0] = 'f';
    check_refused(ceremony, &signer, "no http address");
}

static void a_root_of_another_name_is_not_crossed(void **state)
{
    const struct ceremony_signer signer = make_signer();
    struct ceremony *ceremony = make_ceremony();
    struct company_ca other;
    (void)state;
    company_root(&other);
    ceremony->certificates[1].der.n = 0;
    assert_ok(buf_append_bytes(&ceremony->certificates[1].der, buf_view(&other.der)));
    check_refused(ceremony, &signer, "of another name");
    company_clear(&other);
}

static void a_signer_that_may_not_is_refused(void **state)
{
    struct ceremony_signer signer = make_signer();
    struct ceremony *ceremony = make_ceremony();
    (void)state;
    signer.now_ms = house_from_ms + 31 * year_ms;
    check_refused(ceremony, &signer, "expired");
    ceremony = make_ceremony();
    signer = make_signer();
    signer.authority = house.device;
    ceremony->issuer_der.n = 0;
    assert_ok(buf_append_bytes(&ceremony->issuer_der, authority_borrow_der(house.device)));
    (void)snprintf(ceremony->issuer, sizeof ceremony->issuer, "device");
    check_refused(ceremony, &signer, "pathlen 0");
}

static void what_is_no_ceremony_is_refused(void **state)
{
    AUTO_PTR(ceremony) *ceremony = make_ceremony();
    AUTO_VAL(buf) text = {0};
    (void)state;
    assert_ok(ceremony_write(ceremony, &text));
    for (size_t n = 0; n < text.n - 2; n += 41) {
        AUTO_PTR(ceremony) *none = NULL;
        assert_error(ceremony_read((struct bytes){text.p, n}, &none), ERR_UNPROCESSABLE, "");
    }
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"{}", "no file of"},
        {"[]", "no file of"},
        {"{\"format\":\"whorl-ca-ceremony/2\"}", "this program knows whorl-ca-ceremony/1"},
        {"{\"format\":\"whorl-ca-ceremony/1\"}", "issuer"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO_PTR(ceremony) *none = NULL;
        assert_error(ceremony_read(bytes_str(bad[i].text), &none), ERR_UNPROCESSABLE, bad[i].word);
    }
}

/* The file with one member of its first certificate, or of its list, in another form. */
static void check_member(const char *where, const char *member, json_t *value, const char *word)
{
    AUTO_PTR(ceremony) *ceremony = make_ceremony();
    AUTO_PTR(ceremony) *none = NULL;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) changed = {0};
    AUTO(json_t) *document = NULL;
    assert_ok(ceremony_write(ceremony, &text));
    assert_ok(json_parse(buf_view(&text), text.n, &document));
    json_t *place = where[0] == 'd'   ? document
                    : where[0] == 'c' ? json_array_get(json_object_get(document, "certificates"), 0)
                                      : json_object_get(document, "crl");
    assert_int_equal(json_object_set_new(place, member, value), 0);
    assert_ok(json_append(&changed, document));
    assert_error(ceremony_read(buf_view(&changed), &none), ERR_UNPROCESSABLE, word);
}

static void wrong_members_are_named(void **state)
{
    (void)state;
    check_member("document", "surprise", json_true(), "surprise");
    check_member("document", "issuer", json_string("../root"), "an authority's id");
    check_member("document", "issuer_certificate", json_string("words"), "neither");
    check_member("certificate", "role", json_string("root"), "no role of an issuing CA");
    check_member("certificate", "kind", json_string("leaf"), "neither");
    check_member("certificate", "lifetime_days", json_integer(0), "lifetime_days");
    check_member("certificate", "request", json_string("words"), "no PEM request");
    check_member("crl", "number", json_integer(0), "number");
    check_member("crl", "revoked", json_null(), "revoked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(it_is_told_in_words),
        cmocka_unit_test(openssl_verifies_what_was_signed),
        cmocka_unit_test(no_crl_number_is_used_twice),
        cmocka_unit_test(what_a_root_may_not_sign_is_refused),
        cmocka_unit_test(a_root_of_another_name_is_not_crossed),
        cmocka_unit_test(a_signer_that_may_not_is_refused),
        cmocka_unit_test(what_is_no_ceremony_is_refused),
        cmocka_unit_test(wrong_members_are_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
