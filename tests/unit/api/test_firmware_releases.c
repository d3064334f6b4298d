/* Releases over REST: from draft to withdrawal, what is signed, every rule against going back, two people. */
#include "tests/unit/api/release_house.h"

#include "fleet/firmware_keys.h"

#define PRODUCTS "/api/v1/products"

/* --- from draft to withdrawal -------------------------------------------------------------------------- */

static void the_manifest_verifies(struct house *h, const char *release, const char *key)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct suit_envelope envelope;
    struct firmware_key_row row;
    struct tenant_row tenant;
    struct uuid id;
    struct sha256 bytes;
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    assert_ok(uuid_parse(bytes_str(key), &id));
    assert_ok(firmware_key_get(h->fleet, tenant.id, id, &row));
    struct call call = about(h, HTTP_GET, RELEASE "/manifest", release, NULL);
    assert_int_equal(send_call(h, &call, &reply), 200);
    assert_ok(suit_envelope_read(buf_view(&reply.response.body), &envelope));
    assert_ok(suit_envelope_verify(&envelope, (struct bytes){row.spki, row.spki_size}));
    assert_int_equal(envelope.manifest.sequence, 1);
    assert_int_equal(envelope.manifest.count, 1);
    assert_int_equal(envelope.manifest.components[0].counter, 3);
    assert_string_equal(envelope.manifest.components[0].version, "1.0.0");
    assert_string_equal(envelope.manifest.components[0].format, "raw");
    assert_int_equal(envelope.manifest.components[0].size, 5);
    assert_ok(sha256_of(bytes_str("first"), &bytes));
    assert_memory_equal(envelope.manifest.components[0].digest.b, bytes.b, sizeof bytes.b);
}

static void a_release_lives(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char image[UUID_TEXT_SIZE], key[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], word[32];
    add_image(h, &(struct image_wish){.version = "1.0.0", .bytes = "first", .counter = 3}, image);
    make_key(h, "m", key);
    assert_int_equal(draft(h, image, key, ",\"kind\":\"security\",\"notes\":\"two\\nlines\"", &reply), 201);
    take_id(&reply, id);
    assert_string_equal(reply_header(&reply, "Location") + strlen(RELEASES "/"), id);
    assert_string_equal(text_at(&reply, "version"), "1.0.0"); /* of the image, like the counter */
    assert_int_equal(number_at(&reply, "counter"), 3);
    assert_int_equal(number_at(&reply, "sequence"), 1);
    assert_string_equal(text_at(&reply, "state"), "draft");
    assert_int_equal(strlen(text_at(&reply, "subject_sha256")), 64);
    refused(h, "publish", id, 409, "is draft; publishing needs it to be approved");
    refused(h, "withdraw", id, 409, "is draft");
    struct call call = about(h, HTTP_GET, RELEASE "/manifest", id, NULL);
    assert_int_equal(send_call(h, &call, &reply), 404);
    assert_int_equal(step(h, "approve", id, &reply), 200);
    assert_string_equal(text_at(&reply, "state"), "signing");
    refused(h, "approve", id, 409, "is signing");
    call = change(h, RELEASE, id, "*", "{\"notes\":\"x\"}");
    assert_status(h, &call, &reply, 409); /* not while it is signed */
    sign_all(h);
    sign_all(h); /* nothing is left to do */
    assert_string_equal(state_of(h, id, word), "approved");
    the_manifest_verifies(h, id, key);
    assert_int_equal(step(h, "publish", id, &reply), 200);
    assert_non_null(json_object_get(reply.json, "published_at"));
    refused(h, "publish", id, 409, "is published");
    assert_int_equal(step(h, "withdraw", id, &reply), 200);
    assert_string_equal(text_at(&reply, "reason"), "bad");
    refused(h, "withdraw", id, 409, "is withdrawn");
    call = rest(h, HTTP_GET, RELEASES, NULL);
    call.query[0] = (struct http_field){"state", "withdrawn"};
    call.query[1] = (struct http_field){"product", "default"};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "releases"), 1);
    call.query[0].value = "draft";
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "releases"), 0);
    call.query[0].value = "new";
    assert_status(h, &call, &reply, 400);
    assert_bad_pages(h, RELEASES, "releases");
}

static void wrong_drafts(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char image[UUID_TEXT_SIZE], other[UUID_TEXT_SIZE], key[UUID_TEXT_SIZE], body[512], more[256];
    struct call call = rest(h, HTTP_POST, PRODUCTS, "{\"name\":\"lamp\"}");
    assert_status(h, &call, &reply, 201);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "mine", .counter = 4}, image);
    add_image(h, &(struct image_wish){.product = "lamp", .version = "1", .bytes = "x", .counter = -1}, other);
    make_key(h, "m", key);
    call = rest(h, HTTP_POST, RELEASES,
                "{\"images\":[{\"part\":3},7],\"colour\":1,\"kind\":\"big\",\"sequence\":0,\"counter\":-1,"
                "\"manifest_key\":\"x\",\"support_until\":\"soon\"}");
    assert_status(h, &call, &reply, 422);
    static const char *const pointers[] = {"/product", "/images/0",     "/images/1",
                                           "/colour",  "/kind",         "/sequence",
                                           "/counter", "/manifest_key", "/support_until"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_true(has_pointer(&reply, pointers[i]));
    }
    assert_int_equal(draft(h, other, key, "", &reply), 422); /* of another product */
    assert_true(has_pointer(&reply, "/images/0/image"));
    assert_int_equal(draft(h, image, image, "", &reply), 422);
    assert_true(has_pointer(&reply, "/manifest_key"));
    assert_int_equal(draft(h, image, key, ",\"counter\":5", &reply), 422);
    assert_true(has_pointer(&reply, "/counter"));
    assert_int_equal(draft(h, image, key, ",\"sequence\":2,\"min_sequence\":2", &reply), 422);
    assert_true(has_pointer(&reply, "/min_sequence"));
    assert_int_equal(draft(h, image, key, ",\"csaf_url\":\"http://plain.example/\"", &reply), 422);
    assert_true(has_pointer(&reply, "/csaf_url"));
    (void)snprintf(more, sizeof more, ",\"rollback_of\":\"%s\"", image);
    assert_int_equal(draft(h, image, key, more, &reply), 422);
    assert_true(has_pointer(&reply, "/rollback_of"));
    (void)snprintf(
        body, sizeof body,
        "{\"product\":\"default\",\"images\":[{\"image\":\"%s\"},{\"image\":\"%s\",\"part\":\"b\"}]}", image,
        image);
    call = rest(h, HTTP_POST, RELEASES, body);
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/images/1/part"));
    (void)snprintf(
        body, sizeof body,
        "{\"product\":\"default\",\"images\":[{\"image\":\"%s\",\"recipe\":{\"form\":\"embedded\"}}]}",
        image);
    call = rest(h, HTTP_POST, RELEASES, body);
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/images/0"));
    call = rest(h, HTTP_POST, RELEASES, "{\"product\":\"nothing\",\"images\":[]}");
    assert_status(h, &call, &reply, 422);
}

static void others_see_nothing(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char image[UUID_TEXT_SIZE], key[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], token[TOKEN_TEXT_SIZE];
    add_image(h, &(struct image_wish){.version = "1", .bytes = "mine", .counter = -1}, image);
    make_key(h, "m", key);
    drafted(h, image, key, "", id);
    (void)other_tenant(h, "acme", SCOPE_ADMIN, token);
    struct call call = about(h, HTTP_GET, RELEASE, id, NULL);
    call.token = token;
    assert_status(h, &call, &reply, 404);
    static const char *const steps[] = {RELEASE "/approve", RELEASE "/publish"};
    for (size_t i = 0; i < 2; i++) {
        call = about(h, HTTP_POST, steps[i], id, NULL);
        call.token = token;
        assert_status(h, &call, &reply, 404);
    }
    call = rest(h, HTTP_GET, RELEASES, NULL);
    call.token = token;
    assert_status(h, &call, &reply, 200);
    assert_int_equal(count_of(&reply, "releases"), 0);
    /* nor can it give out an image of ours */
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"product\":\"default\",\"version\":\"1\",\"images\":[{\"image\":\"%s\"}]}", image);
    call = rest(h, HTTP_POST, RELEASES, body);
    call.token = token;
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/images/0/image"));
}

/* --- signing -------------------------------------------------------------------------------------------- */

static void what_cannot_be_signed_is_a_draft_again(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "a", .counter = -1}, image);
    drafted(h, image, key, "", id);
    assert_int_equal(step(h, "approve", id, &reply), 200);
    struct call call = about(h, HTTP_POST, "/api/v1/firmware/keys/{id}/retire", key, "{}");
    assert_status(h, &call, &reply, 200);
    sign_all(h);
    call = about(h, HTTP_GET, RELEASE, id, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "draft");
    assert_non_null(strstr(text_at(&reply, "reason"), "retired"));
    assert_null(json_object_get(reply.json, "approved_by"));
    refused(h, "approve", id, 409, "retired");
    make_key(h, "next", key);
    char body[96];
    (void)snprintf(body, sizeof body, "{\"manifest_key\":\"%s\"}", key);
    call = change(h, RELEASE, id, "*", body);
    assert_status(h, &call, &reply, 200);
    publish(h, id);
}

static void a_draft_without_key_is_not_approved(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], body[256];
    add_image(h, &(struct image_wish){.version = "1", .bytes = "a", .counter = -1}, image);
    (void)snprintf(body, sizeof body, "{\"product\":\"default\",\"images\":[{\"image\":\"%s\"}]}", image);
    struct call call = rest(h, HTTP_POST, RELEASES, body);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    refused(h, "approve", id, 409, "manifest_key");
    call = about(h, HTTP_DELETE, RELEASE, id, NULL);
    assert_status(h, &call, &reply, 204);
    call = about(h, HTTP_GET, RELEASE, id, NULL);
    assert_status(h, &call, &reply, 404);
}

static void a_change_of_an_approved_one_makes_a_draft(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "a", .counter = -1}, image);
    drafted(h, image, key, "", id);
    assert_int_equal(step(h, "approve", id, &reply), 200);
    sign_all(h);
    struct call call = change(h, RELEASE, id, "*", "{\"sequence\":7}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "draft");
    assert_null(json_object_get(reply.json, "manifest_sha256"));
    call = about(h, HTTP_GET, RELEASE "/manifest", id, NULL);
    assert_int_equal(send_call(h, &call, &reply), 404);
    call = change(h, RELEASE, id, NULL, "{\"sequence\":8}");
    assert_status(h, &call, &reply, 428);
    call = change(h, RELEASE, id, "\"1\"", "{\"sequence\":8}");
    assert_status(h, &call, &reply, 412);
}

/* --- two people ----------------------------------------------------------------------------------------- */

static void a_second_person_agrees(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], asked[UUID_TEXT_SIZE], word[32];
    char ben[TOKEN_TEXT_SIZE], too[TOKEN_TEXT_SIZE], body[128];
    person(h, "ben", ben);
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "a", .counter = -1}, image);
    drafted(h, image, key, "", id);
    struct call call = rest(h, HTTP_PATCH, "/api/v1/dual-control", "{\"kinds\":[\"firmware.approve\"]}");
    call.headers[0] = (struct http_field){"If-Match", "\"0\""};
    assert_status(h, &call, &reply, 200);
    assert_int_equal(step(h, "approve", id, &reply), 202);
    take_id(&reply, asked);
    assert_string_equal(state_of(h, id, word), "draft");
    sign_all(h); /* nothing is signed for what waits */
    assert_string_equal(state_of(h, id, word), "draft");
    /* another token of the same person is the same person */
    time_format(h->clock.at_ms + 3600000, word);
    (void)snprintf(body, sizeof body, "{\"name\":\"too\",\"scopes\":[\"admin\"],\"expires_at\":\"%s\"}",
                   word);
    call = rest(h, HTTP_POST, "/api/v1/tokens", body);
    assert_status(h, &call, &reply, 201);
    (void)snprintf(too, sizeof too, "%s", text_at(&reply, "token"));
    assert_int_equal(decide(h, too, asked, "approve", &reply), 403);
    assert_non_null(strstr(text_at(&reply, "detail"), "same person"));
    assert_int_equal(decide(h, h->admin, asked, "approve", &reply), 403);
    /* a change voids it */
    call = change(h, RELEASE, id, "*", "{\"notes\":\"another\"}");
    assert_status(h, &call, &reply, 200);
    assert_int_equal(decide(h, ben, asked, "approve", &reply), 409);
    assert_non_null(strstr(text_at(&reply, "detail"), "void"));
    assert_string_equal(state_of(h, id, word), "draft");
    assert_int_equal(step(h, "approve", id, &reply), 202);
    take_id(&reply, asked);
    assert_string_equal(text_at(&reply, "kind"), "firmware.approve");
    const json_t *subject = json_object_get(reply.json, "subject");
    assert_non_null(json_object_get(subject, "manifest"));
    assert_non_null(json_object_get(subject, "counter"));
    assert_int_equal(decide(h, ben, asked, "approve", &reply), 200);
    assert_string_equal(text_at(&reply, "result"), id);
    sign_all(h);
    assert_string_equal(state_of(h, id, word), "approved");
    assert_int_equal(decide(h, ben, asked, "approve", &reply), 409); /* once */
}

struct approver {
    struct house *house;
    const char *id;
    pthread_t thread;
    int status;
};

static void *approve_one(void *arg)
{
    struct approver *approver = arg;
    AUTO_VAL(reply) reply = {.json = NULL};
    approver->status = step(approver->house, "approve", approver->id, &reply);
    return NULL;
}

static void two_approvals_at_once(void **state)
{
    struct house *h = *state;
    struct approver racers[8];
    int done = 0;
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "a", .counter = -1}, image);
    drafted(h, image, key, "", id);
    for (size_t i = 0; i < 8; i++) {
        racers[i] = (struct approver){.house = h, .id = id};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, approve_one, &racers[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        done += racers[i].status == 200 ? 1 : 0;
        assert_true(racers[i].status == 200 || racers[i].status == 409);
    }
    assert_int_equal(done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_release_lives, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(wrong_drafts, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(others_see_nothing, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_signed_is_a_draft_again, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_draft_without_key_is_not_approved, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_change_of_an_approved_one_makes_a_draft, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(a_second_person_agrees, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(two_approvals_at_once, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
