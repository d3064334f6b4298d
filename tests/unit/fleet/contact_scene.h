/* Devices at the door of the scene, who ask for nothing: what the inventory makes of them. */
#ifndef WHORL_TESTS_FLEET_CONTACT_SCENE_H
#define WHORL_TESTS_FLEET_CONTACT_SCENE_H

#include "tests/unit/fleet/scene.h"

/* Ends with the peer. */
static inline struct contact contact_of(struct scene *scene, struct peer_identity *peer)
{
    struct contact contact;
    struct contact_facts facts = facts_of(peer);
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    peer_identity_clear(peer);
    return contact;
}

static inline struct contact contact_by_certificate(struct scene *scene, struct bytes der)
{
    struct peer_identity peer;
    peer_of_certificate(der, &peer);
    return contact_of(scene, &peer);
}

static inline struct contact contact_by_identity(struct scene *scene, const struct unit *unit)
{
    struct peer_identity peer;
    peer_of_identity(unit, &peer);
    return contact_of(scene, &peer);
}

#endif
