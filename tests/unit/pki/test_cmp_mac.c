/* The MAC of CMP messages: what OpenSSL's client computed is what we compute, and nothing else passes. */
#include "tests/unit/pki/cmp_parts.h"

#include <openssl/hmac.h>

#include "pki/cmp_mac.h"

static const uint8_t CODE[] = "a code that only this device has";

static void read_ok(struct bytes der, struct cmp_header *out)
{
    enum cmp_failure failure;
    assert_ok(cmp_header_read(der, out, &failure));
}

static bool is_good(struct bytes der, struct bytes code)
{
    struct cmp_header header;
    bool out = true;
    read_ok(der, &header);
    assert_ok(cmp_mac_verify(&header, code, &out));
    return out;
}

static void test_messages_of_openssl(void **state)
{
    static const struct {
        int owf, mac;
    } ALGORITHMS[] = {{NID_sha256, NID_hmac_sha1},
                      {NID_sha256, NID_hmacWithSHA256},
                      {NID_sha384, NID_hmacWithSHA512},
                      {NID_sha512, NID_hmacWithSHA384}};
    (void)state;
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof ALGORITHMS[0]; i++) {
        AUTO_VAL(buf) der = {0};
        AUTO(OSSL_CMP_CTX) *client = cmp_client(bytes_str("ref"), BYTES_OF(CODE), &der);
        assert_int_equal(OSSL_CMP_CTX_set_option(client, OSSL_CMP_OPT_OWF_ALGNID, ALGORITHMS[i].owf), 1);
        assert_int_equal(OSSL_CMP_CTX_set_option(client, OSSL_CMP_OPT_MAC_ALGNID, ALGORITHMS[i].mac), 1);
        assert_null(OSSL_CMP_exec_GENM_ses(client));
        openssl_forget_errors();
        assert_true(is_good(buf_view(&der), BYTES_OF(CODE)));
        assert_false(is_good(buf_view(&der), (struct bytes){CODE, sizeof CODE - 1}));
        assert_false(is_good(buf_view(&der), BYTES_NONE));
    }
}

/* Every byte of header and body counts, and so does every byte of the MAC. */
static void test_changed_messages(void **state)
{
    AUTO_VAL(buf) der = {0};
    struct cmp_header header;
    (void)state;
    cmp_mac_genm(bytes_str("ref"), BYTES_OF(CODE), &der);
    read_ok(buf_view(&der), &header);
    const struct bytes places[] = {header.transaction_id, header.sender_nonce, header.sender_kid,
                                   header.mac.salt, header.protection};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t at = (size_t)(places[i].p - der.p) + places[i].n - 1;
        der.p[at] ^= 1;
        assert_false(is_good(buf_view(&der), BYTES_OF(CODE)));
        der.p[at] ^= 1;
    }
    assert_true(is_good(buf_view(&der), BYTES_OF(CODE)));
}

/* A short MAC is not the beginning of a long one. */
static void test_cut_mac(void **state)
{
    AUTO_VAL(buf) der = {0};
    struct cmp_header header;
    bool out = true;
    (void)state;
    cmp_mac_genm(bytes_str("ref"), BYTES_OF(CODE), &der);
    read_ok(buf_view(&der), &header);
    header.protection.n--;
    assert_ok(cmp_mac_verify(&header, BYTES_OF(CODE), &out));
    assert_false(out);
    header.protection.n = 0;
    assert_ok(cmp_mac_verify(&header, BYTES_OF(CODE), &out));
    assert_false(out);
    header.protection_kind = CMP_SIGNED;
    assert_ok(cmp_mac_verify(&header, BYTES_OF(CODE), &out));
    assert_false(out);
}

/* OpenSSL's client has no PBMAC1, so the expected value is put together from its PBKDF2 and HMAC here. */
static void test_pbmac1(void **state)
{
    static const struct parts PARTS = {.algorithm = "30 49 " PBMAC1 " 30 3c 30 2c " PBKDF2 " 30 1f " SALT
                                                    " 02 02 03 e8 02 01 20 " HMAC_256 " " HMAC_256};
    static const uint8_t SALT_BYTES[] = {1, 2, 3, 4, 5, 6, 7, 8};
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) part = {0};
    struct cmp_header header;
    uint8_t key[32], expected[32], mac[CMP_MAC_SIZE_MAX];
    unsigned written = 0;
    size_t size = 0;
    (void)state;
    build(&PARTS, &der);
    read_ok(buf_view(&der), &header);
    assert_ok(cmp_mac_compute(&header, BYTES_OF(CODE), mac, &size));
    struct der_writer w = der_writer(&part);
    size_t mark = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, (struct bytes){header.header_der.p, header.header_der.n + header.body_der.n});
    der_close(&w, mark);
    assert_ok(der_finish(&w));
    assert_int_equal(PKCS5_PBKDF2_HMAC((const char *)CODE, (int)sizeof CODE, SALT_BYTES, sizeof SALT_BYTES,
                                       1000, EVP_sha256(), sizeof key, key),
                     1);
    assert_non_null(HMAC(EVP_sha256(), key, sizeof key, part.p, part.n, expected, &written));
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(mac, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_of_openssl),
        cmocka_unit_test(test_changed_messages),
        cmocka_unit_test(test_cut_mac),
        cmocka_unit_test(test_pbmac1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
