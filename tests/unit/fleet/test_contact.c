/* Tests of a device at the door: claims and labels, certificates that the inventory does not honour, refusal
 * records within their limits, and the words of `status`. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/order_scene.h"

/* --- claims (docs/identity.md, rule 6) -------------------------------------------------------------- */

static struct contact_facts with_label(const struct peer_identity *peer, const char *label)
{
    struct contact_facts facts = facts_of(peer);
    facts.label = label;
    return facts;
}

static void test_equal_claims_need_the_label(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    struct peer_identity peer;
    struct contact contact;
    unit_init(&unit);
    peer_of_identity(&unit, &peer);
    scene_register(scene, 0, &unit.id);
    scene_register(scene, 1, &unit.id);
    struct contact_facts bare = facts_of(&peer);
    assert_error(contact_resolve(scene->fleet, &bare, &contact), ERR_DEVICE_REFUSED, "not admitted");
    assert_int_equal(contact_resolve(scene->fleet, &bare, &contact).code, ERR_DEVICE_REFUSED);
    /* an event to both, once a minute */
    assert_int_equal(scene_number(scene, "SELECT COUNT(DISTINCT tenant) * 10 + COUNT(*) FROM audit WHERE "
                                         "kind = 'device.contested'"),
                     22);
    struct contact_facts acme = with_label(&peer, "acme");
    assert_ok(contact_resolve(scene->fleet, &acme, &contact));
    assert_true(contact.is_known && uuid_equal(contact.device.tenant, scene->tenants[1].id));
    /* the proof settles it: from now on no label is needed, and the other tenant's claim finds nothing */
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    assert_ok(enrol_with(scene, &acme, csr, 0, &out));
    assert_ok(contact_resolve(scene->fleet, &bare, &contact));
    assert_true(contact.is_known && uuid_equal(contact.device.tenant, scene->tenants[1].id));
    struct contact_facts other = with_label(&peer, "default");
    assert_ok(contact_resolve(scene->fleet, &other, &contact));
    assert_false(contact.is_known);
    peer_identity_clear(&peer);
}

/* Both tenants' contacts stand before either enrols: the transaction lets one of them in (invariant I2). */
static void test_only_one_tenant_wins_the_proof(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    struct peer_identity peer;
    struct contact contacts[TENANTS];
    struct contact_facts facts[TENANTS];
    unit_init(&unit);
    peer_of_identity(&unit, &peer);
    for (size_t i = 0; i < TENANTS; i++) {
        scene_register(scene, i, &unit.id);
        facts[i] = with_label(&peer, TENANT_NAMES[i]);
    }
    for (size_t i = 0; i < TENANTS; i++) {
        assert_ok(contact_resolve(scene->fleet, &facts[i], &contacts[i]));
        assert_true(contacts[i].is_known);
    }
    for (size_t i = 0; i < TENANTS; i++) {
        AUTO(EVP_PKEY) *key = ec_key("P-256");
        AUTO_VAL(enrolment) out = {0};
        AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
        struct enrol_order order = {.contact = &contacts[i],
                                    .facts = &facts[i],
                                    .csr = csr,
                                    .actor = {.name = "device:test", .request_id = ""}};
        assert_int_equal(enrol(scene->fleet, &order, &out).code, i == 0 ? ERR_OK : ERR_DEVICE_REFUSED);
    }
    assert_int_equal(scene_device(scene, 1, &unit.id).state, DEVICE_REGISTERED);
    peer_identity_clear(&peer);
}

static void test_labels(void **state)
{
    static const struct {
        const char *label;
        bool is_known;
    } CASES[] = {{"", true}, {"default", true}, {"acme", false}, {"nobody", false}};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    struct peer_identity peers[2];
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    peer_of_identity(&unit, &peers[0]);
    peer_of_certificate(buf_view(&first.certificate.der), &peers[1]);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            struct contact contact;
            struct contact_facts facts = with_label(&peers[k], CASES[i].label);
            assert_ok(contact_resolve(scene->fleet, &facts, &contact));
            assert_int_equal(contact.is_known, CASES[i].is_known);
        }
    }
    peer_identity_clear(&peers[0]);
    peer_identity_clear(&peers[1]);
}

/* --- certificates ----------------------------------------------------------------------------------- */

static void test_no_proof_is_unauthorized(void **state)
{
    struct scene *scene = *state;
    struct contact contact;
    struct peer_identity none = {.kind = PEER_NONE};
    struct contact_facts facts = facts_of(&none);
    assert_int_equal(contact_resolve(scene->fleet, &facts, &contact).code, ERR_UNAUTHORIZED);
    facts.peer = NULL;
    assert_int_equal(contact_resolve(scene->fleet, &facts, &contact).code, ERR_UNAUTHORIZED);
}

/* Signed with our authority's key, but never issued by us: not known, and an alarm (once a minute). */
static void test_a_forged_certificate_rings_the_alarm(void **state)
{
    struct scene *scene = *state;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) forged = {0};
    issue_device(&scene->house, key, SCENE_AT_MS, 30, &forged);
    for (int i = 0; i < 3; i++) {
        struct contact contact = contact_by_certificate(scene, buf_view(&forged.der));
        assert_false(contact.is_known);
        assert_int_equal(contact.proof, PROOF_NONE);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'ca.unknown_serial'"), 1);
    manual_clock_advance(&scene->clock, 61 * 1000);
    (void)contact_by_certificate(scene, buf_view(&forged.der));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'ca.unknown_serial'"), 2);
}

static void test_serial_of_ours_over_another_key(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    struct peer_identity peer;
    struct contact contact;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    peer_of_certificate(buf_view(&first.certificate.der), &peer);
    struct contact_facts facts = facts_of(&peer);
    peer.certificate.key.spki_sha256.b[0] ^= 1;
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_false(contact.is_known);
    peer.certificate.key.spki_sha256.b[0] ^= 1;
    (void)snprintf(peer.authority, sizeof peer.authority, "infrastructure");
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_false(contact.is_known);
    peer_identity_clear(&peer);
}

/* --- the words of status ---------------------------------------------------------------------------- */

static enum device_word word_of(struct scene *scene, const struct contact *contact)
{
    struct device_status status;
    assert_ok(contact_status(scene->fleet, contact, &status));
    return status.word;
}

static enum device_word word_by_identity(struct scene *scene, const struct unit *unit)
{
    struct contact contact = contact_by_identity(scene, unit);
    return word_of(scene, &contact);
}

static enum device_word word_by_certificate(struct scene *scene, const struct enrolment *enrolment)
{
    struct contact contact = contact_by_certificate(scene, buf_view(&enrolment->certificate.der));
    return word_of(scene, &contact);
}

static void test_words_of_a_life(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    AUTO_VAL(enrolment) third = {0};
    AUTO_VAL(certificate_row) revoked = {0};
    struct actor actor = {.name = "token:test", .request_id = ""};
    struct device_row row;
    unit_init(&unit);
    assert_int_equal(word_by_identity(scene, &unit), WORD_DOES_NOT_EXIST);
    scene_register(scene, 0, &unit.id);
    assert_int_equal(word_by_identity(scene, &unit), WORD_NOT_ENROLLED);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_int_equal(word_by_identity(scene, &unit), WORD_ENROLLED);
    assert_int_equal(word_by_certificate(scene, &first), WORD_ENROLLED);
    manual_clock_advance(&scene->clock, 91 * DAY_MS);
    assert_int_equal(word_by_certificate(scene, &first), WORD_CERTIFICATE_EXPIRED);
    assert_int_equal(word_by_identity(scene, &unit), WORD_CERTIFICATE_EXPIRED);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &second));
    assert_int_equal(second.certificate.generation, 1);
    assert_int_equal(word_by_certificate(scene, &second), WORD_ENROLLED);
    assert_int_equal(word_by_certificate(scene, &first), WORD_NOT_ENROLLED); /* superseded */
    assert_ok(revoke_in(scene, 0, second.certificate.serial, 0, &revoked));
    assert_int_equal(word_by_certificate(scene, &second), WORD_REVOKED);
    assert_int_equal(word_by_identity(scene, &unit), WORD_REVOKED);
    assert_ok(allow_reenrol(scene->fleet, &actor, scene->tenants[0].id, &unit.id, &row));
    assert_int_equal(word_by_identity(scene, &unit), WORD_NOT_ENROLLED);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &third));
    assert_int_equal(word_by_certificate(scene, &third), WORD_ENROLLED);
    assert_int_equal(word_by_certificate(scene, &second), WORD_REVOKED);
    scene_change(scene, "UPDATE device SET state = 4");
    assert_int_equal(word_by_identity(scene, &unit), WORD_DEVICE_REVOKED);
}

static void test_status_under_the_identity_key_tells_the_salt(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) renewed = {0};
    struct device_status status;
    uint8_t salt[OWNER_SALT_SIZE];
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    struct contact contact = contact_by_identity(scene, &unit);
    assert_ok(contact_status(scene->fleet, &contact, &status));
    assert_ok(fleet_owner_salt(scene->fleet, scene->tenants[0].id, &unit.id, salt));
    assert_true(status.has_owner_salt);
    assert_memory_equal(status.owner_salt, salt, sizeof salt);
    assert_string_equal(status.tenant, "default");
    assert_int_equal(status.generation, 1);
    /* a newer one that was lost on its way must not hide when the one in use should be renewed */
    manual_clock_advance(&scene->clock, 10 * DAY_MS);
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), key, 0, &renewed));
    contact = contact_by_certificate(scene, buf_view(&first.certificate.der));
    assert_ok(contact_status(scene->fleet, &contact, &status));
    assert_false(status.has_owner_salt);
    assert_true(status.has_certificate);
    assert_memory_equal(status.certificate.serial, first.certificate.serial, CERTIFICATE_SERIAL_SIZE);
    assert_int_equal(status.renew_after, first.renew_after);
}

/* --- records of refusals (§0.5) --------------------------------------------------------------------- */

static void test_refusals_are_recorded_within_limits(void **state)
{
    struct scene *scene = *state;
    struct unit units[3];
    struct peer_identity peer;
    struct contact contact = {0};
    for (size_t i = 0; i < 3; i++) {
        unit_init(&units[i]);
    }
    peer_of_identity(&units[0], &peer);
    struct contact_facts facts = facts_of(&peer);
    err_t why = ERR(ERR_DEVICE_REFUSED, "the device is not admitted");
    for (int i = 0; i < 50; i++) { /* many unknown keys of one network: one record */
        contact.device.id = units[i % 3].id;
        facts.address = i % 2 == 0 ? "192.0.2.7" : "192.0.2.200";
        contact_refused(scene->fleet, &facts, &contact, why);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'contact.refused'"), 1);
    facts.address = "192.0.3.7";
    contact_refused(scene->fleet, &facts, &contact, why);
    contact_refused(scene->fleet, &facts, NULL, why);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'contact.refused'"), 2);
    scene_register(scene, 0, &units[0].id);
    contact = contact_by_identity(scene, &units[0]);
    for (int i = 0; i < 50; i++) { /* one known device: ten an hour */
        contact_refused(scene->fleet, &facts, &contact, why);
        manual_clock_advance(&scene->clock, 60 * 1000);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.refused'"), 10);
    manual_clock_advance(&scene->clock, 3600 * 1000);
    contact_refused(scene->fleet, &facts, &contact, why);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.refused'"), 11);
    AUTO_VAL(buf) metrics = {0};
    assert_ok(fleet_write_metrics(scene->fleet, &metrics));
    assert_has(buf_str(&metrics), "whorl_refusals_total{device=\"unknown\"} 52\n");
    assert_has(buf_str(&metrics), "whorl_refusals_total{device=\"known\"} 51\n");
    peer_identity_clear(&peer);
    for (size_t i = 0; i < 3; i++) {
        unit_clear(&units[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_equal_claims_need_the_label),
        scene_test(test_only_one_tenant_wins_the_proof),
        scene_test(test_labels),
        scene_test(test_no_proof_is_unauthorized),
        scene_test(test_a_forged_certificate_rings_the_alarm),
        scene_test(test_serial_of_ours_over_another_key),
        scene_test(test_words_of_a_life),
        scene_test(test_status_under_the_identity_key_tells_the_salt),
        scene_test(test_refusals_are_recorded_within_limits),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
