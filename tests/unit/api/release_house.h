/* A house with a store of bytes and a manifest key: images of any format by their rows, releases by REST. */
#ifndef WHORL_TESTS_RELEASE_HOUSE_H
#define WHORL_TESTS_RELEASE_HOUSE_H

#include "tests/unit/api/resource_fixture.h"

#include <sys/stat.h>

#include "db/firmware_image_rows.h"
#include "db/product_rows.h"
#include "fleet/blobs.h"
#include "fleet/images.h"
#include "fleet/internal.h"
#include "fleet/release_sign.h"
#include "pki/suit.h"

#define RELEASES "/api/v1/firmware/releases"
#define RELEASE  "/api/v1/firmware/releases/{id}"
#define KEYS     "/api/v1/firmware/keys"

static inline struct call about(const struct house *h, enum http_method method, const char *route,
                                const char *param, const char *body)
{
    struct call call = rest(h, method, route, body);
    call.param = param;
    return call;
}

static inline size_t count_of(const struct reply *reply, const char *name)
{
    return json_array_size(json_object_get(reply->json, name));
}

/** A second person's token, made at the console. */
static inline void person(struct house *h, const char *name, char text[TOKEN_TEXT_SIZE])
{
    static const struct actor console = {.name = "whorld", .request_id = ""};
    struct tenant_row tenant;
    struct token_row row;
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    const struct token_order order = {.tenant = tenant.id,
                                      .name = name,
                                      .scopes = (uint32_t)SCOPE_ADMIN,
                                      .expires_at = h->clock.at_ms + 86400000};
    assert_ok(token_add(h->fleet, &console, &order, text, &row));
}

/** @param verb "approve", … */
static inline int decide(struct house *h, const char *token, const char *id, const char *verb,
                         struct reply *reply)
{
    char route[64];
    (void)snprintf(route, sizeof route, "/api/v1/approvals/{id}/%s", verb);
    struct call call = about(h, HTTP_POST, route, id, NULL);
    call.token = token;
    return send_call(h, &call, reply);
}

struct image_wish {
    const char *product, *version, *bytes;
    enum image_format format;
    int64_t counter;
};

struct find_product {
    const char *name;
    struct product_row row;
    struct uuid tenant;
};

static inline err_t find_product_in(struct db_tx *tx, void *arg)
{
    struct find_product *find = arg;
    return product_rows_find(tx, find->tenant, bytes_str(find->name), &find->row);
}

/** An image as if it had been uploaded. @param[out] id of it */
static inline void add_image(struct house *h, const struct image_wish *wish, char id[UUID_TEXT_SIZE])
{
    static const struct actor actor = {.name = "token:up", .request_id = ""};
    struct tenant_row tenant;
    struct uuid name, image;
    int64_t at = 0;
    struct blob_store *store = NULL;
    AUTO_PTR(blob_writer) *writer = NULL;
    AUTO(json_t) *facts = json_object();
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    struct find_product find = {.name = wish->product == NULL ? "default" : wish->product,
                                .tenant = tenant.id};
    assert_ok(db_read(h->fleet->db, find_product_in, &find));
    assert_ok(blob_store_of(h->fleet, &store));
    assert_ok(uuid_new(&h->clock.clock, random_system(), &name));
    assert_ok(blob_writer_open(store, name, &at, &writer));
    assert_ok(blob_writer_add(writer, bytes_str(wish->bytes)));
    const struct image_new wanted = {.tenant = tenant.id,
                                     .product = find.row.id,
                                     .filename = "image.bin",
                                     .format = wish->format,
                                     .version = wish->version,
                                     .counter = wish->counter,
                                     .facts = facts,
                                     .actor = &actor};
    assert_ok(image_add_derived(h->fleet, &wanted, writer, &image));
    uuid_format(image, id);
}

static inline void make_key(struct house *h, const char *name, char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char body[128];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\",\"role\":\"manifest\"}", name);
    struct call call = rest(h, HTTP_POST, KEYS, body);
    assert_status(h, &call, &reply, 201);
    take_id(&reply, id);
}

/** A draft of one image. @param more members, "" or beginning with a comma */
static inline int draft(struct house *h, const char *image, const char *key, const char *more,
                        struct reply *reply)
{
    char body[1024];
    (void)snprintf(body, sizeof body,
                   "{\"product\":\"default\",\"images\":[{\"image\":\"%s\"}],\"manifest_key\":\"%s\"%s}",
                   image, key, more);
    struct call call = rest(h, HTTP_POST, RELEASES, body);
    return send_call(h, &call, reply);
}

static inline void drafted(struct house *h, const char *image, const char *key, const char *more,
                           char id[UUID_TEXT_SIZE])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    int status = draft(h, image, key, more, &reply);
    if (status != 201) {
        print_error("%s\n", text_at(&reply, "detail"));
    }
    assert_int_equal(status, 201);
    take_id(&reply, id);
}

static inline int step(struct house *h, const char *word, const char *id, struct reply *reply)
{
    char route[96];
    (void)snprintf(route, sizeof route, RELEASE "/%s", word);
    struct call call =
        about(h, HTTP_POST, route, id, strcmp(word, "withdraw") == 0 ? "{\"reason\":\"bad\"}" : NULL);
    return send_call(h, &call, reply);
}

static inline void sign_all(struct house *h)
{
    assert_ok(release_sign_run(h->fleet, h->clock.at_ms));
}

/** Approved, signed and published. */
static inline void publish(struct house *h, const char *id)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    int status = step(h, "approve", id, &reply);
    if (status == 200) {
        sign_all(h);
        status = step(h, "publish", id, &reply);
    }
    if (status != 200) {
        print_error("%s\n", text_at(&reply, "detail"));
    }
    assert_int_equal(status, 200);
    assert_string_equal(text_at(&reply, "state"), "published");
}

/** What a step says that is refused. */
static inline void refused(struct house *h, const char *word, const char *id, int status, const char *part)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    assert_int_equal(step(h, word, id, &reply), status);
    if (strstr(text_at(&reply, "detail"), part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, text_at(&reply, "detail"));
    }
}

static inline const char *state_of(struct house *h, const char *id, char out[32])
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = about(h, HTTP_GET, RELEASE, id, NULL);
    assert_status(h, &call, &reply, 200);
    (void)snprintf(out, 32, "%s", text_at(&reply, "state"));
    return out;
}

#endif
