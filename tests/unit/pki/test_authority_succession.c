/* Authorities that follow each other, judged by OpenSSL: chains over NewWithOld and OldWithNew in both
 * directions with the CRLs of both roots, a further certificate of an issuing CA, and requests. */
#include "pki/authority_succession.h"
#include "pki/certificate_profile.h"
#include "tests/unit/pki/pki_fixture.h"

enum { SERIAL_OF_NEW = 0x21 };

struct scene {
    struct test_house house;
    struct authority *root_2, *device_2;
    struct buf new_with_old, old_with_new;
};

static struct private_key *key_of(struct scene *s, const char *label)
{
    struct private_key *key = NULL;
    assert_ok(keystore_generate(s->house.keystore, label, KEY_ALG_P256, &key));
    return key;
}

static struct authority_spec spec_of(const char *id, enum authority_role role)
{
    return (struct authority_spec){.id = id,
                                   .role = role,
                                   .organisation = "Test Works",
                                   .not_before_ms = house_from_ms + year_ms / 12,
                                   .not_after_ms = house_from_ms + 28 * year_ms,
                                   .publication = test_publication};
}

static const struct cross_spec cross = {.not_before_ms = house_from_ms,
                                        .not_after_ms = house_from_ms + 90 * year_ms,
                                        .publication = {.public_url = "http://pki.example:8080"}};
static const uint8_t serial_bytes[SERIAL_SIZE] = {0xff, SERIAL_OF_NEW, 1};

static void make_successors(struct scene *s)
{
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) issuing = {0};
    struct authority_spec spec = spec_of("root-2", AUTHORITY_ROOT);
    struct private_key *key = key_of(s, "ca-root-2");
    assert_ok(authority_make_successor(&spec, key, s->house.root, serial_bytes, &der));
    assert_ok(authority_load("root-2", AUTHORITY_ROOT, buf_view(&der), key, &s->root_2));
    assert_ok(authority_make_cross(s->house.root, s->root_2, &cross, serial_bytes, &s->new_with_old));
    struct cross_spec late = cross; /* what is made now begins now */
    late.not_before_ms = house_from_ms + year_ms / 6;
    assert_ok(authority_make_cross(s->root_2, s->house.root, &late, serial_bytes, &s->old_with_new));
    spec = spec_of("device-2", AUTHORITY_DEVICE);
    key = key_of(s, "ca-device-2");
    assert_ok(authority_make_issuing(&spec, key, s->root_2, serial_bytes, &issuing));
    assert_ok(authority_load("device-2", AUTHORITY_DEVICE, buf_view(&issuing), key, &s->device_2));
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    test_house_init(&s->house, KEY_ALG_P256);
    make_successors(s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    buf_clear(&s->new_with_old);
    buf_clear(&s->old_with_new);
    authority_free(s->root_2);
    authority_free(s->device_2);
    test_house_clear(&s->house);
    free(s);
    return 0;
}

static void show(struct scene *s, struct bytes der, struct buf *out)
{
    write_pem_in(&s->house.folder, "shown.pem", der);
    assert_int_equal(
        run_in(&s->house.folder, "openssl x509 -in shown.pem -noout -text -nameopt RFC2253", out), 0);
}

/* A CRL of each authority, all in one file; `listed` is on the lists of both roots. */
static void write_crls(struct scene *s, const uint8_t *listed)
{
    const struct authority *all[] = {s->house.root, s->root_2, s->house.device, s->device_2};
    AUTO_VAL(buf) output = {0};
    struct crl_entry entry = {.revoked_at_ms = house_from_ms + year_ms, .reason = 2};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        AUTO_VAL(buf) der = {0};
        bool has_entry = listed != NULL && authority_role(all[i]) == AUTHORITY_ROOT;
        char name[16];
        (void)memcpy(entry.serial, listed != NULL ? listed : serial_bytes, SERIAL_SIZE);
        const struct crl_spec spec = {.number = 1,
                                      .this_update_ms = house_from_ms + year_ms / 12,
                                      .next_update_ms = house_from_ms + 20 * year_ms,
                                      .entries = &entry,
                                      .count = has_entry ? 1 : 0};
        assert_ok(authority_sign_crl(all[i], &spec, &der));
        (void)snprintf(name, sizeof name, "%zu.crl", i);
        write_in(&s->house.folder, name, buf_view(&der));
    }
    assert_int_equal(
        run_in(&s->house.folder,
               "rm -f all.pem; for i in 0 1 2 3; do openssl crl -inform DER -in $i.crl >>all.pem "
               "|| exit 1; done",
               &output),
        0);
}

/* @param anchor the only root that is trusted @param between the cross certificate in the chain, or none */
static int verify(struct scene *s, const struct authority *anchor, const struct authority *issuing,
                  struct bytes between, struct buf *output)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) leaf = {0};
    struct test_house house = s->house;
    house.device = (struct authority *)(uintptr_t)issuing;
    issue_device(&house, key, house_from_ms + year_ms, 365, &leaf);
    write_pem_in(&s->house.folder, "anchor.pem", authority_borrow_der(anchor));
    write_pem_in(&s->house.folder, "issuing.pem", authority_borrow_der(issuing));
    write_pem_in(&s->house.folder, "leaf.pem", buf_view(&leaf.der));
    write_in(&s->house.folder, "cross.pem", bytes_str(""));
    if (between.n > 0) {
        write_pem_in(&s->house.folder, "cross.pem", between);
    }
    return run_in(&s->house.folder,
                  "cat issuing.pem cross.pem >chain.pem; openssl verify -x509_strict -crl_check_all "
                  "-attime 1800000000 -purpose sslclient -CAfile anchor.pem -CRLfile all.pem -untrusted "
                  "chain.pem leaf.pem",
                  output);
}

static void a_successor_has_the_name_and_its_own_key(void **state)
{
    struct scene *s = *state;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(certificate_facts) old = {0};
    AUTO_VAL(certificate_facts) new = {0};
    assert_ok(certificate_read(authority_borrow_der(s->house.root), &old));
    assert_ok(certificate_read(authority_borrow_der(s->root_2), &new));
    assert_true(bytes_equal(buf_view(&old.subject), buf_view(&new.subject)));
    assert_true(new.is_self_issued);
    assert_memory_not_equal(old.key.spki_sha256.b, new.key.spki_sha256.b, SHA256_SIZE);
    assert_int_equal(new.serial[1], SERIAL_OF_NEW);
    show(s, authority_borrow_der(s->root_2), &text);
    assert_has(buf_str(&text), "CA:TRUE, pathlen:2");
    assert_null(strstr(buf_str(&text), "CRL Distribution"));
    AUTO_PTR(private_key) *own = NULL;
    AUTO_VAL(buf) der = {0};
    const struct authority_spec spec = spec_of("root-3", AUTHORITY_ROOT);
    assert_ok(keystore_load(s->house.keystore, "ca-root", &own));
    assert_error(authority_make_successor(&spec, own, s->house.root, serial_bytes, &der), ERR_UNPROCESSABLE,
                 "a key of its own");
}

static void cross_certificates_say_what_they_are(void **state)
{
    struct scene *s = *state;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(certificate_facts) facts = {0};
    show(s, buf_view(&s->new_with_old), &text);
    assert_has(buf_str(&text), "CA:TRUE, pathlen:2");
    assert_has(buf_str(&text), "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n");
    assert_has(buf_str(&text), "URI:http://pki.example:8080/crl/root.crl");
    assert_has(buf_str(&text), "CA Issuers - URI:http://pki.example:8080/ca/root.cer");
    assert_null(strstr(buf_str(&text), "Extended Key Usage"));
    assert_ok(certificate_read(buf_view(&s->new_with_old), &facts));
    assert_int_equal(facts.not_before_ms, authority_not_before_ms(s->root_2)); /* the subject's */
    assert_int_equal(facts.not_after_ms, authority_not_after_ms(s->root_2));   /* the earlier of the two */
    assert_memory_equal(facts.key.spki_sha256.b, authority_spki_sha256(s->root_2)->b, SHA256_SIZE);
    buf_clear(&text);
    show(s, buf_view(&s->old_with_new), &text);
    assert_has(buf_str(&text), "URI:http://pki.example:8080/crl/root-2.crl");
    assert_ok(certificate_read(buf_view(&s->old_with_new), &facts));
    assert_int_equal(facts.not_before_ms, authority_not_before_ms(s->house.root)); /* before its signer's */
    assert_int_equal(facts.not_after_ms, authority_not_after_ms(s->root_2));
}

static void chains_hold_in_both_directions(void **state)
{
    struct scene *s = *state;
    AUTO_VAL(buf) output = {0};
    write_crls(s, NULL);
    const struct {
        const struct authority *anchor, *issuing;
        struct bytes between;
        bool is_good;
    } rows[] = {{s->house.root, s->device_2, buf_view(&s->new_with_old), true},
                {s->root_2, s->house.device, buf_view(&s->old_with_new), true},
                {s->root_2, s->device_2, BYTES_NONE, true},
                {s->house.root, s->house.device, BYTES_NONE, true},
                {s->house.root, s->device_2, BYTES_NONE, false},
                {s->root_2, s->house.device, BYTES_NONE, false},
                {s->house.root, s->device_2, buf_view(&s->old_with_new), false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = verify(s, rows[i].anchor, rows[i].issuing, rows[i].between, &output);
        if ((status == 0) != rows[i].is_good) {
            fail_msg("row %zu: %s", i, buf_str(&output));
        }
    }
}

/* The cross certificate's serial on the CRL of who signed it ends the way over it. */
static void a_revoked_cross_certificate_ends_the_chain(void **state)
{
    struct scene *s = *state;
    AUTO_VAL(buf) output = {0};
    uint8_t serial[SERIAL_SIZE];
    (void)memcpy(serial, serial_bytes, SERIAL_SIZE);
    serial_normalise(serial);
    write_crls(s, serial);
    assert_int_not_equal(verify(s, s->house.root, s->device_2, buf_view(&s->new_with_old), &output), 0);
    assert_has(buf_str(&output), "certificate revoked");
}

static void only_roots_of_one_name_cross(void **state)
{
    struct scene *s = *state;
    AUTO_VAL(buf) der = {0};
    struct authority *other = make_authority(&s->house, "elsewhere", AUTHORITY_ROOT, KEY_ALG_P256);
    struct authority *keyless = NULL;
    assert_error(authority_make_cross(s->house.root, other, &cross, serial_bytes, &der), ERR_UNPROCESSABLE,
                 "different names");
    assert_error(authority_make_cross(s->house.root, s->house.device, &cross, serial_bytes, &der),
                 ERR_UNPROCESSABLE, "between roots");
    assert_error(authority_make_cross(s->house.root, s->house.root, &cross, serial_bytes, &der),
                 ERR_UNPROCESSABLE, "same key");
    assert_ok(authority_load("root", AUTHORITY_ROOT, authority_borrow_der(s->house.root), NULL, &keyless));
    assert_error(authority_make_cross(keyless, s->root_2, &cross, serial_bytes, &der), ERR_UNAVAILABLE,
                 "is not here");
    const struct cross_spec never = {.not_before_ms = house_from_ms - 9 * year_ms,
                                     .not_after_ms = house_from_ms - 8 * year_ms,
                                     .publication = test_publication};
    assert_error(authority_make_cross(s->house.root, s->root_2, &never, serial_bytes, &der),
                 ERR_UNPROCESSABLE, "not be valid");
    assert_int_equal(der.n, 0);
    authority_free(keyless);
    authority_free(other);
}

static void an_issuing_authority_gets_a_further_certificate(void **state)
{
    struct scene *s = *state;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) output = {0};
    struct authority *again = NULL;
    assert_ok(authority_make_again(s->root_2, s->house.device, &cross, serial_bytes, &der));
    show(s, buf_view(&der), &text);
    assert_has(buf_str(&text), "CA:TRUE, pathlen:0");
    assert_has(buf_str(&text), "Extended Key Usage: \n                TLS Web Client Authentication\n");
    assert_has(buf_str(&text), "/crl/root-2.crl");
    assert_null(strstr(buf_str(&text), "/crl/root.crl"));
    again = load_authority(&s->house, "device", AUTHORITY_DEVICE, &der);
    assert_memory_equal(authority_spki_sha256(again)->b, authority_spki_sha256(s->house.device)->b,
                        SHA256_SIZE);
    write_crls(s, NULL);
    assert_int_not_equal(verify(s, s->root_2, s->house.device, BYTES_NONE, &output), 0);
    buf_clear(&output);
    if (verify(s, s->root_2, again, BYTES_NONE, &output) != 0) { /* with the old CRL of the CA */
        fail_msg("%s", buf_str(&output));
    }
    assert_error(authority_make_again(s->root_2, s->house.root, &cross, serial_bytes, &der),
                 ERR_UNPROCESSABLE, "issuing authorities");
    authority_free(again);
}

static void key_purposes_of_an_issuing_authority(void **state)
{
    struct scene *s = *state;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_PTR(private_key) *key = key_of(s, "ca-purposes");
    struct authority_spec spec = spec_of("purposes", AUTHORITY_DEVICE);
    spec.key_purposes = PURPOSE_CLIENT_AUTH | PURPOSE_CODE_SIGNING | PURPOSE_CONFIG_SIGNING |
                        PURPOSE_TRUST_ANCHOR_CONFIG | PURPOSE_UPDATE_PACKAGE_SIGNING |
                        PURPOSE_SAFETY_COMMUNICATION;
    assert_ok(authority_make_issuing(&spec, key, s->house.root, serial_bytes, &der));
    show(s, buf_view(&der), &text);
    assert_has(buf_str(&text), "TLS Web Client Authentication, Code Signing, ");
    static const uint8_t last[] = {41, 42, 43, 44};
    for (size_t i = 0; i < sizeof last; i++) {
        const uint8_t oid[] = {0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, last[i]};
        assert_non_null(memmem(der.p, der.n, oid, sizeof oid));
    }
    assert_null(strstr(buf_str(&text), "Server Authentication"));
}

static void requests_ask_for_what_a_ca_needs(void **state)
{
    struct scene *s = *state;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_PTR(private_key) *key = key_of(s, "ca-device-3");
    struct authority_spec spec = spec_of("device-3", AUTHORITY_DEVICE);
    static const char command[] = "openssl req -inform DER -in ca.req -noout -verify -text -nameopt RFC2253";
    assert_ok(authority_make_request(&spec, key, NULL, &der));
    write_in(&s->house.folder, "ca.req", buf_view(&der));
    assert_int_equal(run_in(&s->house.folder, command, &text), 0);
    assert_has(buf_str(&text), "CN=Device CA ");
    assert_has(buf_str(&text), ",O=Test Works");
    assert_has(buf_str(&text), "CA:TRUE, pathlen:0");
    assert_has(buf_str(&text), "Certificate Sign, CRL Sign");
    assert_has(buf_str(&text), "TLS Web Client Authentication");
    assert_has(buf_str(&text), "Subject Key Identifier");
    buf_clear(&der);
    buf_clear(&text);
    spec = spec_of("root-3", AUTHORITY_ROOT);
    assert_ok(authority_make_request(&spec, key, s->house.root, &der));
    write_in(&s->house.folder, "ca.req", buf_view(&der));
    assert_int_equal(run_in(&s->house.folder, command, &text), 0);
    assert_has(buf_str(&text), "CN=Root CA ");
    assert_has(buf_str(&text), "CA:TRUE, pathlen:2");
    assert_null(strstr(buf_str(&text), "Extended Key Usage"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_successor_has_the_name_and_its_own_key),
        TEST(cross_certificates_say_what_they_are),
        TEST(chains_hold_in_both_directions),
        TEST(a_revoked_cross_certificate_ends_the_chain),
        TEST(only_roots_of_one_name_cross),
        TEST(an_issuing_authority_gets_a_further_certificate),
        TEST(key_purposes_of_an_issuing_authority),
        TEST(requests_ask_for_what_a_ca_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
