/* People for the tests of the interface: invited, with an authenticator made by liboath itself, logged in. */
#ifndef WHORL_TESTS_PEOPLE_FIXTURE_H
#define WHORL_TESTS_PEOPLE_FIXTURE_H

#include "tests/unit/api/resource_fixture.h"

#include <liboath/oath.h>

#include "db/people.h"

#define USERS   "/api/v1/users"
#define USER    "/api/v1/users/{id}"
#define ROLES   "/api/v1/roles"
#define ROLE    "/api/v1/roles/{name}"
#define LOGIN   "/api/v1/login"
#define ACCEPT  "/api/v1/invitations/accept"
#define CONFIRM "/api/v1/invitations/confirm"
#define WHOAMI  "/api/v1/whoami"

static const char people_password[] = "mint-gravel-otter-7";

struct human {
    const char *name, *tenant, *password;
    char id[UUID_TEXT_SIZE];
    char invitation[TOKEN_TEXT_SIZE];
    char totp_secret[64];
    char recovery[RECOVERY_CODES][32];
    char session[TOKEN_TEXT_SIZE];
};

static inline void keep(const struct reply *reply, const char *name, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", text_at(reply, name));
}

/** The authenticator's code at a time. */
static inline void totp_at(const char *base32, int64_t at_ms, char out[7])
{
    char *secret = NULL;
    size_t size = 0;
    assert_int_equal(oath_base32_decode(base32, strlen(base32), &secret, &size), OATH_OK);
    assert_int_equal(oath_totp_generate(secret, size, (time_t)(at_ms / 1000), 30, 0, 6, out), OATH_OK);
    free(secret);
}

static inline struct call open_call(const char *route, const char *body)
{
    return (struct call){
        .method = HTTP_POST, .route = route, .type = "application/json", .body = bytes_str(body)};
}

/** Invites by the admin's token. @param roles a JSON array */
static inline void invite(struct house *h, struct human *p, const char *name, const char *roles)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    *p = (struct human){.name = name, .tenant = "default", .password = people_password};
    assert_ok(buf_printf(&body, "{\"name\":\"%s\",\"roles\":%s}", name, roles));
    struct call call = rest(h, HTTP_POST, USERS, buf_str(&body));
    assert_status(h, &call, &reply, 201);
    keep(&reply, "id", p->id, sizeof p->id);
    keep(&reply, "invitation", p->invitation, sizeof p->invitation);
}

static inline int accept_as(struct house *h, struct human *p, struct reply *reply)
{
    AUTO_VAL(buf) body = {0};
    assert_ok(buf_printf(&body, "{\"code\":\"%s\",\"password\":\"%s\"}", p->invitation, p->password));
    struct call call = open_call(ACCEPT, buf_str(&body));
    int status = send_call(h, &call, reply);
    if (status == 200) {
        keep(reply, "totp_secret", p->totp_secret, sizeof p->totp_secret);
    }
    return status;
}

static inline int confirm_with(struct house *h, struct human *p, const char *totp, struct reply *reply)
{
    AUTO_VAL(buf) body = {0};
    assert_ok(buf_printf(&body, "{\"code\":\"%s\",\"totp\":\"%s\"}", p->invitation, totp));
    struct call call = open_call(CONFIRM, buf_str(&body));
    int status = send_call(h, &call, reply);
    json_t *codes = json_object_get(reply->json, "recovery_codes");
    for (size_t i = 0; i < json_array_size(codes); i++) {
        (void)snprintf(p->recovery[i], sizeof p->recovery[i], "%s",
                       json_string_value(json_array_get(codes, i)));
    }
    return status;
}

/** Takes the invitation up; the clock moves on by a step, so that the next code is another one. */
static inline void activate(struct house *h, struct human *p)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    char code[7];
    assert_int_equal(accept_as(h, p, &reply), 200);
    totp_at(p->totp_secret, h->clock.at_ms, code);
    assert_int_equal(confirm_with(h, p, code, &reply), 200);
    manual_clock_advance(&h->clock, 30000);
}

/** @param key "totp" or "recovery_code" */
static inline int log_in_with(struct house *h, struct human *p, const char *key, const char *value,
                              struct reply *reply)
{
    AUTO_VAL(buf) body = {0};
    assert_ok(buf_printf(&body, "{\"tenant\":\"%s\",\"name\":\"%s\",\"password\":\"%s\",\"%s\":\"%s\"}",
                         p->tenant, p->name, p->password, key, value));
    struct call call = open_call(LOGIN, buf_str(&body));
    int status = send_call(h, &call, reply);
    if (status == 200) {
        keep(reply, "session", p->session, sizeof p->session);
    }
    return status;
}

static inline int log_in(struct house *h, struct human *p, struct reply *reply)
{
    char code[7];
    totp_at(p->totp_secret, h->clock.at_ms, code);
    return log_in_with(h, p, "totp", code, reply);
}

/** Invited, active, logged in. */
static inline void person_make(struct house *h, struct human *p, const char *name, const char *roles)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    invite(h, p, name, roles);
    activate(h, p);
    assert_int_equal(log_in(h, p, &reply), 200);
    manual_clock_advance(&h->clock, 30000);
}

static inline int status_of(struct house *h, const char *credential, const char *route)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = {.method = HTTP_GET, .route = route, .token = credential};
    return send_call(h, &call, &reply);
}

/** An action of a user by the admin's token, or another credential. @return the status */
static inline int user_action(struct house *h, const char *by, const char *action, const char *id,
                              struct reply *reply)
{
    char route[64];
    (void)snprintf(route, sizeof route, USER "/%s", action);
    struct call call = rest(h, HTTP_POST, route, NULL);
    call.param = id;
    call.token = by != NULL ? by : h->admin;
    return send_call(h, &call, reply);
}

#endif
