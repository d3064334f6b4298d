/* What the tests of admission share: products that ask for a code or a maker's certificate, and codes. */
#ifndef WHORL_TESTS_FLEET_ADMISSION_SCENE_H
#define WHORL_TESTS_FLEET_ADMISSION_SCENE_H

#include "tests/unit/fleet/scene.h"

#include "fleet/codes.h"

static inline struct terms terms_of(const struct scene *scene, size_t tenant, struct faults *faults)
{
    return (struct terms){.tenant = scene->tenants[tenant].id,
                          .actor = {.name = "token:test", .request_id = "r-1"},
                          .faults = faults};
}

struct code_text {
    uint8_t id[CODE_ID_SIZE];
    char text[CODE_TEXT_SIZE];
};

static inline struct code_wish one_code(void)
{
    return (struct code_wish){.name = bytes_str("line-1"), .count = 1};
}

static inline struct code_wish batch_code(int64_t limit)
{
    return (struct code_wish){
        .name = bytes_str("lot"), .kind = CODE_BATCH, .has_use_limit = true, .use_limit = limit, .count = 1};
}

static inline struct code_text add_code(struct scene *scene, size_t tenant, const struct code_wish *wish)
{
    struct faults faults = {.count = 0};
    struct code_text out;
    AUTO_VAL(new_codes) codes = {.count = 0};
    struct terms terms = terms_of(scene, tenant, &faults);
    assert_ok(code_add(scene->fleet, &terms, wish, &codes));
    memcpy(out.id, codes.codes[0].id, sizeof out.id);
    memcpy(out.text, codes.codes[0].text, sizeof out.text);
    return out;
}

static inline struct code_row code_now(struct scene *scene, size_t tenant, const struct code_text *code)
{
    struct code_row row;
    assert_ok(code_get(scene->fleet, scene->tenants[tenant].id, code->id, &row));
    return row;
}

/** First contact of a device with a code, over a key of its own. @return what the enrolment said */
static inline err_t enrol_showing(struct scene *scene, const struct unit *unit, const char *label,
                                  const char *code, struct enrolment *out)
{
    struct peer_identity peer;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    peer_of_identity(unit, &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.label = label;
    facts.code = bytes_str(code);
    err_t error = enrol_with(scene, &facts, csr, 0, out);
    peer_identity_clear(&peer);
    return error;
}

/** The same for those who do not ask for the certificate. */
static inline err_code showing(struct scene *scene, const struct unit *unit, const char *label,
                               const char *code)
{
    AUTO_VAL(enrolment) out = {.is_repeat = false};
    return enrol_showing(scene, unit, label, code, &out).code;
}

static inline void admit_by_code(struct scene *scene)
{
    scene_change(scene, "UPDATE product SET admission = 2");
}

#endif
