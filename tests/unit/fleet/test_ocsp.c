/* The responder: how each kind of certificate stands, what is kept and dropped, nonces, limits, signers and
 * clocks. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/ocsp_scene.h"

#include "fleet/audit_signer.h"

static void test_good_and_then_revoked(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(certificate_row) row = {0};
    enrol_one(scene, &unit, &first);
    struct ocsp_seen seen = status_of(scene, scene->house.device, serial_of(&first));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_GOOD);
    assert_int_equal(seen.next_update_s - seen.this_update_s, 12 * 3600);
    assert_true(is_kept(scene, scene->house.device, serial_of(&first)));
    assert_int_equal(atomic_load(&scene->fleet->counters.ocsp_signed), 1);
    manual_clock_advance(&scene->clock, 5000);
    assert_ok(revoke_in(scene, 0, first.certificate.serial, 1, &row));
    assert_false(is_kept(scene, scene->house.device, serial_of(&first))); /* dropped by the commit */
    seen = status_of(scene, scene->house.device, serial_of(&first));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_REVOKED);
    assert_int_equal(seen.reason, 1);
    assert_int_equal(seen.revoked_at_s, (SCENE_AT_MS + 5000) / 1000);
    assert_true(is_kept(scene, scene->house.device, serial_of(&first)));
    assert_int_equal(atomic_load(&scene->fleet->counters.ocsp_revoked), 2);
}

/* A revocation that is refused, or that fails, leaves the answer where it is. */
static void test_a_rollback_drops_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(certificate_row) row = {0};
    enrol_one(scene, &unit, &first);
    (void)status_of(scene, scene->house.device, serial_of(&first));
    assert_int_equal(revoke_in(scene, 1, first.certificate.serial, 1, &row).code, ERR_NOT_FOUND);
    assert_true(is_kept(scene, scene->house.device, serial_of(&first)));
}

/* As the CRL has it: good through the overlap, revoked when it is listed. */
static void test_superseded(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    enrol_one(scene, &unit, &first);
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), next, 0, &second));
    struct ocsp_seen seen = status_of(scene, scene->house.device, serial_of(&second));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_GOOD); /* not confirmed yet */
    (void)contact_by_certificate(scene, buf_view(&second.certificate.der));
    seen = status_of(scene, scene->house.device, serial_of(&first));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_GOOD);
    manual_clock_advance(&scene->clock, DAY_MS - 3600000);
    assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
    seen = status_of(scene, scene->house.device, serial_of(&first));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_GOOD);
    assert_true(is_kept(scene, scene->house.device, serial_of(&first)));
    manual_clock_advance(&scene->clock, 3600000);
    assert_ok(revocation_list_superseded(scene->fleet, scene->clock.at_ms));
    assert_false(is_kept(scene, scene->house.device, serial_of(&first)));
    seen = status_of(scene, scene->house.device, serial_of(&first));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_REVOKED);
    assert_int_equal(seen.reason, OCSP_REVOKED_STATUS_SUPERSEDED);
    assert_int_equal(seen.revoked_at_s, (SCENE_AT_MS + DAY_MS) / 1000);
    seen = status_of(scene, scene->house.device, serial_of(&second));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_GOOD);
}

/* Of devices all is known, so what is not there was never issued; of the others it is unknown. Never good,
 * never kept. */
static void test_serials_that_nobody_gave(void **state)
{
    static const uint8_t serial[SERIAL_SIZE] = {0x12, 0x34};
    static const uint8_t small[] = {5};
    struct scene *scene = *state;
    struct ocsp_seen seen = status_of(scene, scene->house.device, BYTES_OF(serial));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_REVOKED);
    assert_int_equal(seen.reason, OCSP_REVOKED_STATUS_CERTIFICATEHOLD);
    assert_int_equal(seen.revoked_at_s, 0);
    assert_int_equal(seen.next_update_s - seen.this_update_s, 600);
    seen = status_of(scene, scene->house.device, BYTES_OF(small));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_REVOKED);
    seen = status_of(scene, scene->house.infrastructure, BYTES_OF(serial));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_UNKNOWN);
    seen = status_of(scene, scene->house.root, BYTES_OF(serial));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_UNKNOWN);
    assert_false(is_kept(scene, scene->house.device, BYTES_OF(serial)));
    assert_false(is_kept(scene, scene->house.root, BYTES_OF(serial)));
}

/* The same serial under another authority is another certificate. */
static void test_another_authority(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    enrol_one(scene, &unit, &first);
    struct ocsp_seen seen = status_of(scene, scene->house.infrastructure, serial_of(&first));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_UNKNOWN);
}

static err_t add_authorities(struct db_tx *tx, void *arg)
{
    const struct scene *scene = arg;
    const struct {
        const char *id;
        const struct authority *authority;
    } rows[] = {{"root", scene->house.root},
                {"device", scene->house.device},
                {"infrastructure", scene->house.infrastructure}};
    for (size_t i = 0; i < 3; i++) {
        struct authority_row row = {.role = rows[i].id,
                                    .certificate = authority_borrow_der(rows[i].authority)};
        (void)snprintf(row.id, sizeof row.id, "%s", rows[i].id);
        (void)snprintf(row.issuer, sizeof row.issuer, "%s", i == 0 ? "" : "root");
        TRY(authority_rows_insert(tx, &row));
    }
    return OK;
}

static struct bytes serial_in(const struct authority *authority, struct certificate_facts *facts)
{
    assert_ok(certificate_read(authority_borrow_der(authority), facts));
    return (struct bytes){facts->serial, facts->serial_size};
}

static void test_authorities(void **state)
{
    struct scene *scene = *state;
    const struct authority *const all[] = {scene->house.root, scene->house.device,
                                           scene->house.infrastructure};
    assert_ok(db_write(scene->db, add_authorities, scene));
    for (size_t i = 0; i < 3; i++) {
        AUTO_VAL(certificate_facts) facts = {0};
        struct ocsp_seen seen = status_of(scene, scene->house.root, serial_in(all[i], &facts));
        assert_int_equal(seen.status, V_OCSP_CERTSTATUS_GOOD);
    }
    AUTO_VAL(certificate_facts) facts = {0};
    scene_stop(scene);
    scene_start(scene);
    scene_change(scene, "UPDATE authority SET state = 2, updated_at = 1780272001000 WHERE id = 'device'");
    struct ocsp_seen seen = status_of(scene, scene->house.root, serial_in(scene->house.device, &facts));
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_REVOKED);
    assert_int_equal(seen.reason, OCSP_REVOKED_STATUS_CACOMPROMISE);
    assert_int_equal(seen.revoked_at_s, 1780272001);
}

/* What this installation has of its own under the infrastructure authority. */
static void test_own_certificates(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(issued) issued = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) first = {0};
    const char *const hosts[] = {"localhost"};
    for (int i = 0; i < 3; i++) {
        struct certificate_spec spec = {.not_before_ms = SCENE_AT_MS,
                                        .not_after_ms = SCENE_AT_MS + DAY_MS,
                                        .publication = test_publication};
        assert_ok(random_fill(random_system(), spec.serial, sizeof spec.serial));
        buf_clear(&spki);
        spki_of(key, &spki);
        assert_ok(
            authority_issue_server(scene->house.infrastructure, buf_view(&spki), hosts, 1, &spec, &issued));
        struct bytes serial = {issued.serial, SERIAL_SIZE};
        assert_int_equal(status_of(scene, scene->house.infrastructure, serial).status,
                         V_OCSP_CERTSTATUS_UNKNOWN);
        assert_ok(ocsp_know(scene->fleet, buf_view(&issued.der)));
        assert_ok(i == 0 ? buf_append_bytes(&first, buf_view(&issued.der)) : OK);
        assert_ok(ocsp_know(scene->fleet, buf_view(&first))); /* told again each hour, it displaces nobody */
        assert_int_equal(scene->fleet->ocsp->own_count, i + 1);
        assert_int_equal(status_of(scene, scene->house.infrastructure, serial).status,
                         V_OCSP_CERTSTATUS_GOOD);
        assert_int_equal(status_of(scene, scene->house.device, serial).status, V_OCSP_CERTSTATUS_REVOKED);
    }
    const struct signer *signer = NULL;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(certificate_facts) facts = {0};
    assert_ok(audit_signer_get(scene->fleet, &signer));
    assert_ok(signer_certificate(signer, &der));
    assert_ok(certificate_read(buf_view(&der), &facts));
    struct bytes serial = {facts.serial, facts.serial_size};
    assert_int_equal(status_of(scene, scene->house.infrastructure, serial).status, V_OCSP_CERTSTATUS_GOOD);
    assert_int_equal(ocsp_know(scene->fleet, BYTES_OF(facts.serial)).code, ERR_BAD_ENCODING);
    const struct ocsp_signer *delegate = scene->fleet->ocsp->places[0]->signer;
    assert_int_equal(
        status_of(scene, scene->house.device, BYTES_OF(ocsp_signer_facts(delegate)->serial)).status,
        V_OCSP_CERTSTATUS_GOOD);
}

/* --- requests --------------------------------------------------------------------------------------- */

static void test_what_is_refused(void **state)
{
    static const uint8_t serials[2][SERIAL_SIZE] = {{1, 2}, {3, 4}};
    struct scene *scene = *state;
    AUTO_VAL(buf) foreign = {0};
    AUTO_VAL(buf) other_hash = {0};
    struct test_house other;
    test_house_init(&other, KEY_ALG_P256);
    ocsp_ask(other.device, EVP_sha256(), BYTES_OF(serials[0]), 0, &foreign);
    test_house_clear(&other);
    ocsp_ask(scene->house.device, EVP_sha384(), BYTES_OF(serials[0]), 0, &other_hash);
    assert_int_equal(error_for(scene, bytes_str("nonsense")), OCSP_MALFORMED);
    assert_int_equal(error_for(scene, BYTES_NONE), OCSP_MALFORMED);
    assert_int_equal(error_for(scene, buf_view(&foreign)), OCSP_UNAUTHORIZED);
    assert_int_equal(error_for(scene, buf_view(&other_hash)), OCSP_UNAUTHORIZED);
    /* two authorities in one request: no signer may speak for both */
    AUTO(OCSP_REQUEST) *request = OCSP_REQUEST_new();
    AUTO_VAL(buf) mixed = {0};
    unsigned char *encoded = NULL;
    (void)OCSP_request_add0_id(request, certid_of(scene->house.device, EVP_sha1(), BYTES_OF(serials[0])));
    (void)OCSP_request_add0_id(request, certid_of(scene->house.root, EVP_sha1(), BYTES_OF(serials[1])));
    int size = i2d_OCSP_REQUEST(request, &encoded);
    bytes_of_i2d(size, encoded, &mixed);
    assert_int_equal(error_for(scene, buf_view(&mixed)), OCSP_UNAUTHORIZED);
    /* on the loop too, since memory is enough to say so */
    struct ocsp_answer answer;
    const struct ocsp_question question = {.der = buf_view(&foreign), .address = ""};
    ocsp_recall(scene->fleet, &question, &answer);
    assert_int_equal(answer.error.p[4], OCSP_UNAUTHORIZED);
    assert_int_equal(atomic_load(&scene->fleet->counters.ocsp_malformed), 2);
    assert_int_equal(atomic_load(&scene->fleet->counters.ocsp_unauthorized), 4);
}

/* Each way of naming the issuer has an answer of its own, since an answer repeats the request's. */
static void test_forms_of_asking(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    enrol_one(scene, &unit, &first);
    const EVP_MD *const hashes[] = {EVP_sha1(), EVP_sha256()};
    for (int i = 0; i < 4; i++) {
        AUTO_VAL(buf) der = {0};
        struct ocsp_answer answer;
        ocsp_ask(scene->house.device, hashes[i % 2], serial_of(&first), 0, &der);
        ask_der(scene, buf_view(&der), &answer);
        AUTO(OCSP_RESPONSE) *response = response_of(shared_view(answer.bytes));
        AUTO(OCSP_BASICRESP) *basic =
            basic_of(response, scene->house.root, scene->house.device, scene->clock.at_ms);
        AUTO(OCSP_CERTID) *id = certid_of(scene->house.device, hashes[i % 2], serial_of(&first));
        assert_int_equal(ocsp_see(basic, id).status, V_OCSP_CERTSTATUS_GOOD);
        answer_clear(&answer);
    }
    assert_int_equal(atomic_load(&scene->fleet->counters.ocsp_signed), 2);
    assert_int_equal(atomic_load(&scene->fleet->counters.ocsp_recalled), 2);
}

static void test_several(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(buf) der = {0};
    struct ocsp_answer answer;
    uint8_t serials[3][SERIAL_SIZE] = {{0x01}, {0x02}, {0x03}};
    enrol_one(scene, &unit, &first);
    memcpy(serials[1], first.certificate.serial, SERIAL_SIZE);
    ocsp_ask_many(scene->house.device, (const uint8_t(*)[SERIAL_SIZE])serials, 3, &der);
    ask_der(scene, buf_view(&der), &answer);
    assert_true(answer.is_storable);
    AUTO(OCSP_RESPONSE) *response = response_of(shared_view(answer.bytes));
    AUTO(OCSP_BASICRESP) *basic =
        basic_of(response, scene->house.root, scene->house.device, scene->clock.at_ms);
    for (size_t i = 0; i < 3; i++) {
        AUTO(OCSP_CERTID) *id = certid_of(scene->house.device, EVP_sha256(), BYTES_OF(serials[i]));
        assert_int_equal(ocsp_see(basic, id).status,
                         i == 1 ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_REVOKED);
    }
    answer_clear(&answer);
    assert_false(is_kept(scene, scene->house.device, serial_of(&first)));
}

/* RFC 9654: 16 and more come back, fewer are passed over, and what has one is never kept. */
static void test_nonces(void **state)
{
    static const int SIZES[] = {1, 15, 16, 32, 33, 128};
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    enrol_one(scene, &unit, &first);
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        AUTO_VAL(buf) der = {0};
        struct ocsp_answer answer;
        ocsp_ask(scene->house.device, EVP_sha1(), serial_of(&first), SIZES[i], &der);
        ask_der(scene, buf_view(&der), &answer);
        assert_int_equal(answer.is_storable, SIZES[i] < 16);
        AUTO(OCSP_RESPONSE) *response = response_of(shared_view(answer.bytes));
        AUTO(OCSP_BASICRESP) *basic =
            basic_of(response, scene->house.root, scene->house.device, scene->clock.at_ms);
        const unsigned char *p = der.p;
        AUTO(OCSP_REQUEST) *request = d2i_OCSP_REQUEST(NULL, &p, (long)der.n);
        assert_int_equal(OCSP_check_nonce(request, basic), SIZES[i] < 16 ? -1 : 1);
        answer_clear(&answer);
    }
    AUTO_VAL(buf) huge = {0};
    ocsp_ask(scene->house.device, EVP_sha1(), serial_of(&first), 129, &huge);
    assert_int_equal(error_for(scene, buf_view(&huge)), OCSP_MALFORMED);
    assert_int_equal(atomic_load(&scene->fleet->counters.ocsp_signed), 5); /* the short ones share one */
}

/* What costs a signature each time is limited by source; what is kept is not. */
static void test_limits(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(buf) nonce = {0};
    AUTO_VAL(buf) plain = {0};
    AUTO_VAL(buf) unknown = {0};
    static const uint8_t serial[SERIAL_SIZE] = {0x12, 0x34};
    enrol_one(scene, &unit, &first);
    ocsp_ask(scene->house.device, EVP_sha1(), serial_of(&first), 32, &nonce);
    ocsp_ask(scene->house.device, EVP_sha1(), serial_of(&first), 0, &plain);
    ocsp_ask(scene->house.device, EVP_sha1(), BYTES_OF(serial), 0, &unknown);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(error_for(scene, buf_view(&nonce)), 0);
    }
    assert_int_equal(error_for(scene, buf_view(&nonce)), OCSP_TRY_LATER);
    assert_int_equal(error_for(scene, buf_view(&unknown)), OCSP_TRY_LATER);
    assert_int_equal(error_for(scene, buf_view(&plain)), 0);
    struct ocsp_answer answer;
    const struct ocsp_question elsewhere = {.der = buf_view(&nonce), .address = "192.0.2.10"};
    ocsp_answer(scene->fleet, &elsewhere, &answer);
    assert_non_null(answer.bytes);
    answer_clear(&answer);
    manual_clock_advance(&scene->clock, 1000);
    assert_int_equal(error_for(scene, buf_view(&nonce)), 0);
    assert_int_equal(atomic_load(&scene->fleet->counters.ocsp_try_later), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_good_and_then_revoked),
        scene_test(test_a_rollback_drops_nothing),
        scene_test(test_superseded),
        scene_test(test_serials_that_nobody_gave),
        scene_test(test_another_authority),
        scene_test(test_authorities),
        scene_test(test_own_certificates),
        scene_test(test_what_is_refused),
        scene_test(test_forms_of_asking),
        scene_test(test_several),
        scene_test(test_nonces),
        scene_test(test_limits),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
