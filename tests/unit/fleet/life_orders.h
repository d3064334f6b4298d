/* Steps of random lives that are no request of an honest device: uses that are only looked at, forgers and
 * squatters, orders, time, restarts. */
#ifndef WHORL_TESTS_FLEET_LIFE_ORDERS_H
#define WHORL_TESTS_FLEET_LIFE_ORDERS_H

#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/life_scene.h"

static inline void step_use(struct life *life)
{
    if (life->count > 0) {
        const struct held *held = &life->held[pick(life, life->count)];
        struct contact contact = contact_by_certificate(life->scene, buf_view(&held->der));
        must(life, I6, !held->was_revoked || contact.proof == PROOF_NONE);
    }
}

static inline void step_revoke(struct life *life)
{
    static const int REASONS[] = {0, 1, 4, 5};
    if (life->count == 0 || pick(life, 3) != 0) {
        return;
    }
    struct held *held = &life->held[pick(life, life->count)];
    AUTO_VAL(certificate_row) row = {0};
    assert_ok(revoke_in(life->scene, tenant_of(held->unit), held->serial, REASONS[pick(life, 4)], &row));
    must(life, I6, row.state == CERTIFICATE_REVOKED);
    held->was_revoked = true;
}

static inline void give_order(struct life *life, size_t unit, enum device_action action)
{
    struct terms terms = terms_of(life->scene, tenant_of(unit));
    struct device_order order = {.id = life->units[unit].id, .action = action, .valid_for_s = 3600};
    struct device_row row;
    err_t result = device_act(life->scene->fleet, &terms, &order, &row);
    must(life, I9, life->final[unit] == DEVICE_REGISTERED || result.code == ERR_WRONG_STATE);
    assert_true(result.code == ERR_OK || result.code == ERR_WRONG_STATE);
    bool ends = action == ACTION_RETIRE || action == ACTION_COMPROMISED;
    bool revokes = result.code == ERR_OK && (action == ACTION_REVOKE || ends);
    for (size_t i = 0; revokes && i < life->count; i++) {
        life->held[i].was_revoked |= life->held[i].unit == unit;
    }
    if (revokes && ends) {
        life->final[unit] = row.state;
    }
}

/* Any order in any state; the final ones late in a life, or little would be left to see. */
static inline void step_order(struct life *life)
{
    static const enum device_action ORDERS[] = {
        ACTION_QUARANTINE,     ACTION_RELEASE,        ACTION_RELEASE,       ACTION_RELEASE,
        ACTION_REKEY,          ACTION_REVOKE,         ACTION_ALLOW_REENROL, ACTION_ALLOW_REENROL,
        ACTION_ALLOW_RECOVERY, ACTION_ALLOW_RECOVERY, ACTION_RETIRE,        ACTION_COMPROMISED};
    enum device_action action = ORDERS[pick(life, sizeof ORDERS / sizeof ORDERS[0])];
    bool is_late = life->step > STEPS * 3 / 4;
    if (is_late || (action != ACTION_RETIRE && action != ACTION_COMPROMISED)) {
        give_order(life, pick(life, UNITS), action);
    }
}

static inline void step_policy(struct life *life)
{
    static const char *const POLICIES[] = {
        "UPDATE product SET recovery = 0",      "UPDATE product SET recovery = 1",
        "UPDATE product SET recovery = 2",      "UPDATE product SET recovery = 2",
        "UPDATE product SET recovery = 3",      "UPDATE product SET clone_response = 0",
        "UPDATE product SET clone_response = 1"};
    scene_change(life->scene, POLICIES[pick(life, 7)]);
}

static inline void step_stranger(struct life *life)
{
    strangers_step(&life->strangers, pick(life, 12), pick(life, STRANGERS));
}

/* Time passes, mostly; the clock is put back, sometimes. */
static inline void step_time(struct life *life)
{
    static const int64_t STEPS_MS[] = {
        1, 1000, 3600 * 1000, 86400000, 20 * 86400000LL, 50 * 86400000LL, -60 * 1000, -3600 * 1000};
    struct scene *scene = life->scene;
    manual_clock_advance(&scene->clock, STEPS_MS[pick(life, 8)]);
    assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
    assert_ok(challenge_sweep(scene->fleet, scene->clock.at_ms));
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
    assert_ok(device_terms_pass(scene->fleet, scene->clock.at_ms));
    set_schedule(scene, pick(life, TENANTS), 1 + (int64_t)pick(life, 99), (int64_t)pick(life, 3));
    assert_ok(device_terms_walk(scene->fleet, scene->clock.at_ms));
}

static inline void step_restart(struct life *life)
{
    if (pick(life, 4) == 0) {
        scene_stop(life->scene);
        scene_start(life->scene);
    }
}

/* The first device's other owner comes with what was true before the key was proved for the first. */
static inline void step_squatter(struct life *life)
{
    struct peer_identity peer;
    AUTO_VAL(enrolment) out = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    if (scene_device(life->scene, 0, &life->units[0].id).claim != CLAIM_PROVED) {
        return;
    }
    peer_of_identity(&life->units[0], &peer);
    struct contact_facts facts = facts_of(&peer);
    const struct enrol_order order = {.contact = &life->squatter,
                                      .facts = &facts,
                                      .csr = csr,
                                      .actor = {.name = "device:test", .request_id = "r-1"}};
    must(life, I2, enrol(life->scene->fleet, &order, &out).code == ERR_DEVICE_REFUSED);
    peer_identity_clear(&peer);
}

/* A request whose own signature does not hold is none, whoever sends it. */
static inline void step_forged(struct life *life)
{
    AUTO_VAL(buf) der = {0};
    struct csr *csr = NULL;
    X509_REQ *request = X509_REQ_new();
    unsigned char *encoded = NULL;
    assert_int_equal(X509_REQ_set_pubkey(request, life->keys[pick(life, UNITS)][0]), 1);
    assert_true(X509_REQ_sign(request, life->units[0].identity, EVP_sha256()) > 0);
    int size = i2d_X509_REQ(request, &encoded);
    bytes_of_i2d(size, encoded, &der);
    X509_REQ_free(request);
    must(life, I5, csr_parse(buf_view(&der), &policy_rsa, &csr).code != ERR_OK);
    csr_free(csr);
}

#endif
