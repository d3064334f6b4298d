/* A device that has enrolled and used its first certificate: where the tests of two phases and of clones
 * begin. */
#ifndef TESTS_FLEET_BORN_SCENE_H
#define TESTS_FLEET_BORN_SCENE_H

#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/order_scene.h"

struct born {
    struct unit unit;
    EVP_PKEY *key;
    struct enrolment first;
};

static inline void born_clear(struct born *born)
{
    unit_clear(&born->unit);
    EVP_PKEY_free(born->key);
    enrolment_clear(&born->first);
}
DEFINE_AUTO_VAL(born, born_clear);

static inline struct bytes der_of(const struct enrolment *enrolment)
{
    return buf_view(&enrolment->certificate.der);
}

/** @param scene its clock goes on by a second */
static inline void born_init(struct born *born, struct scene *scene)
{
    *born = (struct born){.key = ec_key("P-256")};
    unit_init(&born->unit);
    scene_register(scene, 0, &born->unit.id);
    assert_ok(enrol_by_identity(scene, &born->unit, born->key, 0, &born->first));
    assert_int_equal(contact_by_certificate(scene, der_of(&born->first)).proof, PROOF_OPERATIONAL);
    manual_clock_advance(&scene->clock, 1000);
}

#endif
