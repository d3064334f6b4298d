/* Devices that enrol while they change their owner, and two who accept one offer: at every moment each device
 * has one owner, and never the first again (invariant I2). */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/transfer_scene.h"

#include <pthread.h>

enum { DEVICES = 6 };

struct watcher {
    struct scene *scene;
    struct unit *units;
    atomic_bool is_over;
    int went_back, nobodys;
};

/* Asks for each device, again and again, whose it is, and lets it enrol. */
static void *watch(void *arg)
{
    struct watcher *watcher = arg;
    bool is_gone[DEVICES] = {false};
    bool is_last = false;
    while (!is_last) {
        is_last = atomic_load(&watcher->is_over);
        for (size_t i = 0; i < DEVICES; i++) {
            AUTO(EVP_PKEY) *key = ec_key("P-256");
            AUTO_VAL(enrolment) out = {0};
            struct contact contact = contact_by_identity(watcher->scene, &watcher->units[i]);
            bool is_second = uuid_equal(contact.device.tenant, watcher->scene->tenants[1].id);
            watcher->nobodys += contact.is_known ? 0 : 1;
            watcher->went_back += is_gone[i] && !is_second ? 1 : 0;
            is_gone[i] = is_gone[i] || is_second;
            err_t error = enrol_by_identity(watcher->scene, &watcher->units[i], key, 0, &out);
            if (error.code == ERR_OK) {
                is_second = uuid_equal(out.certificate.tenant, watcher->scene->tenants[1].id);
                watcher->went_back += is_gone[i] && !is_second ? 1 : 0;
                is_gone[i] = is_gone[i] || is_second;
            }
        }
    }
    for (size_t i = 0; i < DEVICES; i++) {
        watcher->went_back += is_gone[i] ? 0 : 1;
    }
    return NULL;
}

static void test_one_owner_at_every_moment(void **state)
{
    struct scene *scene = *state;
    struct unit units[DEVICES];
    struct device_id ids[DEVICES];
    struct transfer_row row;
    struct watcher watcher = {.scene = scene, .units = units};
    pthread_t thread;
    scene_change(scene, "UPDATE product SET recovery = 2");
    for (size_t i = 0; i < DEVICES; i++) {
        unit_init(&units[i]);
        ids[i] = units[i].id;
    }
    struct batch_row batch = register_batch(scene, 0, "lot", ids, DEVICES);
    const struct transfer_wish wish = {.has_batch = true, .batch = batch.id};
    assert_ok(offer_by(scene, 0, &wish, &row));
    assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    assert_ok(accept_by(scene, 1, row.id, "bought", &row));
    run_operations(scene);
    atomic_store(&watcher.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(watcher.went_back, 0);
    assert_int_equal(watcher.nobodys, 0);
    assert_int_equal(transfer_now(scene, 0, row.id).moved, DEVICES);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device WHERE transferred_at IS NULL AND "
                                         "state = 1"),
                     DEVICES);
    /* nothing of the first owner's has rights any more */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate JOIN device ON device.id = "
                                         "certificate.device AND device.tenant = certificate.tenant WHERE "
                                         "device.state = 4 AND certificate.revoked_at IS NULL"),
                     0);
    assert_audit_verifies(scene);
    for (size_t i = 0; i < DEVICES; i++) {
        unit_clear(&units[i]);
    }
}

struct racer {
    struct scene *scene;
    struct uuid id;
    pthread_barrier_t *start;
    char batch[16];
    err_code result;
};

static void *accept(void *arg)
{
    struct racer *racer = arg;
    struct transfer_row row;
    (void)pthread_barrier_wait(racer->start);
    racer->result = accept_by(racer->scene, 1, racer->id, racer->batch, &row).code;
    return NULL;
}

static void test_one_acceptance_wins(void **state)
{
    enum { RACERS = 4 };
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    struct transfer_row row;
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    pthread_barrier_t start;
    int won = 0;
    unit_init(&unit);
    (void)register_batch(scene, 0, "lot", &unit.id, 1);
    const struct transfer_wish wish = {.devices = &unit.id, .count = 1};
    assert_ok(offer_by(scene, 0, &wish, &row));
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.scene = scene, .id = row.id, .start = &start};
        (void)snprintf(racers[i].batch, sizeof racers[i].batch, "b-%zu", i);
        assert_int_equal(pthread_create(&threads[i], NULL, accept, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(racers[i].result == ERR_OK || racers[i].result == ERR_WRONG_STATE);
        won += racers[i].result == ERR_OK ? 1 : 0;
    }
    (void)pthread_barrier_destroy(&start);
    assert_int_equal(won, 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM operation"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_one_owner_at_every_moment),
        scene_test(test_one_acceptance_wins),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
