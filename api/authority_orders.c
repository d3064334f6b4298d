/* Orders about authorities over REST: made, activated, retired, rolled over, compromised; and the request
 * that somebody else signs. The rules are in fleet/authority_rules.c. */
#include "fleet/authority_orders.h"

#include <stdio.h>
#include <string.h>

#include "api/authority_views.h"
#include "api/guarded.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"
#include "fleet/authorities.h"
#include "pki/request_text.h"

enum { BODY_LIMIT = 16384 };
static const char *const no_query[] = {NULL};

static struct authority_caller caller_of(const struct request *request)
{
    uint32_t scopes = request->principal->scopes;
    return (struct authority_caller){.may_installation = (scopes & SCOPE_INSTALLATION) != 0,
                                     .may_tenant = (scopes & SCOPE_ADMIN) != 0};
}

struct answer {
    const struct request *request;
    struct response *response;
    int status;
};

static err_t reply_authority(const struct authority_row *row, void *arg)
{
    const struct answer *answer = arg;
    AUTO(json_t) *authority = NULL;
    TRY(render_authority(row, &authority));
    return reply_resource(answer->request, answer->response, answer->status, authority, row->ver);
}

static err_t order(struct api *api, const struct request *request, struct terms *terms,
                   enum authority_verb verb, char id[AUTHORITY_ID_SIZE])
{
    AUTO(json_t) *document = NULL;
    struct authority_order wish = {.verb = verb};
    const struct authority_caller caller = caller_of(request);
    if (verb != AUTHORITY_CREATE) {
        size_t n = strlen(request->params[0]);
        ENSURE(n < sizeof wish.authority, ERR_NOT_FOUND, "no such authority");
        memcpy(wish.authority, request->params[0], n);
    }
    TRY(request_body(request, verb != AUTHORITY_CREATE, &document));
    TRY(authority_order_read(document, terms->faults, &wish));
    TRY(faults_error(terms->faults));
    return authority_order(api->options.fleet, terms, &caller, &wish, id);
}

/* What was taken back is not there any more. */
static err_t reply_order(struct api *api, const struct request *request, struct response *response,
                         enum authority_verb verb)
{
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    char id[AUTHORITY_ID_SIZE] = "";
    struct terms terms;
    bool makes = verb == AUTHORITY_CREATE || verb == AUTHORITY_ROLL;
    char location[sizeof "/api/v1/authorities/" + AUTHORITY_ID_SIZE];
    struct answer answer = {.request = request, .response = response, .status = makes ? 201 : 200};
    TRY(request_terms(request, &faults, &terms));
    terms.guarded = &guarded;
    err_t error = order(api, request, &terms, verb, id);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    if (guarded.is_waiting) {
        return reply_waiting(api, request, &guarded, response);
    }
    if (makes) {
        (void)snprintf(location, sizeof location, "/api/v1/authorities/%s", id);
        TRY(response_header(response, "Location", location));
    }
    error = authority_get(api->options.fleet, &request->principal->tenant, id, reply_authority, &answer);
    if (error.code == ERR_NOT_FOUND && verb == AUTHORITY_RETIRE) {
        response->status = 204;
        return OK;
    }
    return error;
}

static err_t post_create(struct api *api, const struct request *request, struct response *response)
{
    return reply_order(api, request, response, AUTHORITY_CREATE);
}

static err_t post_activate(struct api *api, const struct request *request, struct response *response)
{
    return reply_order(api, request, response, AUTHORITY_ACTIVATE);
}

static err_t post_retire(struct api *api, const struct request *request, struct response *response)
{
    return reply_order(api, request, response, AUTHORITY_RETIRE);
}

static err_t post_roll(struct api *api, const struct request *request, struct response *response)
{
    return reply_order(api, request, response, AUTHORITY_ROLL);
}

static err_t post_finish(struct api *api, const struct request *request, struct response *response)
{
    return reply_order(api, request, response, AUTHORITY_FINISH_ROLL);
}

static err_t post_compromised(struct api *api, const struct request *request, struct response *response)
{
    return reply_order(api, request, response, AUTHORITY_COMPROMISE);
}

/* --- the request ------------------------------------------------------------------------------------------
 */

static err_t write_request(const struct authority_row *row, void *arg)
{
    AUTO_VAL(buf) pem = {0};
    AUTO(json_t) *answer = json_object();
    ENSURE(row->request.n > 0, ERR_WRONG_STATE,
           "the authority %s is %s and waits for no certificate of somebody else", row->id,
           authority_state_name(row->state));
    TRY(request_to_pem(row->request, &pem));
    TRY(json_set_text(answer, "id", row->id));
    TRY(json_set_text(answer, "pem", buf_str(&pem)));
    return reply_json(arg, 200, answer);
}

static err_t get_request(struct api *api, const struct request *request, struct response *response)
{
    TRY(request_check_query(request, no_query));
    return authority_get(api->options.fleet, &request->principal->tenant, request->params[0], write_request,
                         response);
}

#define ROW(path_, handler_)                                                                                 \
    {                                                                                                        \
        .method = HTTP_POST, .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (uint32_t)SCOPE_ADMIN | (uint32_t)SCOPE_INSTALLATION, .body_limit = BODY_LIMIT,            \
        .handler = (handler_)                                                                                \
    }
const struct route authority_order_routes[] = {
    ROW("/api/v1/authorities", post_create),
    ROW("/api/v1/authorities/{id}/activate", post_activate),
    ROW("/api/v1/authorities/{id}/retire", post_retire),
    ROW("/api/v1/authorities/{id}/roll", post_roll),
    ROW("/api/v1/authorities/{id}/finish-roll", post_finish),
    ROW("/api/v1/authorities/{id}/compromised", post_compromised),
    {.method = HTTP_GET,
     .path = "/api/v1/authorities/{id}/request",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_CERTIFICATES_READ,
     .handler = get_request},
};
#undef ROW
