/* The scene with a device that is late, its contacts, and what is kept of them. */
#ifndef WHORL_TESTS_FLEET_LATE_SCENE_H
#define WHORL_TESTS_FLEET_LATE_SCENE_H

#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/term_scene.h"

#include "fleet/device_contacts.h"
#include "fleet/device_terms.h"

static inline void flush(struct scene *scene)
{
    assert_ok(device_contacts_flush(scene->fleet, scene->clock.at_ms));
}

static inline struct device_contact_row found(struct scene *scene, const struct unit *unit)
{
    struct device_contact_row row;
    struct device_row device = scene_device(scene, 0, &unit->id);
    assert_ok(device_contacts_find(scene->fleet, &device, &row));
    return row;
}

static inline void wait_days(struct scene *scene, int64_t days)
{
    manual_clock_advance(&scene->clock, days * DAY_MS);
}

static inline void set_quarantine(struct scene *scene, int64_t quarantine_days)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    const struct product_change change = {.has_renew_spread_percent = true,
                                          .has_overdue_quarantine_days = true,
                                          .overdue_quarantine_days = quarantine_days};
    terms.faults = &faults;
    assert_ok(product_change(scene->fleet, &terms, scene->products[0].id, &change, &scene->products[0]));
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
}

/* One of 90 days, to be renewed at 66 %: due at day 59.4. */
struct late {
    struct unit unit;
    EVP_PKEY *key;
    struct enrolment first;
};
static inline void late_clear(struct late *late)
{
    unit_clear(&late->unit);
    EVP_PKEY_free(late->key);
    enrolment_clear(&late->first);
}
DEFINE_AUTO_VAL(late, late_clear);

static inline void late_make(struct scene *scene, struct late *late, int64_t quarantine_days)
{
    *late = (struct late){.key = ec_key("P-256")};
    unit_init(&late->unit);
    scene_register(scene, 0, &late->unit.id);
    set_quarantine(scene, quarantine_days);
    assert_ok(enrol_by_identity(scene, &late->unit, late->key, 0, &late->first));
}

static inline void contact(struct scene *scene, const struct late *late)
{
    (void)contact_by_certificate(scene, buf_view(&late->first.certificate.der));
    flush(scene);
}

static inline enum device_state state_of(struct scene *scene, const struct late *late)
{
    return scene_device(scene, 0, &late->unit.id).state;
}

#endif
