/* What somebody can do with messages of CMP that a device sent before: a signature proves the key, and says
 * nothing of when. */
#include "tests/unit/fleet/cmp_talk.h"

#include "fleet/challenge.h"
#include "fleet/device_actions.h"

/* The device's requests come first, its confirmations behind them. */
static void keep_requests(struct talk *talk)
{
    assert_int_equal(OSSL_CMP_CTX_set_option(talk->client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
}

static void ask_anew(struct talk *talk)
{
    cmp_client_new_key(&talk->client);
    assert_int_equal(OSSL_CMP_CTX_reinit(talk->client.context), 1);
}

/** Sends the bytes again. @return the body of the answer */
static enum cmp_body replay(struct talk *talk, const struct buf *message)
{
    AUTO_VAL(buf) answer = {0};
    struct cmp_header header;
    serve(talk, buf_view(message), &answer);
    assert_ok(talk->failed);
    cmp_read(buf_view(&answer), &header);
    return header.body;
}

static struct buf take_last(struct talk *talk)
{
    struct buf taken = talk->last;
    talk->last = (struct buf){0};
    return taken;
}

static int64_t certificates(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM certificate");
}

/* Whoever stole an operational key has its request too, and waits until an operator lets the device back in.
 */
static void test_old_request_takes_no_permission(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    keep_requests(&talk);
    assert_non_null(ir(&talk));
    AUTO_VAL(buf) message = take_last(&talk);
    assert_int_equal(replay(&talk, &message), CMP_BODY_IP); /* an answer that was lost */
    assert_int_equal(certificates(scene), 1);
    scene_change(scene,
                 "UPDATE certificate SET state = 3, revoked_at = 1780272000000, revocation_reason = 0");
    scene_change(scene, "UPDATE device SET state = 3, reenrol_allowed = 1");
    (void)replay(&talk, &message);
    assert_int_equal(certificates(scene), 1);
    assert_int_equal(scene_number(scene, "SELECT reenrol_allowed FROM device"), 1);
    ask_anew(&talk); /* the device itself */
    assert_non_null(ir(&talk));
    assert_int_equal(certificates(scene), 2);
    assert_int_equal(scene_number(scene, "SELECT reenrol_allowed FROM device"), 0);
}

/* What was asked by the identity key is remembered for ever, whatever is cleaned up. */
static void test_old_request_after_years(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    talk.keeps_first = true;
    assert_non_null(ir(&talk));
    assert_int_equal(replay(&talk, &talk.first), CMP_BODY_IP);
    assert_int_equal(certificates(scene), 1);
    /* in use: a refusal, to which no confirmation belongs */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_transaction"), 0);
    scene_change(scene,
                 "UPDATE certificate SET state = 3, revoked_at = 1780272000000, revocation_reason = 0");
    scene_change(scene, "UPDATE device SET state = 3, reenrol_allowed = 1");
    manual_clock_advance(&scene->clock, 10 * 365 * DAY_MS);
    assert_ok(challenge_sweep(scene->fleet, scene->clock.at_ms));
    (void)replay(&talk, &talk.first);
    assert_int_equal(certificates(scene), 1);
    assert_int_equal(scene_number(scene, "SELECT reenrol_allowed FROM device"), 1);
}

static void test_old_request_replaces_no_newer_one(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    keep_requests(&talk);
    assert_non_null(ir(&talk));
    ask_anew(&talk);
    assert_non_null(ir(&talk));
    AUTO_VAL(buf) second = take_last(&talk);
    ask_anew(&talk);
    assert_non_null(ir(&talk));
    AUTO_VAL(buf) third = take_last(&talk);
    (void)replay(&talk, &second);
    assert_int_equal(certificates(scene), 3);
    assert_int_equal(replay(&talk, &third), CMP_BODY_IP);
    assert_int_equal(certificates(scene), 3);
}

/** The device goes on under the certificate that it got. */
static void use_certificate(struct talk *talk, X509 *got)
{
    EVP_PKEY *key = talk->client.new_key;
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    assert_int_equal(X509_up_ref(got), 1);
    cmp_client_clear(&talk->client);
    cmp_client_init(&talk->client, key, got, talk->scene->house.root, SCENE_AT_MS);
    talk->client.serve = serve;
    talk->client.server = talk;
}

static X509 *kur(struct talk *talk)
{
    return OSSL_CMP_exec_certreq(talk->client.context, OSSL_CMP_KUR, NULL);
}

/* Two holders of one key are found by proofs of now; a message that somebody kept is none. */
static void test_old_message_stops_no_device(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    X509 *first = ir(&talk);
    assert_non_null(first);
    use_certificate(&talk, first);
    keep_requests(&talk);
    assert_non_null(kur(&talk));
    AUTO_VAL(buf) message = take_last(&talk);
    assert_int_equal(OSSL_CMP_CTX_reinit(talk.client.context), 1);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 0), 1);
    X509 *second = kur(&talk); /* the same key again, confirmed: the first has no rights any more */
    assert_non_null(second);
    use_certificate(&talk, second);
    manual_clock_advance(&scene->clock, 2 * DAY_MS); /* behind the overlap */
    (void)replay(&talk, &message);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM clone_sighting"), 0);
    assert_non_null(kur(&talk));
    assert_int_equal(scene_device(scene, 0, &talk.unit.id).state, DEVICE_ENROLLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_old_request_takes_no_permission),
        scene_test(test_old_request_after_years),
        scene_test(test_old_request_replaces_no_newer_one),
        scene_test(test_old_message_stops_no_device),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
