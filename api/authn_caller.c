/* Callers of the management interface: finds the credential in the request, hands it to the function of its
 * kind, and asks for the scopes of the route. */
#include <string.h>
#include <strings.h>

#include "api/authn_kinds.h"
#include "api/rates.h"
#include "fleet/token_text.h"

err_t authn_authorization(const struct request *request, const char **out)
{
    size_t seen = 0;
    *out = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, "Authorization") == 0) {
            *out = request->headers[i].value;
            seen++;
        }
    }
    ENSURE(seen <= 1, ERR_BAD_REQUEST, "more than one Authorization header");
    return OK;
}

/* The token of "Authorization: Bearer …"; BYTES_NONE when there is no Authorization at all. */
static err_t bearer_of(const struct request *request, struct bytes *out)
{
    *out = BYTES_NONE;
    const char *value = NULL;
    TRY(authn_authorization(request, &value));
    if (value == NULL) {
        return OK;
    }
    ENSURE(strncasecmp(value, "Bearer ", 7) == 0, ERR_UNAUTHORIZED,
           "the Authorization header holds no bearer token");
    *out = bytes_str(value + 7 + strspn(value + 7, " "));
    return OK;
}

/* Any one of the route's scopes opens it; admin opens all but what concerns the installation alone. */
static err_t check_scopes(uint32_t wanted, uint32_t held)
{
    char names[SCOPES_TEXT_SIZE];
    bool is_by_admin = wanted != (uint32_t)SCOPE_INSTALLATION;
    bool is_allowed = wanted == 0 || (held & (is_by_admin ? wanted | (uint32_t)SCOPE_ADMIN : wanted)) != 0;
    scopes_format(wanted, names);
    ENSURE(is_allowed, ERR_FORBIDDEN, "the caller lacks the scope %.100s", names);
    return OK;
}

/* Which kind a bearer text is of, by how it begins; the last row takes every other one. */
static const struct {
    const char *prefix;
    err_t (*admit)(struct api *api, const struct request *request, struct bytes text, struct principal *p);
} bearers[] = {
    {SESSION_PREFIX, authn_by_session},
    {"", authn_by_token},
};

static err_t admit_bearer(struct api *api, const struct request *request, struct bytes text,
                          struct principal *p)
{
    size_t i = 0;
    if (jwt_is_like(text)) { /* no text of ours has a dot */
        return authn_by_oidc(api, request, text, p);
    }
    while (strncmp((const char *)text.p, bearers[i].prefix, strlen(bearers[i].prefix)) != 0) {
        i++;
    }
    return bearers[i].admit(api, request, text, p);
}

err_t authn_admit_caller(struct api *api, struct request *request)
{
    /* A URL ends up in logs and histories (RFC 6750 §2.3, §5.3). */
    ENSURE(
        http_query(request, "access_token") == NULL && http_query(request, "token") == NULL, ERR_BAD_REQUEST,
        "a token in the query string is refused: send it in the Authorization header, and replace this one");
    struct bytes text = BYTES_NONE;
    TRY(bearer_of(request, &text));
    /* what is sent with the request itself wins: a browser or a proxy shows a certificate to all alike */
    bool is_by_certificate =
        http_header(request, "Authorization") == NULL && request->peer->kind != PEER_NONE;
    ENSURE(text.n > 0 || is_by_certificate, ERR_UNAUTHORIZED,
           "send a token or a session: Authorization: Bearer …");
    void *memory = NULL;
    TRY(arena_alloc(request->arena, sizeof(struct principal), &memory));
    struct principal *p = memory;
    p->actor.request_id = request->request_id;
    TRY(is_by_certificate ? authn_by_certificate(api, request, p) : admit_bearer(api, request, text, p));
    TRY(rates_meet_tenant(api, request, p->tenant));
    TRY(check_scopes(request->route->scopes, p->scopes));
    request->principal = p;
    return OK;
}
