/* Judging callers before the body is read, and what a refused one is told (RFC 9110 §11.6.1). Each kind of
 * credential has a file of its own (authn_kinds.h). Called by the server for each request. */
#include "api/authn.h"

#include <stdio.h>

#include "api/authn_kinds.h"
#include "api/rates.h"
#include "api/rekey_after.h"

static err_t admit(struct api *api, struct request *request)
{
    const struct route *route = request->route;
    TRY(rates_meet_address(api, request, false));
    ENSURE((route->flags & ROUTE_FULL_HANDSHAKE) == 0 || !request->is_resumed, ERR_FULL_HANDSHAKE,
           "connect again without a session ticket");
    switch (route->access) {
    case ACCESS_ANYONE:
        return OK;
    case ACCESS_DEVICE:
        return authn_admit_device(api, request);
    case ACCESS_CALLER:
        return authn_admit_caller(api, request);
    }
    return ERR(ERR_INTERNAL, "a route without an access rule");
}

err_t api_admit(struct api *api, struct request *request)
{
    request->principal = NULL;
    request->renewal = NULL;
    err_t error = admit(api, request);
    if (error.code != ERR_TOO_MANY) { /* it may ask the inventory, and a refusal of too many shall not */
        rekey_after_look(api, request);
    }
    return error;
}

bool authn_challenge(const struct request *request, err_code code, char out[RESPONSE_VALUE_SIZE])
{
    const struct route *route = request->route;
    if (code == ERR_ENROLMENT_CODE && route != NULL && route->errors == ERRORS_TEXT) {
        snprintf(out, RESPONSE_VALUE_SIZE, "Basic realm=\"whorl enrolment code\", charset=\"UTF-8\"");
        return true;
    }
    if (route != NULL && route->access == ACCESS_ANYONE && (route->listeners & LISTENER_MANAGEMENT) != 0) {
        snprintf(out, RESPONSE_VALUE_SIZE, "Bearer realm=\"whorl\""); /* a login: what it would give */
        return err_status(code) == 401;
    }
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
