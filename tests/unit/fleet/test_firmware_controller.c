/* Names that devices poll under: id, serial, one of its own from its first use on; nobody else's. */
#include "tests/unit/fleet/controller_scene.h"

static err_code check(struct controller_scene *scene, const struct contact *who, const char *name)
{
    return firmware_controller_check(scene->f.fleet, who, name).code;
}

static void allow_aliases(struct controller_scene *scene, bool is_allowed)
{
    struct faults faults = {.count = 0};
    struct firmware_policy_row row;
    const struct terms terms = {.tenant = scene->f.tenant.id, .actor = test_actor, .faults = &faults};
    const struct firmware_policy_change change = {.has_first_use_alias = true, .first_use_alias = is_allowed};
    assert_ok(firmware_policy_change(scene->f.fleet, &terms, bytes_str("default"), &change, &row));
}

static void id_and_serial_are_its(void **state)
{
    struct controller_scene scene;
    char id[2 * DEVICE_ID_SIZE + 1];
    struct db_stats before, after;
    controller_scene_init(&scene, *state);
    hex_encode(BYTES_OF(scene.ada.device.id.b), id);
    db_stats_read(scene.f.db, &before);
    assert_int_equal(check(&scene, &scene.ada, id), ERR_OK);
    assert_int_equal(check(&scene, &scene.ada, "SN-1"), ERR_OK);
    assert_int_equal(check(&scene, &scene.ben, id), ERR_NOT_FOUND);
    assert_int_equal(check(&scene, &scene.ben, "SN-1"), ERR_NOT_FOUND);
    hex_encode(BYTES_OF(device_id_of(99).b), id); /* nobody's: it may come to be somebody's */
    assert_int_equal(check(&scene, &scene.ada, id), ERR_NOT_FOUND);
    id[0] = 'F';
    assert_int_equal(check(&scene, &scene.ada, id), ERR_NOT_FOUND);
    db_stats_read(scene.f.db, &after);
    assert_int_equal(after.commits, before.commits);
    fleet_fixture_clear(&scene.f);
}

static void the_first_use_makes_a_name_its(void **state)
{
    struct controller_scene scene;
    struct db_stats before, after;
    controller_scene_init(&scene, *state);
    assert_int_equal(check(&scene, &scene.ada, "kitchen"), ERR_OK);
    assert_int_equal(check(&scene, &scene.ben, "kitchen"), ERR_NOT_FOUND);
    assert_int_equal(check(&scene, &scene.ben, "hall"), ERR_OK);
    assert_int_equal(check(&scene, &scene.ada, "hall"), ERR_NOT_FOUND);
    assert_int_equal(check(&scene, &scene.ada, "attic"), ERR_NOT_FOUND); /* one name, not two */
    assert_int_equal(check(&scene, &scene.eve, "kitchen"), ERR_OK);      /* another tenant's rooms */
    fleet_fixture_reopen(&scene.f);
    db_stats_read(scene.f.db, &before);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(check(&scene, &scene.ada, "kitchen"), ERR_OK);
        assert_int_equal(check(&scene, &scene.ben, "kitchen"), ERR_NOT_FOUND);
    }
    db_stats_read(scene.f.db, &after);
    assert_int_equal(after.commits, before.commits);
    struct audit_count taken = audit_of(&scene.f, "firmware.name_taken");
    assert_int_equal(taken.count, 3);
    assert_string_equal(taken.last_body, "{\"controller\":\"kitchen\"}");
    assert_audit_verifies(&scene.f);
    fleet_fixture_clear(&scene.f);
}

static void a_product_may_forbid_it(void **state)
{
    struct controller_scene scene;
    controller_scene_init(&scene, *state);
    assert_int_equal(check(&scene, &scene.ada, "kitchen"), ERR_OK);
    allow_aliases(&scene, false);
    assert_int_equal(check(&scene, &scene.ben, "hall"), ERR_NOT_FOUND);
    assert_int_equal(check(&scene, &scene.ada, "kitchen"), ERR_OK); /* what it has stays its */
    allow_aliases(&scene, true);
    assert_int_equal(check(&scene, &scene.ben, "hall"), ERR_OK);
    fleet_fixture_clear(&scene.f);
}

static void no_name_is_taken_that_is_none(void **state)
{
    struct controller_scene scene;
    char longest[FIRMWARE_CONTROLLER_SIZE + 1];
    controller_scene_init(&scene, *state);
    static const char *const bad[] = {"", ".", "..", "a b", "a/b", "a?b", "a\"b", "a\\b", "\xc3\xa4", "a\nb"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(check(&scene, &scene.ada, bad[i]), ERR_NOT_FOUND);
    }
    memset(longest, 'x', sizeof longest);
    longest[FIRMWARE_CONTROLLER_SIZE] = '\0';
    assert_int_equal(check(&scene, &scene.ada, longest), ERR_NOT_FOUND);
    longest[FIRMWARE_CONTROLLER_SIZE - 1] = '\0';
    assert_int_equal(check(&scene, &scene.ada, longest), ERR_OK);
    assert_int_equal(check(&scene, &(struct contact){.is_known = false}, "hall"), ERR_NOT_FOUND);
    fleet_fixture_clear(&scene.f);
}

static void a_serial_goes_before_a_name(void **state)
{
    struct controller_scene scene;
    struct contact late;
    controller_scene_init(&scene, *state);
    assert_int_equal(check(&scene, &scene.ada, "SN-9"), ERR_OK);
    register_serial(&scene.f, scene.f.tenant.id, 9, "SN-9", &late);
    assert_int_equal(check(&scene, &late, "SN-9"), ERR_OK);
    assert_int_equal(check(&scene, &scene.ada, "SN-9"), ERR_NOT_FOUND);
    assert_int_equal(check(&scene, &scene.ada, "SN-1"), ERR_OK);
    fleet_fixture_clear(&scene.f);
}

static void an_operator_takes_a_name_back(void **state)
{
    struct controller_scene scene;
    controller_scene_init(&scene, *state);
    const struct terms terms = {.tenant = scene.f.tenant.id, .actor = test_actor};
    assert_int_equal(check(&scene, &scene.ada, "kitchen"), ERR_OK);
    assert_int_equal(firmware_controller_clear(scene.f.fleet, &terms, &scene.eve.device.id).code,
                     ERR_NOT_FOUND);
    assert_ok(firmware_controller_clear(scene.f.fleet, &terms, &scene.ada.device.id));
    assert_ok(firmware_controller_clear(scene.f.fleet, &terms, &scene.ada.device.id));
    assert_int_equal(audit_of(&scene.f, "firmware.name_cleared").count, 1);
    assert_int_equal(check(&scene, &scene.ben, "kitchen"), ERR_OK);
    assert_int_equal(check(&scene, &scene.ada, "kitchen"), ERR_NOT_FOUND);
    assert_int_equal(check(&scene, &scene.ada, "attic"), ERR_OK);
    fleet_fixture_clear(&scene.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_and_serial_are_its),       cmocka_unit_test(the_first_use_makes_a_name_its),
        cmocka_unit_test(a_product_may_forbid_it),     cmocka_unit_test(no_name_is_taken_that_is_none),
        cmocka_unit_test(a_serial_goes_before_a_name), cmocka_unit_test(an_operator_takes_a_name_back),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
