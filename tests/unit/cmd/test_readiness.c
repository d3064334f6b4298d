/* Whether a node is ready: not before its lists are there, not after one has run out; but an authority that
 * comes while it serves takes nobody's traffic away. */
#include "tests/unit/fleet/authority_scene.h"

#include "cmd/whorld/readiness.h"
#include "fleet/publication.h"

static void assert_readiness(struct scene *scene, err_code code, const char *reason)
{
    err_t ready = readiness(scene->fleet);
    if (ready.code != code || strstr(ready.detail, reason) == NULL) {
        fail_msg("%d \"%s\", not %d \"%s\"", (int)ready.code, ready.detail, (int)code, reason);
    }
}

/* Another process on the same inventory and the same keys. */
static struct fleet *second_process(struct scene *scene)
{
    static const uint8_t salt[SALT_SECRET_SIZE] = {1, 2, 3};
    struct fleet *fleet = NULL;
    const struct fleet_options options = {.db = scene->db,
                                          .root = scene->house.root,
                                          .device = scene->house.device,
                                          .infrastructure = scene->house.infrastructure,
                                          .clock = &scene->clock.clock,
                                          .random = random_system(),
                                          .keystore = scene->keystore,
                                          .public_url = "http://pki.example:8080",
                                          .salt_secret = BYTES_OF(salt),
                                          .challenge_ttl_ms = 120 * 1000,
                                          .crl_lifetime_ms = DAY_MS,
                                          .supersede_overlap_ms = DAY_MS};
    assert_ok(fleet_new(&options, &fleet));
    return fleet;
}

static void a_new_authority_takes_no_traffic_away(void **state)
{
    struct scene *scene = *state;
    struct authority_scene all;
    struct authority_order order = {.verb = AUTHORITY_CREATE, .role = "device", .authority = "device-2"};
    authority_scene_init(&all, scene, false);
    assert_readiness(scene, ERR_UNAVAILABLE, "no CRL of authority root yet");
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    assert_readiness(scene, ERR_OK, "");
    struct fleet *mine = scene->fleet;
    scene->fleet = second_process(scene);
    assert_ok(order_authority(scene, &order, NULL));
    fleet_free(scene->fleet);
    scene->fleet = mine;
    assert_ok(authority_set_reload(scene->fleet));
    assert_readiness(scene, ERR_OK, "no CRL of authority device-2 yet"); /* told all the same */
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    assert_true(readiness(scene->fleet).detail[0] == '\0');
    scene->clock.at_ms += 2 * DAY_MS;
    assert_readiness(scene, ERR_UNAVAILABLE, "the CRL of authority device-2 has run out");
    authority_scene_clear(&all);
}

/* Of a start, every list that is made here must be there. */
static void a_start_waits_for_every_list(void **state)
{
    struct scene *scene = *state;
    struct authority_scene all;
    struct authority_order order = {.verb = AUTHORITY_CREATE, .role = "device", .authority = "device-2"};
    authority_scene_init(&all, scene, false);
    assert_ok(order_authority(scene, &order, NULL));
    scene_stop(scene);
    scene_start(scene);
    assert_readiness(scene, ERR_UNAVAILABLE, "no CRL of authority device-2 yet");
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    assert_readiness(scene, ERR_OK, "");
    authority_scene_clear(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_authority_takes_no_traffic_away, scene_setup, scene_teardown),
        cmocka_unit_test_setup_teardown(a_start_waits_for_every_list, scene_setup, scene_teardown),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
