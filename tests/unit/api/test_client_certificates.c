/* Client certificates of back ends: registered over REST, and as credentials of requests. */
#include "tests/unit/api/resource_fixture.h"

#define LIST   "/api/v1/client-certificates"
#define ONE    LIST "/{id}"
#define REVOKE ONE "/revoke"
#define WHOAMI "/api/v1/whoami"
#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What the handshake would say of a back end's certificate. */
struct back_end {
    EVP_PKEY *key;
    struct peer_identity peer;
    char hash[2 * SHA256_SIZE + 1];
};

static void back_end_make(const struct house *h, struct back_end *b)
{
    *b = (struct back_end){.key = ec_key("P-256"), .peer = {.kind = PEER_CLIENT}};
    spki_of(b->key, &b->peer.spki);
    assert_ok(key_check_spki(buf_view(&b->peer.spki), &policy_strict, &b->peer.certificate.key));
    b->peer.certificate.not_before_ms = h->clock.at_ms - 1000;
    b->peer.certificate.not_after_ms = h->clock.at_ms + 3600000;
    hex_encode(BYTES_OF(b->peer.certificate.key.spki_sha256.b), b->hash);
}

static void back_end_clear(struct back_end *b)
{
    EVP_PKEY_free(b->key);
    peer_identity_clear(&b->peer);
}
DEFINE_AUTO_VAL(back_end, back_end_clear);

static struct call order(const struct house *h, const char *name, const char *hash, const char *more)
{
    static char body[600];
    (void)snprintf(body, sizeof body,
                   "{\"name\":\"%s\",\"spki_sha256\":\"%s\",\"scopes\":[\"devices:read\"]%s}", name, hash,
                   more);
    return rest(h, HTTP_POST, LIST, body);
}

static void add(struct house *h, const char *name, const char *hash, const char *more,
                char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = order(h, name, hash, more);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
}

static int whoami(struct house *h, const struct back_end *b, struct reply *reply)
{
    struct call call = {.method = HTTP_GET, .route = WHOAMI, .peer = &b->peer};
    return send_call(h, &call, reply);
}

static void it_is_made_listed_and_changed(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = order(h, "erp", HASH_A, ",\"allowed_sources\":[\"192.0.2.9/24\"]");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(LIST "/"), id);
    assert_string_equal(reply_header(&reply, "ETag"), "\"1\"");
    assert_string_equal(text_at(&reply, "spki_sha256"), HASH_A);
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply.json, "allowed_sources"), 0)),
                        "192.0.2.0/24");
    assert_null(json_object_get(reply.json, "expires_at"));
    call = change(h, ONE, id, "\"1\"",
                  "{\"scopes\":[\"products:read\"],\"expires_at\":\"2050-01-01T00:00:00Z\"}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "expires_at"), "2050-01-01T00:00:00Z");
    call = change(h, ONE, id, "\"1\"", "{\"name\":\"late\"}");
    assert_status(h, &call, &reply, 412);
    call = change(h, ONE, id, NULL, "{\"name\":\"late\"}");
    assert_status(h, &call, &reply, 428);
    call = change(h, ONE, id, "\"2\"", "{\"expires_at\":null,\"name\":\"erp-2\"}");
    assert_status(h, &call, &reply, 200);
    assert_null(json_object_get(reply.json, "expires_at"));
    call = rest(h, HTTP_GET, LIST, NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "client_certificates")), 1);
    assert_bad_pages(h, LIST, "client_certificates");
}

static void a_repeat_gets_the_same_one(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    struct call call = order(h, "erp", HASH_A, "");
    call.headers[0] = (struct http_field){"Idempotency-Key", "c1"};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), id);
    call = order(h, "other", HASH_A, "");
    call.headers[0] = (struct http_field){"Idempotency-Key", "c1"};
    assert_status(h, &call, &reply, 422);
}

static void names_and_keys_are_taken_once(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE], token[TOKEN_TEXT_SIZE];
    add(h, "erp", HASH_A, "", id);
    struct call call =
        order(h, "erp", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "");
    assert_status(h, &call, &reply, 409);
    call = order(h, "second", HASH_A, "");
    assert_status(h, &call, &reply, 409);
    other_tenant(h, "acme", SCOPE_ADMIN, token);
    call = order(h, "erp", HASH_A, "");
    call.token = token;
    assert_status(h, &call, &reply, 409); /* whose it is stays untold */
    assert_null(strstr(text_at(&reply, "detail"), "default"));
    assert_unseen(h, ONE, id, token);
    call = rest(h, HTTP_POST, REVOKE, NULL);
    call.param = id;
    call.token = token;
    assert_status(h, &call, &reply, 404);
    call.token = h->admin;
    assert_status(h, &call, &reply, 200);
    call = order(h, "erp-2", HASH_A, ""); /* a key whose row has ended may get another */
    assert_status(h, &call, &reply, 201);
}

static void bad_orders_name_every_fault(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct {
        const char *body, *pointer;
    } table[] = {
        {"{\"spki_sha256\":\"" HASH_A "\",\"scopes\":[\"devices:read\"]}", "/name"},
        {"{\"name\":\"a b\",\"spki_sha256\":\"" HASH_A "\",\"scopes\":[\"devices:read\"]}", "/name"},
        {"{\"name\":\"a\",\"spki_sha256\":\"" HASH_A "\"}", "/scopes"},
        {"{\"name\":\"a\",\"spki_sha256\":\"" HASH_A "\",\"scopes\":[]}", "/scopes"},
        {"{\"name\":\"a\",\"spki_sha256\":\"" HASH_A "\",\"scopes\":[\"devices:read\",\"own:all\"]}",
         "/scopes/1"},
        {"{\"name\":\"a\",\"scopes\":[\"devices:read\"]}", "/certificate"},
        {"{\"name\":\"a\",\"spki_sha256\":\"AA\",\"scopes\":[\"devices:read\"]}", "/spki_sha256"},
        {"{\"name\":\"a\",\"certificate\":\"rubbish\",\"scopes\":[\"devices:read\"]}", "/certificate"},
        {"{\"name\":\"a\",\"certificate\":\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END "
         "CERTIFICATE-----\\n\","
         "\"scopes\":[\"devices:read\"]}",
         "/certificate"},
        {"{\"name\":\"a\",\"spki_sha256\":\"" HASH_A "\",\"scopes\":[\"devices:read\"],\"expires_at\":"
         "\"2001-01-01T00:00:00Z\"}",
         "/expires_at"},
        {"{\"name\":\"a\",\"spki_sha256\":\"" HASH_A
         "\",\"scopes\":[\"devices:read\"],\"allowed_sources\":[\"x\"]}",
         "/allowed_sources/0"},
        {"{\"name\":\"a\",\"spki_sha256\":\"" HASH_A "\",\"scopes\":[\"devices:read\"],\"colour\":1}",
         "/colour"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct call call = rest(h, HTTP_POST, LIST, table[i].body);
        assert_status(h, &call, &reply, 422);
        if (!has_pointer(&reply, table[i].pointer)) {
            fail_msg("%s: %s", table[i].body, buf_str(&reply.response.body));
        }
    }
    char id[UUID_TEXT_SIZE];
    add(h, "erp", HASH_A, "", id);
    struct call call = change(h, ONE, id, "\"1\"", "{\"spki_sha256\":\"" HASH_A "\"}");
    assert_status(h, &call, &reply, 422); /* another key is another certificate */
    call = change(h, ONE, id, "\"1\"", "{\"name\":null}");
    assert_status(h, &call, &reply, 422);
    call.param = "not-a-uuid";
    assert_status(h, &call, &reply, 400);
}

static void the_certificate_itself_is_taken(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) pem = {0};
    AUTO(json_t) *body = json_pack("{s:s,s:[s]}", "name", "erp", "scopes", "devices:read");
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    char hash[2 * SHA256_SIZE + 1];
    struct bytes der = authority_borrow_der(h->pki.device);
    assert_ok(certificate_to_pem(der, &pem));
    assert_ok(certificate_read(der, &facts));
    hex_encode(BYTES_OF(facts.key.spki_sha256.b), hash);
    assert_ok(json_set_text(body, "certificate", buf_str(&pem)));
    assert_ok(json_append(&text, body));
    struct call call = rest(h, HTTP_POST, LIST, buf_str(&text));
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "spki_sha256"), hash);
    assert_ok(json_set_text(body, "spki_sha256", hash));
    text.n = 0;
    assert_ok(json_append(&text, body));
    call = rest(h, HTTP_POST, LIST, buf_str(&text));
    assert_status(h, &call, &reply, 422); /* both */
}

/* --- as a credential */

static void a_known_key_is_a_caller_until_it_is_revoked(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(back_end) b = {.key = NULL};
    char id[UUID_TEXT_SIZE];
    back_end_make(h, &b);
    assert_int_equal(whoami(h, &b, &reply), 401);
    assert_has(text_at(&reply, "detail"), b.hash);
    assert_string_equal(reply_header(&reply, "WWW-Authenticate"), "Bearer realm=\"whorl\"");
    add(h, "erp", b.hash, "", id);
    assert_int_equal(whoami(h, &b, &reply), 200);
    assert_string_equal(text_at(&reply, "kind"), "client_certificate");
    assert_string_equal(text_at(&reply, "client_certificate_id"), id);
    struct call call = {.method = HTTP_GET, .route = "/api/v1/devices", .peer = &b.peer};
    assert_status(h, &call, &reply, 200);
    call.route = "/api/v1/products";
    assert_status(h, &call, &reply, 403);
    call = change(h, ONE, id, "\"1\"", "{\"scopes\":[\"products:read\"]}");
    assert_status(h, &call, &reply, 200);
    call = (struct call){.method = HTTP_GET, .route = "/api/v1/devices", .peer = &b.peer};
    assert_status(h, &call, &reply, 403);
    call = rest(h, HTTP_GET, ONE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_non_null(json_object_get(reply.json, "last_used_at"));
    call = rest(h, HTTP_POST, REVOKE, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_status(h, &call, &reply, 200); /* again changes nothing */
    assert_string_equal(reply_header(&reply, "ETag"), "\"3\"");
    assert_int_equal(whoami(h, &b, &reply), 401);
    call = change(h, ONE, id, "\"3\"", "{\"name\":\"x\"}");
    assert_status(h, &call, &reply, 409);
}

static void what_the_handshake_did_not_prove_counts_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(back_end) b = {.key = NULL};
    char id[UUID_TEXT_SIZE];
    back_end_make(h, &b);
    add(h, "erp", b.hash, "", id);
    static const enum peer_kind others[] = {PEER_FOREIGN, PEER_SELF_SIGNED, PEER_ISSUED};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        b.peer.kind = others[i];
        assert_int_equal(whoami(h, &b, &reply), 401);
        assert_has(text_at(&reply, "detail"), "management_client_ca");
    }
    b.peer.kind = PEER_CLIENT;
    b.peer.is_expired = true;
    assert_int_equal(whoami(h, &b, &reply), 401);
    b.peer.is_expired = false;
    assert_int_equal(whoami(h, &b, &reply), 200);
    manual_clock_advance(&h->clock, 3600001); /* the connection outlives the certificate */
    assert_int_equal(whoami(h, &b, &reply), 401);
    assert_has(text_at(&reply, "detail"), "validity");
}

static void sources_and_expiry_bound_it(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(back_end) near = {.key = NULL};
    AUTO_VAL(back_end) far = {.key = NULL};
    char id[UUID_TEXT_SIZE], expiry[64], at[32];
    back_end_make(h, &near);
    back_end_make(h, &far);
    add(h, "far", far.hash, ",\"allowed_sources\":[\"198.51.100.0/24\"]", id);
    assert_int_equal(whoami(h, &far, &reply), 401);
    assert_has(text_at(&reply, "detail"), "address");
    time_format(h->clock.at_ms + 60000, at);
    (void)snprintf(expiry, sizeof expiry, ",\"expires_at\":\"%s\"", at);
    add(h, "near", near.hash, expiry, id);
    assert_int_equal(whoami(h, &near, &reply), 200);
    manual_clock_advance(&h->clock, 60000);
    assert_int_equal(whoami(h, &near, &reply), 401);
    assert_has(text_at(&reply, "detail"), "expired");
}

static void the_authorization_header_wins(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(back_end) b = {.key = NULL};
    char id[UUID_TEXT_SIZE];
    back_end_make(h, &b);
    struct call call = {.method = HTTP_GET, .route = WHOAMI, .peer = &b.peer, .token = h->admin};
    assert_status(h, &call, &reply, 200); /* though nobody knows the certificate */
    assert_string_equal(text_at(&reply, "kind"), "token");
    add(h, "erp", b.hash, "", id);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "kind"), "token");
    call.token = "whorl_wrong";
    assert_status(h, &call, &reply, 401); /* a wrong one is not made good by the certificate */
    call.token = "";
    assert_status(h, &call, &reply, 401);
}

/* A browser shows its certificate whoever's page asks. */
static void browsers_are_refused(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(back_end) b = {.key = NULL};
    char id[UUID_TEXT_SIZE];
    back_end_make(h, &b);
    add(h, "erp", b.hash, "", id);
    static const struct http_field marks[] = {
        {"Origin", "https://evil.test"}, {"Sec-Fetch-Site", "cross-site"}, {"origin", "null"}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        struct call call = {.method = HTTP_GET, .route = WHOAMI, .peer = &b.peer, .headers = {marks[i]}};
        assert_status(h, &call, &reply, 401);
        assert_has(text_at(&reply, "detail"), "browser");
    }
}

static void nobody_gives_what_they_do_not_have(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(back_end) b = {.key = NULL};
    char id[UUID_TEXT_SIZE], big[UUID_TEXT_SIZE];
    back_end_make(h, &b);
    struct call call = order(h, "keeper", b.hash, "");
    char body[256];
    (void)snprintf(
        body, sizeof body,
        "{\"name\":\"keeper\",\"spki_sha256\":\"%s\",\"scopes\":[\"tokens:write\",\"devices:read\"]}",
        b.hash);
    call.body = bytes_str(body);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    add(h, "small", HASH_A, "", big);
    call = order(h, "big", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "");
    call.body = bytes_str(
        "{\"name\":\"big\",\"spki_sha256\":"
        "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"scopes\":[\"admin\"]}");
    assert_status(h, &call, &reply, 201);
    take_id(&reply, big);
    /* the keeper, by certificate, makes no admin and changes none */
    call =
        rest(h, HTTP_POST, LIST,
             "{\"name\":\"more\",\"spki_sha256\":"
             "\"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\",\"scopes\":[\"admin\"]}");
    call.token = NULL;
    call.peer = &b.peer;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/scopes"));
    call = change(h, ONE, big, "\"1\"", "{\"allowed_sources\":[]}");
    call.token = NULL;
    call.peer = &b.peer;
    assert_status(h, &call, &reply, 403);
}

static void two_changes_at_once_are_one(void **state)
{
    struct house *h = *state;
    struct racer racers[RACERS];
    char id[UUID_TEXT_SIZE];
    int won = 0;
    add(h, "raced", HASH_A, "", id);
    race(h, racers, ONE, id);
    for (int i = 0; i < RACERS; i++) {
        won += racers[i].status == 200;
        assert_true(racers[i].status == 200 || racers[i].status == 412);
    }
    assert_int_equal(won, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_made_listed_and_changed),
        TEST(a_repeat_gets_the_same_one),
        TEST(names_and_keys_are_taken_once),
        TEST(bad_orders_name_every_fault),
        TEST(the_certificate_itself_is_taken),
        TEST(a_known_key_is_a_caller_until_it_is_revoked),
        TEST(what_the_handshake_did_not_prove_counts_nothing),
        TEST(sources_and_expiry_bound_it),
        TEST(the_authorization_header_wins),
        TEST(browsers_are_refused),
        TEST(nobody_gives_what_they_do_not_have),
        TEST(two_changes_at_once_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
