/* Releases against the lines of what was published, and at their end: bytes that rot, support, SBOM. */
#include "tests/unit/api/release_house.h"

/* --- never back ----------------------------------------------------------------------------------------- */

/* Versions of the format have an order; its bytes are not read before publishing. */
static err_t call_it_mcuboot(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_change(tx, "UPDATE firmware_image SET format = 1", NULL, 0, NULL);
}

static void nothing_goes_back(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char key[UUID_TEXT_SIZE], first[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "2.0.0", .bytes = "two", .counter = 5}, first);
    drafted(h, first, key, ",\"sequence\":10", id);
    publish(h, id);
    assert_ok(db_write(h->fleet->db, call_it_mcuboot, NULL));
    assert_int_equal(draft(h, first, key, ",\"sequence\":11", &reply), 409); /* the version is given */
    add_image(
        h,
        &(struct image_wish){.format = IMAGE_MCUBOOT, .version = "2.0.0", .bytes = "other two", .counter = 5},
        image);
    drafted(h, image, key, ",\"version\":\"2.0.0-again\"", id);
    refused(h, "approve", id, 409, "was published with other bytes");
    add_image(
        h, &(struct image_wish){.format = IMAGE_MCUBOOT, .version = "1.9.9", .bytes = "less", .counter = 5},
        image);
    drafted(h, image, key, "", id);
    refused(h, "approve", id, 409, "is not above 2.0.0");
    add_image(h, &(struct image_wish){.version = "2.1.0", .bytes = "weaker", .counter = 4}, image);
    drafted(h, image, key, "", id);
    refused(h, "approve", id, 409, "counter 4 is below 5");
    add_image(h, &(struct image_wish){.version = "2.2.0", .bytes = "none", .counter = -1}, image);
    drafted(h, image, key, "", id);
    refused(h, "approve", id, 409, "counter -1 is below 5");
    add_image(h, &(struct image_wish){.version = "2.3.0", .bytes = "late", .counter = 5}, image);
    drafted(h, image, key, ",\"sequence\":9", id);
    refused(h, "approve", id, 409, "sequence 9 is not above 10");
    /* a class meets the line of all classes, and all classes meet each */
    add_image(h, &(struct image_wish){.version = "3.0.0", .bytes = "b", .counter = 5}, image);
    drafted(h, image, key, ",\"class\":\"rev-b\",\"sequence\":8", id);
    refused(h, "approve", id, 409, "sequence 8 is not above 10");
    struct call call = change(h, RELEASE, id, "*", "{\"sequence\":20}");
    assert_status(h, &call, &reply, 200);
    publish(h, id);
    add_image(h, &(struct image_wish){.version = "4.0.0", .bytes = "all", .counter = 5}, image);
    drafted(h, image, key, ",\"sequence\":15", id);
    refused(h, "approve", id, 409, "is not above 20, which was published for class \"rev-b\"");
    call = change(h, RELEASE, id, "*", "{\"class\":\"rev-c\"}"); /* which that one is not for */
    assert_status(h, &call, &reply, 200);
    publish(h, id);
}

/* Judged again when it is published: of two that were approved side by side the lower one stays. */
static void rules_hold_at_publish(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], low[UUID_TEXT_SIZE], high[UUID_TEXT_SIZE];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "a", .counter = -1}, image);
    drafted(h, image, key, "", low);
    add_image(h, &(struct image_wish){.version = "2", .bytes = "b", .counter = -1}, image);
    drafted(h, image, key, "", high);
    assert_int_equal(step(h, "approve", low, &reply), 200);
    publish(h, high);
    refused(h, "publish", low, 409, "sequence 1 is not above 2");
}

static void going_back_on_purpose(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], old[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], body[256];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1.0.0", .bytes = "old", .counter = 1}, image);
    drafted(h, image, key, "", old);
    (void)snprintf(body, sizeof body,
                   "{\"product\":\"default\",\"rollback_of\":\"%s\",\"manifest_key\":\"%s\"}", old, key);
    struct call call = rest(h, HTTP_POST, RELEASES, body);
    assert_status(h, &call, &reply, 422); /* it never was out */
    publish(h, old);
    add_image(h, &(struct image_wish){.version = "2.0.0", .bytes = "new", .counter = 2}, image);
    drafted(h, image, key, "", id);
    publish(h, id);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
    assert_string_equal(text_at(&reply, "version"), "1.0.0");
    assert_int_equal(number_at(&reply, "counter"), 1);
    assert_int_equal(number_at(&reply, "sequence"), 3);
    publish(h, id);
    add_image(h, &(struct image_wish){.version = "3.0.0", .bytes = "third", .counter = 1}, image);
    drafted(h, image, key, "", id);
    refused(h, "approve", id, 409, "counter 1 is below 2"); /* the line's counter stayed */
}

/* --- bytes, support, SBOM ------------------------------------------------------------------------------- */

static void spoil(struct house *h, const char *text)
{
    struct sha256 hash;
    struct blob_store *store = NULL;
    AUTO_VAL(buf) path = {0};
    assert_ok(sha256_of(bytes_str(text), &hash));
    assert_ok(blob_store_of(h->fleet, &store));
    assert_ok(blob_path(store, &hash, &path));
    assert_int_equal(chmod(buf_str(&path), 0600), 0);
    FILE *file = fopen(buf_str(&path), "r+");
    assert_non_null(file);
    assert_int_equal(fputc('X', file), 'X');
    assert_int_equal(fclose(file), 0);
}

static void bytes_are_read_again(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], word[32];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "good bytes", .counter = -1}, image);
    drafted(h, image, key, "", id);
    assert_int_equal(step(h, "approve", id, &reply), 200);
    sign_all(h);
    spoil(h, "good bytes");
    assert_int_equal(step(h, "publish", id, &reply), 410);
    assert_string_equal(state_of(h, id, word), "approved");
    refused(h, "publish", id, 409, "withdrawn"); /* the image is, from now on */
}

static void support_only_rises(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "a", .counter = -1}, image);
    drafted(h, image, key, ",\"kind\":\"security\",\"support_until\":\"2030-01-01T00:00:00Z\"", id);
    publish(h, id);
    struct call call = change(h, RELEASE, id, "*", "{\"support_until\":\"2029-12-31T00:00:00Z\"}");
    assert_status(h, &call, &reply, 422);
    assert_true(has_pointer(&reply, "/support_until"));
    call = change(h, RELEASE, id, "*",
                  "{\"support_until\":\"2045-01-01T00:00:00Z\",\"csaf_url\":\"https://x.example/1\"}");
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "state"), "published");
    assert_string_equal(text_at(&reply, "support_until"), "2045-01-01T00:00:00Z");
    call = about(h, HTTP_GET, "/api/v1/firmware/images/{id}", image, NULL);
    assert_status(h, &call, &reply, 200);
    assert_string_equal(text_at(&reply, "hold_until"), "2045-01-01T00:00:00Z"); /* so long it is kept */
    call = change(h, RELEASE, id, "*", "{\"version\":\"2\"}");
    assert_status(h, &call, &reply, 409);
}

static int put_sbom(struct house *h, const char *id, const char *type, const char *body, struct reply *reply)
{
    struct call call = about(h, HTTP_PUT, RELEASE "/sbom", id, body);
    call.type = type;
    return send_call(h, &call, reply);
}

static void an_sbom_is_kept(void **state)
{
    struct house *h = *state;
    AUTO_VAL(reply) reply = {.json = NULL};
    static const char cyclonedx[] = "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\"}";
    static const char spdx[] = "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[]}";
    char key[UUID_TEXT_SIZE], image[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    make_key(h, "m", key);
    add_image(h, &(struct image_wish){.version = "1", .bytes = "a", .counter = -1}, image);
    drafted(h, image, key, "", id);
    struct call call = about(h, HTTP_GET, RELEASE "/sbom", id, NULL);
    assert_status(h, &call, &reply, 404);
    assert_int_equal(put_sbom(h, id, "application/json", "{\"a\":1}", &reply), 422);
    assert_int_equal(put_sbom(h, id, "application/json", "{\"a\":", &reply), 400);
    assert_int_equal(put_sbom(h, id, "text/plain", cyclonedx, &reply), 415);
    assert_int_equal(put_sbom(h, id, "application/json", cyclonedx, &reply), 200);
    assert_string_equal(text_at(&reply, "sbom_type"), "cyclonedx");
    assert_int_equal(put_sbom(h, id, "application/json", cyclonedx, &reply), 200); /* the same again */
    assert_int_equal(send_call(h, &call, &reply), 200);
    assert_string_equal(buf_str(&reply.response.body), cyclonedx);
    assert_int_equal(put_sbom(h, id, "application/json", spdx, &reply), 200);
    assert_int_equal(send_call(h, &call, &reply), 200);
    assert_string_equal(buf_str(&reply.response.body), spdx);
    assert_string_equal(reply.response.content_type, "application/spdx+json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_goes_back, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(rules_hold_at_publish, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(going_back_on_purpose, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(bytes_are_read_again, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(support_only_rises, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(an_sbom_is_kept, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
