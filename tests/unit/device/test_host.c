/* The host's ports: files that are replaced whole, OpenSSL's P-256 against wrong input, trust anchors. TLS
 * itself is tried end to end against the real server. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/host/file_storage.h"
#include "device/host/key_openssl.h"
#include "device/host/pem.h"
#include "device/host/trust.h"
#include "tests/unit/device/device_fixture.h"

static int make_folder(void **state)
{
    char *folder = strdup("/tmp/whorl-device-test.XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"state.bin", "helper.bin", "ca.pem", "state.bin.tmp"};
    char path[64];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", (const char *)*state, names[i]);
        (void)unlink(path); /* not every test makes every file */
    }
    assert_int_equal(rmdir(*state), 0);
    free(*state);
    return 0;
}

static void records_are_replaced_whole(void **state)
{
    struct host_storage storage;
    uint8_t room[8];
    struct whorl_space into = {room, sizeof room};
    struct whorl_space small = {room, 2};
    size_t size = 99;
    host_storage_init(&storage, *state);
    const struct whorl_storage *port = &storage.port;
    assert_int_equal(port->read(port->context, WHORL_RECORD_STATE, into, &size), WHORL_ERROR_NOT_AVAILABLE);
    assert_int_equal(port->write(port->context, WHORL_RECORD_STATE, whorl_bytes_of("first")), WHORL_OK);
    assert_int_equal(port->write(port->context, WHORL_RECORD_STATE, whorl_bytes_of("two")), WHORL_OK);
    assert_int_equal(port->read(port->context, WHORL_RECORD_STATE, into, &size), WHORL_OK);
    struct whorl_bytes got = {room, size};
    assert_bytes(got, "two");
    assert_int_equal(port->read(port->context, WHORL_RECORD_STATE, small, &size), WHORL_ERROR_SPACE);
    assert_int_equal(port->write(port->context, WHORL_RECORD_HELPER, whorl_bytes_of("12345678")), WHORL_OK);
    assert_int_equal(port->read(port->context, WHORL_RECORD_HELPER, into, &size),
                     WHORL_OK); /* exactly full */
    assert_int_equal(size, 8);
    assert_int_equal(port->erase(port->context, WHORL_RECORD_STATE), WHORL_OK);
    assert_int_equal(port->erase(port->context, WHORL_RECORD_STATE), WHORL_OK);
    assert_int_equal(port->read(port->context, WHORL_RECORD_STATE, into, &size), WHORL_ERROR_NOT_AVAILABLE);
}

static void missing_folder_is_an_error(void **state)
{
    (void)state;
    struct host_storage storage;
    host_storage_init(&storage, "/nonexistent/whorl");
    assert_int_equal(storage.port.write(&storage, WHORL_RECORD_STATE, whorl_bytes_of("x")),
                     WHORL_ERROR_STORAGE);
}

static void signatures_verify_only_as_they_are(void **state)
{
    (void)state;
    struct whorl_key key = key_of(3);
    struct whorl_key other = key_of(4);
    uint8_t hash[32] = {1};
    uint8_t point[WHORL_POINT_BYTES];
    uint8_t signature[WHORL_SIGNATURE_BYTES];
    assert_true(host_crypto.p256_sign(NULL, key, hash, signature));
    assert_true(host_crypto.p256_public(NULL, key, point));
    assert_true(host_crypto.p256_verify(NULL, point, hash, signature));
    signature[63] ^= 1;
    assert_false(host_crypto.p256_verify(NULL, point, hash, signature));
    signature[63] ^= 1;
    hash[31] ^= 1;
    assert_false(host_crypto.p256_verify(NULL, point, hash, signature));
    hash[31] ^= 1;
    assert_true(host_crypto.p256_public(NULL, other, point));
    assert_false(host_crypto.p256_verify(NULL, point, hash, signature));
    point[1] ^= 1; /* not on the curve */
    assert_false(host_crypto.p256_verify(NULL, point, hash, signature));
    host_crypto.p256_destroy(NULL, key);
    host_crypto.p256_destroy(NULL, other);
}

/* A certificate in PEM by our own writer, read back through the trust anchors. @param is_self false: the
 * signature is by another key */
static void write_ca(const char *folder, bool is_self, uint8_t spki_hash[32])
{
    struct whorl_key key = key_of(11);
    struct whorl_key other = key_of(12);
    uint8_t der[1024];
    uint8_t pem[2048];
    uint8_t spki[WHORL_SPKI_BYTES];
    uint8_t *at = der;
    struct whorl_space room = {pem, sizeof pem};
    struct whorl_text text;
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const uint8_t *)"root", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, host_key_of(key));
    assert_true(X509_sign(certificate, host_key_of(is_self ? key : other), EVP_sha256()) > 0);
    int size = i2d_X509(certificate, NULL);
    assert_in_range(size, 1, sizeof der);
    (void)i2d_X509(certificate, &at);
    struct whorl_bytes bytes = {der, (size_t)size};
    whorl_text_begin(&text, room);
    host_pem_put(&text, bytes);
    assert_true(host_file_write(folder, "ca.pem", whorl_text_view(&text)));
    assert_int_equal(whorl_spki_of(&host_crypto, key, spki), WHORL_OK);
    struct whorl_bytes spki_bytes = {spki, sizeof spki};
    assert_int_equal(whorl_sha256(&host_crypto, spki_bytes, spki_hash), WHORL_OK);
    X509_free(certificate);
    host_crypto.p256_destroy(NULL, key);
    host_crypto.p256_destroy(NULL, other);
}

static void server_id_is_of_the_root(void **state)
{
    char path[64];
    uint8_t wanted[32];
    uint8_t got[32];
    const char *problem = "";
    struct host_trust *trust = NULL;
    (void)snprintf(path, sizeof path, "%s/ca.pem", (const char *)*state);
    assert_false(host_trust_new(path, &trust, &problem));
    assert_null(trust);
    write_ca(*state, false, wanted);
    assert_false(host_trust_new(path, &trust, &problem));
    write_ca(*state, true, wanted);
    assert_true(host_trust_new(path, &trust, &problem));
    host_trust_server_id(trust, got);
    assert_memory_equal(got, wanted, 32);
    host_trust_free(trust);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(records_are_replaced_whole),
        cmocka_unit_test(missing_folder_is_an_error),
        cmocka_unit_test(signatures_verify_only_as_they_are),
        IN_FOLDER(server_id_is_of_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
