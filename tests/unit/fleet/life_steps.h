/* The steps of random lives: requests of devices that are answered, lost, repeated or cut by a full disk,
 * orders of operators, time, restarts. */
#ifndef WHORL_TESTS_FLEET_LIFE_STEPS_H
#define WHORL_TESTS_FLEET_LIFE_STEPS_H

#include "tests/unit/fleet/life_scene.h"

#include "fleet/challenge.h"
#include "fleet/challenge_text.h"

/* --- a device asks for a certificate ----------------------------------------------------------------- */

struct asked {
    size_t unit, key;
    bool waited;  /* a certificate over this key waited for its first use */
    bool is_lost; /* the answer does not arrive */
};

static inline void keep(struct life *life, const struct asked *asked, const struct enrolment *enrolment)
{
    if (asked->is_lost) {
        life->lost++;
        return;
    }
    if (enrolment->is_repeat || life->count == CERTIFICATES) {
        life->repeated += enrolment->is_repeat ? 1 : 0;
        return;
    }
    struct held *held = &life->held[life->count++];
    *held = (struct held){.unit = asked->unit, .key = asked->key};
    memcpy(held->serial, enrolment->certificate.serial, sizeof held->serial);
    assert_ok(buf_append_bytes(&held->der, buf_view(&enrolment->certificate.der)));
    life->enrolled++;
}

static inline void judge(struct life *life, const struct asked *asked, err_t result,
                         const struct enrolment *enrolment)
{
    if (result.code != ERR_OK) {
        must(life, STEPS_ONLY, result.code != ERR_INTERNAL);
        assert_true(result.code == ERR_DEVICE_REFUSED || result.code == ERR_UNPROCESSABLE ||
                    result.code == ERR_CONFLICT || result.code == ERR_DISK_FULL);
        life->refused++;
        return;
    }
    must(life, I8, enrolment->is_repeat == asked->waited);
    keep(life, asked, enrolment);
}

/* Names the next generation, none, or one near to it. */
static inline int64_t stated(struct life *life, size_t unit)
{
    static const int64_t BESIDE[] = {1, 1, 0, 2, -1};
    int64_t last = scene_device(life->scene, tenant_of(unit), &life->units[unit].id).generation;
    int64_t generation = last + BESIDE[pick(life, 5)];
    return pick(life, 2) == 0 || generation < 0 ? 0 : generation;
}

/* One of the unit's keys, or a fresh one in its place: that of a device that makes its keys at random, or its
 * next generation. */
static inline size_t some_key(struct life *life, size_t unit)
{
    size_t key = pick(life, KEYS);
    if (pick(life, 3) == 0) {
        EVP_PKEY_free(life->keys[unit][key]);
        life->keys[unit][key] = ec_key("P-256");
    }
    return key;
}

static inline void step_identity(struct life *life)
{
    size_t unit = pick(life, UNITS);
    size_t key = some_key(life, unit);
    size_t owner = pick(life, 8) == 0 ? pick(life, UNITS) : unit; /* sometimes somebody else's key */
    EVP_PKEY *pair = life->keys[owner][key];
    AUTO_VAL(enrolment) out = {0};
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = pair});
    const struct asked asked = {unit, key, has_waiting(life, unit, pair), pick(life, 4) == 0};
    struct peer_identity peer;
    peer_of_identity(&life->units[unit], &peer);
    struct contact_facts facts = labelled(&peer, unit);
    err_t result = enrol_with(life->scene, &facts, csr, stated(life, unit), &out);
    judge(life, &asked, result, &out);
    peer_identity_clear(&peer);
}

static inline void step_operational(struct life *life)
{
    if (life->count == 0) {
        return;
    }
    const struct held *held = &life->held[pick(life, life->count)];
    size_t unit = held->unit;
    struct asked asked = {unit, pick(life, 2) == 0 ? held->key : some_key(life, unit), false,
                          pick(life, 4) == 0};
    struct peer_identity peer;
    AUTO_VAL(enrolment) out = {0};
    peer_of_certificate(buf_view(&held->der), &peer);
    struct request_spec spec = {.key = life->keys[unit][asked.key],
                                .subject = buf_view(&peer.certificate.subject)};
    AUTO_PTR(csr) *csr = make_request(&spec);
    struct contact_facts facts = labelled(&peer, unit);
    struct contact contact; /* the contact confirms: look only after it */
    err_t result = contact_resolve(life->scene->fleet, &facts, &contact);
    asked.waited = has_waiting(life, unit, spec.key);
    if (result.code == ERR_OK) { /* or the disk is full */
        result = enrol_with(life->scene, &facts, csr, stated(life, unit), &out);
    }
    judge(life, &asked, result, &out);
    peer_identity_clear(&peer);
}

/* The disk is full in the middle of a request, and the process starts again. */
static inline void step_crash(struct life *life)
{
    if (pick(life, 3) != 0) {
        return;
    }
    scene_change(life->scene, "PRAGMA max_page_count = 1");
    if (pick(life, 2) == 0) {
        step_identity(life);
    } else {
        step_operational(life);
    }
    life->crashed++;
    scene_stop(life->scene);
    scene_start(life->scene);
}

/* --- a challenge ------------------------------------------------------------------------------------- */

static inline void sign_proof(struct life *life, size_t unit, struct challenge_proof *proof,
                              const struct challenge *challenge, struct buf *signature)
{
    AUTO_VAL(buf) text = {0};
    struct private_key *key = NULL;
    assert_ok(challenge_text(proof, &challenge->server_id, proof->exporter, &text));
    EVP_PKEY_up_ref(life->units[unit].identity);
    assert_ok(private_key_take(life->units[unit].identity, &key));
    assert_ok(private_key_sign(key, buf_view(&text), signature));
    private_key_free(key);
    proof->signature = buf_view(signature);
}

/* One nonce, one change: the same proof brings a certificate once, and never again, a repeated one neither.
 */
static inline void step_challenge(struct life *life)
{
    size_t unit = pick(life, UNITS);
    struct challenge challenge;
    AUTO_VAL(buf) signature = {0};
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = life->keys[unit][pick(life, KEYS)]});
    bool is_bound = false;
    assert_ok(challenge_make(
        life->scene->fleet,
        &(struct challenge_question){.device_id = life->units[unit].id, .purpose = PURPOSE_ENROL},
        &challenge));
    struct challenge_proof proof = {.purpose = PURPOSE_ENROL,
                                    .device_id = life->units[unit].id,
                                    .spki = buf_view(&life->units[unit].spki),
                                    .nonce = BYTES_OF(challenge.nonce),
                                    .new_spki = csr_borrow_spki(csr),
                                    .csr = bytes_str("a request: only its hash is signed"),
                                    .is_bound = true};
    sign_proof(life, unit, &proof, &challenge, &signature);
    assert_ok(challenge_check(life->scene->fleet, &proof, &is_bound));
    struct contact_facts facts = {.proved_spki = proof.spki,
                                  .label = TENANT_NAMES[tenant_of(unit)],
                                  .address = "192.0.2.7",
                                  .request_id = "r-1"};
    int answers = 0;
    for (int i = 0; i < 2; i++) {
        struct contact contact;
        AUTO_VAL(enrolment) out = {0};
        assert_ok(contact_resolve(life->scene->fleet, &facts, &contact));
        const struct enrol_order order = {.contact = &contact,
                                          .facts = &facts,
                                          .csr = csr,
                                          .proof = &proof,
                                          .actor = {.name = "device:test", .request_id = "r-1"}};
        answers +=
            enrol(life->scene->fleet, &order, &out).code == ERR_OK ? 1 : 0; /* and the answer is lost */
    }
    must(life, I1, answers <= 1);
}

#endif
