/* Races about one device: two operators who saw the same version, and an order against the device's own
 * enrolment. Whoever wins, one state is left, with its records and its counts. */
#include "tests/unit/fleet/order_scene.h"

#include <pthread.h>

enum { RACERS = 6, ROUNDS = 5 };

struct racer {
    struct scene *scene;
    const struct unit *unit;
    EVP_PKEY *key; /* to enrol with, or NULL: an operator */
    int64_t version;
    pthread_barrier_t *start;
    err_code result;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct device_row row;
    AUTO_VAL(enrolment) out = {0};
    (void)pthread_barrier_wait(racer->start);
    if (racer->key != NULL) {
        racer->result = enrol_by_identity(racer->scene, racer->unit, racer->key, 0, &out).code;
        return NULL;
    }
    struct terms terms = terms_of(racer->scene, 0);
    terms.has_versions = racer->version != 0;
    terms.versions[terms.version_count++] = racer->version;
    const struct device_order order = {.id = racer->unit->id, .action = ACTION_QUARANTINE};
    racer->result = device_act(racer->scene->fleet, &terms, &order, &row).code;
    return NULL;
}

static void run(struct racer *racers, size_t count)
{
    pthread_barrier_t start;
    pthread_t threads[RACERS];
    assert_int_equal(pthread_barrier_init(&start, NULL, (unsigned)count), 0);
    for (size_t i = 0; i < count; i++) {
        racers[i].start = &start;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&start);
}

static void test_of_those_who_saw_one_version_one_wins(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    struct racer racers[RACERS];
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.scene = scene, .unit = &unit, .version = 1};
    }
    run(racers, RACERS);
    int won = 0;
    for (size_t i = 0; i < RACERS; i++) {
        won += racers[i].result == ERR_OK ? 1 : 0;
        assert_true(racers[i].result == ERR_OK || racers[i].result == ERR_PRECONDITION);
    }
    assert_int_equal(won, 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.quarantined'"), 1);
}

static void test_an_order_against_an_enrolment(void **state)
{
    struct scene *scene = *state;
    for (int round = 0; round < ROUNDS; round++) {
        AUTO_VAL(unit) unit;
        AUTO(EVP_PKEY) *key = ec_key("P-256");
        unit_init(&unit);
        scene_register(scene, 0, &unit.id);
        struct racer racers[2] = {{.scene = scene, .unit = &unit, .key = key},
                                  {.scene = scene, .unit = &unit}};
        run(racers, 2);
        assert_int_equal(racers[1].result, ERR_OK);
        assert_true(racers[0].result == ERR_OK || racers[0].result == ERR_DEVICE_REFUSED);
        assert_int_equal(scene_device(scene, 0, &unit.id).state, DEVICE_QUARANTINED);
    }
    assert_int_equal(scene_number(scene, "SELECT n FROM device_count WHERE state = 2 AND n > 0"), ROUNDS);
    assert_int_equal(scene_number(scene, "SELECT SUM(ABS(n)) FROM device_count"), 3 * ROUNDS);
    assert_audit_verifies(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_of_those_who_saw_one_version_one_wins),
        scene_test(test_an_order_against_an_enrolment),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
