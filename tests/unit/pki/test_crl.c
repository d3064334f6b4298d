/* CRLs, read back by OpenSSL: signature, order, reasons, dates, and what `openssl verify -crl_check` makes of
 * them. */
#include "tests/unit/pki/pki_fixture.h"

#include <time.h>

#include "pki/authority_internal.h"

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

DEFINE_AUTO(X509_CRL, X509_CRL_free);

static void sign(const struct crl_entry *entries, size_t count, struct buf *der)
{
    const struct crl_spec spec = {.number = 0x1ff,
                                  .this_update_ms = house_from_ms + 1999,
                                  .next_update_ms = house_from_ms + 26 * year_ms,
                                  .entries = entries,
                                  .count = count};
    assert_ok(authority_sign_crl(house.device, &spec, der));
}

static X509_CRL *read_crl(const struct buf *der)
{
    const unsigned char *p = der->p;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der->n);
    assert_non_null(crl);
    assert_ptr_equal(p, der->p + der->n);
    return crl;
}

static void test_empty(void **state)
{
    AUTO_VAL(buf) der = {0};
    AUTO(X509_CRL) *crl = NULL;
    (void)state;
    sign(NULL, 0, &der);
    crl = read_crl(&der);
    assert_int_equal(X509_CRL_get_version(crl), 1);
    assert_int_equal(X509_CRL_verify(crl, house.device->public_key), 1);
    assert_null(X509_CRL_get_REVOKED(crl)); /* absent, not an empty list */
    AUTO_VAL(buf) text = {0};
    write_in(&house.folder, "empty.crl", buf_view(&der));
    assert_int_equal(run_in(&house.folder, "openssl crl -in empty.crl -inform DER -noout -text", &text), 0);
    assert_has(buf_str(&text), "No Revoked Certificates");
    assert_has(buf_str(&text), "X509v3 CRL Number: \n                511");
    assert_has(buf_str(&text), "Last Update: Jan  1 00:00:01 2026 GMT");
    assert_has(buf_str(&text), "X509v3 Authority Key Identifier");
    assert_non_null(memmem(der.p, der.n,
                           "\x18\x0f"
                           "2051",
                           6)); /* nextUpdate beyond 2049 */
}

static void test_entries(void **state)
{
    static const struct crl_entry entries[] = {
        {{0x7f, 0xff}, house_from_ms, 4},
        {{0x00, 0x00, 0x80, 1}, house_from_ms + 61000, 1}, /* needs a zero in front in DER */
        {{0x01}, house_from_ms + 25 * year_ms, 0},
        {{0x7f, 0xfe}, house_from_ms, 10},
    };
    static const int reasons_by_serial[] = {1, CRL_REASON_NONE, 10, 4};
    AUTO_VAL(buf) der = {0};
    AUTO(X509_CRL) *crl = NULL;
    (void)state;
    sign(entries, 4, &der);
    crl = read_crl(&der);
    assert_int_equal(X509_CRL_verify(crl, house.device->public_key), 1);
    STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(crl);
    assert_int_equal(sk_X509_REVOKED_num(list), 4);
    for (int i = 0; i < 4; i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(list, i);
        const X509_REVOKED *before = i == 0 ? NULL : sk_X509_REVOKED_value(list, i - 1);
        assert_true(before == NULL || ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(before),
                                                       X509_REVOKED_get0_serialNumber(entry)) < 0);
        int critical = 0;
        ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, NULL);
        assert_int_equal(reason == NULL ? CRL_REASON_NONE : ASN1_ENUMERATED_get(reason),
                         reasons_by_serial[i]);
        ASN1_ENUMERATED_free(reason);
    }
    assert_int_equal(ASN1_STRING_type(X509_REVOKED_get0_revocationDate(sk_X509_REVOKED_value(list, 1))),
                     V_ASN1_GENERALIZEDTIME);
    assert_int_equal(ASN1_STRING_type(X509_REVOKED_get0_revocationDate(sk_X509_REVOKED_value(list, 0))),
                     V_ASN1_UTCTIME);
}

static void test_a_revoked_certificate_is_refused(void **state)
{
    static const char *const command =
        "openssl verify -x509_strict -attime 1775000000 -crl_check -CAfile root.pem "
        "-untrusted device.pem -CRLfile device.crl.pem leaf.pem";
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) before = {0};
    AUTO_VAL(buf) after = {0};
    AUTO_VAL(buf) output = {0};
    struct crl_entry entry = {.revoked_at_ms = house_from_ms, .reason = 1};
    (void)state;
    issue_device(&house, key, house_from_ms, 365, &issued);
    memcpy(entry.serial, issued.serial, SERIAL_SIZE);
    write_pem_in(&house.folder, "root.pem", authority_borrow_der(house.root));
    write_pem_in(&house.folder, "device.pem", authority_borrow_der(house.device));
    write_pem_in(&house.folder, "leaf.pem", buf_view(&issued.der));
    sign(NULL, 0, &before);
    write_in(&house.folder, "device.crl", buf_view(&before));
    assert_int_equal(
        run_in(&house.folder, "openssl crl -in device.crl -inform DER -out device.crl.pem", &output), 0);
    assert_int_equal(run_in(&house.folder, command, &output), 0);
    sign(&entry, 1, &after);
    write_in(&house.folder, "device.crl", buf_view(&after));
    assert_int_equal(
        run_in(&house.folder, "openssl crl -in device.crl -inform DER -out device.crl.pem", &output), 0);
    assert_int_not_equal(run_in(&house.folder, command, &output), 0);
    assert_has(buf_str(&output), "certificate revoked");
}

/* A certificate that points to a shard, and lists of that shard and of another. */
static void issue_with_shard(EVP_PKEY *key, const char *url, struct issued *out)
{
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(csr) *csr = NULL;
    char id_hex[2 * SHA256_SIZE + 1];
    struct certificate_spec spec = {.not_before_ms = house_from_ms,
                                    .not_after_ms = house_from_ms + year_ms,
                                    .publication = test_publication};
    spec.publication.crl_url = url;
    make_csr(key, "SHA256", NULL, &der);
    assert_ok(csr_parse(buf_view(&der), &policy_rsa, &csr));
    struct bytes id = {csr_borrow_key(csr)->spki_sha256.b, SHA256_SIZE};
    hex_encode(id, id_hex);
    assert_ok(random_fill(random_system(), spec.serial, sizeof spec.serial));
    const struct device_subject subject = {.device_id_hex = id_hex, .serial_number = "", .device_id = id};
    assert_ok(authority_issue_device(house.device, csr, &subject, &spec, out));
}

static void write_shard(const char *url, const struct crl_entry *entry, struct buf *der)
{
    AUTO_VAL(buf) output = {0};
    const struct crl_spec spec = {.number = 7,
                                  .this_update_ms = house_from_ms,
                                  .next_update_ms = house_from_ms + year_ms,
                                  .entries = entry,
                                  .count = entry != NULL ? 1 : 0,
                                  .distribution_point = url};
    buf_clear(der);
    assert_ok(authority_sign_crl(house.device, &spec, der));
    write_in(&house.folder, "shard.crl", buf_view(der));
    assert_int_equal(
        run_in(&house.folder, "openssl crl -in shard.crl -inform DER -out shard.crl.pem", &output), 0);
}

static void test_a_shard_serves_its_own_certificates(void **state)
{
    static const char mine[] = "http://pki.example:8080/crl/device/3.crl";
    static const char other[] = "http://pki.example:8080/crl/device/4.crl";
    static const char *const command =
        "openssl verify -x509_strict -attime 1775000000 -extended_crl -crl_check -CAfile root.pem "
        "-untrusted device.pem -CRLfile shard.crl.pem leaf.pem";
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) crl = {0};
    AUTO_VAL(buf) output = {0};
    struct crl_entry entry = {.revoked_at_ms = house_from_ms, .reason = 1};
    (void)state;
    issue_with_shard(key, mine, &issued);
    write_pem_in(&house.folder, "root.pem", authority_borrow_der(house.root));
    write_pem_in(&house.folder, "device.pem", authority_borrow_der(house.device));
    write_pem_in(&house.folder, "leaf.pem", buf_view(&issued.der));
    write_shard(mine, NULL, &crl);
    /* [0] { [0] { [6] the address } }: the same bytes in both */
    uint8_t point[6 + sizeof mine - 1] = {0xa0, sizeof mine - 1 + 4, 0xa0, sizeof mine - 1 + 2,
                                          0x86, sizeof mine - 1};
    memcpy(point + 6, mine, sizeof mine - 1);
    assert_non_null(memmem(crl.p, crl.n, point, sizeof point));
    assert_non_null(memmem(issued.der.p, issued.der.n, point, sizeof point));
    assert_int_equal(run_in(&house.folder, command, &output), 0);
    memcpy(entry.serial, issued.serial, SERIAL_SIZE);
    write_shard(mine, &entry, &crl);
    assert_int_not_equal(run_in(&house.folder, command, &output), 0);
    assert_has(buf_str(&output), "certificate revoked");
    write_shard(other, NULL, &crl);
    buf_clear(&output);
    assert_int_not_equal(run_in(&house.folder, command, &output), 0);
    assert_has(buf_str(&output), "ifferent CRL scope");
}

static void test_refuses_impossible_reasons(void **state)
{
    static const int bad[] = {-1, 7, 8, 11};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO_VAL(buf) der = {0};
        const struct crl_entry entry = {.serial = {1}, .revoked_at_ms = house_from_ms, .reason = bad[i]};
        const struct crl_spec spec = {.number = 1,
                                      .this_update_ms = house_from_ms,
                                      .next_update_ms = house_from_ms + 1000,
                                      .entries = &entry,
                                      .count = 1};
        assert_error(authority_sign_crl(house.device, &spec, &der), ERR_INTERNAL, "no reason");
        assert_int_equal(der.n, 0);
    }
}

static struct crl_entry *make_entries(size_t count)
{
    struct crl_entry *entries = calloc(count, sizeof *entries);
    assert_non_null(entries);
    for (size_t i = 0; i < count; i++) {
        uint32_t mixed = (uint32_t)i * 2654435761U;
        memcpy(entries[i].serial + 1, &mixed, sizeof mixed);
        entries[i].serial[0] = 1;
        entries[i].revoked_at_ms = house_from_ms;
        entries[i].reason = 4;
    }
    return entries;
}

static double seconds_for(const struct crl_entry *entries, size_t count, struct buf *der)
{
    clock_t start = clock();
    sign(entries, count, der);
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/* A hundred thousand entries are one buffer and one sort: ten times as many cost about ten times as much, not
 * a hundred. */
static void test_many_entries_are_quick(void **state)
{
    enum { FEW = 10000, MANY = 100000 };
    struct crl_entry *entries = make_entries(MANY);
    AUTO_VAL(buf) few = {0};
    AUTO_VAL(buf) many = {0};
    AUTO(X509_CRL) *crl = NULL;
    (void)state;
    double short_time = seconds_for(entries, FEW, &few);
    double long_time = seconds_for(entries, MANY, &many);
    free(entries);
    if (long_time > 40 * short_time) {
        fail_msg("%d entries took %.3f s, %d took %.3f s", FEW, short_time, MANY, long_time);
    }
    crl = read_crl(&many);
    assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), MANY);
    assert_int_equal(X509_CRL_verify(crl, house.device->public_key), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_a_revoked_certificate_is_refused),
        cmocka_unit_test(test_a_shard_serves_its_own_certificates),
        cmocka_unit_test(test_refuses_impossible_reasons),
        cmocka_unit_test(test_many_entries_are_quick),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
