/* Races for the last uses of a code: never one too many, and the one device of a one-time code. */
#include "tests/unit/fleet/admission_scene.h"

#include <pthread.h>

enum { RACERS = 12, LIMIT = 5 };

struct racer {
    struct scene *scene;
    struct unit unit;
    const char *code;
    pthread_barrier_t *start;
    pthread_t thread;
    err_code result;
};

static void *race_one(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    do {
        racer->result = showing(racer->scene, &racer->unit, "", racer->code);
    } while (racer->result == ERR_BUSY);
    return NULL;
}

/* @return how many came in; the others must have been refused */
static int race(struct scene *scene, const char *code)
{
    struct racer racers[RACERS];
    pthread_barrier_t start;
    int won = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.scene = scene, .code = code, .start = &start};
        unit_init(&racers[i].unit);
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race_one, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_string_equal(err_slug(racers[i].result),
                            racers[i].result == ERR_OK ? "ok" : err_slug(ERR_ENROLMENT_CODE));
        won += racers[i].result == ERR_OK ? 1 : 0;
        unit_clear(&racers[i].unit);
    }
    (void)pthread_barrier_destroy(&start);
    return won;
}

static void a_limit_is_never_oversold(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = batch_code(LIMIT);
    struct code_text code = add_code(scene, 0, &wish);
    assert_int_equal(race(scene, code.text), LIMIT);
    assert_int_equal(code_now(scene, 0, &code).used, LIMIT);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device"), LIMIT);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), LIMIT);
    assert_int_equal(scene_number(scene, "SELECT device_count FROM batch"), LIMIT);
    assert_int_equal(scene_number(scene, "SELECT SUM(n) FROM device_count WHERE state = 1"), 3 * LIMIT);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.registered'"),
                     LIMIT);
    assert_audit_verifies(scene);
}

static void a_one_time_code_has_one_device(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = one_code();
    struct code_text code = add_code(scene, 0, &wish);
    assert_int_equal(race(scene, code.text), 1);
    assert_int_equal(code_now(scene, 0, &code).used, 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(a_limit_is_never_oversold),
        scene_test(a_one_time_code_has_one_device),
    };
    return cmocka_run_group_tests_name("codes_threads", tests, scene_group_setup, scene_group_teardown);
}
