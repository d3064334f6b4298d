/* Tests of the two proofs that two hold a device's keys, and of all that is none. */
#include "tests/unit/fleet/born_scene.h"
#include "tests/unit/fleet/contact_scene.h"

static int64_t count_suspected(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.clone_suspected'");
}

static enum device_state state_of(struct scene *scene, const struct born *born)
{
    return scene_device(scene, 0, &born->unit.id).state;
}

/* A rekey with a key of its own, naming the generation (0: not). */
static err_code rekey(struct scene *scene, const struct enrolment *by, int64_t generation)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    err_t result = enrol_by_certificate(scene, der_of(by), key, generation, &out);
    manual_clock_advance(&scene->clock, 1000);
    return result.code;
}

static void rekey_to(struct scene *scene, const struct enrolment *by, struct enrolment *out)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    assert_ok(enrol_by_certificate(scene, der_of(by), key, 0, out));
    manual_clock_advance(&scene->clock, 1000);
}

static enum proof_kind use(struct scene *scene, const struct enrolment *enrolment)
{
    enum proof_kind proof = contact_by_certificate(scene, der_of(enrolment)).proof;
    manual_clock_advance(&scene->clock, 1000);
    return proof;
}

static const char STOP[] = "UPDATE product SET clone_response = 1";

/* --- two keys for one generation -------------------------------------------------------------------- */

static void test_two_keys_for_one_generation(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    scene_change(scene, STOP);
    born_init(&born, scene);
    assert_int_equal(rekey(scene, &born.first, 2), ERR_OK);
    assert_int_equal(rekey(scene, &born.first, 2), ERR_DEVICE_REFUSED);
    assert_int_equal(state_of(scene, &born), DEVICE_QUARANTINED);
    assert_int_equal(count_suspected(scene), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.quarantined'"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 2);
    assert_int_equal(use(scene, &born.first), PROOF_NONE);
    assert_int_equal(rekey(scene, &born.first, 2), ERR_DEVICE_REFUSED); /* and no second record */
    assert_int_equal(count_suspected(scene), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM alarm"), 1);
    struct device_row row;
    assert_ok(order_device(scene, &born.unit.id, ACTION_RELEASE, &row)); /* somebody looked at it */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM alarm"), 0);
    assert_audit_verifies(scene);
}

static void test_an_alert_stops_nobody(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    born_init(&born, scene);
    assert_int_equal(rekey(scene, &born.first, 2), ERR_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rekey(scene, &born.first, 2), ERR_UNPROCESSABLE);
    }
    assert_int_equal(count_suspected(scene), 1);
    assert_int_equal(state_of(scene, &born), DEVICE_ENROLLED);
    assert_int_equal(rekey(scene, &born.first, 3), ERR_OK); /* the device takes the next one */
    manual_clock_advance(&scene->clock, 3600 * 1000);
    assert_int_equal(rekey(scene, &born.first, 2), ERR_UNPROCESSABLE);
    assert_int_equal(count_suspected(scene), 2);
}

static err_code enrol_stated(struct scene *scene, const struct born *born, int64_t generation)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    return enrol_by_identity(scene, &born->unit, key, generation, &out).code;
}

/* The identity key is in two hands: even where the policy would not let it recover anything. */
static void test_two_keys_by_the_identity_key(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born = {.key = ec_key("P-256")};
    scene_change(scene, STOP);
    unit_init(&born.unit);
    scene_register(scene, 0, &born.unit.id);
    assert_ok(enrol_by_identity(scene, &born.unit, born.key, 1, &born.first));
    assert_int_equal(use(scene, &born.first), PROOF_OPERATIONAL);
    assert_int_equal(enrol_stated(scene, &born, 2), ERR_DEVICE_REFUSED); /* the policy */
    assert_int_equal(count_suspected(scene), 0);
    assert_int_equal(enrol_stated(scene, &born, 1), ERR_DEVICE_REFUSED);
    assert_int_equal(count_suspected(scene), 1);
    assert_int_equal(state_of(scene, &born), DEVICE_QUARANTINED);
}

/* What looks like it and is none. */
static void test_no_fork(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) third = {0};
    AUTO_VAL(enrolment) again = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    scene_change(scene, STOP);
    born_init(&born, scene);
    assert_int_equal(rekey(scene, &born.first, 0), ERR_OK); /* got 2, and named none: its keys are random */
    assert_int_equal(rekey(scene, &born.first, 2), ERR_UNPROCESSABLE);
    assert_int_equal(rekey(scene, &born.first, 0), ERR_OK); /* its answers were lost twice: 3 */
    assert_ok(enrol_by_certificate(scene, der_of(&born.first), key, 4, &third));
    assert_ok(enrol_by_certificate(scene, der_of(&born.first), key, 4, &again)); /* the same key */
    assert_true(again.is_repeat);
    assert_int_equal(enrol_stated(scene, &born, 4), ERR_DEVICE_REFUSED); /* another key asks: the policy */
    assert_int_equal(rekey(scene, &born.first, 99), ERR_UNPROCESSABLE);
    assert_int_equal(count_suspected(scene), 0);
    assert_int_equal(state_of(scene, &born), DEVICE_ENROLLED);
}

/* Who has a certificate and no key, or a key that lost its rights, cannot stop anybody. */
static void test_what_proves_nothing_changes_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) out = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(unit) stranger;
    struct peer_identity peer;
    unit_init(&stranger);
    scene_change(scene, STOP);
    born_init(&born, scene);
    assert_int_equal(rekey(scene, &born.first, 2), ERR_OK);
    int64_t records = scene_number(scene, "SELECT COUNT(*) FROM audit WHERE result <> 'refused'");
    /* a resumed session */
    peer_of_certificate(der_of(&born.first), &peer);
    struct request_spec spec = {.key = key, .subject = buf_view(&peer.certificate.subject)};
    AUTO_PTR(csr) *csr = make_request(&spec);
    struct contact_facts facts = facts_of(&peer);
    facts.is_resumed = true;
    assert_int_equal(enrol_with(scene, &facts, csr, 2, &out).code, ERR_FULL_HANDSHAKE);
    /* another subject */
    AUTO_PTR(csr) *bare = make_request(&(struct request_spec){.key = key});
    facts.is_resumed = false;
    assert_int_equal(enrol_with(scene, &facts, bare, 2, &out).code, ERR_UNPROCESSABLE);
    peer_identity_clear(&peer);
    /* somebody else's identity key, and a key of somebody else */
    assert_int_equal(enrol_by_identity(scene, &stranger, key, 2, &out).code, ERR_DEVICE_REFUSED);
    assert_int_equal(enrol_by_certificate(scene, der_of(&born.first), born.unit.identity, 2, &out).code,
                     ERR_UNPROCESSABLE);
    /* after its end */
    manual_clock_advance(&scene->clock, 91 * DAY_MS);
    assert_int_equal(rekey(scene, &born.first, 2), ERR_DEVICE_REFUSED);
    assert_int_equal(state_of(scene, &born), DEVICE_ENROLLED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE result <> 'refused'"), records);
}

/* --- two lines -------------------------------------------------------------------------------------- */

/* Two hold the key of `first`: one rekeys and uses what it got, the other asks with the old key as well, and
 * the first goes on. */
static void test_two_lines(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) next = {0};
    scene_change(scene, STOP);
    born_init(&born, scene);
    rekey_to(scene, &born.first, &next);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(rekey(scene, &born.first, 0), ERR_DEVICE_REFUSED);
    assert_int_equal(state_of(scene, &born), DEVICE_ENROLLED); /* it may have lost what it stored */
    assert_int_equal(count_suspected(scene), 0);
    assert_int_equal(use(scene, &next), PROOF_NONE);
    assert_int_equal(state_of(scene, &born), DEVICE_QUARANTINED);
    assert_int_equal(count_suspected(scene), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM clone_sighting"), 0);
    assert_audit_verifies(scene);
}

/* A message may be one that somebody kept: it is taken, and it is no proof that the holder is here now. */
static void test_a_message_is_no_second_line(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) next = {0};
    AUTO_VAL(peer_identity) peer = {0};
    struct contact contact = {.is_known = false};
    scene_change(scene, STOP);
    born_init(&born, scene);
    rekey_to(scene, &born.first, &next);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(rekey(scene, &born.first, 0), ERR_DEVICE_REFUSED);
    peer_of_certificate(der_of(&next), &peer);
    const struct contact_facts facts = {
        .peer = &peer, .is_message = true, .label = "", .address = "192.0.2.7", .request_id = "r-1"};
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_int_equal(contact.proof, PROOF_OPERATIONAL);
    assert_int_equal(count_suspected(scene), 0);
    assert_int_equal(state_of(scene, &born), DEVICE_ENROLLED);
    manual_clock_advance(&scene->clock, 1000);
    assert_int_equal(use(scene, &next), PROOF_NONE); /* a handshake is */
    assert_int_equal(state_of(scene, &born), DEVICE_QUARANTINED);
}

static void test_two_lines_alert(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) next = {0};
    born_init(&born, scene);
    rekey_to(scene, &born.first, &next);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(rekey(scene, &born.first, 0), ERR_DEVICE_REFUSED);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(count_suspected(scene), 1);
}

/* A mere use counts when the overlap is over; until then other programs in the device may hold it. */
static void test_a_use_counts_after_the_overlap(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) next = {0};
    scene_change(scene, STOP);
    born_init(&born, scene);
    rekey_to(scene, &born.first, &next);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(use(scene, &born.first), PROOF_NONE);
        assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    }
    manual_clock_advance(&scene->clock, DAY_MS);
    assert_int_equal(use(scene, &born.first), PROOF_NONE);
    assert_int_equal(use(scene, &next), PROOF_NONE);
    assert_int_equal(count_suspected(scene), 1);
}

/* The device used its new certificate and crashed before it was stored: it comes with the old one, is
 * refused, and recovers. What it had is never used again. */
static void test_a_crash_is_no_clone(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) lost = {0};
    AUTO_VAL(enrolment) recovered = {0};
    AUTO_VAL(enrolment) next = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    scene_change(scene, "UPDATE product SET clone_response = 1, recovery = 2");
    born_init(&born, scene);
    rekey_to(scene, &born.first, &lost);
    assert_int_equal(use(scene, &lost), PROOF_OPERATIONAL);
    manual_clock_advance(&scene->clock, 2 * DAY_MS);
    assert_int_equal(use(scene, &born.first), PROOF_NONE);
    assert_int_equal(rekey(scene, &born.first, 0), ERR_DEVICE_REFUSED);
    assert_ok(enrol_by_identity(scene, &born.unit, key, 0, &recovered));
    assert_int_equal(use(scene, &recovered), PROOF_OPERATIONAL);
    assert_int_equal(use(scene, &recovered), PROOF_OPERATIONAL);
    rekey_to(scene, &recovered, &next);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(count_suspected(scene), 0);
    assert_int_equal(state_of(scene, &born), DEVICE_ENROLLED);
}

/* An answer that was replaced is used, late, before the one that replaced it: no line was used yet. */
static void test_a_late_answer_is_no_clone(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) late = {0};
    AUTO_VAL(enrolment) next = {0};
    scene_change(scene, STOP);
    born_init(&born, scene);
    rekey_to(scene, &born.first, &late);
    rekey_to(scene, &born.first, &next);
    manual_clock_advance(&scene->clock, 2 * DAY_MS);
    assert_int_equal(rekey(scene, &late, 0), ERR_DEVICE_REFUSED);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(count_suspected(scene), 0);
}

/* A renewed certificate has the same key: nobody else's. */
static void test_a_renewed_one_is_no_clone(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) next = {0};
    scene_change(scene, STOP);
    born_init(&born, scene);
    assert_ok(enrol_by_certificate(scene, der_of(&born.first), born.key, 0, &next));
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    manual_clock_advance(&scene->clock, 2 * DAY_MS);
    assert_int_equal(use(scene, &born.first), PROOF_NONE);
    assert_int_equal(rekey(scene, &born.first, 0), ERR_DEVICE_REFUSED);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(count_suspected(scene), 0);
}

static struct contact contact_resumed(struct scene *scene, const struct enrolment *enrolment)
{
    struct peer_identity peer;
    struct contact contact;
    peer_of_certificate(der_of(enrolment), &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.is_resumed = true;
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    peer_identity_clear(&peer);
    return contact;
}

/* A resumed session proves no key, of the old one and of the new one; a revoked or expired one counts for
 * nothing. */
static void test_what_is_no_sighting(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(born) born;
    AUTO_VAL(enrolment) next = {0};
    AUTO_VAL(certificate_row) revoked = {0};
    scene_change(scene, STOP);
    born_init(&born, scene);
    rekey_to(scene, &born.first, &next);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    manual_clock_advance(&scene->clock, 2 * DAY_MS);
    (void)contact_resumed(scene, &born.first);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(use(scene, &born.first), PROOF_NONE);                    /* a sighting … */
    assert_int_equal(contact_resumed(scene, &next).proof, PROOF_OPERATIONAL); /* … that this does not prove */
    assert_int_equal(count_suspected(scene), 0);
    scene_change(scene, "DELETE FROM clone_sighting");
    assert_ok(revoke_in(scene, 0, born.first.certificate.serial, 1, &revoked));
    assert_int_equal(use(scene, &born.first), PROOF_NONE);
    assert_int_equal(rekey(scene, &born.first, 0), ERR_DEVICE_REFUSED);
    assert_int_equal(use(scene, &next), PROOF_OPERATIONAL);
    assert_int_equal(count_suspected(scene), 0);
    assert_int_equal(state_of(scene, &born), DEVICE_ENROLLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_two_keys_for_one_generation),
        scene_test(test_an_alert_stops_nobody),
        scene_test(test_two_keys_by_the_identity_key),
        scene_test(test_no_fork),
        scene_test(test_what_proves_nothing_changes_nothing),
        scene_test(test_two_lines),
        scene_test(test_a_message_is_no_second_line),
        scene_test(test_two_lines_alert),
        scene_test(test_a_use_counts_after_the_overlap),
        scene_test(test_a_crash_is_no_clone),
        scene_test(test_a_late_answer_is_no_clone),
        scene_test(test_a_renewed_one_is_no_clone),
        scene_test(test_what_is_no_sighting),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
