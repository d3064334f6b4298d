/* Many at once with one code: whoever comes first binds it, and nobody else gets anything. */
#include "tests/unit/fleet/cmp_coded.h"

#include <pthread.h>

enum { RACERS = 8 };

struct racer {
    struct scene *scene;
    struct buf message;
    enum cmp_body body;
    pthread_t thread;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    AUTO_VAL(buf) answer = {0};
    struct cmp_header header;
    const struct cmp_question question = {
        .message = buf_view(&racer->message), .label = "", .address = "192.0.2.7", .request_id = "r-1"};
    err_t error = cmp_answer(racer->scene->fleet, &question, &answer);
    enum cmp_failure failure;
    bool is_read =
        error.code == ERR_OK && cmp_header_read(buf_view(&answer), &header, &failure).code == ERR_OK;
    racer->body = is_read ? header.body : CMP_BODY_NESTED;
    return NULL;
}

static void one_of_many_keys(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    struct racer racers[RACERS];
    int answered = 0;
    coded_init(&coded, scene);
    without_confirmation(&coded);
    scene_change(scene, "UPDATE device SET state = 2"); /* so that the requests are made, and give nothing */
    for (size_t i = 0; i < RACERS; i++) {
        assert_null(again(&coded, true));
        racers[i] = (struct racer){.scene = scene, .message = coded.talk.last};
        coded.talk.last = (struct buf){0};
    }
    scene_change(scene, "UPDATE device SET state = 0");
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        answered += racers[i].body == CMP_BODY_IP ? 1 : 0;
        buf_clear(&racers[i].message);
    }
    assert_int_equal(answered, RACERS); /* a rejection is an ip, too */
    assert_int_equal(certificates(scene), 1);
    assert_int_equal(state_of(&coded), CMP_CODE_BOUND);
    assert_audit_verifies(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(one_of_many_keys),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
