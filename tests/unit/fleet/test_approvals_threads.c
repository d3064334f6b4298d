/* Races about one request that waits: several approve, one rejects, one withdraws, all at once. One of them
 * wins; the action is done once or not at all, as the winner said. */
#include "tests/unit/fleet/approval_scene.h"

#include <pthread.h>

enum { RACERS = 6, ROUNDS = 8 };

struct racer {
    struct scene *scene;
    const struct actor *actor;
    struct uuid id;
    enum approval_verb verb;
    pthread_barrier_t *start;
    err_code result;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    racer->result = decide_by(racer->scene, racer->actor, racer->id, racer->verb).code;
    return NULL;
}

static void run(struct racer racers[RACERS])
{
    pthread_barrier_t start;
    pthread_t threads[RACERS];
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i].start = &start;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&start);
}

static void test_one_decision_wins(void **state)
{
    struct scene *scene = *state;
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    for (int round = 0; round < ROUNDS; round++) {
        AUTO_VAL(unit) unit;
        struct racer racers[RACERS];
        unit_init(&unit);
        scene_register(scene, 0, &unit.id);
        struct uuid id = ask_compromised(scene, &unit.id);
        for (size_t i = 0; i < RACERS; i++) {
            racers[i] = (struct racer){.scene = scene, .actor = &BEN, .id = id, .verb = VERB_APPROVE};
        }
        racers[RACERS - 2].verb = VERB_REJECT;
        racers[RACERS - 1].verb = VERB_WITHDRAW;
        racers[RACERS - 1].actor = &ANNA;
        run(racers);
        int won = 0;
        enum approval_verb winner = VERB_APPROVE;
        for (size_t i = 0; i < RACERS; i++) {
            assert_true(racers[i].result == ERR_OK || racers[i].result == ERR_WRONG_STATE);
            won += racers[i].result == ERR_OK ? 1 : 0;
            winner = racers[i].result == ERR_OK ? racers[i].verb : winner;
        }
        assert_int_equal(won, 1);
        assert_int_equal(scene_device(scene, 0, &unit.id).state,
                         winner == VERB_APPROVE ? DEVICE_COMPROMISED : DEVICE_REGISTERED);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM approval WHERE state = 0"), 0);
    assert_audit_verifies(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {scene_test(test_one_decision_wins)};
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
