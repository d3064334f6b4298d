/* The scene with devices in batches, which the tenant "default" (0) gives to "acme" (1), and back. */
#ifndef WHORL_TESTS_FLEET_TRANSFER_SCENE_H
#define WHORL_TESTS_FLEET_TRANSFER_SCENE_H

#include "tests/unit/fleet/approval_scene.h"

#include "fleet/registry.h"
#include "fleet/transfers.h"

static inline struct batch_row register_batch(struct scene *scene, size_t tenant, const char *name,
                                              const struct device_id *ids, size_t count)
{
    struct batch_row row;
    struct batch_report report;
    struct device_entry entries[8];
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct device_entry){.has_id = true, .id = ids[i], .model = bytes_str("gw-2")};
    }
    const struct batch_order order = {
        .tenant = scene->tenants[tenant].id, .name = bytes_str(name), .devices = entries, .count = count};
    assert_ok(batch_register(scene->fleet, &ANNA, &order, &row, &report));
    return row;
}

static inline err_t offer_by(struct scene *scene, size_t from, const struct transfer_wish *more,
                             struct transfer_row *out)
{
    struct guarded guarded = {.is_waiting = false};
    struct terms terms = terms_of(scene, from);
    struct transfer_wish wish = *more;
    terms.guarded = &guarded;
    wish.to_tenant = wish.to_tenant == NULL ? TENANT_NAMES[1 - from] : wish.to_tenant;
    wish.expires_at = wish.expires_at == 0 ? clock_now_ms(&scene->clock.clock) + DAY_MS : wish.expires_at;
    err_t error = transfer_offer(scene->fleet, &terms, &wish, out);
    assert_false(guarded.is_waiting);
    return error;
}

static inline err_t accept_by(struct scene *scene, size_t tenant, struct uuid id, const char *batch,
                              struct transfer_row *out)
{
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    struct terms terms = terms_of(scene, tenant);
    terms.guarded = &guarded;
    terms.faults = &faults;
    const struct transfer_acceptance acceptance = {.id = id, .product = "default", .batch = batch};
    return transfer_accept(scene->fleet, &terms, &acceptance, out);
}

static inline void run_operations(struct scene *scene)
{
    assert_ok(operations_run(scene->fleet, clock_now_ms(&scene->clock.clock)));
}

static inline struct transfer_row transfer_now(struct scene *scene, size_t tenant, struct uuid id)
{
    struct transfer_row row;
    assert_ok(transfer_get(scene->fleet, scene->tenants[tenant].id, id, &row));
    return row;
}

/** Offers, accepts and moves one device. */
static inline struct transfer_row give(struct scene *scene, size_t from, const struct device_id *id,
                                       const char *batch)
{
    struct transfer_row row;
    const struct transfer_wish wish = {.devices = id, .count = 1};
    assert_ok(offer_by(scene, from, &wish, &row));
    assert_ok(accept_by(scene, 1 - from, row.id, batch, &row));
    run_operations(scene);
    return transfer_now(scene, from, row.id);
}

#endif
