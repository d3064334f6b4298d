/* Signed addresses of images: good for what they say and nothing else, as long as the device may have it. */
#include "tests/unit/fleet/rollout_scene.h"

#include "fleet/firmware_policy.h"
#include "fleet/firmware_urls.h"

static void allow(struct scene *scene, bool signed_urls)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    terms.faults = &faults;
    const struct firmware_policy_change change = {.has_signed_urls = true, .signed_urls = signed_urls};
    struct firmware_policy_row row;
    assert_ok(firmware_policy_change(scene->fleet, &terms, bytes_str("default"), &change, &row));
}

/* Device 0 is offered 100 bytes. */
static void offer(struct scene *scene, struct test_release *release)
{
    struct rollout rollout;
    *release = (struct test_release){.version = "1.0.0", .sequence = 1, .counter = -1};
    crowd_add(scene, 0, 2);
    release_make(scene, release);
    start_rollout(scene, release, "{\"name\":\"a\"}", &rollout);
    assert_true(crowd_polls(scene, 0).has_action);
}

static err_t make(struct scene *scene, int number, const struct sha256 *digest, int64_t ttl_s,
                  struct firmware_url *out)
{
    const struct contact contact = crowd_contact(scene, number);
    return firmware_url_make(scene->fleet, &contact, digest, ttl_s, out);
}

static err_t check(struct scene *scene, const char *method, const struct firmware_url *url)
{
    struct contact contact;
    struct firmware_grant grant;
    return firmware_url_check(scene->fleet, method, url, &contact, &grant);
}

static void test_made_only_where_the_product_allows_it(void **state)
{
    struct scene *scene = *state;
    struct test_release release;
    struct firmware_url url;
    const struct sha256 other = {{1}};
    offer(scene, &release);
    assert_err(make(scene, 0, &release.bytes, 900, &url), ERR_FORBIDDEN);
    allow(scene, true);
    assert_ok(make(scene, 0, &release.bytes, 900, &url));
    assert_err(make(scene, 1, &release.bytes, 900, &url), ERR_NOT_FOUND);
    assert_err(make(scene, 0, &other, 900, &url), ERR_NOT_FOUND);
    assert_err(make(scene, 0, &release.bytes, 0, &url), ERR_UNPROCESSABLE);
    assert_err(make(scene, 0, &release.bytes, 901, &url), ERR_UNPROCESSABLE);
    assert_ok(make(scene, 0, &release.bytes, 900, &url));
    assert_ok(check(scene, "GET", &url));
    allow(scene, false);
    assert_err(check(scene, "GET", &url), ERR_FORBIDDEN);
}

/* Each part of it is signed. */
static void test_nothing_in_it_can_be_changed(void **state)
{
    struct scene *scene = *state;
    struct test_release release;
    struct firmware_url url;
    offer(scene, &release);
    allow(scene, true);
    assert_ok(make(scene, 0, &release.bytes, 900, &url));
    assert_ok(check(scene, "GET", &url));
    assert_err(check(scene, "HEAD", &url), ERR_FORBIDDEN);
    struct firmware_url changed[7];
    for (size_t i = 0; i < 7; i++) {
        changed[i] = url;
    }
    changed[0].digest.b[0] ^= 1;
    changed[1].device = crowd_id(1);
    changed[2].serial[0] ^= 1;
    changed[3].authority[0] ^= 1;
    changed[4].expires_s++;
    changed[5].key--;
    changed[6].signature.b[31] ^= 1;
    for (size_t i = 0; i < 7; i++) {
        assert_err(check(scene, "GET", &changed[i]), ERR_FORBIDDEN);
    }
    assert_ok(check(scene, "GET", &url));
}

static void test_it_ends(void **state)
{
    struct scene *scene = *state;
    struct test_release release;
    struct firmware_url url;
    offer(scene, &release);
    allow(scene, true);
    /* ten minutes before the key of the hour changes: it is good over the change */
    int64_t left_ms = FIRMWARE_URL_KEY_MS - scene->clock.at_ms % FIRMWARE_URL_KEY_MS;
    manual_clock_advance(&scene->clock, left_ms + FIRMWARE_URL_KEY_MS - 600 * 1000);
    assert_ok(make(scene, 0, &release.bytes, 900, &url));
    manual_clock_advance(&scene->clock, 899 * 1000);
    assert_ok(check(scene, "GET", &url));
    manual_clock_advance(&scene->clock, 1000);
    assert_err(check(scene, "GET", &url), ERR_GONE);
    manual_clock_advance(&scene->clock, 2 * FIRMWARE_URL_KEY_MS);
    assert_err(check(scene, "GET", &url), ERR_FORBIDDEN); /* its key is not known any more */
}

static void test_its_budget(void **state)
{
    struct scene *scene = *state;
    struct test_release release;
    struct firmware_url url, second;
    offer(scene, &release);
    allow(scene, true);
    assert_ok(make(scene, 0, &release.bytes, 900, &url));
    assert_ok(make(scene, 0, &release.bytes, 899, &second));
    assert_ok(firmware_url_spend(scene->fleet, &url, 100, 100));
    assert_ok(firmware_url_spend(scene->fleet, &url, 100, 60));
    assert_err(firmware_url_spend(scene->fleet, &url, 100, 41), ERR_GONE);
    firmware_url_refund(scene->fleet, &url, 1);
    assert_ok(firmware_url_spend(scene->fleet, &url, 100, 41));
    assert_err(firmware_url_spend(scene->fleet, &url, 100, 1), ERR_GONE);
    assert_ok(firmware_url_spend(scene->fleet, &second, 100, 200)); /* another address has its own */
    firmware_url_refund(scene->fleet, &second, 5000);
    assert_ok(firmware_url_spend(scene->fleet, &second, 100, 200));
}

/* The table is of one size: what does not fit waits for those that expire. */
static void test_many_addresses(void **state)
{
    struct scene *scene = *state;
    struct firmware_url url = {.expires_s = scene->clock.at_ms / 1000 + 900};
    bool is_full = false;
    for (int i = 0; i < 20000 && !is_full; i++) {
        url.signature.b[0] = (uint8_t)i;
        url.signature.b[1] = (uint8_t)(i >> 8);
        url.signature.b[2] = (uint8_t)(i >> 16);
        err_t error = firmware_url_spend(scene->fleet, &url, 100, 1);
        is_full = error.code == ERR_BUSY;
        assert_true(is_full || error.code == ERR_OK);
    }
    assert_true(is_full);
    manual_clock_advance(&scene->clock, 901 * 1000);
    url.expires_s = scene->clock.at_ms / 1000 + 900;
    assert_ok(firmware_url_spend(scene->fleet, &url, 100, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_made_only_where_the_product_allows_it),
        scene_test(test_nothing_in_it_can_be_changed),
        scene_test(test_it_ends),
        scene_test(test_its_budget),
        scene_test(test_many_addresses),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
