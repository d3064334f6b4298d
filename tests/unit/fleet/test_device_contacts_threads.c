/* Contacts that are noted, written and looked at by many threads at once: nothing is torn, and nothing that
 * was noted before the last writing is missing. */
#include "tests/unit/fleet/scene.h"

#include "fleet/device_contacts.h"

enum { THREADS = 4, DEVICES = 3000, ROUNDS = 4 };

struct noter {
    struct scene *scene;
    pthread_t thread;
    atomic_bool *is_over;
};

static struct contact contact_of(const struct scene *scene, int i)
{
    struct contact contact = {.is_known = true, .proof = PROOF_OPERATIONAL, .has_renewal = true};
    contact.device.tenant = scene->tenants[0].id;
    contact.device.id.b[0] = (uint8_t)i;
    contact.device.id.b[1] = (uint8_t)(i >> 8);
    contact.renewal.due_at = 1; /* due: it is told so */
    return contact;
}

static void *note_all(void *context)
{
    struct noter *noter = context;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < DEVICES; i++) {
            struct contact contact = contact_of(noter->scene, i);
            device_contacts_note(noter->scene->fleet->device_contacts, &contact, SCENE_AT_MS + round + 1);
        }
    }
    return NULL;
}

static void *write_and_look(void *context)
{
    struct noter *noter = context;
    for (int i = 0; !atomic_load(noter->is_over); i = (i + 1) % DEVICES) {
        struct device_contact_row row;
        struct contact contact = contact_of(noter->scene, i);
        assert_ok(device_contacts_find(noter->scene->fleet, &contact.device, &row));
        assert_true(row.seen_at >= 0 && row.seen_at <= SCENE_AT_MS + ROUNDS);
        assert_true(i % 100 != 0 || device_contacts_flush(noter->scene->fleet, SCENE_AT_MS).code == ERR_OK);
    }
    return NULL;
}

static void nothing_is_lost_or_torn(void **state)
{
    struct scene *scene = *state;
    struct noter noters[THREADS];
    struct noter writers[2];
    atomic_bool is_over = false;
    for (int i = 0; i < 2; i++) {
        writers[i] = (struct noter){.scene = scene, .is_over = &is_over};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_and_look, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        noters[i] = (struct noter){.scene = scene};
        assert_int_equal(pthread_create(&noters[i].thread, NULL, note_all, &noters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(noters[i].thread, NULL);
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(writers[i].thread, NULL);
    }
    assert_ok(device_contacts_flush(scene->fleet, SCENE_AT_MS));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_contact WHERE told_at IS NOT NULL AND "
                                         "contact_days = 0"),
                     DEVICES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {scene_test(nothing_is_lost_or_torn)};
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
