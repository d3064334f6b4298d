/* What a device may revoke by an rr: its own certificates, in the name of one that is in force. */
#include "tests/unit/fleet/cmp_talk.h"

/** A device of the tenant with its first certificate, which it goes on under. */
static X509 *enrolled(struct talk *talk, struct scene *scene, size_t tenant)
{
    talk_init(talk, scene);
    scene_register(scene, tenant, &talk->unit.id);
    X509 *got = ir(talk);
    assert_non_null(got);
    assert_int_equal(X509_up_ref(got), 1);
    talk_go_on(talk, got);
    return got;
}

/** Its next one. @param is_confirmed or it stays unused @return the caller's */
static X509 *next(struct talk *talk, bool is_confirmed)
{
    cmp_client_new_key(&talk->client);
    assert_int_equal(OSSL_CMP_CTX_reinit(talk->client.context), 1);
    assert_int_equal(
        OSSL_CMP_CTX_set_option(talk->client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, is_confirmed ? 0 : 1), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk->client.context, talk->client.certificate), 1);
    X509 *got = OSSL_CMP_exec_certreq(talk->client.context, OSSL_CMP_KUR, NULL);
    assert_non_null(got);
    assert_int_equal(X509_up_ref(got), 1);
    return got;
}

/** @param reason -1: none is given @return whether the client took the answer for done */
static bool rr(struct talk *talk, X509 *certificate, int reason)
{
    OSSL_CMP_CTX *context = talk->client.context;
    assert_int_equal(OSSL_CMP_CTX_reinit(context), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(context, certificate), 1);
    assert_int_equal(OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_REVOCATION_REASON, reason), 1);
    bool is_done = OSSL_CMP_exec_RR_ses(context) == 1;
    ERR_clear_error();
    return is_done;
}

static int64_t revoked(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 3");
}

/* The device loses its place with it, and only an operator gives it back. */
static void test_its_own_protection(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO(X509) *own = enrolled(&talk, scene, 0);
    assert_true(rr(&talk, own, 1));
    assert_int_equal(revoked(scene), 1);
    assert_int_equal(scene_number(scene, "SELECT revocation_reason FROM certificate"), 1);
    assert_int_equal(scene_device(scene, 0, &talk.unit.id).state, DEVICE_REVOKED);
    assert_int_equal(
        scene_number(
            scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked' AND actor LIKE 'device:%'"),
        1);
    assert_audit_verifies(scene);
}

/* The same message again, by whoever kept it, is refused and changes nothing. */
static void test_a_message_again(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO_VAL(buf) answer = {0};
    struct cmp_header header;
    AUTO(X509) *first = enrolled(&talk, scene, 0);
    AUTO(X509) *second = next(&talk, false);
    assert_true(rr(&talk, second, -1));
    assert_int_equal(scene_number(scene, "SELECT revocation_reason FROM certificate WHERE state = 3"), 0);
    AUTO_VAL(buf) message = talk.last;
    talk.last = (struct buf){0};
    int64_t revocations =
        scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked'");
    serve(&talk, buf_view(&message), &answer);
    cmp_read(buf_view(&answer), &header);
    assert_int_equal(header.body, CMP_BODY_RP);
    assert_int_equal(revoked(scene), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'certificate.revoked'"),
                     revocations);
    assert_false(rr(&talk, second, 1));
    assert_cmp_failure(&talk.client, CMP_FAILURE_CERT_REVOKED);
    assert_int_equal(scene_device(scene, 0, &talk.unit.id).state, DEVICE_ENROLLED);
    assert_true(rr(&talk, first, 5)); /* the sender itself is untouched by all that */
}

/* In the name of the newest one, the one before goes alone; in the name of the one before, nothing goes any
 * more. */
static void test_the_one_before(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO(X509) *first = enrolled(&talk, scene, 0);
    AUTO(X509) *second = next(&talk, false); /* its use is the rr */
    talk_go_on(&talk, second);
    assert_true(rr(&talk, first, 1));
    assert_int_equal(revoked(scene), 1);
    assert_int_equal(scene_device(scene, 0, &talk.unit.id).state, DEVICE_ENROLLED);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1 AND generation = 2"), 1);
}

/* One that was never used is given up by its own key: that is no first use, so the device keeps what it had.
 */
static void test_an_unused_one_takes_nothing_with_it(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO(X509) *first = enrolled(&talk, scene, 0);
    EVP_PKEY *key = talk.client.key;
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    AUTO(X509) *second = next(&talk, false);
    talk_go_on(&talk, second);
    assert_true(rr(&talk, second, 1));
    assert_int_equal(revoked(scene), 1);
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1 AND generation = 1"), 1);
    assert_int_equal(scene_device(scene, 0, &talk.unit.id).state, DEVICE_ENROLLED);
    EVP_PKEY_free(talk.client.new_key);
    talk.client.new_key = key; /* back to the first */
    talk_go_on(&talk, first);
    AUTO(X509) *third = next(&talk, true);
    assert_non_null(third);
}

static void test_a_sender_that_is_not_in_force(void **state)
{
    static const struct {
        const char *sql;
        enum cmp_failure failure;
    } CASES[] = {
        {"UPDATE certificate SET state = 2, superseded_at = 1780272000000", CMP_FAILURE_CERT_REVOKED},
        {"UPDATE certificate SET state = 3, revoked_at = 1780272000000, revocation_reason = 0",
         CMP_FAILURE_CERT_REVOKED},
        {"UPDATE device SET state = 2", CMP_FAILURE_NOT_AUTHORIZED}, /* quarantined */
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        AUTO_VAL(talk) talk = {0};
        AUTO(X509) *own = enrolled(&talk, scene, 0);
        scene_change(scene, CASES[i].sql);
        int64_t before = revoked(scene);
        assert_false(rr(&talk, own, -1));
        assert_cmp_failure(&talk.client, CASES[i].failure);
        assert_int_equal(revoked(scene), before);
    }
}

static void test_the_identity_key_revokes_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    AUTO(X509) *got = ir(&talk);
    assert_non_null(got);
    assert_int_equal(X509_up_ref(got), 1); /* the client forgets its own */
    assert_false(rr(&talk, got, -1));
    assert_cmp_failure(&talk.client, CMP_FAILURE_NOT_AUTHORIZED);
    assert_int_equal(revoked(scene), 0);
}

static X509 *stranger(struct scene *scene)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {.der = {0}};
    issue_device(&scene->house, key, SCENE_AT_MS, 30, &issued);
    const unsigned char *p = issued.der.p;
    return d2i_X509(NULL, &p, (long)issued.der.n);
}

/* Another device's, another tenant's, one that was never issued, one of another issuer: one answer. */
static void test_others_certificates_look_alike(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO_VAL(talk) neighbour = {0};
    AUTO_VAL(talk) foreigner = {0};
    AUTO(X509) *own = enrolled(&talk, scene, 0);
    AUTO(X509) *beside = enrolled(&neighbour, scene, 0);
    AUTO(X509) *elsewhere = enrolled(&foreigner, scene, 1);
    AUTO(X509) *unknown = stranger(scene);
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(X509) *of_nobody = cmp_self_signed(key, "nobody");
    X509 *const others[] = {beside, elsewhere, unknown, of_nobody};
    char text[CMP_TEXT_SIZE] = "";
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(rr(&talk, others[i], 1));
        assert_cmp_failure(&talk.client, CMP_FAILURE_BAD_CERT_ID);
        const OSSL_CMP_PKIFREETEXT *words = OSSL_CMP_CTX_get0_statusString(talk.client.context);
        assert_int_equal(sk_ASN1_UTF8STRING_num(words), 1);
        const char *said = (const char *)ASN1_STRING_get0_data(sk_ASN1_UTF8STRING_value(words, 0));
        assert_true(i == 0 || strcmp(text, said) == 0);
        (void)snprintf(text, sizeof text, "%s", said);
    }
    assert_int_equal(revoked(scene), 0);
    assert_true(rr(&talk, own, -1));
}

static void test_reasons(void **state)
{
    static const int refused[] = {2, 6, 8, 10};
    static const int taken[] = {0, 1, 3, 4, 5, 9};
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO(X509) *own = enrolled(&talk, scene, 0);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        AUTO(X509) *waiting = next(&talk, false);
        assert_false(rr(&talk, waiting, refused[i]));
        assert_cmp_failure(&talk.client, CMP_FAILURE_BAD_REQUEST);
    }
    assert_int_equal(revoked(scene), 0);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        AUTO(X509) *waiting = next(&talk, false);
        assert_true(rr(&talk, waiting, taken[i]));
    }
    assert_int_equal(revoked(scene), 6);
    assert_int_equal(scene_number(scene, "SELECT MAX(revocation_reason) FROM certificate"), 9);
    assert_int_equal(scene_device(scene, 0, &talk.unit.id).state, DEVICE_ENROLLED);
    assert_true(rr(&talk, own, -1));
}

static void test_an_expired_one(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO(X509) *own = enrolled(&talk, scene, 0);
    AUTO(X509) *waiting = next(&talk, false);
    scene_change(scene, "UPDATE certificate SET not_after = 1780271999999 WHERE state = 0");
    assert_false(rr(&talk, waiting, -1));
    assert_cmp_failure(&talk.client, CMP_FAILURE_BAD_REQUEST);
    assert_int_equal(revoked(scene), 0);
    (void)own;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_its_own_protection),
        scene_test(test_a_message_again),
        scene_test(test_the_one_before),
        scene_test(test_an_unused_one_takes_nothing_with_it),
        scene_test(test_a_sender_that_is_not_in_force),
        scene_test(test_the_identity_key_revokes_nothing),
        scene_test(test_others_certificates_look_alike),
        scene_test(test_reasons),
        scene_test(test_an_expired_one),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
