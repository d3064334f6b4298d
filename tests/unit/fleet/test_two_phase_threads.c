/* Races between the two phases: rekeys with different keys, a use against a recovery, a recovery against a
 * rekey, two holders at once. Whoever wins, one certificate is confirmed, and what is refused has left
 * nothing. */
#include "tests/unit/fleet/born_scene.h"
#include "tests/unit/fleet/contact_scene.h"

#include <pthread.h>

enum { RACERS = 6, ROUNDS = 5 };

enum move { MOVE_REKEY, MOVE_RECOVER, MOVE_USE };

struct racer {
    struct scene *scene;
    enum move move;
    const struct unit *unit;  /* of MOVE_RECOVER */
    struct bytes certificate; /* of the others */
    EVP_PKEY *key;
    int64_t generation;
    pthread_barrier_t *start;
    struct enrolment out;
    struct contact contact;
    err_t result;
};

static void *run_one(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    switch (racer->move) {
    case MOVE_REKEY:
        racer->result = enrol_by_certificate(racer->scene, racer->certificate, racer->key, racer->generation,
                                             &racer->out);
        break;
    case MOVE_RECOVER:
        racer->result =
            enrol_by_identity(racer->scene, racer->unit, racer->key, racer->generation, &racer->out);
        break;
    case MOVE_USE:
        racer->contact = contact_by_certificate(racer->scene, racer->certificate);
        break;
    }
    return NULL;
}

static void race(struct racer *racers, size_t count)
{
    pthread_barrier_t start;
    pthread_t threads[RACERS];
    assert_int_equal(pthread_barrier_init(&start, NULL, (unsigned)count), 0);
    for (size_t i = 0; i < count; i++) {
        racers[i].start = &start;
        racers[i].key = ec_key("P-256");
        assert_int_equal(pthread_create(&threads[i], NULL, run_one, &racers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&start);
}

static void racers_clear(struct racer *racers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        EVP_PKEY_free(racers[i].key);
        enrolment_clear(&racers[i].out);
    }
}

static void assert_one_confirmed(struct scene *scene)
{
    assert_int_equal(scene_number(scene, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM "
                                         "certificate WHERE state = 1 GROUP BY device)"),
                     1);
    assert_audit_verifies(scene);
}

/* A client that asks on several connections with a key for each: all are served in some order, and the last
 * one is the one that waits. */
static void test_rekeys_with_different_keys(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    struct racer racers[RACERS] = {0};
    int works = 0;
    born_init(&born, scene);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.scene = scene, .move = MOVE_REKEY, .certificate = der_of(&born.first)};
    }
    race(racers, RACERS);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 0"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(DISTINCT generation) FROM certificate"), RACERS + 1);
    for (size_t i = 0; i < RACERS; i++) {
        assert_ok(racers[i].result);
        works += contact_by_certificate(scene, der_of(&racers[i].out)).proof == PROOF_OPERATIONAL ? 1 : 0;
    }
    assert_int_equal(works, 1);
    assert_one_confirmed(scene);
    racers_clear(racers, RACERS);
}

/* Both name the generation, each with a key of its own: one gets it, the other is the proof. */
static void test_two_holders_at_once(void **state)
{
    struct scene *scene = *state;
    scene_change(scene, "UPDATE product SET clone_response = 1");
    for (int round = 0; round < ROUNDS; round++) {
        AUTO_VAL(born) born;
        struct racer racers[2] = {0};
        born_init(&born, scene);
        for (size_t i = 0; i < 2; i++) {
            racers[i] = (struct racer){
                .scene = scene, .move = MOVE_REKEY, .certificate = der_of(&born.first), .generation = 2};
        }
        race(racers, 2);
        bool is_first = racers[0].result.code == ERR_OK;
        assert_true(is_first != (racers[1].result.code == ERR_OK));
        assert_int_equal(racers[is_first ? 1 : 0].result.code, ERR_DEVICE_REFUSED);
        assert_int_equal(scene_device(scene, 0, &born.unit.id).state, DEVICE_QUARANTINED);
        racers_clear(racers, 2);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.clone_suspected'"),
                     ROUNDS);
    assert_one_confirmed(scene);
}

/* The identity key and the operational key ask at the same time: both are served, neither takes the other's.
 */
static void test_a_recovery_races_a_renewal(void **state)
{
    struct scene *scene = *state;
    scene_change(scene, "UPDATE product SET recovery = 2");
    for (int round = 0; round < ROUNDS; round++) {
        AUTO_VAL(born) born;
        struct racer racers[2] = {0};
        born_init(&born, scene);
        racers[0] = (struct racer){.scene = scene, .move = MOVE_RECOVER, .unit = &born.unit};
        racers[1] = (struct racer){.scene = scene, .move = MOVE_REKEY, .certificate = der_of(&born.first)};
        race(racers, 2);
        assert_ok(racers[0].result);
        assert_ok(racers[1].result);
        assert_int_equal(contact_by_certificate(scene, der_of(&born.first)).proof, PROOF_OPERATIONAL);
        assert_int_equal(contact_by_certificate(scene, der_of(&racers[0].out)).proof, PROOF_OPERATIONAL);
        assert_int_equal(contact_by_certificate(scene, der_of(&racers[1].out)).proof, PROOF_NONE);
        racers_clear(racers, 2);
    }
    assert_one_confirmed(scene);
}

/* The new certificate is used while the old key asks for another one and the identity key for a third. */
static void test_a_use_races_everything(void **state)
{
    struct scene *scene = *state;
    scene_change(scene, "UPDATE product SET recovery = 2");
    for (int round = 0; round < ROUNDS; round++) {
        AUTO_VAL(born) born;
        AUTO_VAL(enrolment) next = {0};
        AUTO(EVP_PKEY) *key = ec_key("P-256");
        struct racer racers[3] = {0};
        born_init(&born, scene);
        assert_ok(enrol_by_certificate(scene, der_of(&born.first), key, 0, &next));
        racers[0] = (struct racer){.scene = scene, .move = MOVE_USE, .certificate = der_of(&next)};
        racers[1] = (struct racer){.scene = scene, .move = MOVE_REKEY, .certificate = der_of(&born.first)};
        racers[2] = (struct racer){.scene = scene, .move = MOVE_RECOVER, .unit = &born.unit};
        race(racers, 3);
        bool is_confirmed = racers[0].contact.proof == PROOF_OPERATIONAL;
        assert_true(is_confirmed != (racers[1].result.code == ERR_OK));
        assert_ok(racers[2].result); /* it outlives what was used before it */
        assert_int_equal(contact_by_certificate(scene, der_of(&racers[2].out)).proof, PROOF_OPERATIONAL);
        racers_clear(racers, 3);
    }
    assert_one_confirmed(scene);
}

/* One word of an operator, several answers: the last of them is the one that can be used. */
static void test_an_allowance_is_used_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    struct racer racers[RACERS] = {0};
    int works = 0;
    born_init(&born, scene);
    const struct terms terms = terms_of(scene, 0);
    const struct device_order order = {
        .id = born.unit.id, .action = ACTION_ALLOW_RECOVERY, .valid_for_s = 3600};
    struct device_row row;
    assert_ok(device_act(scene->fleet, &terms, &order, &row));
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.scene = scene, .move = MOVE_RECOVER, .unit = &born.unit};
    }
    race(racers, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        assert_ok(racers[i].result);
        works += contact_by_certificate(scene, der_of(&racers[i].out)).proof == PROOF_OPERATIONAL ? 1 : 0;
    }
    assert_int_equal(works, 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_recovery"), 0);
    assert_one_confirmed(scene);
    racers_clear(racers, RACERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_rekeys_with_different_keys), scene_test(test_two_holders_at_once),
        scene_test(test_a_recovery_races_a_renewal), scene_test(test_a_use_races_everything),
        scene_test(test_an_allowance_is_used_once),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
