/* The scene with campaigns: drafted from JSON, driven by devices that come and by time. */
#ifndef WHORL_TESTS_FLEET_REKEY_SCENE_H
#define WHORL_TESTS_FLEET_REKEY_SCENE_H

#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/order_scene.h"

#include "db/device_key_rows.h"
#include "fleet/clock_guard.h"
#include "fleet/rekey_contact.h"
#include "fleet/rekey_live.h"
#include "fleet/rekey_plans.h"
#include "fleet/rekey_why.h"

#define assert_err(expression, code_) assert_int_equal((expression).code, (code_))

/** A fleet as a server with these settings makes it. */
static inline void make_fleet_on(struct scene *scene, struct db *db, const struct clock *clock,
                                 int64_t clock_step_limit_ms, struct fleet **out)
{
    static const uint8_t salt[SALT_SECRET_SIZE] = {1, 2, 3};
    const struct fleet_options options = {.db = db,
                                          .root = scene->house.root,
                                          .device = scene->house.device,
                                          .infrastructure = scene->house.infrastructure,
                                          .clock = clock,
                                          .random = random_system(),
                                          .public_url = "http://pki.example:8080",
                                          .salt_secret = BYTES_OF(salt),
                                          .challenge_ttl_ms = 120 * 1000,
                                          .crl_lifetime_ms = DAY_MS,
                                          .supersede_overlap_ms = DAY_MS,
                                          .clock_step_limit_ms = clock_step_limit_ms};
    assert_ok(fleet_new(&options, out));
    assert_ok(clock_guard_start(*out));
}

static inline void remake_fleet(struct scene *scene, const struct clock *clock, int64_t clock_step_limit_ms)
{
    fleet_free(scene->fleet);
    make_fleet_on(scene, scene->db, clock, clock_step_limit_ms, &scene->fleet);
}

/* --- plans -------------------------------------------------------------------------------------------- */

static inline err_t try_plan(struct scene *scene, const char *text, struct faults *faults,
                             struct rekey_plan *out)
{
    struct terms terms = terms_of(scene, 0);
    AUTO(json_t) *document = json_loads(text, 0, NULL);
    assert_non_null(document);
    *faults = (struct faults){.count = 0};
    terms.faults = faults;
    return rekey_plan_add(scene->fleet, &terms, document, out);
}

static inline err_t order_plan(struct scene *scene, const struct rekey_plan *plan, enum rekey_order order)
{
    struct rekey_plan after;
    const struct terms terms = terms_of(scene, 0);
    return rekey_plan_order(scene->fleet, &terms, plan->row.id, order, &after);
}

static inline void draft_plan(struct scene *scene, const char *text, struct rekey_plan *out)
{
    struct faults faults;
    assert_ok(try_plan(scene, text, &faults, out));
}

static inline void start_plan(struct scene *scene, const char *text, struct rekey_plan *out)
{
    draft_plan(scene, text, out);
    assert_ok(order_plan(scene, out, REKEY_ORDER_START));
}

static inline void read_plan(struct scene *scene, struct rekey_plan *plan)
{
    struct rekey_plan before = *plan;
    assert_ok(rekey_plan_get(scene->fleet, scene->tenants[0].id, before.row.id, plan));
}

static inline void assert_tally(struct scene *scene, struct rekey_plan *plan, const int64_t wanted[5])
{
    read_plan(scene, plan);
    const struct rekey_tally_row *tally = &plan->tally;
    assert_int_equal(tally->told, wanted[0]);
    assert_int_equal(tally->waiting, wanted[1]);
    assert_int_equal(tally->confirmed, wanted[2]);
    assert_int_equal(tally->failed, wanted[3]);
    assert_int_equal(tally->skipped, wanted[4]);
}
/* told, waiting, confirmed, failed, skipped */
#define TALLY(...) ((const int64_t[5]){__VA_ARGS__})

static inline enum rekey_verdict why_of(struct scene *scene, const struct rekey_plan *plan,
                                        const struct device_id *id)
{
    struct rekey_why why;
    const struct rekey_question question = {scene->tenants[0].id, plan->row.id, *id};
    assert_ok(rekey_why(scene->fleet, &question, &why));
    return why.verdict;
}

static inline void run_job(struct scene *scene, int64_t later_ms)
{
    manual_clock_advance(&scene->clock, later_ms);
    assert_ok(rekey_plans_run(scene->fleet, scene->clock.at_ms));
}

/* --- devices that exist -------------------------------------------------------------------------------- */

/* A device with its present certificate. */
struct holder {
    struct unit unit;
    struct enrolment enrolment;
};

static inline void holder_clear(struct holder *holder)
{
    unit_clear(&holder->unit);
    enrolment_clear(&holder->enrolment);
}
DEFINE_AUTO_VAL(holder, holder_clear);

static inline void holder_init(struct scene *scene, struct holder *holder)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    *holder = (struct holder){.unit = {.identity = NULL}};
    unit_init(&holder->unit);
    scene_register(scene, 0, &holder->unit.id);
    assert_ok(enrol_by_identity(scene, &holder->unit, key, 0, &holder->enrolment));
}

static inline struct contact holder_comes(struct scene *scene, const struct holder *holder)
{
    return contact_by_certificate(scene, buf_view(&holder->enrolment.certificate.der));
}

/** It makes a new key and uses the certificate over it. */
static inline void holder_rekeys(struct scene *scene, struct holder *holder)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    struct enrolment next = {0};
    assert_ok(enrol_by_certificate(scene, buf_view(&holder->enrolment.certificate.der), key, 0, &next));
    enrolment_clear(&holder->enrolment);
    holder->enrolment = next;
    struct contact contact = holder_comes(scene, holder);
    assert_int_equal(contact.certificate.state, CERTIFICATE_CONFIRMED);
}

/* --- devices that are rows only ------------------------------------------------------------------------ */

struct crowd {
    struct scene *scene;
    int first, count;
};

static inline struct device_id crowd_id(int number)
{
    struct sha256 hash;
    struct device_id id;
    assert_ok(sha256_of((struct bytes){(const uint8_t *)&number, sizeof number}, &hash));
    memcpy(id.b, hash.b, sizeof id.b);
    return id;
}

static inline struct certificate_row crowd_certificate(const struct scene *scene, int number)
{
    struct certificate_row row = {.authority = "device",
                                  .tenant = scene->tenants[0].id,
                                  .device = crowd_id(number),
                                  .generation = 1,
                                  .state = CERTIFICATE_CONFIRMED,
                                  .issued_at = SCENE_AT_MS - DAY_MS,
                                  .confirmed_at = SCENE_AT_MS - DAY_MS,
                                  .first_used_at = SCENE_AT_MS - DAY_MS,
                                  .not_after = SCENE_AT_MS + 90 * DAY_MS,
                                  .revocation_reason = -1,
                                  .ver = 1};
    memcpy(row.serial, row.device.b, sizeof row.serial);
    memcpy(row.spki_sha256, row.device.b, sizeof row.spki_sha256);
    return row;
}

static inline err_t crowd_insert(struct db_tx *tx, void *arg)
{
    const struct crowd *crowd = arg;
    const struct scene *scene = crowd->scene;
    const struct batch_row batch = {.product = scene->products[0].id};
    for (int i = crowd->first; i < crowd->first + crowd->count; i++) {
        bool is_new = false;
        struct certificate_row certificate = crowd_certificate(scene, i);
        const struct device_row device = {.id = certificate.device,
                                          .tenant = scene->tenants[0].id,
                                          .product = scene->products[0].id,
                                          .state = DEVICE_ENROLLED,
                                          .generation = 1,
                                          .attributes = "{}",
                                          .enrolled_at = SCENE_AT_MS - DAY_MS,
                                          .registered_at = SCENE_AT_MS - DAY_MS,
                                          .ver = 1};
        TRY(device_rows_insert(tx, &device, BYTES_NONE, &is_new));
        TRY(certificate_rows_insert(tx, &certificate, NULL));
    }
    return device_count_rows_add(tx, &batch, DEVICE_ENROLLED, crowd->count);
}

/** Devices `first` … of tenant 0, enrolled a day before the scene begins. */
static inline void crowd_add(struct scene *scene, int first, int count)
{
    struct crowd crowd = {scene, first, count};
    assert_ok(db_write(scene->db, crowd_insert, &crowd));
}

/** One of them comes; its certificate was honoured. @return it has an order to rekey afterwards */
static inline bool crowd_comes_to(struct scene *scene, struct fleet *fleet, int number)
{
    const struct peer_identity peer = {.kind = PEER_ISSUED, .certificate.key.alg = KEY_ALG_P256};
    const struct contact_facts facts = facts_of(&peer);
    struct device_id id = crowd_id(number);
    struct contact contact = {.proof = PROOF_OPERATIONAL,
                              .is_known = true,
                              .device = scene_device(scene, 0, &id),
                              .certificate = crowd_certificate(scene, number)};
    rekey_contact(fleet, &facts, &contact);
    return contact.device.rekey_requested_at != 0;
}

static inline bool crowd_comes(struct scene *scene, int number)
{
    return crowd_comes_to(scene, scene->fleet, number);
}

#endif
