/* Askers that sign and keep answers while somebody revokes: when the revoking call has returned, nobody is
 * told good any more, whoever was signing meanwhile. And signers that are renewed under those who sign. */
#include "tests/unit/fleet/ocsp_scene.h"

#include <pthread.h>

enum { ASKERS = 6, ROUNDS = 25 };

struct round {
    struct scene *scene;
    struct buf der[2]; /* the same question in two forms */
    atomic_bool is_revoked, is_over;
    atomic_int asked;
};

struct asker {
    struct round *round;
    int form, wrong;
};

static void *ask_on(void *arg)
{
    struct asker *asker = arg;
    struct round *round = asker->round;
    const struct ocsp_question question = {.der = buf_view(&round->der[asker->form]), .address = "192.0.2.9"};
    while (!atomic_load(&round->is_over)) {
        bool must_be_revoked = atomic_load(&round->is_revoked); /* before the question is asked */
        struct ocsp_answer answer;
        ocsp_recall(round->scene->fleet, &question, &answer);
        if (!ocsp_is_answered(&answer)) {
            ocsp_answer(round->scene->fleet, &question, &answer);
        }
        bool is_wrong = answer.bytes == NULL || (must_be_revoked && answer.status != OCSP_REVOKED);
        asker->wrong += is_wrong ? 1 : 0;
        answer_clear(&answer);
        atomic_fetch_add(&round->asked, 1);
    }
    return NULL;
}

static void race(struct scene *scene)
{
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(certificate_row) row = {0};
    struct round round = {.scene = scene};
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    struct bytes serial = BYTES_OF(first.certificate.serial);
    ocsp_ask(scene->house.device, EVP_sha1(), serial, 0, &round.der[0]);
    ocsp_ask(scene->house.device, EVP_sha256(), serial, 0, &round.der[1]);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.round = &round, .form = i % 2};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &askers[i]), 0);
    }
    assert_ok(revoke_in(scene, 0, first.certificate.serial, 1, &row));
    atomic_store(&round.is_revoked, true);
    int from = atomic_load(&round.asked);
    while (atomic_load(&round.asked) < from + 4 * ASKERS) {
        (void)sched_yield();
    }
    atomic_store(&round.is_over, true);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].wrong, 0);
    }
    assert_int_equal(status_of(scene, scene->house.device, serial).status, V_OCSP_CERTSTATUS_REVOKED);
    buf_clear(&round.der[0]);
    buf_clear(&round.der[1]);
}

static void test_a_revocation_under_those_who_ask(void **state)
{
    for (int i = 0; i < ROUNDS; i++) {
        race(*state);
    }
}

/* A serial that is dropped again and again while others sign for it: what is kept is from after the last
 * drop. */
struct dropper {
    struct scene *scene;
    const uint8_t *serial;
    atomic_bool is_over;
};

static void *drop_on(void *arg)
{
    struct dropper *dropper = arg;
    struct certificate_change change = {.authority = "device"};
    memcpy(change.serial, dropper->serial, sizeof change.serial);
    while (!atomic_load(&dropper->is_over)) {
        ocsp_forget(dropper->scene->fleet->ocsp, (struct bytes){(const uint8_t *)&change, sizeof change});
        err_ignore(ocsp_refresh(dropper->scene->fleet, dropper->scene->clock.at_ms)); /* nothing is due */
    }
    return NULL;
}

static void test_drops_and_renewals_under_those_who_ask(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    pthread_t thread;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    struct dropper dropper = {.scene = scene, .serial = first.certificate.serial};
    assert_int_equal(pthread_create(&thread, NULL, drop_on, &dropper), 0);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(status_of(scene, scene->house.device, BYTES_OF(first.certificate.serial)).status,
                         V_OCSP_CERTSTATUS_GOOD);
    }
    atomic_store(&dropper.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_a_revocation_under_those_who_ask),
        scene_test(test_drops_and_renewals_under_those_who_ask),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
