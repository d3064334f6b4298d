/* GET /api/v1/whoami: who the caller is and what it may do. Needs no scope: who can show a credential may
 * ask.
 */
#include "api/reply.h"
#include "api/scope_list.h"
#include "api/tables.h"
#include "api/users.h"
#include "fleet/registry.h"

static const char *const no_query[] = {NULL};

static err_t add_token(const struct token_row *token, json_t *answer)
{
    char id[TOKEN_ID_TEXT_SIZE];
    token_id_format(token->id, id);
    TRY(json_set_text(answer, "kind", "token"));
    TRY(json_set_text(answer, "token_id", id));
    TRY(json_set_text(answer, "name", token->name));
    TRY(json_set_time(answer, "created_at", token->created_at));
    return json_set_time(answer, "expires_at", token->expires_at);
}

static err_t add_certificate(const struct client_certificate_row *row, json_t *answer)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(row->id, id);
    TRY(json_set_text(answer, "kind", "client_certificate"));
    TRY(json_set_text(answer, "client_certificate_id", id));
    TRY(json_set_text(answer, "name", row->name));
    TRY(json_set_time(answer, "created_at", row->created_at));
    return row->expires_at == 0 ? OK : json_set_time(answer, "expires_at", row->expires_at);
}

static err_t add_user(struct api *api, const struct session_caller *user, json_t *answer)
{
    struct user_view view;
    char session[TOKEN_ID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    TRY(user_get(api->options.fleet, user->person.tenant, user->person.id, &view));
    token_id_format(user->session.id, session);
    uuid_format(user->person.id, id);
    TRY(json_set_text(answer, "kind", "user"));
    TRY(json_set_text(answer, "user_id", id));
    TRY(json_set_text(answer, "session_id", session));
    TRY(json_set_text(answer, "name", view.person.name));
    TRY(json_set_text(answer, "display_name", view.person.display_name));
    TRY(role_list_set(answer, "roles", &view.roles));
    TRY(json_set_time(answer, "created_at", user->session.created_at));
    return json_set_time(answer, "expires_at", user->session.expires_at);
}

static err_t add_oidc(const struct oidc_caller *caller, json_t *answer)
{
    TRY(json_set_text(answer, "kind", "oidc"));
    TRY(json_set_text(answer, "actor", caller->name));
    TRY(json_set_text(answer, "subject", caller->subject));
    return json_set_time(answer, "expires_at", caller->expires_at);
}

static err_t add_kind(struct api *api, const struct principal *principal, json_t *answer)
{
    switch (principal->kind) {
    case PRINCIPAL_TOKEN:
        return add_token(&principal->token, answer);
    case PRINCIPAL_CERTIFICATE:
        return add_certificate(&principal->certificate, answer);
    case PRINCIPAL_USER:
        return add_user(api, &principal->user, answer);
    case PRINCIPAL_OIDC:
        return add_oidc(&principal->oidc, answer);
    case PRINCIPAL_DEVICE:
        break;
    }
    return ERR(ERR_INTERNAL, "a device on the management interface");
}

static err_t get_whoami(struct api *api, const struct request *request, struct response *response)
{
    const struct principal *principal = request->principal;
    char tenant_id[UUID_TEXT_SIZE];
    struct tenant_row tenant;
    TRY(request_check_query(request, no_query));
    TRY(tenant_by_id(api->options.fleet, principal->tenant, &tenant));
    uuid_format(principal->tenant, tenant_id);
    AUTO(json_t) *answer = json_object();
    TRY(add_kind(api, principal, answer));
    TRY(json_set_text(answer, "tenant", tenant.name));
    TRY(json_set_text(answer, "tenant_id", tenant_id));
    TRY(scope_list_set(answer, "scopes", principal->scopes));
    return reply_json(response, 200, answer);
}

const struct route whoami_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/whoami",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .handler = get_whoami},
};
