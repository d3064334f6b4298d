/* What the tests of certificate profiles share: devices, an authority for servers at the edge, and the
 * openssl command as the judge. */
#ifndef WHORL_TESTS_PKI_PROFILE_SCENE_H
#define WHORL_TESTS_PKI_PROFILE_SCENE_H

#include "pki/name_constraints.h"
#include "tests/unit/pki/pki_fixture.h"

static struct test_house house;

static const struct certificate_profile plain_profile = {.subject = SUBJECT_DEVICE_ID,
                                                         .san_forms = SAN_NI_URI,
                                                         .key_usage = USAGE_DIGITAL_SIGNATURE,
                                                         .key_purposes = PURPOSE_CLIENT_AUTH};

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

static inline struct authority *make_edge(const char *const *permitted, size_t permitted_count,
                                          const char *const *excluded, size_t excluded_count)
{
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(private_key) *key = NULL;
    const uint8_t serial[SERIAL_SIZE] = {7};
    const struct name_constraints names = {permitted, permitted_count, excluded, excluded_count};
    const struct authority_spec spec = {.id = "edge",
                                        .role = AUTHORITY_EDGE,
                                        .organisation = "Test Works",
                                        .not_before_ms = house_from_ms,
                                        .not_after_ms = house_from_ms + 25 * year_ms,
                                        .publication = test_publication,
                                        .names = &names};
    if (!keystore_has(house.keystore, "ca-edge")) {
        assert_ok(keystore_generate(house.keystore, "ca-edge", KEY_ALG_P256, &key));
    } else {
        assert_ok(keystore_load(house.keystore, "ca-edge", &key));
    }
    assert_ok(authority_make_issuing(&spec, key, house.root, serial, &der));
    return load_authority(&house, "edge", AUTHORITY_EDGE, &der);
}

/* @param profile NULL: none is named */
static inline err_t issue_by(const struct authority *authority, const struct certificate_profile *profile,
                             const struct device_subject *device, struct issued *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(csr) *csr = NULL;
    AUTO_PTR(compiled_profile) *compiled = NULL;
    char id_hex[2 * SHA256_SIZE + 1];
    struct device_subject subject = *device;
    if (profile != NULL) {
        TRY(certificate_profile_compile(profile, &compiled));
    }
    const struct certificate_spec spec = {.serial = {0x21},
                                          .not_before_ms = house_from_ms,
                                          .not_after_ms = house_from_ms + year_ms,
                                          .publication = test_publication,
                                          .profile = compiled};
    make_csr(key, "SHA256", NULL, &der);
    assert_ok(csr_parse(buf_view(&der), &policy_strict, &csr));
    subject.device_id = (struct bytes){csr_borrow_key(csr)->spki_sha256.b, SHA256_SIZE};
    hex_encode(subject.device_id, id_hex);
    subject.device_id_hex = id_hex;
    return authority_issue_device(authority, csr, &subject, &spec, out);
}

static inline void show(struct bytes der, struct buf *out)
{
    write_pem_in(&house.folder, "shown.pem", der);
    assert_int_equal(run_in(&house.folder, "openssl x509 -in shown.pem -noout -text -nameopt RFC2253", out),
                     0);
}

/** `openssl verify` in 2026. @param more "-purpose sslserver -verify_hostname gw.edge.test", … @return
 * whether it holds */
static inline bool verifies(const struct authority *issuing, struct bytes leaf, const char *more)
{
    AUTO_VAL(buf) command = {0};
    AUTO_VAL(buf) output = {0};
    write_pem_in(&house.folder, "root.pem", authority_borrow_der(house.root));
    write_pem_in(&house.folder, "issuing.pem", authority_borrow_der(issuing));
    write_pem_in(&house.folder, "leaf.pem", leaf);
    assert_ok(buf_printf(&command,
                         "openssl verify -x509_strict -check_ss_sig -attime 1775000000 %s -CAfile root.pem "
                         "-untrusted issuing.pem leaf.pem",
                         more));
    int status = run_in(&house.folder, buf_str(&command), &output);
    if (status != 0) {
        print_message("%s\n", buf_str(&output)); /* seen only when the test fails on it */
    }
    return status == 0;
}

#endif
