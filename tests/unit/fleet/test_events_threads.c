/* The feed under many writers, and followers that only know what the hub tells them: each sees every event
 * once, in order, and none waits for the next look of the clock. Run under ThreadSanitizer too. */
#include "tests/unit/fleet/fleet_fixture.h"

#include <pthread.h>
#include <semaphore.h>

#include "fleet/event.h"
#include "fleet/event_hub.h"
#include "fleet/events.h"

enum { WRITERS = 4, EACH = 50, FOLLOWERS = 6, ALL = WRITERS * EACH };

static err_t happen_in(struct db_tx *tx, void *arg)
{
    const struct event event = {
        .kind = "hub.added", .result = "ok", .actor = "test", .request_id = "", .tenant = arg};
    return event_append(tx, &event, "{}");
}

struct writer_thread {
    pthread_t thread;
    struct fleet_fixture *f;
};

static void *write_many(void *arg)
{
    struct writer_thread *writer = arg;
    for (int i = 0; i < EACH; i++) {
        assert_ok(db_write(writer->f->db, happen_in, &writer->f->tenant.id));
    }
    return NULL;
}

struct follower {
    pthread_t thread;
    struct fleet_fixture *f;
    sem_t woken;
    int64_t start, position;
    int seen;
    bool is_wrong;
};

static err_t follow_one(const struct feed_row *event, void *arg)
{
    struct follower *follower = arg;
    follower->seen++;
    follower->is_wrong = follower->is_wrong || event->number != follower->start + follower->seen;
    return OK;
}

static void on_wake(void *waker)
{
    (void)sem_post(&((struct follower *)waker)->woken);
}

static void *follow(void *arg)
{
    static const struct event_filter everything = {.type_count = 0};
    struct follower *follower = arg;
    struct event_stream *stream = NULL;
    assert_ok(event_stream_open(follower->f->fleet, follower->f->tenant.id, &stream));
    while (follower->seen < ALL) {
        struct event_reading reading = {.tenant = follower->f->tenant.id,
                                        .filter = &everything,
                                        .after = follower->position,
                                        .limit = 7,
                                        .fn = follow_one,
                                        .arg = follower};
        assert_ok(events_read(follower->f->fleet, &reading));
        follower->position = reading.position;
        if (!reading.has_more && follower->seen < ALL) {
            event_stream_wait(stream, &(struct event_wait){.position = follower->position,
                                                           .until_ms = INT64_MAX, /* no beat will help */
                                                           .wake = on_wake,
                                                           .waker = follower});
            (void)sem_wait(&follower->woken);
        }
    }
    event_stream_close(stream);
    return NULL;
}

static int64_t latest(struct fleet_fixture *f)
{
    int64_t number = 0;
    char id[EVENT_ID_SIZE];
    assert_ok(event_latest(f->fleet, f->tenant.id, &number, id));
    return number;
}

static void followers_see_each_event_once_in_order(void **state)
{
    struct fleet_fixture f;
    struct writer_thread writers[WRITERS];
    struct follower followers[FOLLOWERS];
    fleet_fixture_init(&f, *state);
    int64_t start = latest(&f);
    assert_ok(event_hub_start(f.fleet));
    for (int i = 0; i < FOLLOWERS; i++) {
        followers[i] = (struct follower){.f = &f, .start = start, .position = start};
        assert_int_equal(sem_init(&followers[i].woken, 0, 0), 0);
        assert_int_equal(pthread_create(&followers[i].thread, NULL, follow, &followers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer_thread){.f = &f};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
    }
    for (int i = 0; i < FOLLOWERS; i++) {
        assert_int_equal(pthread_join(followers[i].thread, NULL), 0);
        assert_int_equal(followers[i].seen, ALL);
        assert_false(followers[i].is_wrong);
        (void)sem_destroy(&followers[i].woken);
    }
    assert_int_equal(latest(&f), start + ALL);
    event_hub_stop(f.fleet);
    event_hub_stop(f.fleet);
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

struct leaver {
    pthread_t thread;
    struct fleet_fixture *f;
    _Atomic bool *is_over;
};

/* A stream is closed while the hub may be about to wake it: nothing is woken afterwards. */
static void wake_nobody(void *waker)
{
    assert_true(*(_Atomic bool *)waker);
}

static void *come_and_go(void *arg)
{
    struct leaver *leaver = arg;
    while (!atomic_load(leaver->is_over)) {
        struct event_stream *stream = NULL;
        _Atomic bool is_here = true;
        assert_ok(event_stream_open(leaver->f->fleet, leaver->f->tenant.id, &stream));
        event_stream_wait(stream,
                          &(struct event_wait){.position = 0, .wake = wake_nobody, .waker = &is_here});
        event_stream_close(stream);
        atomic_store(&is_here, false);
    }
    return NULL;
}

static void those_who_leave_are_not_woken(void **state)
{
    struct fleet_fixture f;
    struct leaver leavers[FOLLOWERS];
    _Atomic bool is_over = false;
    struct writer_thread writer = {.f = &f};
    fleet_fixture_init(&f, *state);
    assert_ok(event_hub_start(f.fleet));
    for (int i = 0; i < FOLLOWERS; i++) {
        leavers[i] = (struct leaver){.f = &f, .is_over = &is_over};
        assert_int_equal(pthread_create(&leavers[i].thread, NULL, come_and_go, &leavers[i]), 0);
    }
    (void)write_many(&writer);
    struct timespec rest = {.tv_nsec = 200 * 1000 * 1000};
    (void)nanosleep(&rest, NULL);
    atomic_store(&is_over, true);
    for (int i = 0; i < FOLLOWERS; i++) {
        assert_int_equal(pthread_join(leavers[i].thread, NULL), 0);
    }
    assert_int_equal(event_hub_streams(f.fleet), 0);
    event_hub_stop(f.fleet);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(followers_see_each_event_once_in_order),
        cmocka_unit_test(those_who_leave_are_not_woken),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
