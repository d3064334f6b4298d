/* One CMP transaction between OpenSSL's own client and our server: who is granted what, what a confirmation
 * says, what is refused, and that a transaction goes on where another one stood. */
#include "tests/unit/pki/cmp_scene.h"

#include "pki/cmp_request.h"

/* --- what works */

static void flip_last_bit(struct cmp_client *client, struct buf *der)
{
    struct cmp_header header;
    cmp_read(buf_view(der), &header);
    size_t at = (size_t)(header.protection.p - der->p) + header.protection.n - 1;
    der->p[at] ^= 1;
    (void)client;
}

static void test_ir_is_answered_and_confirmed(void **state)
{
    struct bench *bench = *state;
    X509 *got = request(bench, OSSL_CMP_IR);
    assert_non_null(got);
    AUTO_VAL(buf) der = {0};
    assert_ok(certificate_encode(got, &der));
    assert_true(bytes_equal(buf_view(&der), buf_view(&bench->issued)));
    assert_int_equal(bench->asked, 1);
    assert_int_equal(bench->confirmed, 1);
    assert_int_equal(bench->client.messages, 2);
    assert_false(bench->last.is_open);
    /* the root is in caPubs, the issuer in extraCerts */
    AUTO_VAL(buf) root = {0};
    STACK_OF(X509) *roots = OSSL_CMP_CTX_get1_caPubs(bench->client.context);
    assert_int_equal(sk_X509_num(roots), 1);
    assert_ok(certificate_encode(sk_X509_value(roots, 0), &root));
    assert_true(bytes_equal(buf_view(&root), authority_borrow_der(bench->house->root)));
    sk_X509_pop_free(roots, X509_free);
}

static void test_cr_and_kur_and_p10cr(void **state)
{
    struct bench *bench = *state;
    assert_non_null(request(bench, OSSL_CMP_CR));
    bench_teardown(state);
    bench_setup(state);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(bench->client.context, bench->client.certificate), 1);
    assert_non_null(request(bench, OSSL_CMP_KUR));
    bench_teardown(state);
    bench_setup(state);
    AUTO_VAL(buf) der = {0};
    make_csr(bench->client.new_key, "SHA256", NULL, &der);
    const unsigned char *p = der.p;
    AUTO(X509_REQ) *csr = d2i_X509_REQ(NULL, &p, (long)der.n);
    assert_int_equal(OSSL_CMP_CTX_set1_p10CSR(bench->client.context, csr), 1);
    assert_non_null(request(bench, OSSL_CMP_P10CR));
    assert_int_equal(bench->confirmed, 1);
}

static void test_implicit_confirmation_ends_the_transaction(void **state)
{
    struct bench *bench = *state;
    bench->grants_implicit = true;
    assert_int_equal(OSSL_CMP_CTX_set_option(bench->client.context, OSSL_CMP_OPT_IMPLICIT_CONFIRM, 1), 1);
    assert_non_null(request(bench, OSSL_CMP_IR));
    assert_int_equal(bench->client.messages, 1);
    assert_false(bench->last.is_open);
    assert_int_equal(bench->confirmed, 0);
}

static void test_implicit_confirmation_may_be_denied(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(OSSL_CMP_CTX_set_option(bench->client.context, OSSL_CMP_OPT_IMPLICIT_CONFIRM, 1), 1);
    assert_non_null(request(bench, OSSL_CMP_IR));
    assert_int_equal(bench->confirmed, 1);
}

static int reject(OSSL_CMP_CTX *context, X509 *certificate, int fail_info, const char **text)
{
    (void)context, (void)certificate, (void)fail_info;
    *text = "not what I asked for";
    return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

static void test_client_may_refuse_the_certificate(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(OSSL_CMP_CTX_set_certConf_cb(bench->client.context, reject), 1);
    assert_null(request(bench, OSSL_CMP_IR));
    assert_int_equal(bench->confirmed, 0);
    assert_int_equal(bench->refused, 1);
}

static void test_waiting_then_polling(void **state)
{
    struct bench *bench = *state;
    bench->verdict = CMP_WAITING;
    int check_after = 0;
    assert_int_equal(OSSL_CMP_try_certreq(bench->client.context, OSSL_CMP_IR, NULL, &check_after), -1);
    assert_true(bench->last.is_open);
    assert_true(bench->last.is_waiting);
    bench->verdict = CMP_GRANTED;
    assert_int_equal(OSSL_CMP_try_certreq(bench->client.context, OSSL_CMP_IR, NULL, &check_after), 1);
    assert_non_null(OSSL_CMP_CTX_get0_newCert(bench->client.context));
    assert_int_equal(bench->confirmed, 1);
}

/* The client checks that the answer names the certificate that it asked for. */
static void test_revocation_is_one_message(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(bench->client.context, bench->client.certificate), 1);
    assert_int_equal(OSSL_CMP_exec_RR_ses(bench->client.context), 1);
    assert_int_equal(bench->revoked, 1);
    assert_int_equal(bench->client.messages, 1);
    assert_false(bench->last.is_open);
    bench->verdict = CMP_REJECTED;
    assert_int_equal(OSSL_CMP_CTX_reinit(bench->client.context), 1);
    assert_int_equal(OSSL_CMP_exec_RR_ses(bench->client.context), 0);
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_CERT_ID);
    bench->client.spoil = flip_last_bit;
    assert_int_equal(OSSL_CMP_CTX_reinit(bench->client.context), 1);
    assert_int_equal(OSSL_CMP_exec_RR_ses(bench->client.context), 0);
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_MESSAGE_CHECK);
    assert_int_equal(bench->revoked, 2);
}

/* --- a transaction goes on where another one stood */

struct kept {
    struct bench *bench;
    struct buf request;
    enum cmp_verdict verdict;
    bool has_wrong_nonce;
};

/* The server of the second message never saw the first. */
static void serve_after_restart(void *context, struct bytes message, struct buf *answer)
{
    struct kept *kept = context;
    struct bench *bench = kept->bench;
    if (kept->request.n == 0) {
        assert_ok(buf_append_bytes(&kept->request, message));
    } else {
        struct cmp_header request;
        struct cmp_outcome outcome = {.verdict = kept->verdict, .certificate = bench->issued};
        uint8_t other[16] = {0};
        cmp_read(buf_view(&kept->request), &request);
        make_server(bench);
        assert_ok(cmp_server_replay(bench->server, &request, &outcome,
                                    kept->has_wrong_nonce ? BYTES_OF(other) : buf_view(&bench->nonce)));
    }
    serve(bench, message, answer);
    kept->verdict = bench->last.is_waiting ? CMP_WAITING : CMP_GRANTED;
}

/* The request as always; its confirmation where the kept one stood. */
static void serve_second_after_restart(void *context, struct bytes message, struct buf *answer)
{
    struct kept *kept = context;
    struct cmp_header header;
    cmp_read(message, &header);
    if (header.body == CMP_BODY_CERTCONF) {
        serve_after_restart(context, message, answer);
    } else {
        make_server(kept->bench);
        serve(kept->bench, message, answer);
    }
}

static void test_confirmation_after_a_restart(void **state)
{
    struct bench *bench = *state;
    struct kept kept = {.bench = bench, .verdict = CMP_GRANTED};
    bench->client.serve = serve_after_restart;
    bench->client.server = &kept;
    assert_non_null(request(bench, OSSL_CMP_IR));
    assert_int_equal(bench->asked, 1);
    assert_int_equal(bench->confirmed, 1);
    buf_clear(&kept.request);
}

static void test_wrong_nonce_after_a_restart(void **state)
{
    struct bench *bench = *state;
    struct kept kept = {.bench = bench, .verdict = CMP_GRANTED, .has_wrong_nonce = true};
    bench->client.serve = serve_after_restart;
    bench->client.server = &kept;
    assert_null(request(bench, OSSL_CMP_IR));
    assert_int_equal(bench->confirmed, 0);
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_RECIPIENT_NONCE);
    buf_clear(&kept.request);
}

static void test_polling_after_a_restart(void **state)
{
    struct bench *bench = *state;
    struct kept kept = {.bench = bench, .verdict = CMP_WAITING};
    int check_after = 0;
    bench->client.serve = serve_after_restart;
    bench->client.server = &kept;
    bench->verdict = CMP_WAITING;
    assert_int_equal(OSSL_CMP_try_certreq(bench->client.context, OSSL_CMP_IR, NULL, &check_after), -1);
    assert_true(bench->last.is_waiting);
    bench->verdict = CMP_GRANTED;
    assert_int_equal(OSSL_CMP_try_certreq(bench->client.context, OSSL_CMP_IR, NULL, &check_after), 1);
    assert_non_null(OSSL_CMP_CTX_get0_newCert(bench->client.context));
    assert_int_equal(bench->confirmed, 1);
    buf_clear(&kept.request);
}

/* --- what is refused */

static void test_rejection_carries_failure_and_text(void **state)
{
    struct bench *bench = *state;
    bench->verdict = CMP_REJECTED;
    assert_null(request(bench, OSSL_CMP_IR));
    assert_cmp_failure(&bench->client, CMP_FAILURE_NOT_AUTHORIZED);
    assert_false(bench->last.is_open);
}

static void test_other_key_is_refused(void **state)
{
    struct bench *bench = *state;
    EVP_PKEY *other = ec_key("P-256");
    X509 *own = bench->client.certificate;
    bench->client.certificate = cmp_self_signed(other, "device"); /* of the same name: what is pinned */
    make_server(bench);
    assert_null(request(bench, OSSL_CMP_IR));
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_MESSAGE_CHECK);
    assert_false(bench->last.is_verified);
    assert_int_equal(bench->asked, 0);
    EVP_PKEY_free(other);
    X509_free(own);
}

static void test_spoilt_protection(void **state)
{
    struct bench *bench = *state;
    bench->client.spoil = flip_last_bit;
    assert_null(request(bench, OSSL_CMP_IR));
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_MESSAGE_CHECK);
    assert_int_equal(bench->asked, 0);
}

static void test_signature_over_sha1(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(OSSL_CMP_CTX_set_option(bench->client.context, OSSL_CMP_OPT_DIGEST_ALGNID, NID_sha1), 1);
    assert_null(request(bench, OSSL_CMP_IR));
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_ALG);
    assert_int_equal(bench->asked, 0);
}

/* One bit of a certConf. */
static void spoil_confirmation(struct cmp_client *client, struct buf *der)
{
    struct cmp_header header;
    struct cmp_confirmation said;
    cmp_read(buf_view(der), &header);
    if (header.body == CMP_BODY_CERTCONF) {
        assert_ok(cmp_confirmation_read(&header, &said));
        der->p[said.hash.p - der->p] ^= 1;
    }
    (void)client;
}

static void test_spoilt_confirmation(void **state)
{
    struct bench *bench = *state;
    bench->client.spoil = spoil_confirmation;
    assert_null(request(bench, OSSL_CMP_IR));
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_MESSAGE_CHECK);
    assert_int_equal(bench->confirmed, 0);
}

/* The transaction of another request is open. */
static void test_confirmation_of_another_transaction(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(OSSL_CMP_CTX_set_option(bench->client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
    assert_non_null(request(bench, OSSL_CMP_IR));
    AUTO_VAL(buf) first = bench->client.sent;
    bench->client.sent = (struct buf){0};
    struct kept kept = {.bench = bench, .verdict = CMP_GRANTED, .request = first};
    first = (struct buf){0};
    assert_int_equal(OSSL_CMP_CTX_reinit(bench->client.context), 1);
    assert_int_equal(OSSL_CMP_CTX_set_option(bench->client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 0), 1);
    bench->client.serve = serve_second_after_restart;
    bench->client.server = &kept;
    assert_null(request(bench, OSSL_CMP_IR));
    assert_int_equal(bench->confirmed, 0);
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_REQUEST);
    buf_clear(&kept.request);
}

/* Nothing was asked for, or it is confirmed already. */
static void test_confirmation_out_of_order(void **state)
{
    struct bench *bench = *state;
    AUTO_VAL(buf) answer = {0};
    assert_non_null(request(bench, OSSL_CMP_IR)); /* what was sent last is its certConf */
    AUTO_VAL(buf) confirmation = bench->client.sent;
    bench->client.sent = (struct buf){0};
    serve(bench, buf_view(&confirmation), &answer);
    assert_int_equal(bench->last.failure, CMP_FAILURE_BAD_REQUEST);
    make_server(bench);
    serve(bench, buf_view(&confirmation), &answer);
    assert_int_equal(bench->last.failure, CMP_FAILURE_BAD_REQUEST);
    assert_int_equal(bench->last.der.n, 0);
    assert_int_equal(bench->confirmed, 1);
}

static void test_no_confirmation_of_a_revoked_certificate(void **state)
{
    struct bench *bench = *state;
    bench->refuses_confirmation = true;
    assert_null(request(bench, OSSL_CMP_IR));
    assert_cmp_failure(&bench->client, CMP_FAILURE_CERT_REVOKED);
}

static void test_ra_verified_is_refused(void **state)
{
    struct bench *bench = *state;
    struct cmp_header header;
    struct cmp_request read;
    enum cmp_failure failure = CMP_FAILURE_BAD_TIME;
    assert_int_equal(
        OSSL_CMP_CTX_set_option(bench->client.context, OSSL_CMP_OPT_POPO_METHOD, OSSL_CRMF_POPO_RAVERIFIED),
        1);
    assert_null(request(bench, OSSL_CMP_IR));
    assert_cmp_failure(&bench->client, CMP_FAILURE_BAD_POP);
    assert_int_equal(bench->asked, 0);
    cmp_read(buf_view(&bench->client.sent), &header);
    assert_error(cmp_request_read(&header, &read, &failure), ERR_BAD_REQUEST, "raVerified");
    assert_int_equal(failure, CMP_FAILURE_BAD_POP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)
        T(test_ir_is_answered_and_confirmed),
        T(test_cr_and_kur_and_p10cr),
        T(test_implicit_confirmation_ends_the_transaction),
        T(test_implicit_confirmation_may_be_denied),
        T(test_client_may_refuse_the_certificate),
        T(test_waiting_then_polling),
        T(test_revocation_is_one_message),
        T(test_confirmation_after_a_restart),
        T(test_wrong_nonce_after_a_restart),
        T(test_polling_after_a_restart),
        T(test_rejection_carries_failure_and_text),
        T(test_other_key_is_refused),
        T(test_spoilt_protection),
        T(test_signature_over_sha1),
        T(test_spoilt_confirmation),
        T(test_confirmation_of_another_transaction),
        T(test_confirmation_out_of_order),
        T(test_no_confirmation_of_a_revoked_certificate),
        T(test_ra_verified_is_refused),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
