/* The threads that send webhooks: each event once to each webhook, one call at a time to one, a receiver that
 * hangs holds up nobody else, and a stop waits for what is on its way. Run under ThreadSanitizer too. */
#include "tests/unit/fleet/webhook_scene.h"

#include <pthread.h>
#include <semaphore.h>

#include "fleet/webhook_pool.h"

enum { HOOKS = 6, EVENTS = 20 };

/* Receivers by the last character of their URL. */
struct receivers {
    atomic_int now[HOOKS], calls[HOOKS];
    atomic_bool is_crowded, hangs;
    sem_t let_go;
};

static err_t receive_many(void *context, const struct outbound_call *call, struct outbound_answer *answer)
{
    struct receivers *receivers = context;
    int hook = call->url[strlen(call->url) - 1] - '0';
    if (atomic_fetch_add(&receivers->now[hook], 1) != 0) {
        atomic_store(&receivers->is_crowded, true);
    }
    if (hook == 0 && atomic_load(&receivers->hangs)) {
        (void)sem_wait(&receivers->let_go);
    }
    atomic_fetch_add(&receivers->calls[hook], 1);
    atomic_fetch_sub(&receivers->now[hook], 1);
    answer->status = 200;
    return OK;
}

static void make_many(struct webhook_scene *s)
{
    for (int i = 0; i < HOOKS; i++) {
        char name[16], url[64];
        (void)snprintf(name, sizeof name, "hook-%d", i);
        (void)snprintf(url, sizeof url, "https://erp.example.com/%d", i);
        struct webhook_change change = {.name = bytes_str(name), .url = bytes_str(url), .has_types = true};
        assert_ok(event_filter_add(&change.types, bytes_str("hub.*")));
        assert_ok(webhook_add(s->f.fleet, &s->terms, &change, s->secret, &s->row));
    }
}

static bool have_all(struct receivers *receivers, int from, int wanted)
{
    for (int i = from; i < HOOKS; i++) {
        if (atomic_load(&receivers->calls[i]) < wanted) {
            return false;
        }
    }
    return true;
}

static void wait_for_all(struct receivers *receivers, int from, int wanted)
{
    struct timespec rest = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < 6000 && !have_all(receivers, from, wanted); i++) {
        (void)nanosleep(&rest, NULL);
    }
    assert_true(have_all(receivers, from, wanted));
}

static void a_receiver_that_hangs_holds_up_nobody(void **state)
{
    struct webhook_scene s;
    struct receivers receivers = {.hangs = true};
    struct webhook_pool *pool = NULL;
    webhook_scene_init(&s, *state);
    assert_int_equal(sem_init(&receivers.let_go, 0, 0), 0);
    s.transport = (struct webhook_transport){.send = receive_many, .context = &receivers};
    make_many(&s);
    assert_ok(webhook_pool_start(s.f.fleet, &s.transport, &pool));
    assert_ok(event_hub_start(s.f.fleet));
    for (int i = 0; i < EVENTS; i++) {
        something_happens(&s, "hub.added");
    }
    wait_for_all(&receivers, 1, EVENTS);
    assert_int_equal(atomic_load(&receivers.calls[0]), 0);
    atomic_store(&receivers.hangs, false);
    (void)sem_post(&receivers.let_go);
    wait_for_all(&receivers, 0, EVENTS);
    webhook_pool_stop(pool);
    event_hub_stop(s.f.fleet);
    for (int i = 0; i < HOOKS; i++) {
        assert_int_equal(atomic_load(&receivers.calls[i]), EVENTS);
    }
    assert_false(atomic_load(&receivers.is_crowded));
    (void)sem_destroy(&receivers.let_go);
    webhook_scene_clear(&s);
}

static void *let_go_later(void *arg)
{
    struct timespec rest = {.tv_nsec = 200 * 1000 * 1000};
    (void)nanosleep(&rest, NULL);
    (void)sem_post(&((struct receivers *)arg)->let_go);
    return NULL;
}

/* What was on its way is noted; what was not is there after the next start. */
static void a_stop_waits_and_the_next_start_goes_on(void **state)
{
    struct webhook_scene s;
    struct receivers receivers = {.hangs = true};
    struct webhook_pool *pool = NULL;
    pthread_t thread;
    webhook_scene_init(&s, *state);
    assert_int_equal(sem_init(&receivers.let_go, 0, 0), 0);
    s.transport = (struct webhook_transport){.send = receive_many, .context = &receivers};
    make_many(&s);
    assert_ok(webhook_pool_start(s.f.fleet, &s.transport, &pool));
    assert_ok(event_hub_start(s.f.fleet));
    something_happens(&s, "hub.added");
    wait_for_all(&receivers, 1, 1);
    struct timespec rest = {.tv_nsec = 10 * 1000 * 1000};
    while (atomic_load(&receivers.now[0]) == 0) {
        (void)nanosleep(&rest, NULL);
    }
    assert_int_equal(pthread_create(&thread, NULL, let_go_later, &receivers), 0);
    webhook_pool_stop(pool);
    event_hub_stop(s.f.fleet);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&receivers.calls[0]), 1);
    something_happens(&s, "hub.added");
    atomic_store(&receivers.hangs, false);
    assert_ok(webhook_pool_start(s.f.fleet, &s.transport, &pool));
    assert_ok(event_hub_start(s.f.fleet));
    wait_for_all(&receivers, 0, 2);
    webhook_pool_stop(pool);
    event_hub_stop(s.f.fleet);
    for (int i = 0; i < HOOKS; i++) {
        assert_int_equal(atomic_load(&receivers.calls[i]), 2);
    }
    (void)sem_destroy(&receivers.let_go);
    webhook_scene_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receiver_that_hangs_holds_up_nobody),
        cmocka_unit_test(a_stop_waits_and_the_next_start_goes_on),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
