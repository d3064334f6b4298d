/* What the device writes in DER, read by OpenSSL: request, first-contact certificate, signatures; and what it
 * reads, written by OpenSSL. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "device/host/key_openssl.h"
#include "tests/unit/device/device_fixture.h"

static const uint8_t an_id[WHORL_ID_BYTES] = {0xab, 1, 2, 3};
static const char an_id_hex[] = "ab01020300000000000000000000000000000000000000000000000000000000";

static void assert_common_name(const X509_NAME *name, const char *wanted)
{
    char text[80] = "";
    assert_int_equal(X509_NAME_entry_count(name), 1);
    assert_true(X509_NAME_get_text_by_NID(name, NID_commonName, text, sizeof text) > 0);
    assert_string_equal(text, wanted);
}

static void csr_is_what_openssl_takes(void **state)
{
    (void)state;
    struct whorl_key key = key_of(7);
    uint8_t name[WHORL_NAME_MAX];
    uint8_t room[WHORL_CSR_MAX];
    struct whorl_space name_room = {name, sizeof name};
    struct whorl_space space = {room, sizeof room};
    struct whorl_csr_wish wish = {.key = key};
    struct whorl_bytes csr;
    assert_int_equal(whorl_name_write(an_id, name_room, &wish.subject), WHORL_OK);
    for (unsigned i = 0; i < 50; i++) { /* signatures of many lengths */
        assert_int_equal(whorl_csr_write(&host_crypto, &wish, space, &csr), WHORL_OK);
        const uint8_t *at = csr.data;
        X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)csr.size);
        assert_non_null(request);
        assert_ptr_equal(at, csr.data + csr.size);
        assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
        assert_int_equal(EVP_PKEY_eq(X509_REQ_get0_pubkey(request), host_key_of(key)), 1);
        assert_int_equal(X509_REQ_get_version(request), 0);
        assert_int_equal(X509_REQ_get_attr_count(request), 0);
        assert_common_name(X509_REQ_get_subject_name(request), an_id_hex);
        X509_REQ_free(request);
    }
    struct whorl_space small = {room, 100};
    assert_int_equal(whorl_csr_write(&host_crypto, &wish, small, &csr), WHORL_ERROR_SPACE);
    small.size = 200; /* the body fits, the signature does not */
    assert_int_equal(whorl_csr_write(&host_crypto, &wish, small, &csr), WHORL_ERROR_SPACE);
    host_crypto.p256_destroy(host_crypto.context, key);
}

static void first_contact_certificate_verifies(void **state)
{
    (void)state;
    struct whorl_key key = key_of(9);
    uint8_t room[WHORL_CERTIFICATE_MAX];
    uint8_t spki[WHORL_SPKI_BYTES];
    uint8_t id[32];
    uint8_t hex[65] = {0};
    struct whorl_space space = {room, sizeof room};
    struct whorl_space hex_room = {hex, 64};
    struct whorl_bytes der;
    struct whorl_text text;
    assert_int_equal(whorl_identity_certificate(&host_crypto, key, space, &der), WHORL_OK);
    const uint8_t *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    assert_non_null(certificate);
    assert_ptr_equal(at, der.data + der.size);
    assert_int_equal(X509_verify(certificate, host_key_of(key)), 1);
    assert_int_equal(X509_self_signed(certificate, 1), 1);
    assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
    assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(certificate), XKU_SSL_CLIENT);
    assert_int_equal(X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0), 1);
    assert_true(X509_cmp_time(X509_get0_notBefore(certificate), &(time_t){1767225600}) < 0); /* 2026-01-01 */
    assert_true(X509_cmp_time(X509_get0_notAfter(certificate), &(time_t){2366841599}) > 0);  /* end of 2044 */
    assert_false(ASN1_STRING_get0_data(X509_get0_serialNumber(certificate))[0] == 0);

    assert_int_equal(whorl_spki_of(&host_crypto, key, spki), WHORL_OK);
    struct whorl_bytes spki_bytes = {spki, sizeof spki};
    struct whorl_bytes id_bytes = {id, sizeof id};
    assert_int_equal(whorl_sha256(&host_crypto, spki_bytes, id), WHORL_OK);
    whorl_text_begin(&text, hex_room);
    whorl_text_hex(&text, id_bytes);
    assert_common_name(X509_get_subject_name(certificate), (const char *)hex);
    assert_common_name(X509_get_issuer_name(certificate), (const char *)hex);
    uint8_t *theirs = NULL;
    assert_int_equal(i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &theirs), (int)sizeof spki);
    assert_memory_equal(theirs, spki, sizeof spki);
    OPENSSL_free(theirs);
    X509_free(certificate);
    host_crypto.p256_destroy(host_crypto.context, key);
}

/* A certificate as a CA makes it. @param san NULL: none */
static struct whorl_bytes issue(EVP_PKEY *key, const char *san, uint8_t *room, size_t size)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0xc0ffee);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"ACME", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"unit 7", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    static const char *const basic[][2] = {{"basicConstraints", "critical,CA:FALSE"}};
    X509_EXTENSION *extension = X509V3_EXT_conf(NULL, NULL, basic[0][0], basic[0][1]);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    if (san != NULL) {
        extension = X509V3_EXT_conf(NULL, NULL, "subjectAltName", san);
        assert_non_null(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    int length = i2d_X509(certificate, NULL);
    assert_true(length > 0 && (size_t)length <= size);
    uint8_t *at = room;
    (void)i2d_X509(certificate, &at);
    X509_free(certificate);
    return (struct whorl_bytes){room, (size_t)length};
}

/* Renewal: subject and SAN of the request are those of the certificate, byte for byte. */
static void request_repeats_subject_and_san(void **state)
{
    (void)state;
    static const char *const sans[] = {NULL, "URI:urn:whorl:device:1", "critical,DNS:a.example,URI:urn:x"};
    struct whorl_key key = key_of(5);
    for (size_t i = 0; i < sizeof sans / sizeof sans[0]; i++) {
        uint8_t certificate_room[1024];
        uint8_t room[WHORL_CSR_MAX];
        struct whorl_space space = {room, sizeof room};
        struct whorl_certificate parts;
        struct whorl_bytes csr;
        struct whorl_bytes der = issue(host_key_of(key), sans[i], certificate_room, sizeof certificate_room);
        assert_true(whorl_certificate_read(der, &parts));
        assert_int_equal(parts.serial.size, 4); /* 00 c0 ff ee */
        assert_int_equal(parts.spki.size, WHORL_SPKI_BYTES);
        assert_int_equal(parts.san.size == 0, sans[i] == NULL);
        const struct whorl_csr_wish wish = {key, parts.subject, parts.san};
        assert_int_equal(whorl_csr_write(&host_crypto, &wish, space, &csr), WHORL_OK);

        const uint8_t *at = csr.data;
        const uint8_t *from = der.data;
        X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)csr.size);
        X509 *certificate = d2i_X509(NULL, &from, (long)der.size);
        assert_non_null(request);
        assert_int_equal(X509_REQ_verify(request, host_key_of(key)), 1);
        assert_int_equal(
            X509_NAME_cmp(X509_REQ_get_subject_name(request), X509_get_subject_name(certificate)), 0);
        STACK_OF(X509_EXTENSION) *asked = X509_REQ_get_extensions(request);
        assert_int_equal(sk_X509_EXTENSION_num(asked) == 1, sans[i] != NULL);
        if (sans[i] != NULL) {
            X509_EXTENSION *mine = sk_X509_EXTENSION_value(asked, 0);
            X509_EXTENSION *theirs =
                X509_get_ext(certificate, X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1));
            assert_int_equal(
                ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(mine), X509_EXTENSION_get_data(theirs)), 0);
            assert_int_equal(X509_EXTENSION_get_critical(mine), X509_EXTENSION_get_critical(theirs));
        }
        sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
        X509_REQ_free(request);
        X509_free(certificate);
    }
    host_crypto.p256_destroy(host_crypto.context, key);
}

/* No prefix and no flipped length of a certificate is read over its end (the sanitizer watches). */
static void broken_certificates_are_refused(void **state)
{
    (void)state;
    struct whorl_key key = key_of(5);
    uint8_t room[1024];
    struct whorl_certificate parts;
    struct whorl_bytes der = issue(host_key_of(key), "DNS:a.example", room, sizeof room);
    for (size_t size = 0; size < der.size; size++) {
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, der.data, size);
        struct whorl_bytes cut = {exact, size};
        assert_false(whorl_certificate_read(cut, &parts));
        free(exact);
    }
    for (size_t at = 0; at < der.size; at++) {
        uint8_t *changed = malloc(der.size);
        assert_non_null(changed);
        memcpy(changed, der.data, der.size);
        changed[at] ^= 0x80;
        struct whorl_bytes whole = {changed, der.size};
        (void)whorl_certificate_read(whole, &parts);
        free(changed);
    }
    host_crypto.p256_destroy(host_crypto.context, key);
}

static void signatures_are_shortest_der(void **state)
{
    (void)state;
    static const struct {
        uint8_t r_first;
        uint8_t s_first;
        size_t size;
        uint8_t head[6];
    } rows[] = {{0x7f, 0x7f, 70, {0x30, 0x44, 0x02, 0x20, 0x7f, 0x11}},
                {0x80, 0x7f, 71, {0x30, 0x45, 0x02, 0x21, 0x00, 0x80}},
                {0xff, 0xff, 72, {0x30, 0x46, 0x02, 0x21, 0x00, 0xff}},
                {0x00, 0x7f, 69, {0x30, 0x43, 0x02, 0x1f, 0x11, 0x11}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t raw[WHORL_SIGNATURE_BYTES];
        uint8_t der[WHORL_ECDSA_DER_MAX];
        memset(raw, 0x11, sizeof raw);
        raw[0] = rows[i].r_first;
        raw[32] = rows[i].s_first;
        assert_int_equal(whorl_der_signature(raw, der), rows[i].size);
        assert_memory_equal(der, rows[i].head, sizeof rows[i].head);
    }
}

/* A fault in the signer must not leave the chip. */
static bool faulty_sign(void *context, struct whorl_key key, const uint8_t hash[32], uint8_t out[64])
{
    bool is_signed = host_crypto.p256_sign(context, key, hash, out);
    out[40] ^= 1;
    return is_signed;
}

static void faulty_signature_is_held_back(void **state)
{
    (void)state;
    struct whorl_crypto crypto = host_crypto;
    struct whorl_key key = key_of(5);
    uint8_t out[WHORL_ECDSA_DER_MAX];
    size_t size = 0;
    assert_int_equal(whorl_sign(&crypto, key, whorl_bytes_of("text"), out, &size), WHORL_OK);
    crypto.p256_sign = faulty_sign;
    assert_int_equal(whorl_sign(&crypto, key, whorl_bytes_of("text"), out, &size), WHORL_ERROR_CRYPTO);
    host_crypto.p256_destroy(host_crypto.context, key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csr_is_what_openssl_takes),
        cmocka_unit_test(first_contact_certificate_verifies),
        cmocka_unit_test(request_repeats_subject_and_san),
        cmocka_unit_test(broken_certificates_are_refused),
        cmocka_unit_test(signatures_are_shortest_der),
        cmocka_unit_test(faulty_signature_is_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
