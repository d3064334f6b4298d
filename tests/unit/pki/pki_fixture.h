/* What the tests of pki/ share: assertions on err_t, requests and keys made by OpenSSL (never by the code
 * under test), a folder that vanishes, a complete set of authorities, and the openssl command as a second
 * opinion. */
#ifndef WHORL_TESTS_PKI_FIXTURE_H
#define WHORL_TESTS_PKI_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "pki/authority.h"
#include "pki/certificate.h"
#include "pki/openssl.h"
#include "tests/unit/pki/memory_keystore.h"

DEFINE_AUTO(X509_REQ, X509_REQ_free);

static const struct key_policy policy_strict = {.allow_rsa = false, .allow_rsa_2048 = false};
static const struct key_policy policy_rsa = {.allow_rsa = true, .allow_rsa_2048 = false};
static const struct key_policy policy_rsa_2048 = {.allow_rsa = true, .allow_rsa_2048 = true};

#define assert_ok(expression)                                                                                \
    do {                                                                                                     \
        err_t ok_error_ = (expression);                                                                      \
        if (ok_error_.code != ERR_OK) {                                                                      \
            fail_msg("%s:%d: %s: %s", ok_error_.file, ok_error_.line, err_slug(ok_error_.code),              \
                     ok_error_.detail);                                                                      \
        }                                                                                                    \
    } while (0)

/* The code, and a word of the reason that a person gets. */
#define assert_error(expression, expected_code, word)                                                        \
    do {                                                                                                     \
        err_t bad_error_ = (expression);                                                                     \
        if (bad_error_.code != (expected_code) || strstr(bad_error_.detail, (word)) == NULL) {               \
            fail_msg("got %s: \"%s\", expected %s with \"%s\"", err_slug(bad_error_.code),                   \
                     bad_error_.detail, err_slug(expected_code), (word));                                    \
        }                                                                                                    \
    } while (0)

static inline void bytes_of_i2d(int size, unsigned char *der, struct buf *out)
{
    assert_true(size > 0);
    assert_ok(buf_append(out, der, (size_t)size));
    OPENSSL_free(der);
}

static inline void spki_of(EVP_PKEY *key, struct buf *out)
{
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    bytes_of_i2d(size, der, out);
}

static inline EVP_PKEY *ec_key(const char *group)
{
    EVP_PKEY *key = EVP_EC_gen(group);
    assert_non_null(key);
    return key;
}

/** A request signed by `key`. @param digest NULL for Ed25519 @param edit adds to the request before it is
 * signed, or NULL */
static inline void make_csr(EVP_PKEY *key, const char *digest, void (*edit)(X509_REQ *), struct buf *out)
{
    AUTO(X509_REQ) *request = X509_REQ_new();
    unsigned char *der = NULL;
    assert_non_null(request);
    X509_NAME *name = X509_REQ_get_subject_name(request);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"a device", -1, -1, 0),
        1);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    if (edit != NULL) {
        edit(request);
    }
    assert_true(X509_REQ_sign(request, key, digest == NULL ? NULL : EVP_get_digestbyname(digest)) > 0);
    int size = i2d_X509_REQ(request, &der);
    bytes_of_i2d(size, der, out);
}

/* --- a folder of its own for each program */

struct test_folder {
    char path[64];
};

static inline void test_folder_init(struct test_folder *folder)
{
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/whorl-test-pki-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

static inline void test_folder_clear(struct test_folder *folder)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder->path);
    assert_int_equal(system(command), 0);
}

static inline void write_in(const struct test_folder *folder, const char *name, struct bytes content)
{
    AUTO(char) *path = NULL;
    assert_ok(path_join(folder->path, name, &path));
    assert_ok(file_write_durable(path, content, 0600));
}

static inline void write_pem_in(const struct test_folder *folder, const char *name, struct bytes der)
{
    AUTO_VAL(buf) pem = {0};
    assert_ok(certificate_to_pem(der, &pem));
    write_in(folder, name, buf_view(&pem));
}

/** Runs `command` inside the folder; its output goes into `out`. @return its exit status */
static inline int run_in(const struct test_folder *folder, const char *command, struct buf *out)
{
    AUTO_VAL(buf) line = {0};
    char chunk[4096];
    size_t n = 0;
    assert_ok(buf_printf(&line, "cd '%s' && { %s; } 2>&1", folder->path, command));
    FILE *pipe = popen(buf_str(&line), "r");
    assert_non_null(pipe);
    while ((n = fread(chunk, 1, sizeof chunk, pipe)) > 0) {
        assert_ok(buf_append(out, chunk, n));
    }
    return pclose(pipe);
}

#define assert_has(text, word)                                                                               \
    do {                                                                                                     \
        if (strstr((text), (word)) == NULL) {                                                                \
            fail_msg("\"%s\" is not in:\n%s", (word), (text));                                               \
        }                                                                                                    \
    } while (0)

/* --- authorities as init makes them */

struct test_house {
    struct test_folder folder;
    struct keystore *keystore;
    struct memory_keys *keys; /* of the keystore */
    struct authority *root, *device, *infrastructure;
};

static const struct publication test_publication = {.public_url = "http://pki.example:8080"};
static const int64_t year_ms = 365LL * 86400 * 1000;
static const int64_t house_from_ms = 1767225600000; /* 2026-01-01T00:00:00Z */

static inline struct authority *load_authority(struct test_house *house, const char *id,
                                               enum authority_role role, const struct buf *der)
{
    AUTO_VAL(buf) label = {0};
    struct private_key *key = NULL;
    struct authority *authority = NULL;
    assert_ok(buf_printf(&label, "ca-%s", id));
    assert_ok(keystore_load(house->keystore, buf_str(&label), &key));
    assert_ok(authority_load(id, role, buf_view(der), key, &authority));
    return authority;
}

static inline struct authority *make_authority(struct test_house *house, const char *id,
                                               enum authority_role role, enum key_alg alg)
{
    AUTO_VAL(buf) label = {0};
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(private_key) *key = NULL;
    uint8_t serial[SERIAL_SIZE] = {0};
    const struct authority_spec spec = {
        .id = id,
        .role = role,
        .organisation = "Test Works",
        .not_before_ms = house_from_ms,
        .not_after_ms = house_from_ms + (role == AUTHORITY_ROOT ? 30 : 25) * year_ms,
        .publication = test_publication,
    };
    assert_ok(random_fill(random_system(), serial, sizeof serial));
    assert_ok(buf_printf(&label, "ca-%s", id));
    assert_ok(keystore_generate(house->keystore, buf_str(&label), alg, &key));
    assert_ok(role == AUTHORITY_ROOT ? authority_make_root(&spec, key, serial, &der)
                                     : authority_make_issuing(&spec, key, house->root, serial, &der));
    return load_authority(house, id, role, &der);
}

static inline void test_house_init(struct test_house *house, enum key_alg alg)
{
    *house = (struct test_house){0};
    test_folder_init(&house->folder);
    assert_ok(keystore_open_memory(&house->keystore, &house->keys));
    house->root = make_authority(house, "root", AUTHORITY_ROOT, alg);
    house->device = make_authority(house, "device", AUTHORITY_DEVICE, alg);
    house->infrastructure = make_authority(house, "infrastructure", AUTHORITY_INFRASTRUCTURE, alg);
}

static inline void test_house_clear(struct test_house *house)
{
    authority_free(house->root);
    authority_free(house->device);
    authority_free(house->infrastructure);
    keystore_free(house->keystore);
    test_folder_clear(&house->folder);
}

/** A device certificate over `key`, valid for `days` from `from_ms`. */
static inline void issue_device(const struct test_house *house, EVP_PKEY *key, int64_t from_ms, int days,
                                struct issued *out)
{
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(csr) *csr = NULL;
    char id_hex[2 * SHA256_SIZE + 1];
    struct certificate_spec spec = {.not_before_ms = from_ms,
                                    .not_after_ms = from_ms + days * 86400000LL,
                                    .publication = test_publication};
    make_csr(key, EVP_PKEY_is_a(key, "ED25519") ? NULL : "SHA256", NULL, &der);
    assert_ok(csr_parse(buf_view(&der), &policy_rsa, &csr));
    struct bytes id = {csr_borrow_key(csr)->spki_sha256.b, SHA256_SIZE};
    hex_encode(id, id_hex);
    assert_ok(random_fill(random_system(), spec.serial, sizeof spec.serial));
    const struct device_subject subject = {.device_id_hex = id_hex, .serial_number = "SN-1", .device_id = id};
    assert_ok(authority_issue_device(house->device, csr, &subject, &spec, out));
}

#endif
