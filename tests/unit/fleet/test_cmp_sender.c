/* Messages without extraCerts: the certificate that senderKID names is found, and its key has to have signed.
 */
#include "tests/unit/fleet/cmp_talk.h"

#include "pki/der.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_a_device_by_its_certificate),
        scene_test(test_a_confirmation),
        scene_test(test_what_is_not_found),
        scene_test(test_another_key),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
