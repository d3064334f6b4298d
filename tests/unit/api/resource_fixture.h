/* Short words for the tests of resources that are listed, made and changed alike. */
#ifndef WHORL_TESTS_RESOURCE_FIXTURE_H
#define WHORL_TESTS_RESOURCE_FIXTURE_H

#include "tests/unit/api/api_fixture.h"

#include <pthread.h>

enum { RACERS = 8 };

static inline void take_id(const struct reply *reply, char out[UUID_TEXT_SIZE])
{
    (void)snprintf(out, UUID_TEXT_SIZE, "%s", text_at(reply, "id"));
}

static inline bool has_pointer(const struct reply *reply, const char *pointer)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(reply->json, "errors"), i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "pointer")), pointer) == 0) {
            return true;
        }
    }
    return false;
}

/** A PATCH. @param etag for If-Match, or NULL */
static inline struct call change(const struct house *h, const char *route, const char *id, const char *etag,
                                 const char *body)
{
    struct call call = rest(h, HTTP_PATCH, route, body);
    call.param = id;
    if (etag != NULL) {
        call.headers[0] = (struct http_field){"If-Match", etag};
    }
    return call;
}

/** A tenant of its own with a token of it. */
static inline struct tenant_row other_tenant(struct house *h, const char *name, uint32_t scopes,
                                             char token[TOKEN_TEXT_SIZE])
{
    static const struct actor actor = {.name = "whorld", .request_id = ""};
    struct tenant_row tenant;
    struct token_row row;
    assert_ok(tenant_add(h->fleet, &actor, name, &tenant));
    const struct token_order order = {
        .tenant = tenant.id, .name = "t", .scopes = scopes, .expires_at = h->clock.at_ms + 86400000};
    assert_ok(token_add(h->fleet, &actor, &order, token, &row));
    return tenant;
}

/** Neither read nor changed with that token, and no different from what is nowhere. */
static inline void assert_unseen(struct house *h, const char *route, const char *id, const char *token)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_GET, route, NULL);
    call.param = id;
    assert_status(h, &call, &reply, 200);
    call.token = token;
    assert_status(h, &call, &reply, 404);
    call = change(h, route, id, "*", "{\"name\":\"stolen\"}");
    call.token = token;
    assert_status(h, &call, &reply, 404);
}

static inline void assert_bad_pages(struct house *h, const char *route, const char *name)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    static const struct http_field bad[] = {{"limit", "0"},
                                            {"limit", "1001"},
                                            {"limit", "x"},
                                            {"cursor", "AAAA"},
                                            {"cursor", ""},
                                            {"colour", "red"},
                                            {"cursor", "00112233445566778899aabbccddeeff0011223344556677"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct call call = rest(h, HTTP_GET, route, NULL);
        call.query[0] = bad[i];
        assert_status(h, &call, &reply, 400);
    }
    struct call call = rest(h, HTTP_GET, route, NULL);
    assert_status(h, &call, &reply, 200);
    assert_true(json_is_array(json_object_get(reply.json, name)));
}

struct racer {
    struct house *house;
    const char *route, *id;
    pthread_t thread;
    char body[64];
    int status;
};

static inline void *race_one(void *arg)
{
    struct racer *racer = arg;
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = change(racer->house, racer->route, racer->id, "\"1\"", racer->body);
    racer->status = send_call(racer->house, &call, &reply);
    return NULL;
}

/** Eight PATCHes of the name at version 1 at once. */
static inline void race(struct house *h, struct racer racers[RACERS], const char *route, const char *id)
{
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.house = h, .route = route, .id = id};
        (void)snprintf(racers[i].body, sizeof racers[i].body, "{\"name\":\"racer-%d\"}", i);
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race_one, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
    }
}

#endif
