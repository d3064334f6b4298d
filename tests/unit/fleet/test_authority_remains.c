/* A compromised authority and its devices: each is told by status when its turn is, its time is due, and the
 * count of those who remain goes down to none. */
#include "tests/unit/fleet/authority_scene.h"

#include "fleet/authority_remains.h"
#include "fleet/device_terms.h"
#include "fleet/jobs.h"

enum { DEVICES = 6 };

struct fleet_of_few {
    struct unit units[DEVICES];
    struct enrolment held[DEVICES];
};

/* The last one has only been registered. */
static void enrol_all(struct scene *scene, struct fleet_of_few *few)
{
    for (size_t i = 0; i < DEVICES; i++) {
        size_t tenant = i < 4 ? 0 : 1;
        unit_init(&few->units[i]);
        scene_register(scene, tenant, &few->units[i].id);
        if (i + 1 < DEVICES) {
            AUTO(EVP_PKEY) *key = ec_key("P-256");
            struct peer_identity peer;
            AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
            peer_of_identity(&few->units[i], &peer);
            struct contact_facts facts = facts_of(&peer);
            facts.label = TENANT_NAMES[tenant];
            assert_ok(enrol_with(scene, &facts, csr, 0, &few->held[i]));
            peer_identity_clear(&peer);
        }
    }
}

static void clear_all(struct fleet_of_few *few)
{
    for (size_t i = 0; i < DEVICES; i++) {
        unit_clear(&few->units[i]);
        enrolment_clear(&few->held[i]);
    }
}

static struct device_status status_of(struct scene *scene, const struct enrolment *held)
{
    struct peer_identity peer;
    struct contact contact;
    struct device_status status;
    peer_under(held->certificate.authority, buf_view(&held->certificate.der), &peer);
    struct contact_facts facts = facts_of(&peer);
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_ok(contact_status(scene->fleet, &contact, &status));
    peer_identity_clear(&peer);
    return status;
}

static struct authority_remainder remainder(struct scene *scene, const char *id, const struct uuid *tenant)
{
    struct authority_remainder out;
    assert_ok(authority_remains_run(scene->fleet, scene->clock.at_ms));
    authority_remains_find(scene->fleet, id, tenant, &out);
    return out;
}

static void leak(struct scene *scene, const char *id, int64_t within_s)
{
    struct authority_order order = {.verb = AUTHORITY_COMPROMISE, .rekey_within_s = within_s};
    (void)snprintf(order.authority, sizeof order.authority, "%s", id);
    assert_ok(order_authority(scene, &order, NULL));
}

static void devices_are_told_each_in_its_turn(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    struct fleet_of_few few = {.units = {{.identity = NULL}}};
    int64_t last = 0;
    authority_scene_init(&authorities, scene, false);
    enrol_all(scene, &few);
    assert_false(status_of(scene, &few.held[0]).needs_new_key);
    assert_true(status_of(scene, &few.held[0]).renew_after > SCENE_AT_MS + 50 * DAY_MS);
    leak(scene, "device", 3600);
    for (size_t i = 0; i + 1 < DEVICES; i++) {
        struct device_status status = status_of(scene, &few.held[i]);
        struct device_loss loss;
        size_t tenant = i < 4 ? 0 : 1;
        const struct device_row row = scene_device(scene, tenant, &few.units[i].id);
        assert_true(status.needs_new_key);
        assert_true(status.renew_after >= SCENE_AT_MS && status.renew_after < SCENE_AT_MS + 3600000);
        assert_int_not_equal(status.renew_after, last);
        last = status.renew_after;
        assert_ok(device_loss_find(scene->fleet, &row, &loss)); /* `why` says the same */
        assert_true(loss.is_lost);
        assert_string_equal(loss.authority, "device");
        assert_int_equal(loss.rekey_at, status.renew_after);
    }
    /* they count as due once their turn has come, and not before the walk */
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
    manual_clock_advance(&scene->clock, 3600000);
    assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device_term WHERE term = 1"), DEVICES - 1);
    clear_all(&few);
    authority_scene_clear(&authorities);
}

static void the_count_of_those_who_remain_ends_at_none(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    struct fleet_of_few few = {.units = {{.identity = NULL}}};
    authority_scene_init(&authorities, scene, false);
    enrol_all(scene, &few);
    assert_false(remainder(scene, "device", NULL).is_counted); /* nobody remains under one that is good */
    leak(scene, "device", 0);
    assert_int_equal(remainder(scene, "device", NULL).devices, DEVICES - 1);
    assert_int_equal(remainder(scene, "device", &scene->tenants[1].id).devices, 1);
    for (size_t i = 0; i + 1 < DEVICES; i++) {
        AUTO(EVP_PKEY) *key = ec_key("P-256");
        AUTO_VAL(enrolment) healed = {0};
        assert_ok(enrol_under(scene, "device", buf_view(&few.held[i].certificate.der), key, &healed));
        assert_string_equal(healed.certificate.authority, "device-2");
        struct device_status status = status_of(scene, &healed); /* its first use, which confirms it */
        assert_false(status.needs_new_key);
        manual_clock_advance(&scene->clock, 2001);
        assert_int_equal(remainder(scene, "device", NULL).devices, DEVICES - 2 - (int)i);
    }
    assert_int_equal(remainder(scene, "device", NULL).counted_at, scene->clock.at_ms);
    /* the next one leaks too: another count, and the first one stays at none */
    leak(scene, "device-2", 0);
    assert_int_equal(remainder(scene, "device-2", NULL).devices, DEVICES - 1);
    assert_int_equal(remainder(scene, "device", NULL).devices, 0);
    /* whose certificates have ended are nobody's concern */
    manual_clock_advance(&scene->clock, 100 * DAY_MS);
    assert_int_equal(remainder(scene, "device-2", NULL).devices, 0);
    clear_all(&few);
    authority_scene_clear(&authorities);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(devices_are_told_each_in_its_turn),
        scene_test(the_count_of_those_who_remain_ends_at_none),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
