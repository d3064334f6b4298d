/* Orders about authorities race with each other and with devices that enrol: nothing is issued under one that
 * has retired or leaked, every device gets its certificate, and of two orders one is carried out. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fleet/publication.h"
#include "tests/unit/fleet/authority_scene.h"

enum { CROWD = 3, RACERS = 2, ROUNDS = 3 };

/* --- orders and enrolments ------------------------------------------------------------------------------ */

struct crowd {
    struct scene *scene;
    atomic_bool is_over;
    atomic_int enrolled;
};

struct member_of_crowd {
    struct crowd *crowd;
    struct unit unit;
    struct enrolment last;
    err_t result; /* the first that was not OK */
};

/* Each one rekeys and rekeys, and uses what it has got. */
static void *live(void *arg)
{
    struct member_of_crowd *one = arg;
    struct scene *scene = one->crowd->scene;
    bool is_first = true;
    while (!atomic_load(&one->crowd->is_over)) {
        AUTO(EVP_PKEY) *key = ec_key("P-256");
        struct enrolment next = {0};
        err_t error = is_first ? enrol_by_identity(scene, &one->unit, key, 0, &next)
                               : enrol_under(scene, one->last.certificate.authority,
                                             buf_view(&one->last.certificate.der), key, &next);
        if (error.code == ERR_UNAVAILABLE || error.code == ERR_BUSY) {
            continue; /* between a leak and its successor: it comes again */
        }
        if (error.code != ERR_OK) {
            one->result = error;
            break;
        }
        is_first = false;
        enrolment_clear(&one->last);
        one->last = next;
        atomic_fetch_add(&one->crowd->enrolled, 1);
        struct peer_identity peer;
        struct contact contact;
        peer_under(next.certificate.authority, buf_view(&next.certificate.der), &peer);
        struct contact_facts facts = facts_of(&peer);
        one->result = contact_resolve(scene->fleet, &facts, &contact);
        peer_identity_clear(&peer);
    }
    return NULL;
}

/* What a job does every second. */
static void *refresh(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(&crowd->is_over)) {
        assert_ok(authority_set_refresh(crowd->scene->fleet, SCENE_AT_MS));
        assert_ok(publication_refresh(crowd->scene->fleet, SCENE_AT_MS));
    }
    return NULL;
}

/* Until everybody has been here since. */
static void wait_for_some(struct crowd *crowd)
{
    int wanted = atomic_load(&crowd->enrolled) + 2 * CROWD;
    for (int i = 0; i < 20000 && atomic_load(&crowd->enrolled) < wanted; i++) {
        (void)usleep(500);
    }
}

/* Issued after the order's record, though the order said that it issues no more. */
static int64_t issued_too_late(struct scene *scene)
{
    return scene_number(
        scene, "SELECT COUNT(*) FROM audit e JOIN audit o ON e.epoch = o.epoch AND e.seq > o.seq AND "
               "json_extract(e.body, '$.authority') = json_extract(o.body, '$.authority') WHERE o.kind IN "
               "('authority.compromised', 'authority.retiring') AND e.kind IN ('device.enrolled', "
               "'certificate.issued', 'device.recovered')");
}

static void orders_race_with_enrolments(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    struct crowd crowd = {.scene = scene};
    struct member_of_crowd members[CROWD] = {0};
    pthread_t threads[CROWD + 1];
    authority_scene_init(&authorities, scene, false);
    for (size_t i = 0; i < CROWD; i++) {
        members[i].crowd = &crowd;
        unit_init(&members[i].unit);
        scene_register(scene, 0, &members[i].unit.id);
        assert_int_equal(pthread_create(&threads[i], NULL, live, &members[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[CROWD], NULL, refresh, &crowd), 0);
    wait_for_some(&crowd);
    assert_ok(order_of(scene, AUTHORITY_ROLL, "device"));
    wait_for_some(&crowd);
    assert_ok(order_of(scene, AUTHORITY_COMPROMISE, "device-2"));
    wait_for_some(&crowd);
    assert_ok(order_of(scene, AUTHORITY_ROLL, "device-3"));
    wait_for_some(&crowd);
    assert_ok(order_of(scene, AUTHORITY_COMPROMISE, "device-4"));
    wait_for_some(&crowd);
    atomic_store(&crowd.is_over, true);
    for (size_t i = 0; i < CROWD + 1; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(issued_too_late(scene), 0);
    for (size_t i = 0; i < CROWD; i++) {
        assert_ok(members[i].result);
        assert_string_equal(members[i].last.certificate.authority, "device-5");
        enrolment_clear(&members[i].last);
        unit_clear(&members[i].unit);
    }
    assert_true(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE authority = 'device-2'") > 0);
    print_message("%d certificates\n", atomic_load(&crowd.enrolled));
    assert_audit_verifies(scene);
    authority_scene_clear(&authorities);
}

/* --- two orders at once --------------------------------------------------------------------------------- */

struct racer {
    struct scene *scene;
    struct authority_order order;
    pthread_barrier_t *start;
    err_t result;
    char made[AUTHORITY_ID_SIZE];
};

static void *run_one(void *arg)
{
    struct racer *racer = arg;
    (void)pthread_barrier_wait(racer->start);
    racer->result = order_authority(racer->scene, &racer->order, racer->made);
    return NULL;
}

static void race(struct scene *scene, struct racer racers[RACERS])
{
    pthread_barrier_t start;
    pthread_t threads[RACERS];
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i].scene = scene;
        racers[i].start = &start;
        assert_int_equal(pthread_create(&threads[i], NULL, run_one, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&start);
}

static int64_t defaults(struct scene *scene)
{
    return scene_number(scene,
                        "SELECT COUNT(*) FROM authority WHERE role = 'device' AND is_default = 1 AND state "
                        "= 0");
}

static int won(const struct racer racers[RACERS])
{
    int count = 0;
    for (size_t i = 0; i < RACERS; i++) {
        count += racers[i].result.code == ERR_OK ? 1 : 0;
    }
    return count;
}

static void two_roll_overs_make_one_successor(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    static const char *const ids[] = {"device", "device-2", "device-3"};
    authority_scene_init(&authorities, scene, false);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct racer racers[RACERS] = {{.order = {.verb = AUTHORITY_ROLL}},
                                       {.order = {.verb = AUTHORITY_ROLL}}};
        (void)snprintf(racers[0].order.authority, AUTHORITY_ID_SIZE, "%s", ids[i]);
        (void)snprintf(racers[1].order.authority, AUTHORITY_ID_SIZE, "%s", ids[i]);
        race(scene, racers);
        assert_int_equal(won(racers), 1);
        assert_true(racers[0].result.code == ERR_WRONG_STATE || racers[1].result.code == ERR_WRONG_STATE);
        assert_int_equal(defaults(scene), 1);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM authority WHERE role = 'device'"), 1 + ROUNDS);
    assert_int_equal(memory_count(authorities.keys, "ca-"), ROUNDS);
    authority_scene_clear(&authorities);
}

/* The roll-over of one that leaks at the same time: whatever comes first, the leaked one is out for good, and
 * one other issues. */
static void a_roll_over_races_with_a_leak(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    char id[AUTHORITY_ID_SIZE] = "device";
    authority_scene_init(&authorities, scene, false);
    for (int i = 0; i < ROUNDS; i++) {
        struct racer racers[RACERS] = {{.order = {.verb = AUTHORITY_ROLL}},
                                       {.order = {.verb = AUTHORITY_COMPROMISE}}};
        memcpy(racers[0].order.authority, id, sizeof id);
        memcpy(racers[1].order.authority, id, sizeof id);
        race(scene, racers);
        assert_ok(racers[1].result);
        assert_true(racers[0].result.code == ERR_OK || racers[0].result.code == ERR_WRONG_STATE);
        AUTO_PTR(authority_set) *set = authority_set_take(scene->fleet);
        const struct authority_member *next = NULL;
        assert_int_equal(authority_set_find(set, bytes_str(id))->state, AUTHORITY_COMPROMISED);
        assert_int_equal(defaults(scene), 1);
        assert_ok(authority_set_issuer(set, AUTHORITY_DEVICE, NULL, "", &next));
        assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM authority_order"), 0);
        memcpy(id, next->id, sizeof id);
    }
    authority_scene_clear(&authorities);
}

static void two_defaults_at_once_leave_one(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    static const char *const ids[] = {"first", "second"};
    authority_scene_init(&authorities, scene, false);
    for (size_t i = 0; i < RACERS; i++) {
        struct authority_order order = {.verb = AUTHORITY_CREATE, .role = "device"};
        (void)snprintf(order.authority, sizeof order.authority, "%s", ids[i]);
        assert_ok(order_authority(scene, &order, NULL));
    }
    struct racer racers[RACERS] = {{.order = {.verb = AUTHORITY_ACTIVATE, .authority = "first"}},
                                   {.order = {.verb = AUTHORITY_ACTIVATE, .authority = "second"}}};
    race(scene, racers);
    assert_int_equal(won(racers), RACERS); /* one after the other */
    assert_int_equal(defaults(scene), 1);
    authority_scene_clear(&authorities);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(orders_race_with_enrolments),
        scene_test(two_roll_overs_make_one_successor),
        scene_test(a_roll_over_races_with_a_leak),
        scene_test(two_defaults_at_once_leave_one),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
