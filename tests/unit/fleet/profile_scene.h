/* Certificate profiles of tenant 0, and its product under one of them. */
#ifndef WHORL_TESTS_FLEET_PROFILE_SCENE_H
#define WHORL_TESTS_FLEET_PROFILE_SCENE_H

#include "tests/unit/fleet/order_scene.h"

#include "fleet/certificate_profiles.h"
#include "fleet/products.h"

static inline void make_profile(struct scene *scene, const char *body)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    struct named_profile made;
    AUTO(json_t) *document = NULL;
    terms.faults = &faults;
    assert_ok(json_parse(bytes_str(body), 4096, &document));
    assert_ok(certificate_profile_add(scene->fleet, &terms, document, &made));
}

static inline err_t use_profile(struct scene *scene, const char *name, bool identity_keys)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    struct product_row row;
    const struct product_change change = {.has_profile = true,
                                          .profile = bytes_str(name),
                                          .has_identity_key_certificates = true,
                                          .identity_key_certificates = identity_keys};
    terms.faults = &faults;
    return product_change(scene->fleet, &terms, scene->products[0].id, &change, &row);
}

#endif
