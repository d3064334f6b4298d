/* A transaction behind a MAC that was verified before: OpenSSL's client knows nothing but the secret. */
#include "tests/unit/pki/cmp_scene.h"

#include "pki/cmp_mac.h"

static const char CODE[] = "a code that only this device has";

struct coded {
    struct bench *bench;
    struct cmp_header header;
    struct cmp_mac_spec mac; /* as the header of each message wants it */
    struct buf kept;         /* what a server keeps of the request */
};

static void serve_coded(void *context, struct bytes request, struct buf *answer)
{
    struct coded *coded = context;
    struct bench *bench = coded->bench;
    const struct cmp_calls calls = {
        .context = bench, .certify = certify, .confirm = confirm, .revoke = give_up};
    const struct cmp_server_spec spec = {
        .signer = bench->signer, .mac = &coded->mac, .random = random_system(), .now_ms = now_ms()};
    bool is_good = false;
    cmp_read(request, &coded->header);
    assert_ok(cmp_mac_verify(&coded->header, bytes_str(CODE), &is_good));
    assert_true(is_good);
    if (coded->header.body == CMP_BODY_IR) {
        buf_clear(&coded->kept);
        assert_ok(cmp_message_put_bare(&coded->header, &coded->kept));
    }
    if (bench->server == NULL) {
        assert_ok(cmp_server_new(&spec, &bench->server));
    }
    cmp_result_clear(&bench->last);
    bench->last = (struct cmp_result){.failure = CMP_FAILURE_SYSTEM_FAILURE};
    assert_ok(cmp_server_take(bench->server, &coded->header, &calls, &bench->last));
    assert_ok(buf_append_bytes(answer, buf_view(&bench->last.der)));
}

static void coded_clear(struct coded *coded)
{
    buf_clear(&coded->kept);
}
DEFINE_AUTO_VAL(coded, coded_clear);

static void coded_init(struct coded *coded, struct bench *bench)
{
    OSSL_CMP_CTX *client = bench->client.context;
    *coded = (struct coded){.bench = bench};
    coded->mac =
        (struct cmp_mac_spec){.like = &coded->header, .code = bytes_str(CODE), .random = random_system()};
    bench->client.serve = serve_coded;
    bench->client.server = coded;
    assert_int_equal(OSSL_CMP_CTX_set0_trustedStore(client, NULL), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_referenceValue(client, (const unsigned char *)"ref", 3), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_secretValue(client, (const unsigned char *)CODE, (int)strlen(CODE)),
                     1);
}

static void assert_coded(const struct bench *bench, enum cmp_body body)
{
    struct cmp_header answer;
    cmp_read(buf_view(&bench->client.got), &answer);
    assert_int_equal(answer.body, body);
    assert_int_equal(answer.protection_kind, CMP_PBM);
    assert_true(bytes_equal(answer.sender_kid, bytes_str("ref")));
}

static void test_ir_and_its_confirmation(void **state)
{
    struct bench *bench = *state;
    AUTO_VAL(coded) coded = {.bench = NULL};
    coded_init(&coded, bench);
    assert_non_null(request(bench, OSSL_CMP_IR));
    assert_coded(bench, CMP_BODY_PKICONF);
    assert_int_equal(bench->confirmed, 1);
}

static void test_waiting_then_polling(void **state)
{
    struct bench *bench = *state;
    OSSL_CMP_CTX *client = bench->client.context;
    AUTO_VAL(coded) coded = {.bench = NULL};
    int check_after_s = 0;
    coded_init(&coded, bench);
    bench->verdict = CMP_WAITING;
    assert_int_equal(OSSL_CMP_try_certreq(client, OSSL_CMP_IR, NULL, &check_after_s), -1);
    assert_int_equal(OSSL_CMP_try_certreq(client, OSSL_CMP_IR, NULL, &check_after_s), -1);
    assert_coded(bench, CMP_BODY_POLLREP);
    bench->verdict = CMP_GRANTED;
    assert_int_equal(OSSL_CMP_try_certreq(client, OSSL_CMP_IR, NULL, &check_after_s), 1);
    assert_coded(bench, CMP_BODY_PKICONF);
    assert_int_equal(bench->confirmed, 1);
}

/* What was kept of a request still has its MAC, which nobody verifies again. */
static void test_polling_after_a_restart(void **state)
{
    struct bench *bench = *state;
    OSSL_CMP_CTX *client = bench->client.context;
    AUTO_VAL(coded) coded = {.bench = NULL};
    struct cmp_header request;
    int check_after_s = 0;
    const struct cmp_outcome before = {.verdict = CMP_WAITING, .check_after_s = 1};
    coded_init(&coded, bench);
    bench->verdict = CMP_WAITING;
    assert_int_equal(OSSL_CMP_try_certreq(client, OSSL_CMP_IR, NULL, &check_after_s), -1);
    cmp_read(buf_view(&coded.kept), &request);
    const struct cmp_server_spec spec = {
        .signer = bench->signer, .mac = &coded.mac, .random = random_system(), .now_ms = now_ms()};
    cmp_server_free(bench->server);
    assert_ok(cmp_server_new(&spec, &bench->server));
    struct bytes nonce = {bench->last.nonce, bench->last.nonce_size};
    assert_ok(cmp_server_replay(bench->server, &request, &before, nonce));
    bench->verdict = CMP_GRANTED;
    assert_int_equal(OSSL_CMP_try_certreq(client, OSSL_CMP_IR, NULL, &check_after_s), 1);
    assert_coded(bench, CMP_BODY_PKICONF);
    assert_int_equal(bench->confirmed, 1);
}

/* The signature over the new key is asked for behind a MAC as well. */
static void test_possession(void **state)
{
    struct bench *bench = *state;
    AUTO_VAL(coded) coded = {.bench = NULL};
    coded_init(&coded, bench);
    assert_int_equal(
        OSSL_CMP_CTX_set_option(bench->client.context, OSSL_CMP_OPT_POPO_METHOD, OSSL_CRMF_POPO_RAVERIFIED),
        1);
    assert_null(request(bench, OSSL_CMP_IR));
    assert_int_equal(bench->asked, 0);
}

#define T(function) cmocka_unit_test_setup_teardown(function, bench_setup, bench_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ir_and_its_confirmation),
        T(test_waiting_then_polling),
        T(test_polling_after_a_restart),
        T(test_possession),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
