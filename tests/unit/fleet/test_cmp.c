/* CMP over the enrolment service, with OpenSSL's own client: what is kept between a request and its
 * confirmation survives a restart, and belongs to its sender alone. */
#include "tests/unit/fleet/cmp_talk.h"

static int64_t open_transactions(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM cmp_transaction");
}

static void test_ir_is_enrolment(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    assert_null(ir(&talk));
    assert_cmp_failure(&talk.client, CMP_FAILURE_NOT_AUTHORIZED);
    scene_register(scene, 0, &talk.unit.id);
    assert_non_null(ir(&talk));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"),
                     1);
    assert_int_equal(open_transactions(scene), 0);
    assert_audit_verifies(scene);
}

static void test_restart_before_the_confirmation(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    talk.restarts = true;
    assert_non_null(ir(&talk));
    assert_int_equal(talk.answered, 2);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"),
                     1);
    assert_int_equal(open_transactions(scene), 0);
}

static void test_confirmation_twice(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO_VAL(buf) answer = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    assert_non_null(ir(&talk));
    AUTO_VAL(buf) confirmation = talk.last;
    talk.last = (struct buf){0};
    serve(&talk, buf_view(&confirmation), &answer);
    struct cmp_header header;
    cmp_read(buf_view(&answer), &header);
    assert_int_equal(header.body, CMP_BODY_ERROR);
}

static int reject(OSSL_CMP_CTX *context, X509 *certificate, int fail_info, const char **text)
{
    (void)context, (void)certificate, (void)fail_info;
    *text = "not what I asked for";
    return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

static void test_device_refuses_its_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    assert_int_equal(OSSL_CMP_CTX_set_certConf_cb(talk.client.context, reject), 1);
    assert_null(ir(&talk));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"),
                     0);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'cmp.certificate_refused'"),
                     1);
    assert_int_equal(open_transactions(scene), 0);
}

/* It begins again instead of confirming: one transaction is open, however often. */
static void test_one_open_transaction_a_device(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(OSSL_CMP_CTX_reinit(talk.client.context), 1);
        assert_non_null(ir(&talk));
    }
    assert_int_equal(open_transactions(scene), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 1);
    assert_ok(cmp_sweep(scene->fleet, SCENE_AT_MS + 5 * 60 * 1000 - 1));
    assert_int_equal(open_transactions(scene), 1);
    assert_ok(cmp_sweep(scene->fleet, SCENE_AT_MS + 5 * 60 * 1000 + 1));
    assert_int_equal(open_transactions(scene), 0);
}

/* Every cut of a message is refused, by an error of CMP or by none, and nothing changes. */
static void test_cut_messages(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
    assert_non_null(ir(&talk));
    AUTO_VAL(buf) whole = talk.last;
    talk.last = (struct buf){0};
    int64_t records = scene_number(scene, "SELECT COUNT(*) FROM audit");
    for (size_t n = 0; n < whole.n; n++) {
        AUTO_VAL(buf) answer = {0};
        serve(&talk, (struct bytes){whole.p, n}, &answer);
        assert_int_not_equal(talk.failed.code == ERR_OK && answer.n == 0, 1);
        assert_true(talk.failed.code == ERR_OK || err_status(talk.failed.code) < 500);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit"), records);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 1);
}

/* @param value consumed; NULL: none @return the first entry of the answer, the caller's; NULL: an error */
static OSSL_CMP_ITAV *ask(struct talk *talk, const char *type, ASN1_TYPE *value)
{
    OSSL_CMP_CTX *context = talk->client.context;
    OSSL_CMP_ITAV *question = OSSL_CMP_ITAV_create(OBJ_txt2obj(type, 1), value);
    assert_int_equal(OSSL_CMP_CTX_reinit(context), 1);
    assert_int_equal(OSSL_CMP_CTX_push0_genm_ITAV(context, question), 1);
    STACK_OF(OSSL_CMP_ITAV) *answers = OSSL_CMP_exec_GENM_ses(context);
    OSSL_CMP_ITAV *first = sk_OSSL_CMP_ITAV_shift(answers);
    sk_OSSL_CMP_ITAV_pop_free(answers, OSSL_CMP_ITAV_free);
    return first;
}

static ASN1_TYPE *certificate_value(const struct authority *authority)
{
    struct bytes der = authority_borrow_der(authority);
    const unsigned char *p = der.p;
    return d2i_ASN1_TYPE(NULL, &p, (long)der.n);
}

/* Public things are told to everybody, by a signed answer that the client verifies. */
static void test_general_messages(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    OSSL_CMP_ITAV *answer = ask(&talk, "1.3.6.1.5.5.7.4.17", NULL); /* caCerts */
    assert_non_null(answer);
    const ASN1_TYPE *value = OSSL_CMP_ITAV_get0_value(answer);
    assert_int_equal(value->type, V_ASN1_SEQUENCE);
    const unsigned char *p = ASN1_STRING_get0_data(value->value.sequence);
    ASN1_SEQUENCE_ANY *list = d2i_ASN1_SEQUENCE_ANY(NULL, &p, ASN1_STRING_length(value->value.sequence));
    assert_int_equal(sk_ASN1_TYPE_num(list), 3);
    sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
    OSSL_CMP_ITAV_free(answer);

    answer = ask(&talk, "1.3.6.1.5.5.7.4.20", certificate_value(scene->house.root)); /* nothing follows it */
    assert_non_null(answer);
    assert_null(OSSL_CMP_ITAV_get0_value(answer));
    OSSL_CMP_ITAV_free(answer);

    assert_null(ask(&talk, "1.3.6.1.5.5.7.4.99", NULL));
    assert_cmp_failure(&talk.client, CMP_FAILURE_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_ir_is_enrolment),
        scene_test(test_restart_before_the_confirmation),
        scene_test(test_confirmation_twice),
        scene_test(test_device_refuses_its_certificate),
        scene_test(test_one_open_transaction_a_device),
        scene_test(test_cut_messages),
        scene_test(test_general_messages),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
