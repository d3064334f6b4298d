/* Two devices ask for the same name at once: it is one's, and the other is told that it is not its. */
#include "tests/unit/fleet/controller_scene.h"

#include <pthread.h>

enum { ROUNDS = 8 };

struct racer {
    struct controller_scene *scene;
    const struct contact *who;
    const char *name;
    pthread_barrier_t *start;
    pthread_t thread;
    err_code result;
};

static void *ask(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    racer->result = firmware_controller_check(racer->scene->f.fleet, racer->who, racer->name).code;
    return NULL;
}

static void one_of_two_gets_a_name(void **state)
{
    struct controller_scene scene;
    pthread_barrier_t start;
    controller_scene_init(&scene, *state);
    const struct terms terms = {.tenant = scene.f.tenant.id, .actor = test_actor};
    assert_int_equal(pthread_barrier_init(&start, NULL, 3), 0);
    for (int round = 0; round < ROUNDS; round++) {
        /* the third asks for the same device as the first: both of its questions are answered alike */
        struct racer racers[] = {{&scene, &scene.ada, "hall", &start, 0, ERR_OK},
                                 {&scene, &scene.ben, "hall", &start, 0, ERR_OK},
                                 {&scene, &scene.ada, "hall", &start, 0, ERR_OK}};
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(pthread_create(&racers[i].thread, NULL, ask, &racers[i]), 0);
        }
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        }
        assert_int_equal(racers[0].result, racers[2].result);
        assert_int_equal(racers[0].result == ERR_OK ? racers[1].result : racers[0].result, ERR_NOT_FOUND);
        assert_true(racers[0].result == ERR_OK || racers[1].result == ERR_OK);
        assert_int_equal(audit_of(&scene.f, "firmware.name_taken").count, round + 1);
        assert_ok(firmware_controller_clear(scene.f.fleet, &terms, &scene.ada.device.id));
        assert_ok(firmware_controller_clear(scene.f.fleet, &terms, &scene.ben.device.id));
    }
    (void)pthread_barrier_destroy(&start);
    fleet_fixture_clear(&scene.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_of_two_gets_a_name)};
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
