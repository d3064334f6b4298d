/* What the tests of controller names share: two devices of a tenant with serials, and one of another tenant.
 */
#ifndef WHORL_TESTS_FLEET_CONTROLLER_SCENE_H
#define WHORL_TESTS_FLEET_CONTROLLER_SCENE_H

#include "tests/unit/fleet/fleet_fixture.h"

#include "db/firmware_controller_rows.h"
#include "fleet/firmware_controller.h"
#include "fleet/firmware_offers.h"
#include "fleet/firmware_policy.h"
#include "fleet/tenants.h"

struct controller_scene {
    struct fleet_fixture f;
    struct contact ada, ben, eve; /* eve is another tenant's */
};

static inline void register_serial(struct fleet_fixture *f, struct uuid tenant, int number,
                                   const char *serial, struct contact *out)
{
    struct batch_row row;
    struct batch_report report;
    char batch[32];
    const struct device_entry entry = {
        .has_id = true, .id = device_id_of(number), .serial = bytes_str(serial)};
    (void)snprintf(batch, sizeof batch, "batch-%d", number);
    const struct batch_order order = {
        .tenant = tenant, .name = bytes_str(batch), .devices = &entry, .count = 1};
    assert_ok(batch_register(f->fleet, &test_actor, &order, &row, &report));
    *out = (struct contact){.is_known = true};
    assert_ok(device_find(f->fleet, tenant, &entry.id, &out->device));
}

static inline void controller_scene_init(struct controller_scene *scene, void *house)
{
    struct tenant_row other;
    fleet_fixture_init(&scene->f, house);
    assert_ok(tenant_add(scene->f.fleet, &test_actor, "other", &other));
    register_serial(&scene->f, scene->f.tenant.id, 1, "SN-1", &scene->ada);
    register_serial(&scene->f, scene->f.tenant.id, 2, "SN-2", &scene->ben);
    register_serial(&scene->f, other.id, 3, "SN-3", &scene->eve);
}

#endif
