/* What the tests of dual control share: a second person of the first tenant, and short calls. */
#ifndef WHORL_TESTS_API_TWO_PEOPLE_H
#define WHORL_TESTS_API_TWO_PEOPLE_H

#include "tests/unit/api/device_house.h"

#define SETTING         "/api/v1/dual-control"
#define PRODUCT_SETTING "/api/v1/products/{id}/dual-control"
#define APPROVALS       "/api/v1/approvals"
#define APPROVAL        "/api/v1/approvals/{id}"

/** A token made at the console: its owner is itself. */
static inline void person(struct house *h, const char *name, uint32_t scopes, char text[TOKEN_TEXT_SIZE])
{
    static const struct actor console = {.name = "whorld", .request_id = ""};
    struct tenant_row tenant;
    struct token_row row;
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    const struct token_order order = {
        .tenant = tenant.id, .name = name, .scopes = scopes, .expires_at = h->clock.at_ms + 86400000};
    assert_ok(token_add(h->fleet, &console, &order, text, &row));
}

/** Sets what waits in the tenant, by the first admin. @param etag of the setting as it is */
static inline int set_kinds(struct house *h, const char *etag, const char *kinds, struct reply *reply)
{
    char body[256];
    (void)snprintf(body, sizeof body, "{\"kinds\":%s}", kinds);
    struct call call = rest(h, HTTP_PATCH, SETTING, body);
    call.headers[0] = (struct http_field){"If-Match", etag};
    return send_call(h, &call, reply);
}

/** @param verb "approve", … */
static inline int decide(struct house *h, const char *token, const char *id, const char *verb,
                         struct reply *reply)
{
    char route[64];
    (void)snprintf(route, sizeof route, APPROVAL "/%s", verb);
    struct call call = about(h, HTTP_POST, route, id, NULL);
    call.token = token;
    return send_call(h, &call, reply);
}

static inline void keep_id(const struct reply *reply, char out[UUID_TEXT_SIZE])
{
    (void)snprintf(out, UUID_TEXT_SIZE, "%s", text_at(reply, "id"));
}

static inline size_t count_of(const struct reply *reply, const char *name)
{
    return json_array_size(json_object_get(reply->json, name));
}

#endif
