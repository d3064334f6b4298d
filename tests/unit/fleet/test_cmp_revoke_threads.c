/* Several at once: a device's rr about one certificate, each sent by a thread of its own. One revokes, the
 * others are told that it was done. */
#include "tests/unit/fleet/cmp_talk.h"

#include <pthread.h>
#include <stdatomic.h>

#include "pki/der.h"

enum { RACERS = 6 };

struct race {
    struct scene *scene;
    struct bytes message;
    pthread_barrier_t start;
    atomic_int granted, refused;
};

/* RevRepContent begins with the list of states; the first number in it is the PKIStatus. */
static int status_of(const struct buf *answer)
{
    struct cmp_header header;
    struct der_item content;
    struct der_item list;
    struct der_item info;
    struct der_item status;
    cmp_read(buf_view(answer), &header);
    assert_int_equal(header.body, CMP_BODY_RP);
    struct bytes body = header.body_content;
    assert_true(der_take(&body, DER_SEQUENCE, &content) && der_take(&content.value, DER_SEQUENCE, &list) &&
                der_take(&list.value, DER_SEQUENCE, &info) && der_take(&info.value, DER_INTEGER, &status));
    return status.value.p[0];
}

static void *post(void *arg)
{
    struct race *race = arg;
    AUTO_VAL(buf) answer = {0};
    const struct cmp_question question = {
        .message = race->message, .label = "", .address = "192.0.2.7", .request_id = "r-1"};
    (void)pthread_barrier_wait(&race->start);
    assert_ok(cmp_answer(race->scene->fleet, &question, &answer));
    atomic_fetch_add(status_of(&answer) == 0 ? &race->granted : &race->refused, 1);
    return NULL;
}

/* Caught before it leaves. */
static void keep(void *arg, struct bytes message, struct buf *answer)
{
    (void)answer;
    assert_ok(buf_append_bytes(arg, message));
}

static void test_one_of_several_revokes(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO_VAL(buf) message = {0};
    pthread_t threads[RACERS];
    struct race race = {.scene = scene};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    X509 *got = ir(&talk);
    EVP_PKEY *key = talk.client.new_key;
    assert_non_null(got);
    assert_int_equal(X509_up_ref(got), 1);
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    cmp_client_clear(&talk.client);
    cmp_client_init(&talk.client, key, got, scene->house.root, SCENE_AT_MS);
    talk.client.serve = keep;
    talk.client.server = &message;
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk.client.context, got), 1);
    assert_int_equal(OSSL_CMP_exec_RR_ses(talk.client.context), 0);
    race.message = buf_view(&message);
    assert_int_equal(pthread_barrier_init(&race.start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, post, &race), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&race.start);
    assert_int_equal(atomic_load(&race.granted), 1);
    assert_int_equal(atomic_load(&race.refused), RACERS - 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked'"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.revoked'"), 1);
    assert_audit_verifies(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {scene_test(test_one_of_several_revokes)};
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
