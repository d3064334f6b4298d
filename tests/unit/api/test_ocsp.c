/* OCSP over HTTP: what is answered on the loop and what by a worker, the headers of RFC 9919, 304, and bad
 * input. */
#include "tests/unit/api/api_fixture.h"
#include "tests/unit/pki/ocsp_fixture.h"

#include "fleet/ocsp.h"

static const uint8_t UNKNOWN[SERIAL_SIZE] = {0x12, 0x34};

/* The serial of the server's certificate: known, without a device. */
static void know_one(struct house *h, uint8_t serial[SERIAL_SIZE])
{
    AUTO_VAL(issued) issued = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    const char *const hosts[] = {"localhost"};
    struct certificate_spec spec = {.not_before_ms = h->clock.at_ms,
                                    .not_after_ms = h->clock.at_ms + 86400000,
                                    .publication = test_publication,
                                    .serial = {0x33, 1, 2}};
    spki_of(key, &spki);
    assert_ok(authority_issue_server(h->pki.infrastructure, buf_view(&spki), hosts, 1, &spec, &issued));
    assert_ok(ocsp_know(h->fleet, buf_view(&issued.der)));
    memcpy(serial, issued.serial, SERIAL_SIZE);
}

struct question {
    struct buf der, text;
};

static void question_clear(struct question *q)
{
    buf_clear(&q->der);
    buf_clear(&q->text);
}
DEFINE_AUTO_VAL(question, question_clear);

static void question_make(struct house *h, struct bytes serial, int nonce_size, struct question *out)
{
    *out = (struct question){.der = {0}};
    ocsp_ask(h->pki.infrastructure, EVP_sha256(), serial, nonce_size, &out->der);
    assert_ok(base64_append(&out->text, buf_view(&out->der)));
}

static struct call get_of(const struct question *q)
{
    return (struct call){.method = HTTP_GET, .route = "/ocsp/{request...}", .param = buf_str(&q->text)};
}

static struct call post_of(const struct question *q)
{
    return (struct call){
        .method = HTTP_POST, .route = "/ocsp", .type = "application/ocsp-request", .body = buf_view(&q->der)};
}

static struct bytes body_of(const struct reply *reply)
{
    return reply->response.shared != NULL ? shared_view(reply->response.shared)
                                          : buf_view(&reply->response.body);
}

static int ocsp_status_of(const struct reply *reply)
{
    assert_string_equal(reply->response.content_type, "application/ocsp-response");
    AUTO(OCSP_RESPONSE) *response = response_of(body_of(reply));
    return OCSP_response_status(response);
}

static void what_caches_are_told(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(question) q;
    uint8_t serial[SERIAL_SIZE];
    struct sha256 hash;
    char hex[2 * SHA256_SIZE + 1];
    char etag[RESPONSE_VALUE_SIZE];
    know_one(h, serial);
    question_make(h, BYTES_OF(serial), 0, &q);
    struct call call = get_of(&q);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(ocsp_status_of(&reply), 0);
    assert_string_equal(reply_header(&reply, "Last-Modified"), "Fri, 02 Jan 2026 00:00:00 GMT");
    assert_string_equal(reply_header(&reply, "Expires"), "Fri, 02 Jan 2026 12:00:00 GMT");
    assert_string_equal(reply_header(&reply, "Cache-Control"),
                        "max-age=600, public, no-transform, must-revalidate");
    assert_ok(sha256_of(body_of(&reply), &hash));
    hex_encode(BYTES_OF(hash.b), hex);
    (void)snprintf(etag, sizeof etag, "\"%s\"", hex);
    assert_string_equal(reply_header(&reply, "ETag"), etag);
    call.headers[0] = (struct http_field){"if-none-match", etag};
    assert_status(h, &call, &reply, 304);
    assert_non_null(reply.response.shared); /* for its length: the server sends none of it */
    assert_string_equal(reply_header(&reply, "ETag"), etag);
    call.headers[0].value = "\"other\"";
    assert_status(h, &call, &reply, 200);
    call.method = HTTP_GET;
    call.headers[0].name = NULL;
    /* what is unknown may be known soon */
    AUTO_VAL(question) unknown;
    question_make(h, BYTES_OF(UNKNOWN), 0, &unknown);
    call = get_of(&unknown);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, "Cache-Control"),
                        "max-age=300, public, no-transform, must-revalidate");
}

/* The quick handler alone: as the loop calls it. */
static bool is_answered_on_the_loop(struct house *h, const struct question *q)
{
    AUTO_VAL(response) response = {0};
    const struct route *route = find_route(HTTP_GET, "/ocsp/{request...}");
    const struct request request = {.method = HTTP_GET,
                                    .route = route,
                                    .params = {buf_str(&q->text), "", "", ""},
                                    .address = "192.0.2.7"};
    assert_ok(route->quick(h->api, &request, &response));
    assert_true(response.status != 0 || (response.body.n == 0 && response.header_count == 0));
    return response.status != 0;
}

static void the_loop_answers_from_memory(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(question) q;
    AUTO_VAL(question) nonce;
    uint8_t serial[SERIAL_SIZE];
    know_one(h, serial);
    question_make(h, BYTES_OF(serial), 0, &q);
    question_make(h, BYTES_OF(serial), 32, &nonce);
    assert_false(is_answered_on_the_loop(h, &nonce));
    manual_clock_advance(&h->clock, 20 * 3600000LL); /* nothing that is kept is fresh any more */
    assert_false(is_answered_on_the_loop(h, &q));
    struct call call = post_of(&q);
    assert_status(h, &call, &reply, 200);
    assert_true(is_answered_on_the_loop(h, &q));
}

static void posts_and_nonces_are_not_for_caches(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(question) q;
    AUTO_VAL(question) nonce;
    uint8_t serial[SERIAL_SIZE];
    know_one(h, serial);
    question_make(h, BYTES_OF(serial), 0, &q);
    question_make(h, BYTES_OF(serial), 32, &nonce);
    struct call calls[] = {post_of(&q), post_of(&nonce), get_of(&nonce)};
    for (size_t i = 0; i < 3; i++) {
        assert_status(h, &calls[i], &reply, 200);
        assert_int_equal(ocsp_status_of(&reply), 0);
        assert_int_equal(reply.response.header_count, 0);
    }
}

static void what_is_no_request(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(question) q;
    static const char *const paths[] = {
        "MFEw", "not base64", "MFEwTzBNMEswSTAJBgUrDgMCGgUABBR==", "/", "=", "AAAA"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct call call = {.method = HTTP_GET, .route = "/ocsp/{request...}", .param = paths[i]};
        assert_status(h, &call, &reply, 200);
        assert_int_equal(ocsp_status_of(&reply), OCSP_MALFORMED);
        assert_int_equal(reply.response.header_count, 0);
    }
    question_make(h, BYTES_OF(UNKNOWN), 0, &q);
    struct call call = post_of(&q);
    call.body = (struct bytes){q.der.p, q.der.n - 1};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(ocsp_status_of(&reply), OCSP_MALFORMED);
    call.body = BYTES_NONE;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(ocsp_status_of(&reply), OCSP_MALFORMED);
    call = post_of(&q);
    call.type = "application/octet-stream";
    assert_status(h, &call, &reply, 415);
    call.type = NULL;
    assert_status(h, &call, &reply, 415);
}

/* A clock that jumps by years while nobody confirms it: answers go on, by the time without the step. */
static void a_clock_in_doubt(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(question) q;
    AUTO_VAL(question) nonce;
    uint8_t serial[SERIAL_SIZE];
    char before[RESPONSE_VALUE_SIZE];
    know_one(h, serial);
    question_make(h, BYTES_OF(serial), 0, &q);
    question_make(h, BYTES_OF(serial), 32, &nonce);
    struct call call = get_of(&q);
    assert_status(h, &call, &reply, 200);
    (void)snprintf(before, sizeof before, "%s", reply_header(&reply, "Last-Modified"));
    manual_clock_step(&h->clock, 10 * year_ms);
    assert_true(is_answered_on_the_loop(h, &q));
    assert_status(h, &call, &reply, 200);
    assert_string_equal(reply_header(&reply, "Last-Modified"), before);
    struct call live = post_of(&nonce);
    assert_status(h, &live, &reply, 200);
    AUTO(OCSP_RESPONSE) *response = response_of(body_of(&reply));
    AUTO(OCSP_BASICRESP) *basic = basic_of(response, h->pki.root, h->pki.infrastructure, h->clock.at_ms);
    AUTO(OCSP_CERTID) *id = certid_of(h->pki.infrastructure, EVP_sha256(), BYTES_OF(serial));
    struct ocsp_seen seen = ocsp_see(basic, id);
    assert_int_equal(seen.status, V_OCSP_CERTSTATUS_GOOD);
    assert_int_equal(seen.this_update_s, h->clock.at_ms / 1000);
    manual_clock_step(&h->clock, -10 * year_ms);
}

static void an_authority_of_somebody_else(void **state)
{
    struct house *h = *state;
    struct test_house other;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(question) q = {.der = {0}};
    test_house_init(&other, KEY_ALG_P256);
    ocsp_ask(other.device, EVP_sha1(), BYTES_OF(UNKNOWN), 0, &q.der);
    assert_ok(base64_append(&q.text, buf_view(&q.der)));
    test_house_clear(&other);
    struct call call = get_of(&q);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(ocsp_status_of(&reply), OCSP_UNAUTHORIZED);
    assert_true(is_answered_on_the_loop(h, &q));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_caches_are_told),
        cmocka_unit_test(the_loop_answers_from_memory),
        cmocka_unit_test(posts_and_nonces_are_not_for_caches),
        cmocka_unit_test(what_is_no_request),
        cmocka_unit_test(a_clock_in_doubt),
        cmocka_unit_test(an_authority_of_somebody_else),
    };
    return cmocka_run_group_tests(tests, house_setup, house_teardown);
}
