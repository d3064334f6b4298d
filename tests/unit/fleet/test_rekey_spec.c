/* A campaign's JSON: what is read is what is written, and what is wrong is told by its place. */
#include "tests/unit/base/base_fixture.h"

#include "fleet/rekey_spec.h"

static void read_spec(const char *text, struct faults *faults, struct rekey_spec *spec)
{
    const char *name = NULL;
    AUTO(json_t) *document = json_loads(text, 0, NULL);
    assert_non_null(document);
    *faults = (struct faults){.count = 0};
    rekey_spec_init(spec);
    assert_ok(rekey_spec_read(document, faults, &name, spec));
}

static void test_what_is_written_is_read_again(void **state)
{
    static const char *const texts[] = {
        "{\"filter\":{\"all\":true}}",
        "{\"filter\":{\"product_id\":\"01a20ee7-5495-7fc0-8873-4ce1159f76fd\",\"authority\":\"device\","
        "\"key_algorithms\":[\"P-256\",\"RSA\"],\"issued_before\":\"2026-05-01T00:00:00Z\","
        "\"generation_below\":4,\"labels\":{\"a\":\"b\",\"c\":\"d\"}},"
        "\"waves\":[{\"label\":{\"ring\":\"0\"}},{\"percent\":5,\"label\":{\"ring\":\"1\"}},"
        "{\"percent\":100}],\"rate_limit\":{\"devices\":10,\"per\":\"second\"},"
        "\"starts_at\":\"2026-07-01T00:00:00Z\",\"confirm_within_s\":3600,"
        "\"stop_on_failure\":{\"percent\":10,\"min_devices\":20},"
        "\"advance\":{\"soak_s\":600,\"success_percent\":95},\"finish_after_quiet_s\":60,"
        "\"late_joiners\":false}",
        "{\"filter\":{\"generation_below\":9},\"rate_limit\":{\"devices\":9,\"per\":\"minute\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct faults faults;
        struct rekey_spec spec, again;
        char first[REKEY_SPEC_SIZE], second[REKEY_SPEC_SIZE];
        read_spec(texts[i], &faults, &spec);
        assert_int_equal(faults.count, 0);
        assert_ok(rekey_spec_format(&spec, first));
        assert_ok(rekey_spec_parse(first, &again));
        assert_ok(rekey_spec_format(&again, second));
        assert_string_equal(first, second);
    }
}

static void test_what_is_wrong_is_told_by_its_place(void **state)
{
    static const struct {
        const char *text, *pointer;
    } cases[] = {
        {"{\"filter\":{}}", "/filter"},
        {"{\"filter\":{\"all\":false}}", "/filter"},
        {"{\"filter\":{\"all\":true,\"authority\":\"device\"}}", "/filter/all"},
        {"{\"filter\":7}", "/filter"},
        {"{\"filter\":{\"colour\":\"red\"}}", "/filter/colour"},
        {"{\"filter\":{\"product\":\"\"}}", "/filter/product"},
        {"{\"filter\":{\"product\":\"a\",\"product_id\":\"01a20ee7-5495-7fc0-8873-4ce1159f76fd\"}}",
         "/filter/product"},
        {"{\"filter\":{\"product_id\":\"a\"}}", "/filter/product_id"},
        {"{\"filter\":{\"key_algorithms\":[\"P-256\",\"DSA\"]}}", "/filter/key_algorithms/1"},
        {"{\"filter\":{\"key_algorithms\":[7]}}", "/filter/key_algorithms/0"},
        {"{\"filter\":{\"key_algorithms\":[]}}", "/filter/key_algorithms"},
        {"{\"filter\":{\"issued_before\":\"yesterday\"}}", "/filter/issued_before"},
        {"{\"filter\":{\"generation_below\":0}}", "/filter/generation_below"},
        {"{\"filter\":{\"labels\":{\"a b\":\"c\"}}}", "/filter/labels"},
        {"{\"filter\":{\"labels\":{\"a\":7}}}", "/filter/labels"},
        {"{\"filter\":{\"labels\":{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\",\"d\":\"1\",\"e\":\"1\"}}}",
         "/filter/labels"},
        {"{\"waves\":[]}", "/waves"},
        {"{\"waves\":[{\"percent\":50}]}", "/waves"},
        {"{\"waves\":[{\"percent\":50},{\"percent\":20},{\"percent\":100}]}", "/waves"},
        {"{\"waves\":[{\"percent\":50},{\"percent\":50},{\"percent\":100}]}", "/waves"},
        {"{\"waves\":[{\"percent\":100},{\"label\":{\"a\":\"b\"}}]}", "/waves"},
        {"{\"waves\":[{},{\"percent\":100}]}", "/waves/0"},
        {"{\"waves\":[{\"percent\":101}]}", "/waves/0/percent"},
        {"{\"waves\":[7]}", "/waves/0"},
        {"{\"waves\":[{\"label\":{\"a\":\"b\",\"c\":\"d\"}},{\"percent\":100}]}", "/waves/0"},
        {"{\"rate_limit\":{\"devices\":0,\"per\":\"second\"}}", "/rate_limit/devices"},
        {"{\"rate_limit\":{\"devices\":1,\"per\":\"day\"}}", "/rate_limit/per"},
        {"{\"rate_limit\":{\"per\":\"minute\"}}", "/rate_limit/devices"},
        {"{\"stop_on_failure\":{\"percent\":0}}", "/stop_on_failure/percent"},
        {"{\"advance\":{\"success_percent\":5}}", "/advance/soak_s"},
        {"{\"confirm_within_s\":0}", "/confirm_within_s"},
        {"{\"finish_after_quiet_s\":-1}", "/finish_after_quiet_s"},
        {"{\"late_joiners\":\"yes\"}", "/late_joiners"},
        {"{\"started_at\":\"2026-07-01T00:00:00Z\"}", "/started_at"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct faults faults;
        struct rekey_spec spec;
        read_spec(cases[i].text, &faults, &spec);
        if (faults.count == 0 || strcmp(faults.items[0].pointer, cases[i].pointer) != 0) {
            print_message("%s → %s\n", cases[i].text, faults.count == 0 ? "ok" : faults.items[0].pointer);
        }
        assert_int_not_equal(faults.count, 0);
        assert_string_equal(faults.items[0].pointer, cases[i].pointer);
    }
}

static void test_null_takes_away(void **state)
{
    struct rekey_spec spec;
    struct faults faults;
    const char *name = NULL;
    (void)state;
    read_spec("{\"rate_limit\":{\"devices\":10,\"per\":\"second\"},\"stop_on_failure\":{\"percent\":10},"
              "\"advance\":{\"soak_s\":600,\"success_percent\":95},\"starts_at\":\"2026-07-01T00:00:00Z\"}",
              &faults, &spec);
    AUTO(json_t) *patch = json_loads(
        "{\"rate_limit\":null,\"stop_on_failure\":null,\"advance\":null,\"starts_at\":null}", 0, NULL);
    assert_ok(rekey_spec_read(patch, &faults, &name, &spec));
    assert_int_equal(faults.count, 0);
    assert_int_equal(spec.rate.devices + spec.stop_percent + spec.soak_s + spec.starts_at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read_again),
        cmocka_unit_test(test_what_is_wrong_is_told_by_its_place),
        cmocka_unit_test(test_null_takes_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
