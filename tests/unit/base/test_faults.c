/* Lists of faults: one for each place, all of them told; and reading an object to its end for the sake of
 * them. */
#include "base/json.h"
#include "tests/unit/base/base_fixture.h"

static void each_place_has_one_fault(void **state)
{
    (void)state;
    struct faults faults = {.count = 0};
    assert_ok(faults_error(&faults));
    faults_add(&faults, "/a", "first %d", 1);
    faults_add(&faults, "/a", "second");
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].detail, "first 1");
    err_t error = faults_error(&faults);
    assert_error(error, ERR_UNPROCESSABLE);
    assert_string_equal(error.detail, "first 1");
    faults_add(&faults, "/b", "bad \x01\xff byte");
    assert_null(strchr(faults.items[1].detail, '\x01'));
    assert_non_null(strstr(faults_error(&faults).detail, "2 fields"));
}

static void a_full_list_drops_the_rest(void **state)
{
    (void)state;
    struct faults faults = {.count = 0};
    char pointer[16];
    for (int i = 0; i < FAULTS_MAX + 9; i++) {
        (void)snprintf(pointer, sizeof pointer, "/%d", i);
        faults_add(&faults, pointer, "x");
    }
    assert_int_equal(faults.count, FAULTS_MAX);
    assert_error(faults_error(&faults), ERR_UNPROCESSABLE);
}

static void only_what_is_about_a_place_is_noted(void **state)
{
    (void)state;
    struct faults faults = {.count = 0};
    assert_ok(faults_note(&faults, "/a", OK));
    assert_ok(faults_note(&faults, "/a", ERR(ERR_UNPROCESSABLE, "no")));
    assert_error(faults_note(&faults, "/b", ERR(ERR_NO_MEMORY, "none")), ERR_NO_MEMORY);
    assert_int_equal(faults.count, 1);
}

struct target {
    const char *text, *lines;
    int64_t number;
};
static const struct json_field fields[] = {
    {"text", JSON_KIND_TEXT, true, offsetof(struct target, text), 1, 4, JSON_NO_HAS},
    {"number", JSON_KIND_INTEGER, true, offsetof(struct target, number), 0, 9, JSON_NO_HAS},
    {"lines", JSON_KIND_LINES, false, offsetof(struct target, lines), 0, 0, JSON_NO_HAS},
};

static void read_all(const char *text, struct faults *faults, struct target *target)
{
    AUTO(json_t) *document = NULL;
    *faults = (struct faults){.count = 0};
    *target = (struct target){.number = -1};
    assert_ok(json_parse(bytes_str(text), 4096, &document));
    assert_ok(json_read_all(document, fields, COUNT_OF(fields), faults, target));
    target->text = NULL; /* it died with the document */
}

static void an_object_is_read_to_its_end(void **state)
{
    (void)state;
    struct faults faults;
    struct target target;
    read_all("{\"text\":\"abc\",\"number\":7,\"lines\":\"a\\n\\tb\\r\\n\"}", &faults, &target);
    assert_int_equal(faults.count, 0);
    assert_int_equal(target.number, 7);
    read_all("{\"text\":\"a\\nb\",\"x/y~z\":1,\"number\":8,\"more\":null}", &faults, &target);
    assert_int_equal(faults.count, 3);
    assert_string_equal(faults.items[0].pointer, "/x~1y~0z");
    assert_string_equal(faults.items[1].pointer, "/more");
    assert_string_equal(faults.items[2].pointer, "/text");
    assert_int_equal(target.number, 8); /* what was right is there */
    read_all("{\"lines\":\"a\\u0001\"}", &faults, &target);
    assert_int_equal(faults.count, 3); /* two are missing, one has a control character */
    read_all("[]", &faults, &target);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_place_has_one_fault),
        cmocka_unit_test(a_full_list_drops_the_rest),
        cmocka_unit_test(only_what_is_about_a_place_is_noted),
        cmocka_unit_test(an_object_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
