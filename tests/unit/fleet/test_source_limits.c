/* Tests of the waiting that wrong secrets earn: whose it is, how long, and that it ends. */
#include "tests/unit/pki/pki_fixture.h"

#include "fleet/source_limits.h"

static const int64_t AT_MS = 1780272000000;
static const char HOST[] = "192.0.2.7";

struct scene {
    struct source_limits *limits;
    int64_t now_ms;
};

static void fail_from(struct scene *scene, const char *address, int times)
{
    for (int i = 0; i < times; i++) {
        struct source source;
        err_ignore(
            source_limits_check(scene->limits, address, scene->now_ms, &source)); /* only for the source */
        source_limits_failed(scene->limits, &source, scene->now_ms);
    }
}

/* Seconds that the address has to wait. */
static int wait_of(const struct scene *scene, const char *address)
{
    struct source source;
    err_t error = source_limits_check(scene->limits, address, scene->now_ms, &source);
    assert_true(error.code == ERR_OK || error.code == ERR_TOO_MANY);
    return error.retry_after_s;
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->now_ms = AT_MS;
    assert_ok(source_limits_new(&scene->limits));
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    source_limits_free(scene->limits);
    free(scene);
    return 0;
}

static void the_wait_grows_and_is_bounded(void **state)
{
    struct scene *scene = *state;
    fail_from(scene, HOST, 10);
    assert_int_equal(wait_of(scene, HOST), 0);
    static const int waits[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        fail_from(scene, HOST, 1);
        assert_int_equal(wait_of(scene, HOST), waits[i]);
    }
    fail_from(scene, HOST, 1000);
    assert_int_equal(wait_of(scene, HOST), 60);
    scene->now_ms += 59001;
    assert_int_equal(wait_of(scene, HOST), 1); /* rounded up */
    scene->now_ms += 999;
    assert_int_equal(wait_of(scene, HOST), 0);
    fail_from(scene, HOST, 1);
    assert_int_equal(wait_of(scene, HOST), 60);
}

static void nobody_else_waits(void **state)
{
    struct scene *scene = *state;
    fail_from(scene, HOST, 20);
    assert_int_equal(wait_of(scene, "192.0.2.8"), 0);
    assert_int_equal(wait_of(scene, "2001:db8::1"), 0);
    assert_int_equal(wait_of(scene, "::ffff:192.0.2.7"), 60); /* the same host */
    fail_from(scene, "2001:db8::1", 20);
    assert_int_equal(wait_of(scene, "2001:db8::ffff:1"), 60); /* the same link */
    assert_int_equal(wait_of(scene, "2001:db8:0:1::1"), 0);
    assert_int_equal(wait_of(scene, ""), 0);
}

static void failures_are_forgotten(void **state)
{
    struct scene *scene = *state;
    fail_from(scene, HOST, 20);
    scene->now_ms += 15 * 60 * 1000;
    assert_int_equal(wait_of(scene, HOST), 0);
    fail_from(scene, HOST, 10);
    assert_int_equal(wait_of(scene, HOST), 0);
    fail_from(scene, HOST, 1);
    assert_int_equal(wait_of(scene, HOST), 1);
    scene->now_ms -= 3600 * 1000; /* a clock that was set back keeps nobody out for an hour */
    assert_int_equal(wait_of(scene, HOST), 0);
}

/* Many addresses: those that fail keep waiting as long as the table has places for the youngest. */
static void a_flood_of_addresses_is_survived(void **state)
{
    struct scene *scene = *state;
    char address[32];
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(address, sizeof address, "10.%d.%d.7", i / 250, i % 250);
        fail_from(scene, address, 1);
        scene->now_ms++;
    }
    fail_from(scene, HOST, 11);
    assert_int_equal(wait_of(scene, HOST), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_wait_grows_and_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_else_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_are_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_of_addresses_is_survived, setup, teardown),
    };
    return cmocka_run_group_tests_name("source_limits", tests, NULL, NULL);
}
