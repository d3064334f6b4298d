/* Tests of enrolment, renewal and rekey: rules 1, 2 and 8 of docs/identity.md one by one. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/order_scene.h"

/* --- under the identity key ------------------------------------------------------------------------- */

static void test_first_certificate_is_confirmed_at_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_false(first.is_repeat);
    assert_int_equal(first.certificate.state, CERTIFICATE_CONFIRMED);
    assert_int_equal(first.certificate.generation, 1);
    assert_int_equal(first.certificate.first_used_at, 0);
    assert_string_equal(first.hub_url, ""); /* with a hub: test_products.c */
    assert_true(first.renew_after > SCENE_AT_MS + 45 * DAY_MS);
    assert_true(first.renew_after < SCENE_AT_MS + 75 * DAY_MS);
    struct device_row device = scene_device(scene, 0, &unit.id);
    assert_int_equal(device.state, DEVICE_ENROLLED);
    assert_int_equal(device.claim, CLAIM_PROVED);
    assert_int_equal(device.generation, 1);
    AUTO_VAL(certificate_facts) facts = {0};
    assert_ok(certificate_read(buf_view(&first.certificate.der), &facts));
    assert_int_equal(facts.not_before_ms, SCENE_AT_MS - 10 * 60 * 1000);
    assert_int_equal(facts.not_after_ms, SCENE_AT_MS + 90 * DAY_MS);
    assert_memory_equal(facts.serial, first.certificate.serial, CERTIFICATE_SERIAL_SIZE);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.enrolled'"), 1);
    assert_audit_verifies(scene);
}

static void test_same_key_gets_the_same_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) again = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    manual_clock_advance(&scene->clock, 1000);
    assert_ok(enrol_by_identity(scene, &unit, key, 1, &again));
    assert_true(again.is_repeat);
    assert_true(bytes_equal(buf_view(&first.certificate.der), buf_view(&again.certificate.der)));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 1);
}

/* The first answer was lost and the device made a fresh key: never used, so never locked out. */
static void test_lost_first_answer_and_a_fresh_key(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *lost = ec_key("P-256");
    AUTO(EVP_PKEY) *fresh = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, lost, 0, &first));
    assert_ok(enrol_by_identity(scene, &unit, fresh, 0, &second));
    assert_int_equal(second.certificate.state, CERTIFICATE_UNCONFIRMED);
    assert_int_equal(second.certificate.generation, 2);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.recovered'"), 1);
    struct contact contact = contact_by_certificate(scene, buf_view(&second.certificate.der));
    assert_int_equal(contact.proof, PROOF_OPERATIONAL);
    assert_int_equal(contact.certificate.state, CERTIFICATE_CONFIRMED);
    contact = contact_by_certificate(scene, buf_view(&first.certificate.der));
    assert_int_equal(contact.proof, PROOF_NONE);
    assert_true(contact.is_known);
    assert_true(contact.is_superseded);
}

struct recovery_case {
    const char *policy_sql;
    bool was_used, is_expired, is_allowed_by_operator;
    err_code expected;
};

static const struct recovery_case RECOVERIES[] = {
    {"UPDATE product SET recovery = 0", false, false, false, ERR_OK},
    {"UPDATE product SET recovery = 0", true, false, false, ERR_DEVICE_REFUSED},
    {"UPDATE product SET recovery = 0", true, true, false, ERR_DEVICE_REFUSED},
    {"UPDATE product SET recovery = 0", true, false, true, ERR_OK},
    {"UPDATE product SET recovery = 1", false, false, false, ERR_OK},
    {"UPDATE product SET recovery = 1", true, false, false, ERR_DEVICE_REFUSED},
    {"UPDATE product SET recovery = 1", true, true, false, ERR_OK},
    {"UPDATE product SET recovery = 1", true, false, true, ERR_OK},
    {"UPDATE product SET recovery = 2", true, false, false, ERR_OK},
};

static void recover(struct scene *scene, const struct recovery_case *one)
{
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    struct actor actor = {.name = "token:test", .request_id = ""};
    struct device_row row;
    scene_change(scene, one->policy_sql);
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    if (one->was_used) {
        struct contact contact = contact_by_certificate(scene, buf_view(&first.certificate.der));
        assert_int_equal(contact.proof, PROOF_OPERATIONAL);
    }
    manual_clock_advance(&scene->clock, one->is_expired ? 91 * DAY_MS : 1);
    if (one->is_allowed_by_operator) {
        assert_ok(allow_reenrol(scene->fleet, &actor, scene->tenants[0].id, &unit.id, &row));
        assert_true(row.reenrol_allowed);
    }
    err_t result = enrol_by_identity(scene, &unit, next, 0, &second);
    assert_int_equal(result.code, one->expected);
    if (result.code == ERR_OK) {
        assert_int_equal(second.certificate.generation, 2);
        assert_int_equal(second.certificate.state, CERTIFICATE_UNCONFIRMED);
        assert_false(scene_device(scene, 0, &unit.id).reenrol_allowed); /* it passes once */
    }
}

static void test_recovery_policies(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof RECOVERIES / sizeof RECOVERIES[0]; i++) {
        recover(scene, &RECOVERIES[i]);
    }
}

static void test_one_answer_to_all_who_are_refused(void **state)
{
    static const char *const STATES[] = {"UPDATE device SET state = 2",
                                         "UPDATE device SET state = 3",
                                         "UPDATE device SET state = 4",
                                         "UPDATE device SET state = 5",
                                         "UPDATE device SET state = 4, reenrol_allowed = 1",
                                         "UPDATE device SET state = 2, reenrol_allowed = 1"};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    err_t unknown = enrol_by_identity(scene, &unit, key, 0, &out);
    assert_int_equal(unknown.code, ERR_DEVICE_REFUSED);
    scene_register(scene, 0, &unit.id);
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        scene_change(scene, STATES[i]);
        err_t refused = enrol_by_identity(scene, &unit, key, 0, &out);
        assert_int_equal(refused.code, ERR_DEVICE_REFUSED);
        assert_string_equal(refused.detail, unknown.detail);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 0);
}

/* --- under an operational certificate --------------------------------------------------------------- */

static void test_renew_and_rekey_are_two_phase(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) renewed = {0};
    AUTO_VAL(enrolment) repeated = {0};
    AUTO_VAL(enrolment) rekeyed = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    struct bytes old = buf_view(&first.certificate.der);
    assert_ok(enrol_by_certificate(scene, old, key, 0, &renewed));
    assert_int_equal(renewed.certificate.generation, 1);
    assert_int_equal(renewed.certificate.state, CERTIFICATE_UNCONFIRMED);
    assert_ok(enrol_by_certificate(scene, old, key, 0, &repeated));
    assert_true(repeated.is_repeat);
    /* the device changed its mind: what it never used is replaced */
    assert_ok(enrol_by_certificate(scene, old, next, 2, &rekeyed));
    assert_int_equal(rekeyed.certificate.generation, 2);
    assert_true(contact_by_certificate(scene, buf_view(&renewed.certificate.der)).is_superseded);
    assert_int_equal(contact_by_certificate(scene, old).proof, PROOF_OPERATIONAL);
    /* first use of the new one ends the old one */
    struct contact contact = contact_by_certificate(scene, buf_view(&rekeyed.certificate.der));
    assert_int_equal(contact.proof, PROOF_OPERATIONAL);
    assert_true(contact_by_certificate(scene, old).is_superseded);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.confirmed'"),
                     1);
    AUTO_VAL(enrolment) late = {0};
    assert_error(enrol_by_certificate(scene, old, key, 0, &late), ERR_DEVICE_REFUSED, "not admitted");
    assert_audit_verifies(scene);
}

struct generation_case {
    int64_t asked;
    err_code expected;
};
static const struct generation_case GENERATIONS[] = {
    {1, ERR_UNPROCESSABLE}, {10, ERR_UNPROCESSABLE}, {INT64_MAX, ERR_UNPROCESSABLE}, {9, ERR_OK}};

static void test_generations_rise_by_eight_at_most(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO(EVP_PKEY) *last = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    for (size_t i = 0; i < sizeof GENERATIONS / sizeof GENERATIONS[0]; i++) {
        AUTO_VAL(enrolment) out = {0};
        err_t result =
            enrol_by_certificate(scene, buf_view(&first.certificate.der), next, GENERATIONS[i].asked, &out);
        assert_int_equal(result.code, GENERATIONS[i].expected);
    }
    assert_int_equal(scene_device(scene, 0, &unit.id).generation, 9);
    /* back to a key of an older generation: a rolled-back device */
    AUTO_VAL(enrolment) ninth = {0};
    AUTO_VAL(enrolment) rolled = {0};
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), next, 0, &ninth));
    assert_true(ninth.is_repeat);
    assert_int_equal(contact_by_certificate(scene, buf_view(&ninth.certificate.der)).proof,
                     PROOF_OPERATIONAL);
    assert_error(enrol_by_certificate(scene, buf_view(&ninth.certificate.der), key, 0, &rolled),
                 ERR_UNPROCESSABLE, "use a newer key");
    AUTO_VAL(enrolment) tenth = {0};
    assert_ok(enrol_by_certificate(scene, buf_view(&ninth.certificate.der), last, 0, &tenth));
    assert_int_equal(tenth.certificate.generation, 10);
}

static void test_names_must_be_those_of_the_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    struct peer_identity peer;
    peer_of_certificate(buf_view(&first.certificate.der), &peer);
    struct contact_facts facts = facts_of(&peer);
    AUTO_PTR(csr) *nameless = make_request(&(struct request_spec){.key = key});
    AUTO_PTR(csr) *other = make_request(&(struct request_spec){
        .key = key, .subject = buf_view(&peer.certificate.subject), .dns = "somebody.else"});
    assert_error(enrol_with(scene, &facts, nameless, 0, &out), ERR_UNPROCESSABLE, "subject");
    assert_error(enrol_with(scene, &facts, other, 0, &out), ERR_UNPROCESSABLE, "subjectAltName");
    peer_identity_clear(&peer);
}

static void test_a_resumed_session_proves_no_key(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) renewed = {0};
    AUTO_VAL(enrolment) out = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), key, 0, &renewed));
    struct peer_identity peer;
    struct contact contact;
    peer_of_certificate(buf_view(&renewed.certificate.der), &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.is_resumed = true;
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_int_equal(contact.proof, PROOF_OPERATIONAL);
    assert_int_equal(contact.certificate.state, CERTIFICATE_UNCONFIRMED); /* honoured, not confirmed */
    AUTO_PTR(csr) *csr =
        make_request(&(struct request_spec){.key = key, .subject = buf_view(&peer.certificate.subject)});
    assert_error(enrol_with(scene, &facts, csr, 0, &out), ERR_FULL_HANDSHAKE, "resumed");
    assert_int_equal(contact_by_certificate(scene, buf_view(&first.certificate.der)).proof,
                     PROOF_OPERATIONAL);
    peer_identity_clear(&peer);
}

/* --- keys ------------------------------------------------------------------------------------------- */

static void test_a_key_belongs_to_one_device(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) one;
    AUTO_VAL(unit) two;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) out = {0};
    unit_init(&one);
    unit_init(&two);
    scene_register(scene, 0, &one.id);
    scene_register(scene, 1, &two.id);
    assert_ok(enrol_by_identity(scene, &one, key, 0, &first));
    assert_error(enrol_by_identity(scene, &two, key, 0, &out), ERR_CONFLICT, "another device");
    assert_error(enrol_by_identity(scene, &two, one.identity, 0, &out), ERR_CONFLICT, "another device");
    assert_error(enrol_by_identity(scene, &two, two.identity, 0, &out), ERR_UNPROCESSABLE, "identity key");
    scene_change(scene, "UPDATE product SET identity_key_certificates = 1, ver = ver + 1");
    assert_ok(enrol_by_identity(scene, &two, two.identity, 0, &out));
    assert_int_equal(out.certificate.generation, 0);
    assert_int_equal(contact_by_certificate(scene, buf_view(&out.certificate.der)).proof, PROOF_OPERATIONAL);
}

static void test_a_compromised_key_is_never_certified_again(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) out = {0};
    AUTO_VAL(certificate_row) revoked = {0};
    struct actor actor = {.name = "token:test", .request_id = ""};
    struct device_row row;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(revoke_in(scene, 0, first.certificate.serial, 1, &revoked));
    assert_error(enrol_by_identity(scene, &unit, next, 0, &out), ERR_DEVICE_REFUSED, "not admitted");
    assert_ok(allow_reenrol(scene->fleet, &actor, scene->tenants[0].id, &unit.id, &row));
    assert_error(enrol_by_identity(scene, &unit, key, 0, &out), ERR_UNPROCESSABLE, "compromised");
    assert_ok(enrol_by_identity(scene, &unit, next, 0, &out));
    assert_int_equal(scene_device(scene, 0, &unit.id).state, DEVICE_ENROLLED);
    assert_int_equal(contact_by_certificate(scene, buf_view(&out.certificate.der)).proof, PROOF_OPERATIONAL);
    assert_true(contact_by_certificate(scene, buf_view(&first.certificate.der)).is_revoked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_first_certificate_is_confirmed_at_once),
        scene_test(test_same_key_gets_the_same_certificate),
        scene_test(test_lost_first_answer_and_a_fresh_key),
        scene_test(test_recovery_policies),
        scene_test(test_one_answer_to_all_who_are_refused),
        scene_test(test_renew_and_rekey_are_two_phase),
        scene_test(test_generations_rise_by_eight_at_most),
        scene_test(test_names_must_be_those_of_the_certificate),
        scene_test(test_a_resumed_session_proves_no_key),
        scene_test(test_a_key_belongs_to_one_device),
        scene_test(test_a_compromised_key_is_never_certified_again),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
