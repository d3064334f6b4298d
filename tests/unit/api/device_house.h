/* What the tests of interfaces about devices share: chips that are enrolled, orders, another tenant. */
#ifndef WHORL_TESTS_API_DEVICE_HOUSE_H
#define WHORL_TESTS_API_DEVICE_HOUSE_H

#include "tests/unit/api/api_fixture.h"

static inline struct call about(const struct house *h, enum http_method method, const char *route,
                                const char *param, const char *body)
{
    struct call call = rest(h, method, route, body);
    call.param = param;
    return call;
}

/** Enrols a chip by EST under its identity key. @return the status */
static inline int enrol_by_est(struct house *h, const struct chip *chip)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) csr = {0};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    make_csr(key, "SHA256", NULL, &csr);
    struct call call = {.method = HTTP_POST,
                        .route = "/.well-known/est/simpleenroll",
                        .peer = &chip->peer,
                        .type = "application/pkcs10",
                        .body = buf_view(&csr)};
    return send_call(h, &call, &reply);
}

/** An admin's token of a tenant that has nothing. */
static inline void other_tenant(struct house *h, char text[TOKEN_TEXT_SIZE])
{
    const struct actor actor = {.name = "test", .request_id = ""};
    struct tenant_row tenant;
    struct token_row row;
    assert_ok(tenant_add(h->fleet, &actor, "other", &tenant));
    const struct token_order order = {
        .tenant = tenant.id, .name = "t", .scopes = SCOPE_ADMIN, .expires_at = h->clock.at_ms + 1000};
    assert_ok(token_add(h->fleet, &actor, &order, text, &row));
}

/** A token of the first tenant with these scopes only. */
static inline void token_with(struct house *h, uint32_t scopes, char text[TOKEN_TEXT_SIZE])
{
    const struct actor actor = {.name = "test", .request_id = ""};
    struct tenant_row tenant;
    struct token_row row;
    assert_ok(tenant_find(h->fleet, "default", &tenant));
    const struct token_order order = {
        .tenant = tenant.id, .name = "few", .scopes = scopes, .expires_at = h->clock.at_ms + 1000};
    assert_ok(token_add(h->fleet, &actor, &order, text, &row));
}

static inline const char *text_of_item(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text == NULL ? "" : text;
}

#endif
