/* Devices that stand in no list, and codes that let them in: new ones, used up ones, some of months ago. */
#ifndef WHORL_TESTS_FLEET_STRANGER_SCENE_H
#define WHORL_TESTS_FLEET_STRANGER_SCENE_H

#include "tests/unit/fleet/order_scene.h"

#include "fleet/codes.h"
#include "fleet/products.h"

enum { STRANGERS = 6 };

struct strangers {
    struct scene *scene;
    struct unit units[STRANGERS];
    char code[CODE_TEXT_SIZE];
    int64_t admitted;
};

/** With a product of the first tenant that admits by code. */
static inline void strangers_init(struct strangers *strangers, struct scene *scene)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0);
    struct product_row product;
    const struct product_change coded = {
        .name = bytes_str("coded"), .has_admission = true, .admission = ADMISSION_TOKEN};
    *strangers = (struct strangers){.scene = scene};
    terms.faults = &faults;
    assert_ok(product_add(scene->fleet, &terms, &coded, &product));
    for (size_t i = 0; i < STRANGERS; i++) {
        unit_init(&strangers->units[i]);
    }
}

static inline void strangers_clear(struct strangers *strangers)
{
    for (size_t i = 0; i < STRANGERS; i++) {
        unit_clear(&strangers->units[i]);
    }
}

/** @param uses 0: for one device */
static inline void strangers_make_code(struct strangers *strangers, int64_t uses)
{
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(strangers->scene, 0);
    AUTO_VAL(new_codes) codes = {.count = 0};
    const struct code_wish wish = {.name = bytes_str("any"),
                                   .product = bytes_str("coded"),
                                   .kind = uses > 0 ? CODE_BATCH : CODE_DEVICE,
                                   .has_use_limit = uses > 0,
                                   .use_limit = uses,
                                   .count = 1};
    terms.faults = &faults;
    assert_ok(code_add(strangers->scene->fleet, &terms, &wish, &codes));
    memcpy(strangers->code, codes.codes[0].text, sizeof strangers->code);
}

/** One of them, in already or not, shows the last code. */
static inline void strangers_come(struct strangers *strangers, size_t i)
{
    struct peer_identity peer;
    AUTO_VAL(enrolment) out = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    peer_of_identity(&strangers->units[i], &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.label = TENANT_NAMES[0];
    facts.code = bytes_str(strangers->code);
    err_t result = enrol_with(strangers->scene, &facts, csr, 0, &out);
    assert_true(result.code == ERR_OK || result.code == ERR_ENROLMENT_CODE ||
                result.code == ERR_DEVICE_REFUSED);
    strangers->admitted += result.code == ERR_OK ? 1 : 0;
    peer_identity_clear(&peer);
}

/** @param dice which code: one in four steps makes a new one */
static inline void strangers_step(struct strangers *strangers, size_t dice, size_t i)
{
    if (strangers->code[0] == '\0' || dice < 3) {
        strangers_make_code(strangers, (int64_t)dice % 3);
    }
    strangers_come(strangers, i);
}

/** One use of a code, one device that nobody vouches for, one record; and never more uses than the limit. */
static inline void strangers_check(struct scene *scene)
{
    int64_t claimed = scene_number(scene, "SELECT COUNT(*) FROM device WHERE key_origin = 0");
    assert_int_equal(scene_number(scene, "SELECT COALESCE(SUM(used), 0) FROM enrolment_code"), claimed);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.registered'"),
                     claimed);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM enrolment_code WHERE used > use_limit"), 0);
}

#endif
