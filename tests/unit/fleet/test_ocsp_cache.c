/* What is kept, for how long, and what a drop takes with it. */
#include "tests/unit/pki/pki_fixture.h"

#include "fleet/ocsp_cache.h"

static const int64_t AT_MS = 1780272000000;
static const int64_t LIFE_MS = 1000000;

static struct ocsp_key key_of(uint8_t authority, uint8_t form, uint32_t serial)
{
    struct ocsp_key key = {.authority = authority, .form = form, .serial = {1}};
    memcpy(key.serial + 12, &serial, sizeof serial);
    return key;
}

static void keep(struct ocsp_cache *cache, const struct ocsp_key *key, uint64_t mark, const char *text)
{
    AUTO_PTR(shared) *bytes = NULL;
    assert_ok(shared_new(bytes_str(text), &bytes));
    const struct ocsp_answer answer = {
        .bytes = bytes, .this_update_ms = AT_MS, .next_update_ms = AT_MS + LIFE_MS, .etag = "\"e\""};
    ocsp_cache_keep(cache, key, mark, &answer);
}

static bool holds(struct ocsp_cache *cache, const struct ocsp_key *key, int64_t at_ms, const char *text)
{
    struct ocsp_answer answer = {.bytes = NULL};
    if (!ocsp_cache_find(cache, key, at_ms, &answer)) {
        assert_null(answer.bytes);
        return false;
    }
    assert_true(bytes_is(shared_view(answer.bytes), text));
    assert_string_equal(answer.etag, "\"e\"");
    shared_unref(answer.bytes);
    return true;
}

static void it_is_found_by_all_of_its_key(void **state)
{
    AUTO_PTR(ocsp_cache) *cache = NULL;
    (void)state;
    assert_ok(ocsp_cache_new(&cache));
    struct ocsp_key key = key_of(1, 2, 3);
    keep(cache, &key, ocsp_cache_mark(cache, &key), "a");
    assert_true(holds(cache, &key, AT_MS, "a"));
    const struct ocsp_key others[] = {key_of(0, 2, 3), key_of(1, 3, 3), key_of(1, 2, 4)};
    for (size_t i = 0; i < 3; i++) {
        assert_false(holds(cache, &others[i], AT_MS, ""));
    }
    keep(cache, &key, ocsp_cache_mark(cache, &key), "b"); /* in the place of the former */
    assert_true(holds(cache, &key, AT_MS, "b"));
}

static void half_of_its_life(void **state)
{
    AUTO_PTR(ocsp_cache) *cache = NULL;
    (void)state;
    assert_ok(ocsp_cache_new(&cache));
    struct ocsp_key key = key_of(1, 2, 3);
    keep(cache, &key, ocsp_cache_mark(cache, &key), "a");
    assert_true(holds(cache, &key, AT_MS + LIFE_MS / 2 - 1, "a"));
    assert_false(holds(cache, &key, AT_MS + LIFE_MS / 2, ""));
    assert_true(holds(cache, &key, AT_MS - 60000, "a")); /* clocks differ a little */
    assert_false(holds(cache, &key, AT_MS - 60001, "")); /* it is from the future: the clock was set back */
}

static void a_drop_takes_every_form_and_what_is_being_signed(void **state)
{
    AUTO_PTR(ocsp_cache) *cache = NULL;
    (void)state;
    assert_ok(ocsp_cache_new(&cache));
    struct ocsp_key other = key_of(1, 0, 4);
    keep(cache, &other, ocsp_cache_mark(cache, &other), "other");
    struct ocsp_key late = key_of(1, 0, 3);
    uint64_t before = ocsp_cache_mark(cache, &late); /* the status is read … */
    for (uint8_t form = 0; form < 4; form++) {
        struct ocsp_key key = key_of(1, form, 3);
        keep(cache, &key, ocsp_cache_mark(cache, &key), "a");
    }
    ocsp_cache_drop(cache, late.serial);
    keep(cache, &late, before, "good still"); /* … and this was signed from it */
    for (uint8_t form = 0; form < 4; form++) {
        struct ocsp_key key = key_of(1, form, 3);
        assert_false(holds(cache, &key, AT_MS, ""));
    }
    assert_true(holds(cache, &other, AT_MS, "other"));
    keep(cache, &late, ocsp_cache_mark(cache, &late), "revoked");
    assert_true(holds(cache, &late, AT_MS, "revoked"));
}

/* Eight in a set: the one that nobody asked for makes room. */
static void it_is_bounded(void **state)
{
    AUTO_PTR(ocsp_cache) *cache = NULL;
    (void)state;
    assert_ok(ocsp_cache_new(&cache));
    struct ocsp_key keys[9];
    for (uint8_t i = 0; i < 9; i++) {
        keys[i] = key_of(i, 0, 7);
        if (i == 8) {
            assert_true(holds(cache, &keys[0], AT_MS, "a"));
        }
        keep(cache, &keys[i], ocsp_cache_mark(cache, &keys[i]), "a");
    }
    for (uint8_t i = 0; i < 9; i++) {
        assert_int_equal(holds(cache, &keys[i], AT_MS, "a"), i != 1);
    }
    for (uint32_t i = 0; i < 50000; i++) {
        struct ocsp_key key = key_of(1, 0, i * 2654435761U);
        keep(cache, &key, ocsp_cache_mark(cache, &key), "b");
        assert_true(holds(cache, &key, AT_MS, "b"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_found_by_all_of_its_key), cmocka_unit_test(half_of_its_life),
        cmocka_unit_test(a_drop_takes_every_form_and_what_is_being_signed), cmocka_unit_test(it_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
