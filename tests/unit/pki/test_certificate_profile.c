/* Certificates by their profile: each extension judged by openssl's own readers, and what a device lacks for
 * one refused with the field that it lacks. */
#include "tests/unit/pki/profile_scene.h"

static const struct device_subject device = {
    .serial_number = "SN-0042", .model = "M 1", .tenant = "acme", .product = "gateway"};

/* --- the built-in one ------------------------------------------------------------------------------- */

/* Objects of the extensions, in their order. */
static void list_extensions(struct bytes der, struct buf *out)
{
    const unsigned char *p = der.p;
    AUTO(X509) *x509 = d2i_X509(NULL, &p, (long)der.n);
    assert_non_null(x509);
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(x509, i);
        assert_ok(buf_printf(out, "%s%s ", OBJ_nid2sn(OBJ_obj2nid(X509_EXTENSION_get_object(extension))),
                             X509_EXTENSION_get_critical(extension) ? "!" : ""));
    }
}

static void test_without_a_profile_nothing_has_changed(void **state)
{
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) extensions = {0};
    (void)state;
    assert_ok(issue_by(house.device, NULL, &device, &issued));
    list_extensions(buf_view(&issued.der), &extensions);
    assert_string_equal(buf_str(&extensions),
                        "subjectAltName authorityKeyIdentifier subjectKeyIdentifier keyUsage! "
                        "extendedKeyUsage crlDistributionPoints authorityInfoAccess ");
}

/* The DER of what stands between SAN and the addresses, as a profile and as none. */
static void test_the_plain_profile_is_the_built_in_one(void **state)
{
    AUTO_VAL(issued) with = {0};
    AUTO_VAL(issued) without = {0};
    static const uint8_t usage[] = {0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff,
                                    0x04, 0x04, 0x03, 0x02, 0x07, 0x80, 0x30, 0x13, 0x06, 0x03,
                                    0x55, 0x1d, 0x25, 0x04, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b,
                                    0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
    (void)state;
    assert_ok(issue_by(house.device, &plain_profile, &device, &with));
    assert_ok(issue_by(house.device, NULL, &device, &without));
    assert_int_equal(with.san.n, without.san.n);
    assert_int_equal(with.subject.n, without.subject.n);
    assert_non_null(memmem(with.der.p, with.der.n, usage, sizeof usage));
    assert_non_null(memmem(without.der.p, without.der.n, usage, sizeof usage));
}

/* --- names ------------------------------------------------------------------------------------------ */

static void test_idevid(void **state)
{
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) names = {0};
    struct certificate_profile profile = plain_profile;
    (void)state;
    profile.subject = SUBJECT_SERIAL_NUMBER;
    profile.san_forms = SAN_HARDWARE_MODULE;
    profile.is_without_end = true;
    (void)snprintf(profile.hw_type, sizeof profile.hw_type, "1.3.6.1.4.1.32473.7");
    assert_ok(issue_by(house.device, &profile, &device, &issued));
    assert_true(issued.not_after_ms == NO_EXPIRY_MS);
    show(buf_view(&issued.der), &text);
    assert_has(buf_str(&text), "Not After : Dec 31 23:59:59 9999 GMT");
    assert_has(buf_str(&text), "serialNumber=SN-0042");
    assert_has(buf_str(&text), "othername: ");
    assert_non_null(memmem(issued.der.p, issued.der.n,
                           "\x18\x0f"
                           "99991231235959Z",
                           17));
    assert_true(verifies(house.device, buf_view(&issued.der), "-purpose sslclient"));

    write_in(&house.folder, "san.der", buf_view(&issued.san));
    assert_int_equal(run_in(&house.folder, "openssl asn1parse -inform DER -in san.der", &names), 0);
    /* a newer openssl knows its name */
    assert_true(strstr(buf_str(&names), "1.3.6.1.5.5.7.8.4") != NULL ||
                strstr(buf_str(&names), "hardwareModuleName") != NULL ||
                strstr(buf_str(&names), "Hardware Module Name") != NULL);
    assert_has(buf_str(&names), "OBJECT            :1.3.6.1.4.1.32473.7");
    assert_has(buf_str(&names), "OCTET STRING      :SN-0042");
}

static void test_hardware_module_without_serial_is_the_id(void **state)
{
    AUTO_VAL(issued) issued = {0};
    struct certificate_profile profile = plain_profile;
    const struct device_subject nameless = {.serial_number = ""};
    (void)state;
    profile.san_forms = SAN_HARDWARE_MODULE;
    (void)snprintf(profile.hw_type, sizeof profile.hw_type, "1.3.6.1.4.1.32473.7");
    assert_ok(issue_by(house.device, &profile, &nameless, &issued));
    assert_non_null(memmem(issued.san.p, issued.san.n, "\x04\x20", 2)); /* 32 bytes */
}

static void test_templates(void **state)
{
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) text = {0};
    struct certificate_profile profile = plain_profile;
    (void)state;
    profile.san_forms = SAN_URI | SAN_DNS | SAN_NI_URI;
    (void)snprintf(profile.uri_template, sizeof profile.uri_template,
                   "urn:x-acme:{tenant}:{product}:{model}:{serial}");
    (void)snprintf(profile.dns_template, sizeof profile.dns_template, "{serial}.{product}.example.com");
    assert_ok(issue_by(house.device, &profile, &device, &issued));
    show(buf_view(&issued.der), &text);
    assert_has(buf_str(&text), "URI:ni:///sha-256;");
    assert_has(buf_str(&text), "URI:urn:x-acme:acme:gateway:M%201:SN-0042");
    assert_has(buf_str(&text), "DNS:sn-0042.gateway.example.com");
    assert_true(verifies(house.device, buf_view(&issued.der), "-purpose sslclient"));
}

static void test_the_serial_number_can_stay_in_the_house(void **state)
{
    AUTO_VAL(issued) issued = {0};
    struct certificate_profile profile = plain_profile;
    (void)state;
    profile.subject = SUBJECT_ID_ONLY;
    profile.san_forms = 0;
    assert_ok(issue_by(house.device, &profile, &device, &issued));
    assert_null(memmem(issued.der.p, issued.der.n, "SN-0042", 7));
    assert_int_equal(issued.san.n, 0);
    assert_true(verifies(house.device, buf_view(&issued.der), "-purpose sslclient"));
}

/* --- the other extensions --------------------------------------------------------------------------- */

static void test_usage_purposes_policies(void **state)
{
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) text = {0};
    AUTO_PTR(authority) *open = NULL;
    struct certificate_profile profile = plain_profile;
    (void)state;
    /* a CA without extKeyUsage: the root stands in for a company's */
    AUTO_PTR(private_key) *key = NULL;
    assert_ok(keystore_load(house.keystore, "ca-root", &key));
    assert_ok(authority_load("open", AUTHORITY_DEVICE, authority_borrow_der(house.root), TAKE(key), &open));
    profile.key_usage = USAGE_DIGITAL_SIGNATURE | USAGE_KEY_AGREEMENT;
    profile.key_purposes = PURPOSES_ALL;
    profile.policy_count = 2;
    (void)snprintf(profile.policies[0], sizeof profile.policies[0], "1.3.6.1.4.1.32473.1.1");
    (void)snprintf(profile.policies[1], sizeof profile.policies[1], "2.23.140.1.2.1");
    profile.extensions = EXTENSION_MUST_STAPLE;
    assert_ok(issue_by(open, &profile, &device, &issued));
    show(buf_view(&issued.der), &text);
    assert_has(buf_str(&text),
               "X509v3 Key Usage: critical\n                Digital Signature, Key Agreement\n");
    assert_has(buf_str(&text), "TLS Web Client Authentication, TLS Web Server Authentication, Code Signing");
    static const char *const last[] = {"1.3.6.1.5.5.7.3.41", "1.3.6.1.5.5.7.3.42", "1.3.6.1.5.5.7.3.43",
                                       "1.3.6.1.5.5.7.3.44"};
    AUTO_VAL(buf) parsed = {0};
    write_in(&house.folder, "leaf.der", buf_view(&issued.der));
    assert_int_equal(run_in(&house.folder,
                            "openssl asn1parse -inform DER -in leaf.der -strparse "
                            "$(openssl asn1parse -inform DER -in leaf.der | grep -A1 'Extended Key Usage' | "
                            "tail -1 | cut -d: -f1)",
                            &parsed),
                     0);
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
        ASN1_OBJECT *object = OBJ_txt2obj(last[i], 1); /* a newer openssl knows its name */
        char name[64];
        assert_true(OBJ_obj2txt(name, sizeof name, object, 0) > 0);
        assert_true(strstr(buf_str(&parsed), name) != NULL || strstr(buf_str(&parsed), last[i]) != NULL);
        ASN1_OBJECT_free(object);
    }
    assert_has(buf_str(&text), "Policy: 1.3.6.1.4.1.32473.1.1");
    assert_has(buf_str(&text), "Policy: 2.23.140.1.2.1");
    assert_has(buf_str(&text), "TLS Feature: \n                status_request");
}

static void test_no_revocation_names_no_list(void **state)
{
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) text = {0};
    struct certificate_profile profile = plain_profile;
    (void)state;
    profile.extensions = EXTENSION_NO_REVOCATION;
    assert_ok(issue_by(house.device, &profile, &device, &issued));
    show(buf_view(&issued.der), &text);
    assert_null(strstr(buf_str(&text), "CRL Distribution"));
    assert_null(strstr(buf_str(&text), "OCSP"));
    assert_has(buf_str(&text), "CA Issuers - URI:http://pki.example:8080/ca/device.cer");
    assert_non_null(memmem(issued.der.p, issued.der.n, "\x06\x03\x55\x1d\x38\x04\x02\x05\x00", 9));
    assert_true(verifies(house.device, buf_view(&issued.der), "-purpose sslclient"));
}

/* --- refused ---------------------------------------------------------------------------------------- */

static void test_what_the_device_lacks_is_named(void **state)
{
    AUTO_VAL(issued) issued = {0};
    struct certificate_profile profile = plain_profile;
    struct device_subject bare = {.serial_number = "", .tenant = "acme", .product = "p"};
    (void)state;
    profile.subject = SUBJECT_SERIAL_NUMBER;
    assert_error(issue_by(house.device, &profile, &bare, &issued), ERR_UNPROCESSABLE, "no serial number");
    bare.serial_number = "under_score";
    assert_error(issue_by(house.device, &profile, &bare, &issued), ERR_UNPROCESSABLE, "serial number");
    profile = plain_profile;
    profile.san_forms = SAN_DNS;
    (void)snprintf(profile.dns_template, sizeof profile.dns_template, "{model}.example.com");
    assert_error(issue_by(house.device, &profile, &bare, &issued), ERR_UNPROCESSABLE, "no model");
    bare.model = "no dns name";
    assert_error(issue_by(house.device, &profile, &bare, &issued), ERR_UNPROCESSABLE, "is no DNS name");
    profile = plain_profile;
    profile.san_forms = SAN_HARDWARE_MODULE;
    (void)snprintf(profile.hw_type, sizeof profile.hw_type, "1.2.3");
    bare.serial_number = "01234567890123456789012345678901234567890123456789012345678901234";
    assert_error(issue_by(house.device, &profile, &bare, &issued), ERR_UNPROCESSABLE, "too long");
    assert_int_equal(issued.der.n, 0);
}

static void test_purposes_that_the_authority_does_not_carry(void **state)
{
    AUTO_VAL(issued) issued = {0};
    struct certificate_profile profile = plain_profile;
    (void)state;
    assert_int_equal(authority_key_purposes(house.device), PURPOSE_CLIENT_AUTH);
    assert_int_equal(authority_key_purposes(house.root), PURPOSES_ALL);
    profile.key_purposes = PURPOSE_CLIENT_AUTH | PURPOSE_CONFIG_SIGNING;
    assert_error(issue_by(house.device, &profile, &device, &issued), ERR_UNPROCESSABLE,
                 "key purposes that authority device may not certify");
    assert_error(issue_by(house.infrastructure, &plain_profile, &device, &issued), ERR_INTERNAL,
                 "does not issue to devices");
}

/* --- templates by themselves ------------------------------------------------------------------------ */

static void test_templates_that_are_none(void **state)
{
    static const char *const uris[] = {
        "",       "{serial}",       "example:", "7urn:x",    "urn:{nothing}", "urn:{serial", "urn:serial}",
        "urn:{}", "urn:{{serial}}", "urn:a b",  "urn:\"x\"", "urn:\xc3\xbc"};
    static const char *const names[] = {"",
                                        "localhost",
                                        "{serial}",
                                        "{device_id}.example.com",
                                        "{serial}.Example.com",
                                        "*.example.com",
                                        "{serial}..com",
                                        ".{serial}.com",
                                        "{serial}.com.",
                                        "-{serial}.com",
                                        "{short_id}{short_id}.com",
                                        "{serial}.7",
                                        "{foo}.com"};
    (void)state;
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        if (uri_template_check(bytes_str(uris[i])).code != ERR_UNPROCESSABLE) {
            fail_msg("URI \"%s\" was taken", uris[i]);
        }
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (dns_template_check(bytes_str(names[i])).code != ERR_UNPROCESSABLE) {
            fail_msg("DNS name \"%s\" was taken", names[i]);
        }
    }
    assert_error(dns_template_check(bytes_str("{device_id}.example.com")), ERR_UNPROCESSABLE, "{short_id}");
    assert_ok(uri_template_check(bytes_str("https://{tenant}.example/{product}?s={serial}#{device_id}")));
    assert_ok(dns_template_check(bytes_str("{short_id}.{tenant}.example.com")));
}

/* --- at random -------------------------------------------------------------------------------------- */

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 16;
}

/* Whatever a valid profile says, openssl verifies what comes of it. */
static void test_any_valid_profile_verifies(void **state)
{
    static const char *const permitted[] = {"edge.test"};
    AUTO_PTR(authority) *edge = make_edge(permitted, 1, NULL, 0);
    uint32_t seed = 7;
    (void)state;
    for (int i = 0; i < 24; i++) {
        AUTO_VAL(issued) issued = {0};
        bool is_edge = draw(&seed) % 2 == 0;
        struct certificate_profile profile = {
            .subject = (enum profile_subject)(draw(&seed) % 3),
            .san_forms = draw(&seed) & SAN_FORMS_ALL,
            .key_usage = USAGE_DIGITAL_SIGNATURE | (draw(&seed) & USAGE_KEY_AGREEMENT),
            .key_purposes = is_edge ? 1 + draw(&seed) % 3 : PURPOSE_CLIENT_AUTH,
            .extensions = draw(&seed) % 3,
            .policy_count = draw(&seed) % (PROFILE_POLICIES_MAX + 1),
            .is_without_end = draw(&seed) % 2 == 0};
        for (size_t j = 0; j < profile.policy_count; j++) {
            (void)snprintf(profile.policies[j], sizeof profile.policies[j], "1.3.6.1.4.1.32473.%u.%zu",
                           draw(&seed) * draw(&seed), j);
        }
        (void)snprintf(profile.hw_type, sizeof profile.hw_type, "1.3.6.1.4.1.32473.%u", draw(&seed));
        (void)snprintf(profile.uri_template, sizeof profile.uri_template, "urn:x:{model}/{%s}",
                       draw(&seed) % 2 == 0 ? "serial" : "device_id");
        (void)snprintf(profile.dns_template, sizeof profile.dns_template, "n{%s}.edge.test",
                       draw(&seed) % 2 == 0 ? "serial" : "short_id");
        const struct authority *issuer = is_edge ? edge : house.device;
        assert_ok(issue_by(issuer, &profile, &device, &issued));
        bool is_client = (profile.key_purposes & PURPOSE_CLIENT_AUTH) != 0;
        assert_true(
            verifies(issuer, buf_view(&issued.der), is_client ? "-purpose sslclient" : "-purpose sslserver"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_profile_nothing_has_changed),
        cmocka_unit_test(test_the_plain_profile_is_the_built_in_one),
        cmocka_unit_test(test_idevid),
        cmocka_unit_test(test_hardware_module_without_serial_is_the_id),
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_the_serial_number_can_stay_in_the_house),
        cmocka_unit_test(test_usage_purposes_policies),
        cmocka_unit_test(test_no_revocation_names_no_list),
        cmocka_unit_test(test_what_the_device_lacks_is_named),
        cmocka_unit_test(test_purposes_that_the_authority_does_not_carry),
        cmocka_unit_test(test_templates_that_are_none),
        cmocka_unit_test(test_any_valid_profile_verifies),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
