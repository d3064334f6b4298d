/* EST through the handlers on a real fleet: what stock clients do, and the bad input that they must get an
 * answer to. */
#include "tests/unit/api/api_fixture.h"

#include <openssl/pkcs7.h>

#define SIMPLE "/.well-known/est/simpleenroll"
#define RE     "/.well-known/est/simplereenroll"
#define LABEL  "/.well-known/est/{label}/simpleenroll"
#define CERTS  "application/pkcs7-mime; smime-type=certs-only"

static void csr_base64(EVP_PKEY *key, const char *digest, struct buf *out)
{
    AUTO_VAL(buf) der = {0};
    make_csr(key, digest, NULL, &der);
    assert_ok(base64_append(out, buf_view(&der)));
}

static struct call enrol_call(const char *route, const struct peer_identity *peer, const struct buf *body)
{
    return (struct call){.method = HTTP_POST,
                         .route = route,
                         .peer = peer,
                         .type = "application/pkcs10",
                         .body = buf_view(body)};
}

/* A request with the certificate's subject, as RFC 7030 §4.2.2 wants it for renewal. */
static void csr_like(struct bytes certificate, EVP_PKEY *key, struct buf *out)
{
    AUTO(X509) *x509 = NULL;
    AUTO(X509_REQ) *request = X509_REQ_new();
    assert_ok(certificate_decode(certificate, &x509));
    assert_int_equal(X509_REQ_set_subject_name(request, X509_get_subject_name(x509)), 1);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int size = i2d_X509_REQ(request, &der);
    bytes_of_i2d(size, der, out);
}

/* The certificates of a certs-only answer, through OpenSSL's reader; the first one's DER. */
static int certificates_in(const struct reply *reply, struct buf *first)
{
    AUTO_VAL(buf) der = {0};
    assert_string_equal(reply->response.content_type, CERTS);
    assert_string_equal(reply_header(reply, "Content-Transfer-Encoding"), "base64");
    assert_ok(base64_decode(buf_view(&reply->response.body), &der)); /* strict: one line, no white space */
    const unsigned char *p = der.p;
    PKCS7 *message = d2i_PKCS7(NULL, &p, (long)der.n);
    assert_non_null(message);
    STACK_OF(X509) *all = message->d.sign->cert;
    int count = sk_X509_num(all);
    if (first != NULL) {
        assert_ok(certificate_encode(sk_X509_value(all, 0), first));
    }
    PKCS7_free(message);
    return count;
}

static void cacerts_and_csrattrs_are_open(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = {.method = HTTP_GET, .route = "/.well-known/est/cacerts"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(certificates_in(&reply, NULL), 3);
    call = (struct call){.method = HTTP_GET, .route = "/.well-known/est/{label}/cacerts", .param = "default"};
    assert_status(h, &call, &reply, 200);
    call.param = "nobody";
    assert_status(h, &call, &reply, 404);
    assert_string_equal(reply.response.content_type, "text/plain; charset=utf-8");
    call = (struct call){.method = HTTP_GET, .route = "/.well-known/est/csrattrs"};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply.response.content_type, "application/csrattrs");
}

static void first_contact_renewal_and_rekey(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO(EVP_PKEY) *operational = ec_key("P-256");
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(buf) first = {0};
    AUTO_VAL(buf) again = {0};
    chip_make(&chip);
    register_chips(h, &chip, 1);
    csr_base64(operational, "SHA256", &body);
    /* strongSwan: re-enrolment at first contact; and once more, because the answer was lost */
    struct call call = enrol_call(RE, &chip.peer, &body);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(certificates_in(&reply, &first), 1);
    call = enrol_call(SIMPLE, &chip.peer, &body);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(certificates_in(&reply, &again), 1);
    assert_true(bytes_equal(buf_view(&first), buf_view(&again)));
    /* under the issued certificate: its subject and no other */
    struct peer_identity peer;
    peer_of_certificate(buf_view(&first), &peer);
    call = enrol_call(RE, &peer, &body);
    assert_status(h, &call, &reply, 422);
    assert_has(buf_str(&reply.response.body), "subject");
    /* libest rekeys by simpleenroll; the new certificate's first use ends the rights of the old */
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(buf) rekey = {0};
    AUTO_VAL(buf) second = {0};
    struct peer_identity successor;
    csr_like(buf_view(&first), next, &rekey);
    call = enrol_call(SIMPLE, &peer, &rekey);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(certificates_in(&reply, &second), 1);
    assert_false(bytes_equal(buf_view(&first), buf_view(&second)));
    peer_of_certificate(buf_view(&second), &successor);
    call = (struct call){.method = HTTP_GET, .route = "/device/v1/status", .peer = &successor};
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "status"), "enrolled");
    assert_int_equal(number_at(&reply, "generation"), 2);
    call = enrol_call(RE, &peer, &rekey);
    assert_status(h, &call, &reply, 403);
    peer_identity_clear(&successor);
    peer_identity_clear(&peer);
}

static void bad_input(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(chip) chip;
    AUTO(EVP_PKEY) *other = ec_key("P-256");
    AUTO_VAL(buf) good = {0};
    AUTO_VAL(buf) sha1 = {0};
    AUTO_VAL(buf) own = {0};
    AUTO_VAL(buf) empty = {0};
    AUTO_VAL(buf) garbage = {0};
    AUTO_VAL(buf) huge = {0};
    chip_make(&chip);
    register_chips(h, &chip, 1);
    csr_base64(other, "SHA256", &good);
    csr_base64(other, "SHA1", &sha1);
    csr_base64(chip.key, "SHA256", &own);
    assert_ok(buf_append_str(&garbage, "MIIB*not base64*"));
    assert_ok(buf_reserve(&huge, 1 << 20));
    huge.n = 1 << 20;
    memset(huge.p, 'A', huge.n);
    const struct {
        const struct buf *body;
        int status;
        const char *word;
    } table[] = {{&empty, 400, "empty"},  {&garbage, 400, "base64"}, {&sha1, 400, ""},
                 {&own, 422, "identity"}, {&huge, 413, ""},          {&good, 200, ""}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct call call = enrol_call(SIMPLE, &chip.peer, table[i].body);
        assert_status(h, &call, &reply, table[i].status);
        assert_has(buf_str(&reply.response.body), table[i].word);
    }
    struct call call = enrol_call(SIMPLE, &chip.peer, &good);
    call.type = "application/octet-stream";
    assert_status(h, &call, &reply, 415);
    call.type = NULL;
    assert_status(h, &call, &reply, 415);
}

static void who_is_not_admitted(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(chip) known;
    AUTO_VAL(chip) unknown;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    chip_make(&known);
    chip_make(&unknown);
    register_chips(h, &known, 1);
    csr_base64(key, "SHA256", &body);
    struct call call = enrol_call(SIMPLE, NULL, &body);
    assert_status(h, &call, &reply, 401);
    assert_true(reply_header(&reply, "WWW-Authenticate")[0] != '\0');
    call = enrol_call(SIMPLE, &unknown.peer, &body);
    assert_status(h, &call, &reply, 403);
    call = enrol_call(SIMPLE, &known.peer, &body);
    call.is_resumed = true;
    assert_status(h, &call, &reply, 403);
    assert_has(buf_str(&reply.response.body), "session");
    call = enrol_call(LABEL, &known.peer, &body);
    call.param = "nobody";
    assert_status(h, &call, &reply, 404);
    call.param = "default";
    assert_status(h, &call, &reply, 200);
}

static void what_is_not_offered_says_why(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = {.method = HTTP_POST, .route = "/.well-known/est/serverkeygen"};
    assert_status(h, &call, &reply, 501);
    assert_has(buf_str(&reply.response.body), "private key");
    call.route = "/.well-known/est/{label}/fullcmc";
    assert_status(h, &call, &reply, 501);
    assert_has(buf_str(&reply.response.body), "simpleenroll");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cacerts_and_csrattrs_are_open, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(first_contact_renewal_and_rekey, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(bad_input, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(who_is_not_admitted, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_offered_says_why, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
