/* Judging callers before the body is read: tokens (RFC 6750) on management, TLS identities on the device
 * listener. Decides nothing about a device's state. Called by the server for each request, and by device
 * handlers for a proof. */
#include "api/authn.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "fleet/registry.h"
#include "fleet/sources.h"

/* The EST label of a route with one: its only parameter on the device listener. */
static const char *label_of(const struct request *request)
{
    bool is_est =
        request->route != NULL && strncmp(request->route->path, "/.well-known/est/{label}/", 25) == 0;
    return is_est ? request->params[0] : "";
}

static err_t set_device_id(struct principal *p)
{
    char hex[2 * DEVICE_ID_SIZE + 1];
    struct sha256 hash = {{0}};
    if (p->contact.is_known) {
        p->device_id = p->contact.device.id;
    } else {
        if (p->facts.peer == NULL) {
            TRY(sha256_of(p->facts.proved_spki, &hash));
        } else {
            hash = p->facts.peer->certificate.key.spki_sha256;
        }
        memcpy(p->device_id.b, hash.b, DEVICE_ID_SIZE);
    }
    hex_encode(BYTES_OF(p->device_id.b), hex);
    snprintf(p->actor.name, sizeof p->actor.name, "device:%s", hex);
    return OK;
}

/* Only where the device was judged: a malformed request (400, 413, 415) says nothing about it. */
static bool is_refusal(err_code code)
{
    int status = err_status(code);
    return status == 401 || status == 403 || status == 409 || status == 422;
}

err_t authn_refused(struct api *api, const struct principal *device, err_t error)
{
    if (is_refusal(error.code)) {
        contact_refused(api->options.fleet, &device->facts, &device->contact, error);
    }
    return error;
}

err_t authn_device(struct api *api, const struct request *request, struct bytes proved_spki,
                   const struct principal **out)
{
    *out = NULL;
    void *memory = NULL;
    TRY(arena_alloc(request->arena, sizeof(struct principal), &memory));
    struct principal *p = memory;
    p->kind = PRINCIPAL_DEVICE;
    p->actor.request_id = request->request_id;
    p->facts = (struct contact_facts){.peer = proved_spki.n == 0 ? request->peer : NULL,
                                      .proved_spki = proved_spki,
                                      .is_resumed = request->is_resumed,
                                      .label = label_of(request),
                                      .address = request->address,
                                      .request_id = request->request_id};
    err_t error = contact_resolve(api->options.fleet, &p->facts, &p->contact);
    if (error.code != ERR_OK) {
        return authn_refused(api, p, error);
    }
    TRY(set_device_id(p));
    *out = p;
    return OK;
}

err_t authn_device_by_tls(struct api *api, const struct request *request, const struct principal **out)
{
    *out = NULL;
    ENSURE(request->peer->kind != PEER_NONE, ERR_UNAUTHORIZED,
           "a client certificate or a challenge proof is needed");
    return authn_device(api, request, BYTES_NONE, out);
}

static err_t admit_device(struct api *api, struct request *request)
{
    const char *label = label_of(request);
    if (label[0] != '\0') {
        struct tenant_row tenant;
        TRY(tenant_find(api->options.fleet, label, &tenant));
    }
    return authn_device_by_tls(api, request, &request->principal);
}

/* The token of "Authorization: Bearer …"; BYTES_NONE when there is no Authorization at all. */
static err_t bearer_of(const struct request *request, struct bytes *out)
{
    *out = BYTES_NONE;
    size_t seen = 0;
    const char *value = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, "Authorization") == 0) {
            value = request->headers[i].value;
            seen++;
        }
    }
    ENSURE(seen <= 1, ERR_BAD_REQUEST, "more than one Authorization header");
    if (value == NULL) {
        return OK;
    }
    ENSURE(strncasecmp(value, "Bearer ", 7) == 0, ERR_UNAUTHORIZED,
           "the Authorization header holds no bearer token");
    *out = bytes_str(value + 7 + strspn(value + 7, " "));
    return OK;
}

static err_t admit_token(struct api *api, const struct request *request, struct bytes text,
                         struct principal *p)
{
    char id[TOKEN_ID_TEXT_SIZE];
    TRY(token_check(api->options.fleet, text, &p->token));
    ENSURE(sources_allow(p->token.sources, request->address), ERR_UNAUTHORIZED,
           "the token is not good from this address");
    token_id_format(p->token.id, id);
    snprintf(p->actor.name, sizeof p->actor.name, "token:%s", id);
    snprintf(p->actor.owner, sizeof p->actor.owner, "%s", p->token.owner);
    p->tenant = p->token.tenant;
    p->scopes = p->token.scopes;
    return OK;
}

/* Any one of the route's scopes opens it; admin opens all but what concerns the installation. */
static err_t check_scopes(uint32_t wanted, uint32_t held)
{
    char names[SCOPES_TEXT_SIZE];
    bool is_by_admin = (wanted & (uint32_t)SCOPE_INSTALLATION) == 0;
    bool is_allowed = wanted == 0 || (held & (is_by_admin ? wanted | (uint32_t)SCOPE_ADMIN : wanted)) != 0;
    scopes_format(wanted, names);
    ENSURE(is_allowed, ERR_FORBIDDEN, "the caller lacks the scope %.100s", names);
    return OK;
}

static err_t admit_caller(struct api *api, struct request *request)
{
    /* A URL ends up in logs and histories (RFC 6750 §2.3, §5.3). */
    ENSURE(
        http_query(request, "access_token") == NULL && http_query(request, "token") == NULL, ERR_BAD_REQUEST,
        "a token in the query string is refused: send it in the Authorization header, and replace this one");
    struct bytes text = BYTES_NONE;
    TRY(bearer_of(request, &text));
    ENSURE(text.n > 0, ERR_UNAUTHORIZED, "send a token: Authorization: Bearer whorl_…");
    void *memory = NULL;
    TRY(arena_alloc(request->arena, sizeof(struct principal), &memory));
    struct principal *p = memory;
    p->kind = PRINCIPAL_TOKEN;
    p->actor.request_id = request->request_id;
    TRY(admit_token(api, request, text, p));
    TRY(check_scopes(request->route->scopes, p->scopes));
    request->principal = p;
    return OK;
}

err_t api_admit(struct api *api, struct request *request)
{
    const struct route *route = request->route;
    request->principal = NULL;
    ENSURE((route->flags & ROUTE_FULL_HANDSHAKE) == 0 || !request->is_resumed, ERR_FULL_HANDSHAKE,
           "connect again without a session ticket");
    switch (route->access) {
    case ACCESS_ANYONE:
        return OK;
    case ACCESS_DEVICE:
        return admit_device(api, request);
    case ACCESS_CALLER:
        return admit_caller(api, request);
    }
    return ERR(ERR_INTERNAL, "a route without an access rule");
}

bool authn_challenge(const struct request *request, err_code code, char out[RESPONSE_VALUE_SIZE])
{
    const struct route *route = request->route;
    if (route == NULL || route->access != ACCESS_CALLER) {
        /* No registered scheme means "TLS client certificate", but a 401 must carry a challenge. */
        snprintf(out, RESPONSE_VALUE_SIZE, "Client-Certificate realm=\"whorl device\"");
        return err_status(code) == 401;
    }
    if (code == ERR_FORBIDDEN) {
        char names[SCOPES_TEXT_SIZE];
        scopes_format(route->scopes, names);
        for (char *c = names; *c != '\0'; c++) {
            *c = (char)(*c == ',' ? ' ' : *c);
        }
        snprintf(out, RESPONSE_VALUE_SIZE,
                 "Bearer realm=\"whorl\", error=\"insufficient_scope\", scope=\"%.150s\"", names);
        return true;
    }
    /* RFC 6750 §3.1: no error code when no credentials were sent */
    bool has_sent = http_header(request, "Authorization") != NULL;
    snprintf(out, RESPONSE_VALUE_SIZE, "Bearer realm=\"whorl\"%s",
             has_sent ? ", error=\"invalid_token\"" : "");
    return err_status(code) == 401;
}
