/* GET /api/v1/whoami: what the caller's token is and may do. Needs no scope: knowing the token is enough to
 * ask. */
#include <string.h>

#include "api/reply.h"
#include "api/tables.h"
#include "fleet/registry.h"

static const char *const no_query[] = {NULL};

static err_t add_scopes(uint32_t scopes, json_t *answer)
{
    char names[SCOPES_TEXT_SIZE];
    char *rest = NULL;
    AUTO(json_t) *list = json_array();
    scopes_format(scopes, names);
    for (char *name = strtok_r(names, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        ENSURE(json_array_append_new(list, json_string(name)) == 0, ERR_NO_MEMORY, "a list of scopes");
    }
    return json_take(answer, "scopes", TAKE(list));
}

static err_t get_whoami(struct api *api, const struct request *request, struct response *response)
{
    const struct token_row *token = &request->principal->token;
    char id[TOKEN_ID_TEXT_SIZE];
    char tenant_id[UUID_TEXT_SIZE];
    struct tenant_row tenant;
    TRY(request_check_query(request, no_query));
    TRY(tenant_by_id(api->options.fleet, token->tenant, &tenant));
    token_id_format(token->id, id);
    uuid_format(token->tenant, tenant_id);
    AUTO(json_t) *answer = json_object();
    TRY(json_set_text(answer, "token_id", id));
    TRY(json_set_text(answer, "name", token->name));
    TRY(json_set_text(answer, "tenant", tenant.name));
    TRY(json_set_text(answer, "tenant_id", tenant_id));
    TRY(add_scopes(token->scopes, answer));
    TRY(json_set_time(answer, "created_at", token->created_at));
    TRY(json_set_time(answer, "expires_at", token->expires_at));
    return reply_json(response, 200, answer);
}

const struct route whoami_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/whoami",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .handler = get_whoami},
};
