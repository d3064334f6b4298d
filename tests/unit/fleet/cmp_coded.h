/* A device that speaks CMP with OpenSSL's own client and knows nothing but the code that was made for it. */
#ifndef WHORL_TESTS_FLEET_CMP_CODED_H
#define WHORL_TESTS_FLEET_CMP_CODED_H

#include "tests/unit/fleet/cmp_code_scene.h"
#include "tests/unit/fleet/cmp_talk.h"

#include "fleet/internal.h"

struct coded {
    struct talk talk;
    struct new_cmp_code made;
    char reference[CMP_REFERENCE_TEXT_SIZE];
};

static inline void use_secret(struct talk *talk, struct bytes reference, struct bytes secret)
{
    OSSL_CMP_CTX *client = talk->client.context;
    assert_int_equal(OSSL_CMP_CTX_set1_referenceValue(client, reference.p, (int)reference.n), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_secretValue(client, secret.p, (int)secret.n), 1);
}

/* A registered device with a code: its client knows the secret, and no root certificate that it could judge
 * a signature by. */
static inline void coded_init(struct coded *coded, struct scene *scene)
{
    *coded = (struct coded){.made = {.text = ""}};
    admit_by_code(scene);
    talk_init(&coded->talk, scene);
    scene_register(scene, 0, &coded->talk.unit.id);
    assert_ok(make_cmp_code(scene, 0, &coded->talk.unit.id, 0, &coded->made));
    cmp_reference_format(coded->made.code.row.reference, coded->reference);
    use_secret(&coded->talk, bytes_str(coded->reference), bytes_str(coded->made.text));
    OSSL_CMP_CTX *client = coded->talk.client.context;
    assert_int_equal(OSSL_CMP_CTX_set1_extraCertsOut(client, NULL), 1);
}

static inline void coded_clear(struct coded *coded)
{
    talk_clear(&coded->talk);
    new_cmp_code_clear(&coded->made);
}
DEFINE_AUTO_VAL(coded, coded_clear);

static inline void trust_nobody(struct coded *coded)
{
    assert_int_equal(OSSL_CMP_CTX_set0_trustedStore(coded->talk.client.context, NULL), 1);
}

static inline int64_t certificates(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM certificate");
}

static inline enum cmp_code_state state_of(struct coded *coded)
{
    return cmp_code_now(coded->talk.scene, &coded->talk.unit.id).state;
}

static inline X509 *again(struct coded *coded, bool is_new_key)
{
    OSSL_CMP_CTX *client = coded->talk.client.context;
    assert_int_equal(OSSL_CMP_CTX_reinit(client), 1);
    if (is_new_key) {
        cmp_client_new_key(&coded->talk.client);
    }
    return ir(&coded->talk);
}

static inline void without_confirmation(struct coded *coded)
{
    assert_int_equal(OSSL_CMP_CTX_set_option(coded->talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
}

static inline struct cmp_header last_answer(struct coded *coded)
{
    struct cmp_header header;
    cmp_read(buf_view(&coded->talk.client.got), &header);
    return header;
}

/* Signed by the server: the client, which has a secret, is told by it too. */
static inline void assert_turned_away(struct coded *coded, enum cmp_failure failure)
{
    struct cmp_header header = last_answer(coded);
    assert_int_equal(header.protection_kind, CMP_SIGNED);
    assert_int_equal(header.body, CMP_BODY_ERROR);
    assert_cmp_failure(&coded->talk.client, failure);
}

#endif
