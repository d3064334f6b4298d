/* Messages without extraCerts: the certificate that senderKID names is found, and its key has to have signed.
 */
#include "tests/unit/fleet/cmp_talk.h"

#include "pki/der.h"

DEFINE_AUTO(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free);

/* extraCerts are the last of the message, and no protection covers them. */
static void drop_extra_certs(struct cmp_client *client, struct buf *der)
{
    struct cmp_header header;
    AUTO_VAL(buf) bare = {0};
    (void)client;
    cmp_read(buf_view(der), &header);
    struct der_writer w = der_writer(&bare);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, header.header_der);
    der_put_raw(&w, header.body_der);
    size_t protection = der_open(&w, DER_CONTEXT_CONSTRUCTED | 0);
    der_put_bits(&w, header.protection);
    der_close(&w, protection);
    der_close(&w, outer);
    assert_ok(der_finish(&w));
    buf_clear(der);
    *der = bare; /* moves */
    bare = (struct buf){0};
}

static void drop_from_the_second_on(struct cmp_client *client, struct buf *der)
{
    if (client->messages > 1) {
        drop_extra_certs(client, der);
    }
}

static void spoil_too(struct cmp_client *client, struct buf *der)
{
    struct cmp_header header;
    drop_extra_certs(client, der);
    cmp_read(buf_view(der), &header);
    der->p[(size_t)(header.protection.p - der->p) + header.protection.n - 1] ^= 1;
}

static X509 *kur(struct talk *talk)
{
    cmp_client_new_key(&talk->client);
    assert_int_equal(OSSL_CMP_CTX_reinit(talk->client.context), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk->client.context, talk->client.certificate), 1);
    return OSSL_CMP_exec_certreq(talk->client.context, OSSL_CMP_KUR, NULL);
}

/** A device under its first certificate. */
static void begin(struct talk *talk, struct scene *scene)
{
    talk_init(talk, scene);
    scene_register(scene, 0, &talk->unit.id);
    X509 *got = ir(talk);
    assert_non_null(got);
    talk_go_on(talk, got);
}

static void test_a_device_by_its_certificate(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    talk.client.spoil = drop_extra_certs;
    for (int i = 0; i < 3; i++) { /* the right one of several */
        X509 *got = kur(&talk);
        assert_non_null(got);
        talk_go_on(&talk, got);
        talk.client.spoil = drop_extra_certs;
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state = 1"), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk.client.context, talk.client.certificate), 1);
    assert_int_equal(OSSL_CMP_exec_RR_ses(talk.client.context), 1);
    assert_null(kur(&talk));
    assert_cmp_failure(&talk.client, CMP_FAILURE_CERT_REVOKED);
}

/* First contact: the request brings the certificate, its confirmation need not. */
static void test_a_confirmation(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    talk.restarts = true;
    talk.client.spoil = drop_from_the_second_on;
    assert_non_null(ir(&talk));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"),
                     1);
}

static void test_what_is_not_found(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO_VAL(talk) stranger = {0};
    begin(&talk, scene);
    int64_t certificates = scene_number(scene, "SELECT COUNT(*) FROM certificate");
    talk.client.spoil = spoil_too; /* found, and it did not sign */
    assert_null(kur(&talk));
    assert_cmp_failure(&talk.client, CMP_FAILURE_BAD_MESSAGE_CHECK);
    talk_init(&stranger, scene); /* registered, but its certificate is nowhere */
    scene_register(scene, 0, &stranger.unit.id);
    stranger.client.spoil = drop_extra_certs;
    assert_null(ir(&stranger));
    assert_cmp_failure(&stranger.client, CMP_FAILURE_BAD_MESSAGE_CHECK);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), certificates);
}

/* A certificate of the device that its name finds, but another key identifier: none of ours. */
static void test_another_key(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO_VAL(talk) thief = {0};
    begin(&talk, scene);
    talk_init(&thief, scene);
    X509 *own = thief.client.certificate;
    assert_int_equal(X509_set_subject_name(own, X509_get_subject_name(talk.client.certificate)), 1);
    assert_int_equal(X509_set_issuer_name(own, X509_get_subject_name(talk.client.certificate)), 1);
    assert_true(X509_sign(own, thief.client.key, EVP_sha256()) > 0);
    assert_int_equal(OSSL_CMP_CTX_set1_cert(thief.client.context, own), 1);
    thief.client.spoil = drop_extra_certs;
    assert_null(ir(&thief));
    assert_cmp_failure(&thief.client, CMP_FAILURE_BAD_MESSAGE_CHECK);
}

/* The newest is one that waits for its first use: it is not the one that signs. */
static void test_the_older_of_two(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    talk.client.spoil = drop_extra_certs;
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
    assert_non_null(kur(&talk));
    assert_non_null(kur(&talk));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), 3);
}

static void use_transaction(struct talk *talk)
{
    static const char id[] = "sixteen bytes id";
    AUTO(ASN1_OCTET_STRING) *text = ASN1_OCTET_STRING_new();
    assert_non_null(text);
    assert_int_equal(ASN1_OCTET_STRING_set(text, (const unsigned char *)id, sizeof id - 1), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_transactionID(talk->client.context, text), 1);
}

/* Devices choose their transactionIDs: two may have the same one open. */
static void test_two_of_one_transaction_id(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) one = {0};
    AUTO_VAL(talk) two = {0};
    talk_init(&one, scene);
    talk_init(&two, scene);
    scene_register(scene, 0, &one.unit.id);
    scene_register(scene, 0, &two.unit.id);
    bool is_one_first = memcmp(&one.unit.id, &two.unit.id, sizeof one.unit.id) < 0;
    struct talk *first = is_one_first ? &one : &two; /* its row is found first */
    struct talk *second = is_one_first ? &two : &one;
    use_transaction(first);
    use_transaction(second);
    assert_int_equal(OSSL_CMP_CTX_set_option(first->client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
    assert_non_null(ir(first));
    second->client.spoil = drop_from_the_second_on;
    assert_non_null(ir(second));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM cmp_transaction"), 1);
}

/* One that is good, known here, and whose key signed: but the name is another device's, so it is not looked
 * for there. */
static void test_the_name_of_another_device(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO_VAL(talk) other = {0};
    begin(&talk, scene);
    begin(&other, scene);
    int64_t certificates = scene_number(scene, "SELECT COUNT(*) FROM certificate");
    AUTO(X509) *own = X509_dup(talk.client.certificate);
    X509_NAME *name = X509_get_subject_name(other.client.certificate);
    X509 *shown = talk.client.certificate; /* not sent: what the client takes the sender's name from */
    talk.client.spoil = drop_extra_certs;
    assert_int_equal(X509_set_subject_name(shown, name), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_cert(talk.client.context, shown), 1);
    assert_null(kur(&talk));
    assert_cmp_failure(&talk.client, CMP_FAILURE_BAD_MESSAGE_CHECK);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate"), certificates);
    assert_int_equal(X509_set_subject_name(shown, X509_get_subject_name(own)), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_cert(talk.client.context, shown), 1);
    assert_non_null(kur(&talk)); /* by its own name it is found */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_a_device_by_its_certificate),
        scene_test(test_a_confirmation),
        scene_test(test_what_is_not_found),
        scene_test(test_another_key),
        scene_test(test_the_older_of_two),
        scene_test(test_two_of_one_transaction_id),
        scene_test(test_the_name_of_another_device),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
