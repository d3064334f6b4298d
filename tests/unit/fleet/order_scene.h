/* The scene with the orders of an operator. */
#ifndef WHORL_TESTS_FLEET_ORDER_SCENE_H
#define WHORL_TESTS_FLEET_ORDER_SCENE_H

#include "tests/unit/fleet/scene.h"

#include "fleet/device_actions.h"

static inline err_t allow_reenrol(struct fleet *fleet, const struct actor *actor, struct uuid tenant,
                                  const struct device_id *id, struct device_row *out)
{
    const struct terms terms = {.tenant = tenant, .actor = *actor};
    const struct device_order order = {.id = *id, .action = ACTION_ALLOW_REENROL};
    return device_act(fleet, &terms, &order, out);
}

static inline struct terms terms_of(const struct scene *scene, size_t tenant)
{
    return (struct terms){.tenant = scene->tenants[tenant].id,
                          .actor = {.name = "token:operator", .request_id = "r-9"}};
}

/** By the operator of tenant 0. */
static inline err_t order_device(struct scene *scene, const struct device_id *id, enum device_action action,
                                 struct device_row *out)
{
    const struct terms terms = terms_of(scene, 0);
    const struct device_order order = {.id = *id, .action = action};
    return device_act(scene->fleet, &terms, &order, out);
}

#endif
