/* The responder on a scene: questions made by OpenSSL, answers verified by OpenSSL. */
#ifndef TESTS_FLEET_OCSP_SCENE_H
#define TESTS_FLEET_OCSP_SCENE_H

#include "tests/unit/fleet/scene.h"
#include "tests/unit/pki/ocsp_fixture.h"

#include "fleet/ocsp_internal.h"

static inline void answer_clear(struct ocsp_answer *answer)
{
    shared_unref(answer->bytes);
    *answer = (struct ocsp_answer){.bytes = NULL};
}

static inline void ask_der(struct scene *scene, struct bytes der, struct ocsp_answer *out)
{
    const struct ocsp_question question = {.der = der, .address = "192.0.2.9"};
    ocsp_answer(scene->fleet, &question, out);
}

/** The error status that comes back, 0: a signed answer. */
static inline int error_for(struct scene *scene, struct bytes der)
{
    struct ocsp_answer answer;
    ask_der(scene, der, &answer);
    int status = answer.error.n > 0 ? answer.error.p[4] : 0;
    assert_int_equal(status == 0, answer.bytes != NULL);
    answer_clear(&answer);
    return status;
}

/** Asks about a serial, and reads the verified answer. */
static inline struct ocsp_seen status_of(struct scene *scene, const struct authority *issuer,
                                         struct bytes serial)
{
    AUTO_VAL(buf) der = {0};
    struct ocsp_answer answer;
    ocsp_ask(issuer, EVP_sha256(), serial, 0, &der);
    ask_der(scene, buf_view(&der), &answer);
    assert_non_null(answer.bytes);
    AUTO(OCSP_RESPONSE) *response = response_of(shared_view(answer.bytes));
    AUTO(OCSP_BASICRESP) *basic = basic_of(response, scene->house.root, issuer, scene->clock.at_ms);
    AUTO(OCSP_CERTID) *id = certid_of(issuer, EVP_sha256(), serial);
    struct ocsp_seen seen = ocsp_see(basic, id);
    assert_int_equal(seen.this_update_s, answer.this_update_ms / 1000);
    assert_int_equal(seen.next_update_s, answer.next_update_ms / 1000);
    answer_clear(&answer);
    return seen;
}

/** Whether memory alone has an answer about the serial. */
static inline bool is_kept(struct scene *scene, const struct authority *issuer, struct bytes serial)
{
    AUTO_VAL(buf) der = {0};
    struct ocsp_answer answer;
    ocsp_ask(issuer, EVP_sha256(), serial, 0, &der);
    const struct ocsp_question question = {.der = buf_view(&der), .address = "192.0.2.9"};
    ocsp_recall(scene->fleet, &question, &answer);
    bool is_there = answer.bytes != NULL;
    assert_int_equal(answer.error.n, 0);
    answer_clear(&answer);
    return is_there;
}

static inline struct bytes serial_of(const struct enrolment *enrolment)
{
    return BYTES_OF(enrolment->certificate.serial);
}

static inline void enrol_one(struct scene *scene, struct unit *unit, struct enrolment *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    unit_init(unit);
    scene_register(scene, 0, &unit->id);
    assert_ok(enrol_by_identity(scene, unit, key, 0, out));
}

#endif
