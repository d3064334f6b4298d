/* Devices that poll at the same time, at two nodes of one installation: a wave by count holds exactly so
 * many, each device has one action, and the counts are those of the rows, whatever the threads do. */
#include "tests/unit/fleet/rollout_scene.h"

enum { THREADS = 4, DEVICES = 120, ROUNDS = 60, WAVE = 37 };

struct comer {
    struct scene *scene;
    struct fleet *fleet;
    pthread_t thread;
    uint64_t random;
    struct contact *contacts;
};

static void report_something(const struct comer *comer, const struct contact *contact,
                             const struct firmware_poll *poll)
{
    struct firmware_grant grant;
    const struct firmware_report report = {
        .action = poll->action.id, .word = FIRMWARE_CLOSED, .finish = FIRMWARE_SUCCESS, .text = ""};
    err_t granted =
        firmware_grant(comer->fleet, contact, NULL, &poll->action.artifacts[0].digests.sha256, &grant);
    if (granted.code == ERR_OK) {
        firmware_fetched(comer->fleet, contact, &grant, 10);
    }
    (void)firmware_report(comer->fleet, contact, &report);
}

static void *poll_again_and_again(void *context)
{
    struct comer *comer = context;
    for (int i = 0; i < ROUNDS; i++) {
        comer->random = comer->random * 6364136223846793005U + 1442695040888963407U;
        const struct contact *contact = &comer->contacts[(comer->random >> 33) % DEVICES];
        struct firmware_poll poll;
        if (firmware_poll(comer->fleet, contact, &poll).code == ERR_OK && poll.has_action &&
            (comer->random >> 20) % 2 == 0) {
            report_something(comer, contact, &poll);
        }
    }
    return NULL;
}

static _Atomic int64_t at_ms;
static int64_t now(void *context)
{
    (void)context;
    return atomic_load(&at_ms);
}
static const struct clock shared_clock = {.now_ms = now, .monotonic_ms = now};

static void come_all(struct scene *scene, struct fleet *other, struct contact *contacts)
{
    struct comer comers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        comers[i] = (struct comer){.scene = scene,
                                   .fleet = i % 2 == 0 ? scene->fleet : other,
                                   .random = i + 1,
                                   .contacts = contacts};
        assert_int_equal(pthread_create(&comers[i].thread, NULL, poll_again_and_again, &comers[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        assert_ok(rollouts_run(scene->fleet, 0));
        assert_ok(firmware_notes_flush(scene->fleet, 0));
        assert_ok(firmware_notes_flush(other, 0));
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(comers[i].thread, NULL);
    }
}

static void test_a_wave_by_count_is_never_exceeded(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    struct db *db = NULL;
    struct fleet *other = NULL;
    struct contact *contacts = calloc(DEVICES, sizeof contacts[0]);
    assert_non_null(contacts);
    scene_stop(scene);
    atomic_store(&at_ms, SCENE_AT_MS);
    scene->db_options.clock = &shared_clock;
    assert_ok(db_open(&scene->db_options, &scene->db));
    remake_fleet(scene, &shared_clock, 0);
    struct db_options options = scene->db_options;
    options.node_name = "node-2";
    assert_ok(db_open(&options, &db));
    make_fleet_on(scene, db, &shared_clock, 0, &other);
    crowd_add(scene, 0, DEVICES);
    for (int i = 0; i < DEVICES; i++) {
        contacts[i] = crowd_contact(scene, i);
    }
    release_make(scene, &release);
    start_rollout(scene, &release, "{\"name\":\"a\",\"waves\":[{\"count\":37},{\"percent\":100}]}", &rollout);
    come_all(scene, other, contacts);
    assert_ok(firmware_notes_flush(scene->fleet, 0));
    assert_ok(firmware_notes_flush(other, 0));
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.tally.offered, WAVE);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM firmware_action"), WAVE);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM firmware_action WHERE state = 0"),
                     rollout.tally.waiting);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM firmware_action WHERE state = 5"),
                     rollout.tally.succeeded);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM firmware_action WHERE fetched > 0"),
                     rollout.tally.downloads);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_firmware WHERE last_action > 1"), 0);
    fleet_free(other);
    db_close(db);
    free(contacts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_a_wave_by_count_is_never_exceeded),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
