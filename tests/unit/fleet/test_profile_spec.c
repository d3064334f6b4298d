/* Certificate profiles in JSON: what is wrong is told at its field, all at once, and what is good comes back
 * from a row as it was. */
#include "tests/unit/fleet/fleet_fixture.h"

#include "fleet/profile_spec.h"

static void read_onto(const char *text, bool is_new, struct profile_spec *spec, struct faults *faults)
{
    AUTO(json_t) *document = NULL;
    struct profile_change change;
    *faults = (struct faults){.count = 0};
    assert_ok(json_parse(bytes_str(text), PROFILE_BODY_MAX, &document));
    assert_ok(profile_change_read(document, is_new, faults, &change));
    if (faults->count == 0) {
        profile_change_apply(&change, spec);
        assert_ok(profile_spec_check(spec, faults));
    }
}

static const struct {
    const char *body;
    const char *pointers; /* in the order in which they are found */
} fault_rows[] = {
    {"{}", "/name"},
    {"{\"name\":\"\"}", "/name"},
    {"{\"name\":\"a b\"}", "/name"},
    {"{\"name\":1}", "/name"},
    {"{\"name\":\"a\"}", ""},
    {"{\"name\":\"a\",\"subject\":null}", "/subject"},
    {"{\"name\":\"a\",\"subject\":\"cn\",\"authority_role\":\"root\"}", "/subject /authority_role"},
    {"{\"name\":\"a\",\"key_usage\":[\"cert_sign\",\"crl_sign\"]}", "/key_usage/0 /key_usage/1"},
    {"{\"name\":\"a\",\"key_usage\":[]}", "/key_usage"},
    {"{\"name\":\"a\",\"key_usage\":[1]}", "/key_usage/0"},
    {"{\"name\":\"a\",\"key_usage\":[\"digital_signature\",\"key_encipherment\"]}", "/key_usage"},
    {"{\"name\":\"a\",\"key_usage\":[\"digital_signature\",\"key_encipherment\"],\"key_algorithms\":["
     "\"RSA\"]}",
     ""},
    {"{\"name\":\"a\",\"key_usage\":[\"digital_signature\",\"key_agreement\"]}", "/key_usage"},
    {"{\"name\":\"a\",\"key_usage\":[\"digital_signature\",\"key_agreement\"],\"key_algorithms\":[\"P-"
     "256\"]}",
     ""},
    {"{\"name\":\"a\",\"key_purposes\":[\"ocsp_signing\"]}", "/key_purposes/0"},
    {"{\"name\":\"a\",\"key_purposes\":[\"code_signing\"]}", "/key_purposes"},
    {"{\"name\":\"a\",\"key_purposes\":[\"client_auth\",\"server_auth\"]}", "/key_purposes /dns_template"},
    {"{\"name\":\"a\",\"authority_role\":\"edge\"}", "/authority_role"},
    {"{\"name\":\"a\",\"authority_role\":\"edge\",\"key_purposes\":[\"client_auth\",\"server_auth\"]}",
     "/dns_template"},
    {"{\"name\":\"a\",\"authority_role\":\"edge\",\"key_purposes\":[\"client_auth\",\"server_auth\"],"
     "\"dns_template\":\"{serial}.e.test\",\"extensions\":[\"must_staple\"]}",
     ""},
    {"{\"name\":\"a\",\"extensions\":[\"must_staple\"]}", "/extensions"},
    {"{\"name\":\"a\",\"extensions\":[\"no_revocation\"]}", "/extensions"},
    {"{\"name\":\"a\",\"extensions\":[\"no_revocation\"],\"max_lifetime_s\":604800}", ""},
    {"{\"name\":\"a\",\"extensions\":[\"no_revocation\"],\"max_lifetime_s\":604800,\"no_expiry\":true}",
     "/extensions"},
    {"{\"name\":\"a\",\"extensions\":[\"2.5.29.19\"]}", "/extensions/0"},
    {"{\"name\":\"a\",\"max_lifetime_s\":59}", "/max_lifetime_s"},
    {"{\"name\":\"a\",\"max_lifetime_s\":315360001}", "/max_lifetime_s"},
    {"{\"name\":\"a\",\"key_algorithms\":[]}", "/key_algorithms"},
    {"{\"name\":\"a\",\"key_algorithms\":[\"P-256\",\"ML-DSA-44\"]}", "/key_algorithms/1"},
    {"{\"name\":\"a\",\"policies\":[\"1.2.3\",\"1.2.3\",\"3.1\"]}", "/policies/1 /policies/2"},
    {"{\"name\":\"a\",\"policies\":[\"1.2\",\"1.3\",\"1.4\",\"1.5\",\"1.6\"]}", "/policies"},
    {"{\"name\":\"a\",\"hardware_type\":\"1.3.6.1.4.1.32473.\"}", "/hardware_type"},
    {"{\"name\":\"a\",\"uri_template\":\"{x}\",\"dns_template\":\"{device_id}.x\"}",
     "/uri_template /dns_template"},
    {"{\"name\":\"a\",\"uri_template\":null,\"dns_template\":null,\"hardware_type\":null}", ""},
    {"{\"name\":\"a\",\"identity_key_only\":true,\"first_key_only\":true}", "/first_key_only"},
    {"{\"name\":\"a\",\"raw_der\":\"MAA=\",\"ca\":true}", "/raw_der /ca"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_rows / sizeof fault_rows[0]; i++) {
        AUTO_VAL(buf) found = {0};
        struct profile_spec spec = built_in_profile_find(BYTES_NONE)->spec;
        struct faults faults;
        read_onto(fault_rows[i].body, true, &spec, &faults);
        for (size_t j = 0; j < faults.count; j++) {
            assert_ok(buf_printf(&found, "%s%s", j > 0 ? " " : "", faults.items[j].pointer));
        }
        if (strcmp(buf_str(&found), fault_rows[i].pointers) != 0) {
            fail_msg("%s: \"%s\", not \"%s\"", fault_rows[i].body, buf_str(&found), fault_rows[i].pointers);
        }
    }
}

static void test_a_change_says_no_name(void **state)
{
    struct profile_spec spec = built_in_profile_find(BYTES_NONE)->spec;
    struct faults faults;
    (void)state;
    read_onto("{\"name\":\"b\"}", false, &spec, &faults);
    assert_int_equal(faults.count, 1);
    read_onto("{}", false, &spec, &faults);
    assert_int_equal(faults.count, 0);
}

static void assert_comes_back(const struct profile_spec *spec)
{
    AUTO(json_t) *body = json_object();
    AUTO(json_t) *again = json_object();
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) second = {0};
    struct profile_spec read;
    assert_ok(profile_spec_write(spec, body));
    assert_ok(json_append(&text, body));
    assert_ok(profile_spec_parse(buf_view(&text), &read));
    assert_ok(profile_spec_write(&read, again));
    assert_ok(json_append(&second, again));
    assert_string_equal(buf_str(&text), buf_str(&second));
    assert_true(text.n < PROFILE_BODY_MAX);
}

static void test_a_row_gives_back_what_it_was_given(void **state)
{
    struct profile_spec spec = built_in_profile_find(BYTES_NONE)->spec;
    struct faults faults;
    (void)state;
    for (size_t i = 0; built_in_profile_at(i) != NULL; i++) {
        struct faults none = {.count = 0};
        assert_comes_back(&built_in_profile_at(i)->spec);
        assert_ok(profile_spec_check(&built_in_profile_at(i)->spec, &none));
        assert_int_equal(none.count, 0);
    }
    read_onto("{\"name\":\"full\",\"subject\":\"id_only\",\"identity_uri\":false,\"uri_template\":\"urn:x:{"
              "model}\","
              "\"dns_template\":\"{short_id}.a.b\",\"hardware_type\":\"1.2.3\",\"key_usage\":[\"digital_"
              "signature\","
              "\"key_agreement\"],\"key_purposes\":[\"client_auth\",\"safety_communication\"],\"policies\":["
              "\"1.2.3\","
              "\"1.2.4\"],\"extensions\":[\"no_revocation\"],\"key_algorithms\":[\"P-384\"],\"max_lifetime_"
              "s\":3600,"
              "\"first_key_only\":true}",
              true, &spec, &faults);
    assert_int_equal(faults.count, 0);
    assert_comes_back(&spec);
    read_onto("{\"uri_template\":null,\"policies\":[],\"hardware_type\":null,\"identity_uri\":true}", false,
              &spec, &faults);
    assert_int_equal(faults.count, 0);
    assert_int_equal(spec.certificate.san_forms, SAN_DNS | SAN_NI_URI);
    assert_int_equal(spec.certificate.policy_count, 0);
    assert_comes_back(&spec);
    assert_error(profile_spec_parse(bytes_str("{\"subject\":\"x\"}"), &spec), ERR_DB, "/subject");
}

static void test_built_in_ones_are_in_order(void **state)
{
    (void)state;
    for (size_t i = 1; built_in_profile_at(i) != NULL; i++) {
        assert_true(strcmp(built_in_profile_at(i - 1)->name, built_in_profile_at(i)->name) < 0);
    }
    assert_null(built_in_profile_find(bytes_str("ldevi")));
    assert_string_equal(built_in_profile_find(BYTES_NONE)->name, "ldevid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_a_change_says_no_name),
        cmocka_unit_test(test_a_row_gives_back_what_it_was_given),
        cmocka_unit_test(test_built_in_ones_are_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
