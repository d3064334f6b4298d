/* What the tests of codes for CMP share. */
#ifndef WHORL_TESTS_FLEET_CMP_CODE_SCENE_H
#define WHORL_TESTS_FLEET_CMP_CODE_SCENE_H

#include "tests/unit/fleet/admission_scene.h"

#include "fleet/cmp_codes.h"

static inline err_t make_cmp_code(struct scene *scene, size_t tenant, const struct device_id *id,
                                  int64_t not_after, struct new_cmp_code *out)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, tenant, &faults);
    const struct cmp_code_wish wish = {.device = *id, .not_after = not_after};
    return cmp_code_make(scene->fleet, &terms, &wish, out);
}

static inline err_t revoke_cmp_code(struct scene *scene, const struct device_id *id)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0, &faults);
    struct cmp_code out;
    return cmp_code_revoke(scene->fleet, &terms, id, &out);
}

static inline struct cmp_code cmp_code_now(struct scene *scene, const struct device_id *id)
{
    struct cmp_code code;
    assert_ok(cmp_code_get(scene->fleet, scene->tenants[0].id, id, &code));
    return code;
}

#endif
