/* What a device says of the certificate that it got: yes, no, nothing (implicit confirmation), or too late.
 */
#include "tests/unit/fleet/cmp_talk.h"

static int64_t open_transactions(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM cmp_transaction");
}

static int64_t records(struct scene *scene, const char *kind)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM audit WHERE kind = '%s'", kind);
    return scene_number(scene, sql);
}

static int reject(OSSL_CMP_CTX *context, X509 *certificate, int fail_info, const char **text)
{
    (void)context, (void)certificate, (void)fail_info;
    *text = "not what I asked for";
    return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

static void refuses(struct talk *talk, bool does)
{
    assert_int_equal(OSSL_CMP_CTX_reinit(talk->client.context), 1);
    assert_int_equal(OSSL_CMP_CTX_set_certConf_cb(talk->client.context, does ? reject : NULL), 1);
}

/** The whole message that was sent last; the caller's. */
static struct buf take_last(struct talk *talk)
{
    struct buf last = talk->last;
    talk->last = (struct buf){0};
    return last;
}

static enum cmp_body again(struct talk *talk, const struct buf *message)
{
    AUTO_VAL(buf) answer = {0};
    struct cmp_header header;
    serve(talk, buf_view(message), &answer);
    cmp_read(buf_view(&answer), &header);
    return header.body;
}

static void begin(struct talk *talk, struct scene *scene)
{
    talk_init(talk, scene);
    scene_register(scene, 0, &talk->unit.id);
}

/* The first one: it is revoked, and the device asks again as one that never had any. */
static void test_the_first_one_is_refused(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    refuses(&talk, true);
    assert_null(ir(&talk));
    AUTO_VAL(buf) refusal = take_last(&talk);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"),
                     0);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3 AND revocation_reason = 5"), 1);
    assert_int_equal(records(scene, "cmp.certificate_refused"), 1);
    assert_int_equal(records(scene, "certificate.revoked"), 1);
    assert_int_equal(records(scene, "device.revoked"), 0);
    assert_int_equal(
        scene_number(
            scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked' AND actor LIKE 'device:%'"),
        1);
    assert_int_equal(open_transactions(scene), 0);
    assert_int_equal(again(&talk, &refusal), CMP_BODY_ERROR); /* it counted once */
    assert_int_equal(records(scene, "cmp.certificate_refused"), 1);
    assert_int_equal(scene_device(scene, 0, &talk.unit.id).state, DEVICE_ENROLLED);
    refuses(&talk, false);
    assert_non_null(ir(&talk)); /* another one, over the same key */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 2);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1 AND first_used_at IS NOT NULL"),
        1);
    assert_audit_verifies(scene);
}

/* The request of a certificate that was refused gives no other one. */
static void test_its_request_again(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    refuses(&talk, true);
    talk.keeps_first = true;
    assert_null(ir(&talk));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 1);
    assert_int_equal(again(&talk, &talk.first), CMP_BODY_IP); /* whose status is a refusal */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 1);
    assert_int_equal(open_transactions(scene), 0);
}

/* A later one: what the device has stays in force. */
static void test_the_next_one_is_refused(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    X509 *got = ir(&talk);
    assert_non_null(got);
    talk_go_on(&talk, got);
    cmp_client_new_key(&talk.client);
    refuses(&talk, true);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk.client.context, talk.client.certificate), 1);
    assert_null(OSSL_CMP_exec_certreq(talk.client.context, OSSL_CMP_KUR, NULL));
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3 AND generation = 2"), 1);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1 AND generation = 1"), 1);
    assert_int_equal(records(scene, "device.revoked"), 0);
    refuses(&talk, false);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk.client.context, talk.client.certificate), 1);
    assert_non_null(OSSL_CMP_exec_certreq(talk.client.context, OSSL_CMP_KUR, NULL));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1"), 1);
}

/* What is in use needs no word, and loses nothing by one. */
static void test_too_late(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    refuses(&talk, true);
    talk.before = "UPDATE certificate SET first_used_at = 1780272000000";
    assert_null(ir(&talk));
    /* by its own status OpenSSL 3.5 goes on to say that it refused */
    assert_int_equal(OSSL_CMP_CTX_get_failInfoCode(talk.client.context), 1 << CMP_FAILURE_CERT_CONFIRMED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1"), 1);
    assert_int_equal(records(scene, "cmp.certificate_refused"), 0);
}

/* Revoked by an operator meanwhile: a refusal is noted, and that is all; nobody confirms it. */
static void test_revoked_meanwhile(void **state)
{
    static const char sql[] =
        "UPDATE certificate SET state = 3, revoked_at = 1780272000000, revocation_reason = 4";
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    refuses(&talk, true);
    talk.before = sql;
    assert_null(ir(&talk));
    assert_int_equal(scene_number(scene, "SELECT revocation_reason FROM certificate"), 4);
    assert_int_equal(records(scene, "cmp.certificate_refused"), 1);
    assert_int_equal(records(scene, "certificate.revoked"), 0);
    refuses(&talk, false);
    talk.answered = 0;
    talk.before = sql;
    assert_null(ir(&talk));
    assert_cmp_failure(&talk.client, CMP_FAILURE_CERT_REVOKED);
}

/* Granted to whoever asks for it: one message each way, nothing is kept, and the first use confirms. */
static void test_implicit_confirmation(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_IMPLICIT_CONFIRM, 1), 1);
    X509 *got = ir(&talk);
    assert_non_null(got);
    assert_int_equal(talk.answered, 1);
    assert_int_equal(open_transactions(scene), 0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"),
                     0);
    talk_go_on(&talk, got);
    cmp_client_new_key(&talk.client);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_IMPLICIT_CONFIRM, 1), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk.client.context, talk.client.certificate), 1);
    got = OSSL_CMP_exec_certreq(talk.client.context, OSSL_CMP_KUR, NULL);
    assert_non_null(got);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 0"), 1);
    talk_go_on(&talk, got); /* its first use is the next request */
    cmp_client_new_key(&talk.client);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk.client.context, talk.client.certificate), 1);
    assert_non_null(OSSL_CMP_exec_certreq(talk.client.context, OSSL_CMP_KUR, NULL));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 2"), 2);
    assert_int_equal(open_transactions(scene), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_the_first_one_is_refused), scene_test(test_its_request_again),
        scene_test(test_the_next_one_is_refused),  scene_test(test_too_late),
        scene_test(test_revoked_meanwhile),        scene_test(test_implicit_confirmation),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
