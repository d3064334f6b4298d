/* Devices that come at the same time, to two nodes of one installation and one campaign: none is told twice,
 * and the rate holds in every second, whatever the threads do. */
#include "tests/unit/fleet/rekey_scene.h"

enum { THREADS = 4, DEVICES = 120, RATE = 10, SECONDS = 6 };

struct comer {
    struct scene *scene;
    struct fleet *fleet;
    pthread_t thread;
    uint64_t random;
    atomic_bool *is_over;
};

static void *come_again_and_again(void *context)
{
    struct comer *comer = context;
    while (!atomic_load(comer->is_over)) {
        comer->random = comer->random * 6364136223846793005U + 1442695040888963407U;
        (void)crowd_comes_to(comer->scene, comer->fleet, (int)((comer->random >> 33) % DEVICES));
    }
    return NULL;
}

/* The clock of the scene stands still between its steps; a thread-safe one is needed here. */
static _Atomic int64_t at_ms;
static int64_t now(void *context)
{
    (void)context;
    return atomic_load(&at_ms);
}
static const struct clock shared_clock = {.now_ms = now, .monotonic_ms = now};

/* For every second, wherever it begins: at most RATE. */
static const char worst_second[] =
    "SELECT MAX((SELECT COUNT(*) FROM rekey_member AS b WHERE b.told_at > a.told_at - 1000 AND b.told_at <= "
    "a.told_at)) FROM rekey_member AS a";

struct other_node {
    struct db *db;
    struct fleet *fleet;
};

static void other_node_open(struct scene *scene, struct other_node *out)
{
    struct db_options options = scene->db_options;
    options.node_name = "node-2";
    assert_ok(db_open(&options, &out->db));
    make_fleet_on(scene, out->db, &shared_clock, 0, &out->fleet);
}

static void time_passes(struct scene *scene, const struct other_node *other)
{
    for (int i = 0; i < SECONDS * 50; i++) {
        const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
        (void)nanosleep(&pause, NULL);
        int64_t now_ms = atomic_fetch_add(&at_ms, 20) + 20;
        if (i % 50 == 0) {
            assert_ok(rekey_plans_run(scene->fleet, now_ms));
            assert_ok(rekey_plans_run(other->fleet, now_ms));
        }
    }
}

static void come_all(struct scene *scene, const struct other_node *other)
{
    struct comer comers[THREADS];
    atomic_bool is_over = false;
    for (size_t i = 0; i < THREADS; i++) {
        comers[i] = (struct comer){.scene = scene,
                                   .fleet = i % 2 == 0 ? scene->fleet : other->fleet,
                                   .random = i + 1,
                                   .is_over = &is_over};
        assert_int_equal(pthread_create(&comers[i].thread, NULL, come_again_and_again, &comers[i]), 0);
    }
    time_passes(scene, other);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(comers[i].thread, NULL);
    }
}

static void test_the_rate_holds_for_all_of_them(void **state)
{
    struct scene *scene = *state;
    struct rekey_plan plan;
    struct other_node other;
    scene_stop(scene);
    atomic_store(&at_ms, SCENE_AT_MS);
    scene->db_options.clock = &shared_clock;
    assert_ok(db_open(&scene->db_options, &scene->db));
    remake_fleet(scene, &shared_clock, 0);
    other_node_open(scene, &other);
    crowd_add(scene, 0, DEVICES);
    start_plan(
        scene,
        "{\"name\":\"a\",\"filter\":{\"all\":true},\"rate_limit\":{\"devices\":10,\"per\":\"second\"}}",
        &plan);
    come_all(scene, &other);
    read_plan(scene, &plan);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM rekey_member"), plan.tally.told);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE rekey_requested_at IS NOT NULL"),
                     plan.tally.told);
    assert_in_range(plan.tally.told, RATE * (SECONDS - 2), RATE * (SECONDS + 1));
    assert_in_range(scene_number(scene, worst_second), 1, RATE);
    /* both of them told some */
    assert_true(scene_number(scene, "SELECT COUNT(DISTINCT node) FROM audit WHERE kind = "
                                    "'device.rekey_requested'") == 2);
    fleet_free(other.fleet);
    db_close(other.db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_the_rate_holds_for_all_of_them),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
