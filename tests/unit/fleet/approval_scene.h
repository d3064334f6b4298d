/* The scene with two people, of whom one asks and the other decides. */
#ifndef WHORL_TESTS_FLEET_APPROVAL_SCENE_H
#define WHORL_TESTS_FLEET_APPROVAL_SCENE_H

#include "tests/unit/fleet/order_scene.h"

#include "fleet/access.h"
#include "fleet/approvals.h"
#include "fleet/dual_control.h"
#include "fleet/mass_revoke.h"
#include "fleet/operations.h"

static const struct actor ANNA = {.name = "token:a1", .owner = "user:anna", .request_id = "r-a"};
static const struct actor ANNA_TOO = {.name = "token:a2", .owner = "user:anna", .request_id = "r-a2"};
static const struct actor BEN = {.name = "token:b1", .owner = "user:ben", .request_id = "r-b"};

/** The terms of a person of tenant 0. @param guarded borrowed */
static inline struct terms terms_by(const struct scene *scene, const struct actor *actor,
                                    struct guarded *guarded)
{
    return (struct terms){.tenant = scene->tenants[0].id, .actor = *actor, .guarded = guarded};
}

/** Sets what waits; nobody is asked, since it is set as if approved. */
static inline void set_dual_control(struct scene *scene, const struct uuid *product, uint32_t kinds)
{
    struct faults faults = {.count = 0};
    struct dual_control_row row;
    struct terms terms = terms_by(scene, &ANNA, NULL);
    terms.faults = &faults;
    terms.is_approved = true;
    struct dual_control_change change = {.has_kinds = true, .kinds = kinds};
    if (product != NULL) {
        change.is_product = true;
        change.product = *product;
    }
    assert_ok(dual_control_change(scene->fleet, &terms, &change, &row));
}

/** Anna calls a device compromised. @return the approval that waits */
static inline struct uuid ask_compromised(struct scene *scene, const struct device_id *id)
{
    struct guarded guarded = {.is_waiting = false};
    struct device_row row;
    const struct terms terms = terms_by(scene, &ANNA, &guarded);
    const struct device_order order = {.id = *id, .action = ACTION_COMPROMISED, .note = "seen twice"};
    assert_ok(device_act(scene->fleet, &terms, &order, &row));
    assert_true(guarded.is_waiting);
    return guarded.approval;
}

static inline err_t decide_by(struct scene *scene, const struct actor *actor, struct uuid id,
                              enum approval_verb verb)
{
    AUTO_VAL(approval_row) row = {.ver = 0};
    const struct terms terms = terms_by(scene, actor, NULL);
    const struct approval_decision decision = {
        .id = id, .verb = verb, .comment = "as seen", .caller_scopes = (uint32_t)SCOPE_ADMIN};
    return approval_decide(scene->fleet, &terms, &decision, &row);
}

static inline enum approval_state approval_state_of(struct scene *scene, struct uuid id)
{
    AUTO_VAL(approval_row) row = {.ver = 0};
    assert_ok(approval_get(scene->fleet, scene->tenants[0].id, id, &row));
    return row.state;
}

#endif
