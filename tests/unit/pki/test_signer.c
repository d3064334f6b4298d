/* Signed statements: what is signed comes back, by whom it was signed is decided, and nothing else passes. */
#include "tests/unit/pki/pki_fixture.h"

#include <openssl/pem.h>

#include "pki/authority_internal.h"
#include "pki/signer.h"

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

static const char TEXT[] = "{\"whorl\":\"statement\"}";

static struct signer *new_signer(const struct authority *authority)
{
    const struct signer_spec spec = {
        .random = random_system(), .now_ms = house_from_ms + 86400000, .publication = test_publication};
    struct signer *signer = NULL;
    assert_ok(signer_new(authority, &spec, &signer));
    return signer;
}

static void sign(const struct authority *authority, struct buf *out)
{
    AUTO_PTR(signer) *signer = new_signer(authority);
    assert_ok(signer_sign(signer, bytes_str(TEXT), house_from_ms + 2 * 86400000LL, out));
}

static void anchors_of(const struct test_house *of, struct buf *out)
{
    assert_ok(certificate_to_pem(authority_borrow_der(of->root), out));
}

static void what_is_signed_comes_back(void **state)
{
    (void)state;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) anchors = {0};
    AUTO_VAL(signed_text) text = {.content = {0}};
    AUTO_VAL(signed_text) unchecked = {.content = {0}};
    struct sha256 name;
    anchors_of(&house, &anchors);
    sign(house.infrastructure, &der);
    assert_ok(signed_text_open(buf_view(&der), buf_view(&anchors), &text));
    assert_true(bytes_is(buf_view(&text.content), TEXT));
    assert_has(text.signer.subject_text, "Whorl audit log");
    assert_int_equal(text.signer.not_after_ms, authority_not_after_ms(house.infrastructure));
    assert_ok(signed_text_open(buf_view(&der), BYTES_NONE, &unchecked));
    assert_ok(anchor_spki_sha256(buf_view(&anchors), &name));
    assert_memory_equal(name.b, authority_spki_sha256(house.root)->b, sizeof name.b);
}

/* The test house lies in the past or in the future of the system's clock: -no_check_time. */
static void openssl_reads_it(void **state)
{
    (void)state;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) anchors = {0};
    AUTO_VAL(buf) out = {0};
    anchors_of(&house, &anchors);
    sign(house.infrastructure, &der);
    write_in(&house.folder, "statement.p7m", buf_view(&der));
    write_in(&house.folder, "anchors.pem", buf_view(&anchors));
    assert_int_equal(
        run_in(&house.folder,
               "openssl cms -verify -inform DER -in statement.p7m -CAfile anchors.pem -purpose any "
               "-no_check_time 2>/dev/null",
               &out),
        0);
    assert_string_equal(buf_str(&out), TEXT);
}

static void others_do_not_pass(void **state)
{
    (void)state;
    struct test_house other;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) anchors = {0};
    AUTO_VAL(signed_text) text = {.content = {0}};
    test_house_init(&other, KEY_ALG_P256);
    anchors_of(&other, &anchors);
    sign(house.infrastructure, &der);
    assert_error(signed_text_open(buf_view(&der), buf_view(&anchors), &text), ERR_FORBIDDEN,
                 "not by this installation");
    assert_error(signed_text_open(buf_view(&der), bytes_str("no pem"), &text), ERR_UNPROCESSABLE, "no PEM");
    test_house_clear(&other);
}

/* A device's certificate leads to the same root, but is not for signing documents. */
static void another_use_does_not_pass(void **state)
{
    (void)state;
    AUTO_VAL(buf) anchors = {0};
    AUTO_VAL(buf) out = {0};
    AUTO_VAL(issued) issued = {.der = {0}};
    AUTO_VAL(signed_text) text = {.content = {0}};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    anchors_of(&house, &anchors);
    issue_device(&house, key, house_from_ms, 30, &issued);
    AUTO_VAL(buf) certificate = {0};
    AUTO_VAL(buf) chain = {0};
    AUTO_VAL(buf) key_pem = {0};
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *p = NULL;
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long n = BIO_get_mem_data(bio, &p);
    assert_ok(buf_append(&key_pem, p, (size_t)n));
    assert_ok(certificate_to_pem(buf_view(&issued.der), &certificate));
    assert_ok(certificate_to_pem(authority_borrow_der(house.device), &chain));
    write_in(&house.folder, "device.pem", buf_view(&certificate));
    write_in(&house.folder, "device.key", buf_view(&key_pem));
    write_in(&house.folder, "chain.pem", buf_view(&chain));
    write_in(&house.folder, "text", bytes_str(TEXT));
    assert_int_equal(
        run_in(&house.folder,
               "openssl cms -sign -nodetach -binary -in text -signer device.pem -inkey device.key "
               "-certfile chain.pem -outform DER",
               &out),
        0);
    assert_error(signed_text_open(buf_view(&out), buf_view(&anchors), &text), ERR_FORBIDDEN,
                 "not for signing documents");
}

static void every_byte_counts(void **state)
{
    (void)state;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) anchors = {0};
    anchors_of(&house, &anchors);
    sign(house.infrastructure, &der);
    size_t passed = 0;
    for (size_t i = 0; i < der.n; i++) {
        AUTO_VAL(signed_text) text = {.content = {0}};
        der.p[i] ^= 0x20;
        bool is_good = signed_text_open(buf_view(&der), buf_view(&anchors), &text).code == ERR_OK;
        if (is_good) { /* what is neither signed nor read, as a spelling of an algorithm's parameters */
            assert_true(bytes_is(buf_view(&text.content), TEXT));
            passed++;
        }
        der.p[i] ^= 0x20;
    }
    assert_true(passed * 20 < der.n); /* the frame: versions, algorithms said twice, names of the signer */
    for (size_t n = 0; n < der.n; n += 13) {
        AUTO_VAL(signed_text) text = {.content = {0}};
        assert_int_equal(signed_text_open((struct bytes){der.p, n}, BYTES_NONE, &text).code,
                         ERR_BAD_ENCODING);
    }
    assert_ok(buf_append(&der, "x", 1));
    AUTO_VAL(signed_text) text = {.content = {0}};
    assert_int_equal(signed_text_open(buf_view(&der), BYTES_NONE, &text).code, ERR_BAD_ENCODING);
}

static void without_the_key_nothing_is_signed(void **state)
{
    (void)state;
    AUTO_PTR(authority) *offline = NULL;
    const struct signer_spec spec = {
        .random = random_system(), .now_ms = house_from_ms, .publication = test_publication};
    struct signer *signer = NULL;
    assert_ok(authority_load("infrastructure", AUTHORITY_INFRASTRUCTURE,
                             authority_borrow_der(house.infrastructure), NULL, &offline));
    assert_int_equal(signer_new(offline, &spec, &signer).code, ERR_UNAVAILABLE);
    assert_null(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_comes_back), cmocka_unit_test(openssl_reads_it),
        cmocka_unit_test(others_do_not_pass),        cmocka_unit_test(another_use_does_not_pass),
        cmocka_unit_test(every_byte_counts),         cmocka_unit_test(without_the_key_nothing_is_signed),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
