/* Files that come back from a CA: every form that CAs send, and what is none of them. */
#include "tests/unit/pki/company_fixture.h"

#include <openssl/pem.h>

#include "pki/ca_bundle.h"
#include "pki/ceremony_internal.h"
#include "pki/request_text.h"

struct house {
    struct company_ca root, policy;
    struct buf crl, pem; /* pem: both certificates and the list */
};

static int setup(void **state)
{
    struct house *house = calloc(1, sizeof *house);
    assert_non_null(house);
    company_root(&house->root);
    company_policy(&house->root, &house->policy);
    const struct company_list list = {
        .by = &house->root, .number = 1, .from_ms = house_from_ms, .to_ms = house_from_ms + year_ms};
    company_sign_list(&list, &house->crl);
    assert_ok(certificate_to_pem(buf_view(&house->root.der), &house->pem));
    assert_ok(certificate_to_pem(buf_view(&house->policy.der), &house->pem));
    assert_ok(ceremony_crl_to_pem(buf_view(&house->crl), &house->pem));
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    struct house *house = *state;
    company_clear(&house->root);
    company_clear(&house->policy);
    buf_clear(&house->crl);
    buf_clear(&house->pem);
    free(house);
    return 0;
}

static void check_item(const struct ca_bundle *bundle, size_t at, enum ca_item_kind kind,
                       const struct buf *der)
{
    assert_true(at < bundle->count);
    assert_int_equal(bundle->items[at].kind, kind);
    assert_true(bytes_equal(buf_view(&bundle->items[at].der), buf_view(der)));
}

static void every_form_comes_through_once(void **state)
{
    const struct house *house = *state;
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    AUTO_VAL(buf) noisy = {0};
    AUTO_VAL(buf) pkcs7 = {0};
    const struct bytes ders[] = {buf_view(&house->policy.der)};
    assert_ok(buf_printf(&noisy, "subject=CN = Company\n%s\ntrailing words\n", buf_str(&house->pem)));
    assert_ok(ca_bundle_add(buf_view(&noisy), &bundle));
    check_item(&bundle, 0, CA_ITEM_CERTIFICATE, &house->root.der);
    check_item(&bundle, 1, CA_ITEM_CERTIFICATE, &house->policy.der);
    check_item(&bundle, 2, CA_ITEM_CRL, &house->crl);
    assert_ok(ca_bundle_add(buf_view(&house->root.der), &bundle)); /* DER, and there already */
    assert_ok(ca_bundle_add(buf_view(&house->crl), &bundle));
    assert_ok(certificates_to_pkcs7(ders, 1, &pkcs7));
    assert_ok(ca_bundle_add(buf_view(&pkcs7), &bundle));
    assert_int_equal(bundle.count, 3);
    AUTO_VAL(ca_bundle) alone = {.count = 0};
    assert_ok(ca_bundle_add(buf_view(&house->crl), &alone));
    check_item(&alone, 0, CA_ITEM_CRL, &house->crl);
    AUTO_VAL(ca_bundle) message = {.count = 0};
    assert_ok(ca_bundle_add(buf_view(&pkcs7), &message));
    check_item(&message, 0, CA_ITEM_CERTIFICATE, &house->policy.der);
}

static void pkcs7_of_the_openssl_command_is_read(void **state)
{
    const struct house *house = *state;
    struct test_folder folder;
    AUTO_VAL(buf) out = {0};
    AUTO_VAL(buf) p7b = {0};
    AUTO(char) *path = NULL;
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    test_folder_init(&folder);
    write_in(&folder, "all.pem", buf_view(&house->pem));
    assert_int_equal(run_in(&folder,
                            "openssl crl -in all.pem -out crl.pem && openssl crl2pkcs7 -in crl.pem "
                            "-certfile all.pem -out all.p7b",
                            &out),
                     0);
    assert_ok(path_join(folder.path, "all.p7b", &path));
    assert_ok(file_read(path, 65536, &p7b));
    assert_ok(ca_bundle_add(buf_view(&p7b), &bundle));
    assert_int_equal(bundle.count, 3);
    check_item(&bundle, 2, CA_ITEM_CRL, &house->crl);
    test_folder_clear(&folder);
}

static void private_key_pem(struct buf *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long size = BIO_get_mem_data(bio, &text);
    assert_ok(buf_append(out, text, (size_t)size));
}

static void what_is_none_of_them_is_refused(void **state)
{
    const struct house *house = *state;
    AUTO_VAL(buf) with_key = {0};
    AUTO_VAL(buf) request = {0};
    AUTO_VAL(buf) request_pem = {0};
    AUTO_VAL(buf) cut = {0};
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    assert_ok(buf_append_bytes(&with_key, buf_view(&house->pem)));
    private_key_pem(&with_key);
    assert_error(ca_bundle_add(buf_view(&with_key), &bundle), ERR_UNPROCESSABLE, "PRIVATE KEY");
    make_csr(key, "SHA256", NULL, &request);
    assert_ok(request_to_pem(buf_view(&request), &request_pem));
    assert_error(ca_bundle_add(buf_view(&request_pem), &bundle), ERR_UNPROCESSABLE, "is a request");
    assert_ok(buf_append(&cut, house->pem.p, house->pem.n - 30));
    assert_error(ca_bundle_add(buf_view(&cut), &bundle), ERR_UNPROCESSABLE, "block 3 is broken");
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"", "is empty"},
        {"words", "neither a certificate nor a CRL"},
        {"-----BEGIN CERTIFICATE-----\n", "broken"},
        {"-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n", "broken"},
        {"0", "is broken"},
        {"-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n", "PKCS #7"},
        {"-----BEGIN CERTIFICATE-----\nMAA\n-----END CERTIFICATE-----\n", "broken"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(ca_bundle_add(bytes_str(bad[i].text), &bundle), ERR_UNPROCESSABLE, bad[i].word);
    }
}

static void too_much_is_refused(void **state)
{
    const struct house *house = *state;
    AUTO_VAL(buf) huge = {0};
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    assert_ok(buf_reserve(&huge, CA_BUNDLE_FILE_MAX + 1));
    memset(huge.p, '\n', CA_BUNDLE_FILE_MAX + 1);
    huge.n = CA_BUNDLE_FILE_MAX + 1;
    assert_error(ca_bundle_add(buf_view(&huge), &bundle), ERR_TOO_LARGE, "at most");
    for (uint8_t i = 0; i < CA_BUNDLE_ITEMS_MAX; i++) {
        AUTO_VAL(buf) other = {0};
        assert_ok(buf_append_bytes(&other, buf_view(&house->policy.der)));
        other.p[other.n - 1] = i;
        assert_ok(ca_bundle_add(buf_view(&other), &bundle));
    }
    assert_error(ca_bundle_add(buf_view(&house->crl), &bundle), ERR_UNPROCESSABLE, "more than 32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_comes_through_once),
        cmocka_unit_test(pkcs7_of_the_openssl_command_is_read),
        cmocka_unit_test(what_is_none_of_them_is_refused),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
