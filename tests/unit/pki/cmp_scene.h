/* A client of CMP and one transaction of the server, with calls that say what a test wants. */
#ifndef WHORL_TESTS_CMP_SCENE_H
#define WHORL_TESTS_CMP_SCENE_H

#include "pki/peer_internal.h"
#include "tests/unit/pki/cmp_client.h"

enum { LIFE_DAYS = 7 };

struct bench {
    struct test_house *house;
    struct cmp_signer *signer;
    struct cmp_server *server;
    struct cmp_client client;
    /* what the calls saw, and what they say */
    enum cmp_verdict verdict;
    int asked, confirmed, refused, revoked;
    bool grants_implicit, is_open, refuses_confirmation;
    struct buf issued, nonce;
    struct bytes chain[1];
    struct cmp_result last;
};

static inline int64_t now_ms(void)
{
    return house_from_ms + 30 * 86400LL * 1000;
}

/* --- the server's side */

static inline void certify(void *context, struct cmp_outcome *out)
{
    struct bench *bench = context;
    bench->asked++;
    out->verdict = bench->verdict;
    out->check_after_s = 1;
    out->failure = CMP_FAILURE_NOT_AUTHORIZED;
    (void)snprintf(out->text, sizeof out->text, "the device is not admitted");
    if (bench->verdict == CMP_GRANTED) {
        if (bench->issued.n == 0) {
            AUTO_VAL(issued) issued = {.der = {0}};
            issue_device(bench->house, bench->client.new_key, now_ms(), 30, &issued);
            assert_ok(buf_append_bytes(&bench->issued, buf_view(&issued.der)));
        }
        assert_ok(buf_append_bytes(&out->certificate, buf_view(&bench->issued)));
        bench->chain[0] = authority_borrow_der(bench->house->device);
        out->chain = bench->chain;
        out->chain_count = 1;
    }
}

static inline err_t confirm(void *context, bool is_accepted, enum cmp_failure *failure)
{
    struct bench *bench = context;
    bench->confirmed += is_accepted ? 1 : 0;
    bench->refused += is_accepted ? 0 : 1;
    *failure = CMP_FAILURE_CERT_REVOKED;
    ENSURE(!bench->refuses_confirmation, ERR_WRONG_STATE, "the certificate was revoked");
    return OK;
}

static inline void give_up(void *context, struct cmp_outcome *out)
{
    struct bench *bench = context;
    bench->revoked++;
    out->verdict = bench->verdict;
    out->failure = CMP_FAILURE_BAD_CERT_ID;
    (void)snprintf(out->text, sizeof out->text, "no such certificate");
}

static inline void make_server(struct bench *bench)
{
    struct peer_certificate parsed = {.x509 = bench->client.certificate};
    const struct peer_identity sender = {.certificate = {.key = {.alg = KEY_ALG_P256}}, .parsed = &parsed};
    const struct cmp_server_spec spec = {.signer = bench->signer,
                                         .sender = &sender,
                                         .grants_implicit_confirm = bench->grants_implicit,
                                         .random = random_system(),
                                         .now_ms = now_ms()};
    cmp_server_free(bench->server);
    assert_ok(cmp_server_new(&spec, &bench->server));
}

static inline void serve(void *context, struct bytes request, struct buf *answer)
{
    struct bench *bench = context;
    struct cmp_header header;
    const struct cmp_calls calls = {
        .context = bench, .certify = certify, .confirm = confirm, .revoke = give_up};
    cmp_read(request, &header);
    if (bench->server == NULL) {
        make_server(bench);
    }
    cmp_result_clear(&bench->last);
    bench->last = (struct cmp_result){.failure = CMP_FAILURE_SYSTEM_FAILURE};
    assert_ok(cmp_server_take(bench->server, &header, &calls, &bench->last));
    assert_ok(buf_append_bytes(answer, buf_view(&bench->last.der)));
    if (bench->last.is_open) {
        buf_clear(&bench->nonce);
        assert_ok(buf_append(&bench->nonce, bench->last.nonce, bench->last.nonce_size));
    }
    if (bench->last.der.n == 0) {
        const struct cmp_answer_spec spec = {
            .signer = bench->signer, .request = &header, .random = random_system(), .now_ms = now_ms()};
        assert_ok(cmp_answer_error(&spec, bench->last.failure, bench->last.text, answer));
    }
}

static inline int bench_setup(void **state)
{
    struct bench *bench = *state;
    struct test_house *house = bench->house;
    struct bytes path[] = {authority_borrow_der(house->infrastructure), authority_borrow_der(house->root)};
    struct bytes issuers[] = {authority_borrow_der(house->device)};
    const struct cmp_signer_spec spec = {.random = random_system(),
                                         .now_ms = now_ms(),
                                         .life_ms = LIFE_DAYS * 86400LL * 1000,
                                         .publication = test_publication,
                                         .path = path,
                                         .path_count = 2,
                                         .root = path[1],
                                         .issuers = issuers,
                                         .issuer_count = 1};
    *bench = (struct bench){.house = house, .verdict = CMP_GRANTED};
    assert_ok(cmp_signer_new(house->infrastructure, &spec, &bench->signer));
    EVP_PKEY *key = ec_key("P-256");
    cmp_client_init(&bench->client, key, cmp_self_signed(key, "device"), house->root, now_ms());
    bench->client.serve = serve;
    bench->client.server = bench;
    return 0;
}

static inline int bench_teardown(void **state)
{
    struct bench *bench = *state;
    cmp_client_clear(&bench->client);
    cmp_server_free(bench->server);
    cmp_signer_unref(bench->signer);
    buf_clear(&bench->issued);
    buf_clear(&bench->nonce);
    cmp_result_clear(&bench->last);
    return 0;
}

static inline int group_setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct test_house *house = calloc(1, sizeof *house);
    assert_non_null(bench);
    assert_non_null(house);
    test_house_init(house, KEY_ALG_P256);
    bench->house = house;
    *state = bench;
    return 0;
}

static inline int group_teardown(void **state)
{
    struct bench *bench = *state;
    test_house_clear(bench->house);
    free(bench->house);
    free(bench);
    return 0;
}

static inline X509 *request(struct bench *bench, int type)
{
    return OSSL_CMP_exec_certreq(bench->client.context, type, NULL);
}

#endif
