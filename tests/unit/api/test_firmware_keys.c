/* Keys that sign firmware over REST: made in the keystore, looked at, certified, ended; what they signed. */
#include "tests/unit/api/resource_fixture.h"

#include "fleet/firmware_key_handles.h"
#include "fleet/firmware_keys.h"
#include "fleet/firmware_signing.h"
#include "fleet/internal.h"
#include "pki/digest_sign.h"

#define KEYS "/api/v1/firmware/keys"
#define KEY  "/api/v1/firmware/keys/{id}"

/* The keys of firmware in the keystore. */
static int key_count(const struct house *h)
{
    return memory_count(h->pki.keys, "fw-");
}

static void make_key(struct house *h, const char *body, char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, KEYS, body);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
}

static struct call post(struct house *h, const char *route, const char *id)
{
    struct call call = rest(h, HTTP_POST, route, "{}");
    call.param = id;
    return call;
}

static void a_key_of_each_role_is_made(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct {
        const char *body, *algorithm;
        bool is_certified;
    } rows[] = {
        {"{\"name\":\"a\",\"role\":\"manifest\"}", "ecdsa-p256", false},
        {"{\"name\":\"b\",\"role\":\"mcuboot\",\"algorithm\":\"ed25519\",\"uses_max\":3}", "ed25519", false},
        {"{\"name\":\"c\",\"role\":\"cms\",\"algorithm\":\"ecdsa-p384\"}", "ecdsa-p384", true},
        {"{\"name\":\"d\",\"role\":\"cms\",\"algorithm\":\"rsa-3072\",\"certificate_days\":9}", "rsa-3072",
         true},
        {"{\"name\":\"e\",\"role\":\"detached\",\"algorithm\":\"ecdsa-p256\"}", "ecdsa-p256", false},
    };
    int before = key_count(h);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call = rest(h, HTTP_POST, KEYS, rows[i].body);
        assert_status(h, &call, &reply, 201);
        assert_string_equal(text_at(&reply, "algorithm"), rows[i].algorithm);
        assert_string_equal(text_at(&reply, "state"), "active");
        assert_string_equal(text_at(&reply, "product"), "default");
        assert_int_equal(strncmp(text_at(&reply, "public_key"), "-----BEGIN PUBLIC KEY-----\n", 27), 0);
        assert_int_equal(json_object_get(reply.json, "certificate") != NULL, rows[i].is_certified);
        assert_int_equal(number_at(&reply, "uses"), 0);
    }
    assert_int_equal(key_count(h), before + 5);
    struct call call = rest(h, HTTP_GET, KEYS, NULL);
    call.query[0] = (struct http_field){"product", "default"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "firmware_keys")), 5);
    call.query[0].value = "nothing";
    assert_status(h, &call, &reply, 400);
    assert_bad_pages(h, KEYS, "firmware_keys");
}

static void what_is_refused_leaves_no_key_behind(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    int before = key_count(h);
    struct call call = rest(h, HTTP_POST, KEYS, "{\"colour\":1,\"algorithm\":\"ed25519\",\"uses_max\":-1}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/name", "/role", "/colour", "/uses_max"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    static const char *const algorithms[] = {
        "{\"name\":\"x\",\"role\":\"manifest\",\"algorithm\":\"ed25519\"}",
        "{\"name\":\"x\",\"role\":\"mcuboot\",\"algorithm\":\"ecdsa-p384\"}",
        "{\"name\":\"x\",\"role\":\"cms\",\"algorithm\":\"ed25519\"}",
        "{\"name\":\"x\",\"role\":\"detached\",\"algorithm\":\"rsa-3072\"}",
    };
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        call = rest(h, HTTP_POST, KEYS, algorithms[i]);
        assert_status(h, &call, &reply, 422);
        assert_true(has_pointer(&reply, "/algorithm"));
    }
    call = rest(h, HTTP_POST, KEYS, "{\"name\":\"x\",\"role\":\"manifest\",\"product\":\"nothing\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/product"));
    call = rest(h, HTTP_POST, KEYS, "{\"name\":\"a\",\"role\":\"manifest\"}"); /* taken */
    assert_status(h, &call, &reply, 409);
    assert_int_equal(key_count(h), before);
}

static void the_same_attempt_makes_one_key(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char id[UUID_TEXT_SIZE];
    int before = key_count(h);
    struct call call = rest(h, HTTP_POST, KEYS, "{\"name\":\"once\",\"role\":\"manifest\"}");
    call.headers[0] = (struct http_field){"Idempotency-Key", "\"once\""};
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_status(h, &call, &reply, 201);
    assert_string_equal(text_at(&reply, "id"), id);
    assert_int_equal(key_count(h), before + 1);
}

static struct manifest_order order_of(struct house *h, const char *id)
{
    struct manifest_order order = {.to_be_signed = bytes_str("Signature1 of something")};
    struct tenant_row tenant;
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    order.tenant = tenant.id;
    assert_ok(uuid_parse(bytes_str(id), &order.key));
    assert_ok(uuid_parse(bytes_str("01a20ee7-5495-7fc0-8873-4ce1159f76fd"), &order.release));
    return order;
}

static void uses_are_counted_listed_and_bounded(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct manifest_signature signature;
    struct firmware_key_row row;
    char id[UUID_TEXT_SIZE];
    make_key(h, "{\"name\":\"bounded\",\"role\":\"manifest\",\"uses_max\":2}", id);
    const struct manifest_order order = order_of(h, id);
    assert_ok(firmware_key_sign_manifest(h->fleet, &order, &signature));
    assert_ok(firmware_key_get(h->fleet, order.tenant, order.key, &row));
    const struct bytes spki = {row.spki, row.spki_size};
    assert_ok(text_verify_raw(spki, order.to_be_signed, signature.bytes));
    assert_memory_equal(signature.kid.b, row.spki_sha256, SHA256_SIZE);
    signature.bytes[63] ^= 1;
    assert_error(text_verify_raw(spki, order.to_be_signed, signature.bytes), ERR_FORBIDDEN, "does not hold");
    assert_ok(firmware_key_sign_manifest(h->fleet, &order, &signature));
    assert_error(firmware_key_sign_manifest(h->fleet, &order, &signature), ERR_WRONG_STATE, "signed 2 times");
    struct call call = rest(h, HTTP_GET, KEY "/signed", NULL);
    call.param = id;
    call.query[0] = (struct http_field){"limit", "1"};
    assert_status(h, &call, &reply, 200);
    const json_t *first = json_array_get(json_object_get(reply.json, "signed"), 0);
    assert_int_equal(json_integer_value(json_object_get(first, "use")), 1);
    assert_string_equal(json_string_value(json_object_get(first, "kind")), "manifest");
    assert_string_equal(json_string_value(json_object_get(first, "id")),
                        "01a20ee7-5495-7fc0-8873-4ce1159f76fd");
    char next[256];
    (void)snprintf(next, sizeof next, "%s", text_at(&reply, "next"));
    call.query[0] = (struct http_field){"cursor", next};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "signed")), 1);
    assert_null(json_object_get(reply.json, "next"));
}

static void a_key_signs_for_its_role_only(void **state)
{
    struct house *h = *state;
    struct manifest_signature signature;
    char id[UUID_TEXT_SIZE];
    make_key(h, "{\"name\":\"boot\",\"role\":\"mcuboot\"}", id);
    const struct manifest_order order = order_of(h, id);
    assert_error(firmware_key_sign_manifest(h->fleet, &order, &signature), ERR_WRONG_STATE,
                 "of role mcuboot");
}

static void a_compromised_key_signs_no_more_and_alarms(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct manifest_signature signature;
    char id[UUID_TEXT_SIZE];
    make_key(h, "{\"name\":\"leaked\",\"role\":\"manifest\"}", id);
    const struct manifest_order order = order_of(h, id);
    assert_ok(firmware_key_sign_manifest(h->fleet, &order, &signature));
    struct call call = post(h, KEY "/replaced", id);
    assert_status(h, &call, &reply, 409);
    call = post(h, KEY "/retire", id);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "retired");
    assert_error(firmware_key_sign_manifest(h->fleet, &order, &signature), ERR_WRONG_STATE, "is retired");
    call = post(h, KEY "/compromised", id);
    assert_status(h, &call, &reply, 200);
    assert_status(h, &call, &reply, 200); /* a second time changes nothing */
    assert_string_equal(text_at(&reply, "state"), "compromised");
    assert_error(firmware_key_sign_manifest(h->fleet, &order, &signature), ERR_WRONG_STATE, "is compromised");
    call = post(h, KEY "/retire", id);
    assert_status(h, &call, &reply, 409);
    call = rest(h, HTTP_GET, "/api/v1/alarms", NULL);
    assert_status(h, &call, &reply, 200);
    const json_t *alarm = json_array_get(json_object_get(reply.json, "alarms"), 0);
    assert_string_equal(json_string_value(json_object_get(alarm, "kind")), "firmware_key.compromised");
    assert_string_equal(json_string_value(json_object_get(alarm, "subject")), id);
    call = post(h, KEY "/replaced", id);
    assert_status(h, &call, &reply, 200);
    call = rest(h, HTTP_GET, "/api/v1/alarms", NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "alarms")), 0);
}

static void a_certificate_of_an_authority_is_taken(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(reply) other = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    AUTO(json_t) *document = json_object();
    char id[UUID_TEXT_SIZE], second[UUID_TEXT_SIZE];
    make_key(h, "{\"name\":\"signer\",\"role\":\"cms\"}", id);
    make_key(h, "{\"name\":\"stranger\",\"role\":\"cms\"}", second);
    struct call call = rest(h, HTTP_GET, KEY "/csr", NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    assert_non_null(strstr(buf_str(&reply.response.body), "BEGIN CERTIFICATE REQUEST"));
    call = rest(h, HTTP_GET, KEY, NULL);
    call.param = second;
    assert_status(h, &call, &other, 200);
    assert_ok(json_set_text(document, "certificate", text_at(&other, "certificate")));
    assert_ok(json_append(&body, document));
    call = rest(h, HTTP_PUT, KEY "/certificate", buf_str(&body));
    call.param = id;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/certificate"));
    call.param = second; /* its own again */
    assert_status(h, &call, &reply, 200);
    call.body = bytes_str("{\"certificate\":\"-----BEGIN\"}");
    assert_status(h, &call, &reply, 422);
    make_key(h, "{\"name\":\"plain\",\"role\":\"manifest\"}", id);
    call = rest(h, HTTP_GET, KEY "/csr", NULL);
    call.param = id;
    assert_status(h, &call, &reply, 409);
}

static void another_tenant_sees_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char token[TOKEN_TEXT_SIZE], id[UUID_TEXT_SIZE];
    make_key(h, "{\"name\":\"ours\",\"role\":\"manifest\"}", id);
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    static const char *const gets[] = {KEY, KEY "/signed", KEY "/csr"};
    for (size_t i = 0; i < sizeof gets / sizeof gets[0]; i++) {
        struct call call = rest(h, HTTP_GET, gets[i], NULL);
        call.param = id;
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    static const char *const posts[] = {KEY "/retire", KEY "/compromised", KEY "/replaced"};
    for (size_t i = 0; i < sizeof posts / sizeof posts[0]; i++) {
        struct call call = post(h, posts[i], id);
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_of_each_role_is_made),
        cmocka_unit_test(what_is_refused_leaves_no_key_behind),
        cmocka_unit_test(the_same_attempt_makes_one_key),
        cmocka_unit_test(uses_are_counted_listed_and_bounded),
        cmocka_unit_test(a_key_signs_for_its_role_only),
        cmocka_unit_test(a_compromised_key_signs_no_more_and_alarms),
        cmocka_unit_test(a_certificate_of_an_authority_is_taken),
        cmocka_unit_test(another_tenant_sees_nothing),
    };
    return cmocka_run_group_tests(tests, house_setup, house_teardown);
}
