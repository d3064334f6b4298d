/* Statements about manifest keys over REST: the first on trust, each later one by the recovery key in force;
 * and what a statement means for the keys that sign here. */
#include "tests/unit/api/resource_fixture.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "fleet/firmware_keys.h"
#include "fleet/firmware_signing.h"
#include "pki/anchors_statement.h"
#include "pki/openssl.h"
#include "pki/suit.h"

#define KEYS    "/api/v1/firmware/keys"
#define KEY     "/api/v1/firmware/keys/{id}"
#define ANCHORS "/api/v1/products/{name}/firmware-anchors"

/* A pair as an operator keeps it. */
struct pair {
    struct buf pem;
    struct anchor_key public_half;
};
static void pair_clear(struct pair *pair)
{
    buf_clear(&pair->pem);
}
DEFINE_AUTO_VAL(pair, pair_clear);

static void pair_make(struct pair *pair)
{
    AUTO(EVP_PKEY) *key = EVP_EC_gen("P-256");
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    AUTO(BIO) *open = BIO_new(BIO_s_mem());
    char *text = NULL;
    *pair = (struct pair){.pem = {0}};
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long size = BIO_get_mem_data(bio, &text);
    assert_ok(buf_append(&pair->pem, text, (size_t)size));
    assert_int_equal(PEM_write_bio_PUBKEY(open, key), 1);
    size = BIO_get_mem_data(open, &text);
    assert_ok(anchor_key_read((struct bytes){(const uint8_t *)text, (size_t)size}, &pair->public_half));
}

struct scene {
    char id[UUID_TEXT_SIZE]; /* of the manifest key */
    struct anchor_key signing;
};

static void make_key(struct house *h, const char *name, struct scene *out)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char body[160];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\",\"role\":\"manifest\"}", name);
    struct call call = rest(h, HTTP_POST, KEYS, body);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, out->id);
    assert_ok(anchor_key_read(bytes_str(text_at(&reply, "public_key")), &out->signing));
}

static void statement_of(const char *product, int64_t sequence, const struct anchor_key *signing,
                         const struct anchor_key *recovery, struct anchors_statement *out)
{
    struct uuid vendor;
    *out = (struct anchors_statement){.sequence = sequence, .signing = *signing, .recovery = *recovery};
    assert_ok(suit_vendor_of("default", &vendor));
    assert_ok(suit_class_of(vendor, product, "", &out->class_id));
}

/* {"statement": …}, signed by `by` */
static void body_of(const struct anchors_statement *statement, const struct pair *by, struct buf *out)
{
    AUTO_VAL(buf) made = {0};
    AUTO(json_t) *body = json_object();
    const struct recovery_key key = {.pem = buf_view(&by->pem)};
    assert_ok(anchors_statement_make(statement, &key, &made));
    assert_ok(json_set_base64(body, "statement", buf_view(&made)));
    buf_clear(out);
    assert_ok(json_append(out, body));
}

static int put(struct house *h, const struct buf *body, struct reply *reply)
{
    struct call call = rest(h, HTTP_PUT, ANCHORS, buf_str(body));
    call.param = "default";
    return send_call(h, &call, reply);
}

static void anchors_move_by_the_recovery_key_alone(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(pair) recovery;
    AUTO_VAL(pair) next;
    struct scene first, second;
    struct anchors_statement statement;
    pair_make(&recovery);
    pair_make(&next);
    make_key(h, "first", &first);
    make_key(h, "second", &second);
    struct call get = rest(h, HTTP_GET, ANCHORS, NULL);
    get.param = "default";
    assert_status(h, &get, &reply, 404);

    statement_of("default", 1, &first.signing, &recovery.public_half, &statement);
    body_of(&statement, &next, &body); /* not by the key that it names */
    assert_int_equal(put(h, &body, &reply), 403);
    body_of(&statement, &recovery, &body);
    assert_int_equal(put(h, &body, &reply), 200);
    assert_int_equal(number_at(&reply, "sequence"), 1);
    assert_int_equal(put(h, &body, &reply), 200); /* the same again */
    assert_status(h, &get, &reply, 200);

    statement_of("default", 2, &second.signing, &next.public_half, &statement);
    body_of(&statement, &next, &body); /* the thief of a server would like that */
    assert_int_equal(put(h, &body, &reply), 403);
    body_of(&statement, &recovery, &body);
    assert_int_equal(put(h, &body, &reply), 200);
    assert_int_equal(number_at(&reply, "sequence"), 2);
    assert_int_equal(put(h, &body, &reply), 200); /* again, though its signer is in force no more */

    statement_of("default", 3, &first.signing, &recovery.public_half, &statement);
    body_of(&statement, &recovery, &body); /* the former recovery key */
    assert_int_equal(put(h, &body, &reply), 403);
    statement_of("default", 2, &first.signing, &recovery.public_half, &statement);
    body_of(&statement, &next, &body); /* a sequence that was */
    assert_int_equal(put(h, &body, &reply), 409);
}

static void what_is_no_statement_of_the_product(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(pair) recovery;
    AUTO_VAL(pair) foreign;
    struct scene key;
    struct anchors_statement statement;
    struct call product = rest(h, HTTP_POST, "/api/v1/products", "{\"name\":\"pump\"}");
    assert_status(h, &product, &reply, 201);
    pair_make(&recovery);
    pair_make(&foreign);
    make_key(h, "of-default", &key);
    static const char *const bad[] = {"{}", "{\"statement\":\"\"}", "{\"statement\":\"AAAA\"}",
                                      "{\"statement\":7}", "{\"statement\":\"0oQ=\",\"x\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call call = rest(h, HTTP_PUT, ANCHORS, bad[i]);
        call.param = "pump";
        assert_status(h, &call, &reply, 422);
    }
    statement_of("default", 1, &key.signing, &recovery.public_half, &statement); /* of another product */
    body_of(&statement, &recovery, &body);
    struct call call = rest(h, HTTP_PUT, ANCHORS, buf_str(&body));
    call.param = "pump";
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/statement"));
    statement_of("pump", 1, &key.signing, &recovery.public_half, &statement); /* a key of another product */
    body_of(&statement, &recovery, &body);
    call.body = buf_view(&body);
    assert_status(h, &call, &reply, 422);
    statement_of("pump", 1, &foreign.public_half, &recovery.public_half, &statement); /* of nobody here */
    body_of(&statement, &recovery, &body);
    call.body = buf_view(&body);
    assert_status(h, &call, &reply, 422);
    call.param = "nothing";
    assert_status(h, &call, &reply, 404);
}

/* The class that statements and manifests are for is made of the product's name. */
static void a_product_with_statements_keeps_its_name(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(pair) recovery;
    struct scene first;
    struct anchors_statement statement;
    pair_make(&recovery);
    make_key(h, "first", &first);
    struct call list = rest(h, HTTP_GET, "/api/v1/products", NULL);
    assert_status(h, &list, &reply, 200);
    char id[UUID_TEXT_SIZE];
    const json_t *product = json_array_get(json_object_get(reply.json, "products"), 0);
    (void)snprintf(id, sizeof id, "%s", json_string_value(json_object_get(product, "id")));
    struct call call = rest(h, HTTP_PATCH, "/api/v1/products/{id}", "{\"name\":\"sensor-8\"}");
    call.param = id;
    call.headers[0] = (struct http_field){"If-Match", "*"};
    statement_of("default", 1, &first.signing, &recovery.public_half, &statement);
    body_of(&statement, &recovery, &body);
    assert_int_equal(put(h, &body, &reply), 200);
    assert_status(h, &call, &reply, 409);
    assert_string_equal(text_at(&reply, "type"), "/problems/wrong-state");
    call.body = bytes_str("{\"certificate_ttl_s\":864000}");
    assert_status(h, &call, &reply, 200);
}

static void a_flipped_bit_or_a_tail_is_noticed(void **state)
{
    (void)state;
    AUTO_VAL(pair) recovery;
    AUTO_VAL(pair) signing;
    AUTO_VAL(buf) made = {0};
    struct anchors_statement statement, read;
    pair_make(&recovery);
    pair_make(&signing);
    statement_of("default", 7, &signing.public_half, &recovery.public_half, &statement);
    const struct recovery_key key = {.pem = buf_view(&recovery.pem)};
    assert_ok(anchors_statement_make(&statement, &key, &made));
    assert_ok(anchors_statement_read(buf_view(&made), &read));
    assert_int_equal(read.sequence, 7);
    assert_memory_equal(read.signing.spki, statement.signing.spki, sizeof read.signing.spki);
    assert_ok(anchors_statement_verify(buf_view(&made), &recovery.public_half));
    for (size_t n = 0; n < made.n; n++) {
        assert_int_not_equal(anchors_statement_read((struct bytes){made.p, n}, &read).code, ERR_OK);
        made.p[n] ^= 0x04;
        err_t error = anchors_statement_verify(buf_view(&made), &recovery.public_half);
        assert_int_not_equal(error.code, ERR_OK);
        made.p[n] ^= 0x04;
    }
    assert_ok(buf_append(&made, "", 1));
    assert_error(anchors_statement_read(buf_view(&made), &read), ERR_BAD_ENCODING, "deterministic");
    statement.recovery = statement.signing;
    buf_clear(&made);
    assert_error(anchors_statement_make(&statement, &key, &made), ERR_UNPROCESSABLE, "another");
    const struct recovery_key none = {.pem = bytes_str("nothing")};
    statement.recovery = recovery.public_half;
    assert_error(anchors_statement_make(&statement, &none, &made), ERR_UNPROCESSABLE, "cannot be read");
}

static err_t sign(struct house *h, const char *id)
{
    struct tenant_row tenant;
    struct manifest_signature signature;
    struct manifest_order order = {.to_be_signed = bytes_str("x")};
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    order.tenant = tenant.id;
    assert_ok(uuid_parse(bytes_str(id), &order.key));
    return firmware_key_sign_manifest(h->fleet, &order, &signature);
}

static void a_leak_is_answered(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    AUTO_VAL(pair) recovery;
    struct scene leaked, fresh;
    struct anchors_statement statement;
    pair_make(&recovery);
    make_key(h, "leaked", &leaked);
    statement_of("default", 1, &leaked.signing, &recovery.public_half, &statement);
    body_of(&statement, &recovery, &body);
    assert_int_equal(put(h, &body, &reply), 200);
    make_key(h, "fresh", &fresh);
    assert_ok(sign(h, leaked.id));
    assert_error(sign(h, fresh.id), ERR_WRONG_STATE, "trust another key");

    struct call call = rest(h, HTTP_POST, KEY "/compromised", "{}");
    call.param = leaked.id;
    assert_status(h, &call, &reply, 200);
    call.route = KEY "/replaced";
    assert_status(h, &call, &reply, 409); /* devices still trust it */
    statement_of("default", 2, &leaked.signing, &recovery.public_half, &statement);
    body_of(&statement, &recovery, &body);
    assert_int_equal(put(h, &body, &reply), 422); /* not to a key that others have */

    statement_of("default", 2, &fresh.signing, &recovery.public_half, &statement);
    body_of(&statement, &recovery, &body);
    assert_int_equal(put(h, &body, &reply), 200);
    assert_ok(sign(h, fresh.id));
    assert_error(sign(h, leaked.id), ERR_WRONG_STATE, "");
    call = rest(h, HTTP_GET, "/api/v1/alarms", NULL);
    assert_status(h, &call, &reply, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "alarms")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(anchors_move_by_the_recovery_key_alone, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_statement_of_the_product, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_product_with_statements_keeps_its_name, house_setup,
                                        house_teardown),
        cmocka_unit_test(a_flipped_bit_or_a_tail_is_noticed),
        cmocka_unit_test_setup_teardown(a_leak_is_answered, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
