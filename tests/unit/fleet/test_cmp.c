/* CMP over the enrolment service, with OpenSSL's own client: what is kept between a request and its
 * confirmation survives a restart, and belongs to its sender alone. */
#include "tests/unit/fleet/cmp_talk.h"

#include "pki/der.h"

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

/* OpenSSL knows these kinds by their own types from 3.2 on, and takes no others for them. */
static OSSL_CMP_ITAV *question_about(const struct authority *root)
{
    struct bytes der = authority_borrow_der(root);
    const unsigned char *p = der.p;
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
    AUTO(X509) *x509 = d2i_X509(NULL, &p, (long)der.n);
    return OSSL_CMP_ITAV_new_rootCaCert(x509);
#else
    return OSSL_CMP_ITAV_create(OBJ_txt2obj("1.3.6.1.5.5.7.4.20", 1), d2i_ASN1_TYPE(NULL, &p, (long)der.n));
#endif
}

/** @param question consumed @return whether the client took an answer */
static bool ask(struct talk *talk, OSSL_CMP_ITAV *question)
{
    OSSL_CMP_CTX *context = talk->client.context;
    assert_non_null(question);
    assert_int_equal(OSSL_CMP_CTX_reinit(context), 1);
    assert_int_equal(OSSL_CMP_CTX_push0_genm_ITAV(context, question), 1);
    STACK_OF(OSSL_CMP_ITAV) *answers = OSSL_CMP_exec_GENM_ses(context);
    bool is_answered = sk_OSSL_CMP_ITAV_num(answers) == 1;
    sk_OSSL_CMP_ITAV_pop_free(answers, OSSL_CMP_ITAV_free);
    return is_answered;
}

/** The value in the one entry of the last answer, as it was sent; lent until the next one. */
static struct bytes answered_value(const struct talk *talk)
{
    struct cmp_header header;
    struct der_item list;
    struct der_item entry;
    struct der_item type;
    cmp_read(buf_view(&talk->client.got), &header);
    assert_int_equal(header.body, CMP_BODY_GENP);
    struct bytes content = header.body_content;
    assert_true(der_take(&content, DER_SEQUENCE, &list));
    assert_true(der_take(&list.value, DER_SEQUENCE, &entry));
    assert_true(der_take(&entry.value, DER_OID, &type));
    assert_int_equal(list.value.n, 0);
    return entry.value;
}

/* Public things are told to everybody, by a signed answer that the client verifies. */
static void test_general_messages(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    struct der_item list;
    struct der_item certificate;
    size_t count = 0;
    talk_init(&talk, scene);
    assert_true(ask(&talk, OSSL_CMP_ITAV_create(OBJ_txt2obj("1.3.6.1.5.5.7.4.17", 1), NULL))); /* caCerts */
    struct bytes value = answered_value(&talk);
    assert_true(der_take(&value, DER_SEQUENCE, &list));
    for (; list.value.n > 0; count++) {
        assert_true(der_take(&list.value, DER_SEQUENCE, &certificate));
    }
    assert_int_equal(count, 3);

    assert_true(ask(&talk, question_about(scene->house.root))); /* nothing follows it */
    assert_int_equal(answered_value(&talk).n, 0);

    assert_false(ask(&talk, OSSL_CMP_ITAV_create(OBJ_txt2obj("1.3.6.1.5.5.7.4.99", 1), NULL)));
    assert_cmp_failure(&talk.client, CMP_FAILURE_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_ir_is_enrolment),    scene_test(test_restart_before_the_confirmation),
        scene_test(test_confirmation_twice), scene_test(test_one_open_transaction_a_device),
        scene_test(test_cut_messages),       scene_test(test_general_messages),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
