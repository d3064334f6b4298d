/* A device that speaks CMP with OpenSSL's own client, to the service itself instead of a socket. */
#ifndef WHORL_TESTS_FLEET_CMP_TALK_H
#define WHORL_TESTS_FLEET_CMP_TALK_H

#include "tests/unit/fleet/scene.h"
#include "tests/unit/pki/cmp_client.h"

#include "fleet/cmp.h"

struct talk {
    struct scene *scene;
    struct cmp_client client;
    struct unit unit;
    bool restarts;    /* the server starts anew between two messages */
    int64_t pause_ms; /* between two messages */
    int answered;
    struct buf last;  /* the last request that was answered */
    struct buf first; /* the first one, when it is kept */
    bool keeps_first;
    const char *before; /* SQL that runs once, between the first two messages; NULL: none */
    err_t failed;
};

static inline void serve(void *server, struct bytes request, struct buf *answer)
{
    struct talk *talk = server;
    if (talk->restarts && talk->answered > 0) {
        scene_stop(talk->scene);
        scene_start(talk->scene);
    }
    manual_clock_advance(&talk->scene->clock, talk->answered > 0 ? talk->pause_ms : 0);
    if (talk->before != NULL && talk->answered == 1) {
        scene_change(talk->scene, talk->before);
        talk->before = NULL;
    }
    if (talk->keeps_first && talk->answered == 0) {
        assert_ok(buf_append_bytes(&talk->first, request));
    }
    const struct cmp_question question = {
        .message = request, .label = "", .address = "192.0.2.7", .request_id = "r-1"};
    talk->failed = cmp_answer(talk->scene->fleet, &question, answer);
    talk->answered++;
    buf_clear(&talk->last);
    assert_ok(buf_append_bytes(&talk->last, request));
}

/* The identity key's certificate is self-signed: this client sends it only when it is told to. */
static inline void talk_init(struct talk *talk, struct scene *scene)
{
    *talk = (struct talk){.scene = scene, .failed = OK};
    unit_init(&talk->unit);
    assert_int_equal(EVP_PKEY_up_ref(talk->unit.identity), 1);
    cmp_client_init(&talk->client, talk->unit.identity, cmp_self_signed(talk->unit.identity, "birth"),
                    scene->house.root, SCENE_AT_MS);
    talk->client.serve = serve;
    talk->client.server = talk;
    STACK_OF(X509) *shown = sk_X509_new_null();
    assert_true(sk_X509_push(shown, talk->client.certificate) > 0);
    assert_int_equal(OSSL_CMP_CTX_set1_extraCertsOut(talk->client.context, shown), 1);
    sk_X509_free(shown);
}

static inline void talk_clear(struct talk *talk)
{
    cmp_client_clear(&talk->client);
    unit_clear(&talk->unit);
    buf_clear(&talk->last);
    buf_clear(&talk->first);
}
DEFINE_AUTO_VAL(talk, talk_clear);

/** The device goes on under the certificate that it got for its newest key, which stays the caller's. */
static inline void talk_go_on(struct talk *talk, X509 *got)
{
    EVP_PKEY *key = talk->client.new_key;
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    assert_int_equal(X509_up_ref(got), 1);
    cmp_client_clear(&talk->client);
    cmp_client_init(&talk->client, key, got, talk->scene->house.root, SCENE_AT_MS);
    talk->client.serve = serve;
    talk->client.server = talk;
}

static inline X509 *ir(struct talk *talk)
{
    return OSSL_CMP_exec_certreq(talk->client.context, OSSL_CMP_IR, NULL);
}

#endif
