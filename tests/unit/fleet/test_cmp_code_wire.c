/* MAC protection of CMP by OpenSSL's own client: what a code gives, to whom, how often, and that whoever does
 * not know its secret learns nothing. */
#include "tests/unit/fleet/cmp_coded.h"

#include "fleet/cmp_code_tries.h"

/* Every answer is under the code, so a client that knows no root yet is served too. */
static void a_code_gives_the_first_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    trust_nobody(&coded);
    assert_non_null(ir(&coded.talk));
    assert_int_equal(coded.talk.answered, 2);
    struct cmp_header answer = last_answer(&coded);
    assert_int_equal(answer.body, CMP_BODY_PKICONF);
    assert_int_equal(answer.protection_kind, CMP_PBM);
    assert_true(bytes_equal(answer.sender_kid, bytes_str(coded.reference)));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"),
                     1);
    struct device_row device = scene_device(scene, 0, &coded.talk.unit.id);
    assert_int_equal(device.state, DEVICE_ENROLLED);
    assert_int_not_equal(device.claim, CLAIM_PROVED); /* nobody has shown the identity key */
    assert_int_equal(state_of(&coded), CMP_CODE_USED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_code WHERE length(sealed) > 0"), 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_transaction"), 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.enrolled' AND "
                                         "body LIKE '%\"proof\":\"code\"%'"),
                     1);
    assert_audit_verifies(scene);
}

static void a_restart_in_between(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    coded.talk.restarts = true;
    assert_non_null(ir(&coded.talk));
    assert_int_equal(state_of(&coded), CMP_CODE_USED);
}

/* Answers may be lost: the same key gets the same certificate; another one gets nothing, and hears it under
 * the code, since it knows the secret. */
static void the_first_key_is_the_only_one(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    without_confirmation(&coded);
    AUTO(X509) *first = ir(&coded.talk);
    assert_non_null(first);
    assert_int_equal(X509_up_ref(first), 1);
    struct cmp_code code = cmp_code_now(scene, &coded.talk.unit.id);
    assert_int_equal(code.state, CMP_CODE_BOUND);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_code JOIN certificate ON "
                                         "cmp_code.spki_sha256 = certificate.spki_sha256"),
                     1);
    X509 *second = again(&coded, false);
    assert_non_null(second);
    assert_int_equal(X509_cmp(first, second), 0);
    assert_null(again(&coded, true));
    struct cmp_header answer = last_answer(&coded);
    assert_int_equal(answer.protection_kind, CMP_PBM);
    assert_non_null(memmem(answer.body_der.p, answer.body_der.n, "another key's", strlen("another key's")));
    assert_cmp_failure(&coded.talk.client, CMP_FAILURE_NOT_AUTHORIZED);
    assert_int_equal(certificates(scene), 1);
    assert_int_equal(code.row.failed_attempts, 0);
}

static void the_same_message_again(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    AUTO_VAL(buf) answer = {0};
    struct cmp_header header;
    coded_init(&coded, scene);
    without_confirmation(&coded);
    assert_non_null(ir(&coded.talk));
    AUTO_VAL(buf) message = coded.talk.last;
    coded.talk.last = (struct buf){0};
    serve(&coded.talk, buf_view(&message), &answer);
    cmp_read(buf_view(&answer), &header);
    assert_int_equal(header.body, CMP_BODY_IP);
    assert_int_equal(certificates(scene), 1);
    /* its transaction goes on, and is over then */
    assert_int_equal(OSSL_CMP_CTX_set_option(coded.talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 0), 1);
    assert_non_null(again(&coded, false));
    buf_clear(&answer);
    serve(&coded.talk, buf_view(&message), &answer);
    cmp_read(buf_view(&answer), &header);
    assert_int_equal(header.body, CMP_BODY_ERROR);
    assert_int_equal(header.protection_kind, CMP_SIGNED); /* nobody has the secret any more */
    assert_int_equal(certificates(scene), 1);
}

/* Status and text of an error, which must not tell why. */
static void keep_error(struct coded *coded, struct buf *out)
{
    struct cmp_header header = last_answer(coded);
    buf_clear(out);
    assert_ok(buf_append_bytes(out, header.body_der));
}

/* Unknown, wrong, used, expired and revoked: one answer to all of them, and nothing is written. */
static void whoever_guesses_learns_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    AUTO_VAL(buf) wrong = {0};
    AUTO_VAL(buf) other = {0};
    coded_init(&coded, scene);
    static const char RECORDS[] = "SELECT COUNT(*) FROM audit WHERE kind <> 'cmp.signer_certified'";
    int64_t records = scene_number(scene, RECORDS);
    use_secret(&coded.talk, bytes_str(coded.reference), bytes_str("whorlcmp_00"));
    assert_null(ir(&coded.talk));
    assert_turned_away(&coded, CMP_FAILURE_BAD_MESSAGE_CHECK);
    keep_error(&coded, &wrong);
    static const char *const REFERENCES[] = {"0011223344556677", "001122334455667", "device-1", ""};
    for (size_t i = 0; i < sizeof REFERENCES / sizeof REFERENCES[0]; i++) {
        use_secret(&coded.talk, bytes_str(REFERENCES[i]), bytes_str(coded.made.text));
        assert_null(again(&coded, false));
        assert_turned_away(&coded, CMP_FAILURE_BAD_MESSAGE_CHECK);
        keep_error(&coded, &other);
        assert_true(bytes_equal(buf_view(&wrong), buf_view(&other)));
    }
    assert_int_equal(scene_number(scene, RECORDS), records);
    use_secret(&coded.talk, bytes_str(coded.reference), bytes_str(coded.made.text));
    /* the secret is left there, so that it is the state that counts */
    static const char *const ENDS[] = {"UPDATE cmp_code SET used_at = 1",
                                       "UPDATE cmp_code SET used_at = NULL, revoked_at = 1",
                                       "UPDATE cmp_code SET revoked_at = NULL"};
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++) {
        scene_change(scene, ENDS[i]);
        scene->clock.at_ms = i == 2 ? coded.made.code.row.not_after : scene->clock.at_ms;
        assert_null(again(&coded, false));
        keep_error(&coded, &other);
        assert_true(bytes_equal(buf_view(&wrong), buf_view(&other)));
    }
    assert_int_equal(certificates(scene), 0);
}

static void failures_are_counted_and_make_their_source_wait(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    use_secret(&coded.talk, bytes_str(coded.reference), bytes_str("whorlcmp_00"));
    for (int i = 0; i < 11; i++) {
        assert_null(again(&coded, false));
    }
    assert_turned_away(&coded, CMP_FAILURE_BAD_MESSAGE_CHECK);
    use_secret(&coded.talk, bytes_str(coded.reference), bytes_str(coded.made.text));
    assert_null(again(&coded, false)); /* this source waits, whatever it sends */
    assert_turned_away(&coded, CMP_FAILURE_SYSTEM_UNAVAIL);
    assert_int_equal(cmp_code_now(scene, &coded.talk.unit.id).row.failed_attempts, 0);
    assert_ok(cmp_code_tries_flush(scene->fleet, scene->clock.at_ms));
    struct cmp_code code = cmp_code_now(scene, &coded.talk.unit.id);
    assert_int_equal(code.row.failed_attempts, 11);
    assert_int_equal(code.row.failed_at, scene->clock.at_ms);
    assert_int_equal(code.state, CMP_CODE_ACTIVE); /* nobody can end another's code by guessing */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'cmp_code.refused'"), 1);
    assert_ok(cmp_code_tries_flush(scene->fleet, scene->clock.at_ms));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'cmp_code.refused'"), 1);
    scene->clock.at_ms += 2000;
    assert_non_null(again(&coded, false));
    assert_audit_verifies(scene);
}

static X509 *ask_with(struct coded *coded, int body)
{
    assert_int_equal(OSSL_CMP_CTX_reinit(coded->talk.client.context), 1);
    return OSSL_CMP_exec_certreq(coded->talk.client.context, body, NULL);
}

static void only_an_ir(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    assert_null(ask_with(&coded, OSSL_CMP_CR));
    assert_turned_away(&coded, CMP_FAILURE_WRONG_INTEGRITY);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(coded.talk.client.context, coded.talk.client.certificate), 1);
    assert_null(ask_with(&coded, OSSL_CMP_KUR));
    assert_turned_away(&coded, CMP_FAILURE_WRONG_INTEGRITY);
    assert_int_equal(certificates(scene), 0);
    assert_int_equal(state_of(&coded), CMP_CODE_ACTIVE);
    assert_int_equal(atomic_load(&scene->fleet->counters.pop_failed), 0); /* no MAC was computed */
}

/* The code is right, the device or its product is not: under the code, and nothing is used up. */
static void what_the_inventory_says(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    static const char *const CHANGES[][2] = {
        {"UPDATE device SET state = 2", "UPDATE device SET state = 0"},           /* quarantined */
        {"UPDATE product SET admission = 0", "UPDATE product SET admission = 2"}, /* by list only */
    };
    coded_init(&coded, scene);
    for (size_t i = 0; i < sizeof CHANGES / sizeof CHANGES[0]; i++) {
        scene_change(scene, CHANGES[i][0]);
        assert_null(again(&coded, false));
        assert_int_equal(last_answer(&coded).protection_kind, CMP_PBM);
        assert_cmp_failure(&coded.talk.client, CMP_FAILURE_NOT_AUTHORIZED);
        scene_change(scene, CHANGES[i][1]);
    }
    assert_int_equal(state_of(&coded), CMP_CODE_ACTIVE);
    assert_non_null(again(&coded, false));
}

/* It admits; it never recovers: who comes back comes with the identity key. */
static void a_code_never_recovers(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    without_confirmation(&coded);
    assert_non_null(ir(&coded.talk));
    scene_change(scene, "UPDATE certificate SET not_after = 1"); /* over before it was used */
    assert_null(again(&coded, false));
    assert_cmp_failure(&coded.talk.client, CMP_FAILURE_NOT_AUTHORIZED);
    scene_change(scene, "UPDATE device SET reenrol_allowed = 1"); /* that is for the identity key */
    assert_null(again(&coded, false));
    assert_int_equal(scene_number(scene, "SELECT reenrol_allowed FROM device"), 1);
    assert_int_equal(certificates(scene), 1);
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {.is_repeat = false};
    assert_ok(enrol_by_identity(scene, &coded.talk.unit, key, 0, &out));
    assert_int_equal(certificates(scene), 2);
}

/* The tenant's path: the code is of that tenant, or the device is not known there. */
static void another_tenants_path(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    AUTO_VAL(buf) answer = {0};
    struct cmp_header header;
    coded_init(&coded, scene);
    without_confirmation(&coded);
    scene_change(scene, "UPDATE device SET state = 2");
    assert_null(ir(&coded.talk));
    scene_change(scene, "UPDATE device SET state = 0");
    AUTO_VAL(buf) message = coded.talk.last;
    coded.talk.last = (struct buf){0};
    const struct cmp_question question = {.message = buf_view(&message),
                                          .label = scene->tenants[1].name,
                                          .address = "192.0.2.7",
                                          .request_id = "r-1"};
    assert_ok(cmp_answer(scene->fleet, &question, &answer));
    cmp_read(buf_view(&answer), &header);
    assert_int_equal(header.protection_kind, CMP_PBM);
    assert_int_equal(certificates(scene), 0);
    assert_non_null(again(&coded, false));
}

static int turn_down(OSSL_CMP_CTX *context, X509 *certificate, int fail_info, const char **text)
{
    (void)context, (void)certificate, (void)fail_info, (void)text;
    return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

static void a_refused_certificate_ends_it(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    assert_int_equal(OSSL_CMP_CTX_set_certConf_cb(coded.talk.client.context, turn_down), 1);
    assert_null(ir(&coded.talk));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'cmp.certificate_refused'"),
                     1);
    assert_int_equal(state_of(&coded), CMP_CODE_USED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_code WHERE length(sealed) > 0"), 0);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3 AND revocation_reason = 5"), 1);
    assert_audit_verifies(scene);
}

/* It counts as in place, without a certificate that is good: the code is gone, there is no second one, and it
 * comes by its identity key, without an operator. */
static void after_a_refusal_the_identity_key_is_left(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    AUTO_VAL(new_cmp_code) second = {.text = ""};
    coded_init(&coded, scene);
    const struct unit *unit = &coded.talk.unit;
    assert_int_equal(OSSL_CMP_CTX_set_certConf_cb(coded.talk.client.context, turn_down), 1);
    assert_null(ir(&coded.talk));
    assert_int_equal(OSSL_CMP_CTX_set_certConf_cb(coded.talk.client.context, NULL), 1);
    for (int is_new_key = 0; is_new_key <= 1; is_new_key++) {
        assert_null(again(&coded, is_new_key != 0));
        assert_turned_away(&coded, CMP_FAILURE_BAD_MESSAGE_CHECK);
    }
    assert_int_equal(certificates(scene), 1);
    assert_int_equal(scene_device(scene, 0, &unit->id).state, DEVICE_ENROLLED);
    assert_int_equal(make_cmp_code(scene, 0, &unit->id, 0, &second).code, ERR_WRONG_STATE);
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {.is_repeat = false};
    assert_ok(enrol_by_identity(scene, unit, key, 0, &out));
    assert_int_equal(certificates(scene), 2);
}

static void the_device_goes_on_by_its_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(coded) coded = {.made = {.text = ""}};
    coded_init(&coded, scene);
    X509 *given = ir(&coded.talk);
    assert_non_null(given);
    AUTO_VAL(buf) der = {0};
    assert_ok(certificate_encode(given, &der));
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) out = {.is_repeat = false};
    assert_ok(enrol_by_certificate(scene, buf_view(&der), next, 0, &out));
    assert_int_equal(out.certificate.generation, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(a_code_gives_the_first_certificate),
        scene_test(a_restart_in_between),
        scene_test(the_first_key_is_the_only_one),
        scene_test(the_same_message_again),
        scene_test(whoever_guesses_learns_nothing),
        scene_test(failures_are_counted_and_make_their_source_wait),
        scene_test(only_an_ir),
        scene_test(what_the_inventory_says),
        scene_test(a_code_never_recovers),
        scene_test(another_tenants_path),
        scene_test(a_refused_certificate_ends_it),
        scene_test(after_a_refusal_the_identity_key_is_left),
        scene_test(the_device_goes_on_by_its_certificate),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
