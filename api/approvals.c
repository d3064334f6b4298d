/* Approvals over REST: what waits for a second person, looked at and decided. Who may decide is judged in
 * fleet/approval_decide.c. */
#include "fleet/approvals.h"

#include <string.h>

#include "api/guarded.h"
#include "api/page.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 4096, COMMENT_MAX = APPROVAL_COMMENT_SIZE - 1 };
static const char *const no_query[] = {NULL};
static const char *const filters[] = {"state", NULL};

/* --- looked at --------------------------------------------------------------------------------------- */

static err_t add_approval(const struct approval_row *row, void *arg)
{
    AUTO(json_t) *approval = NULL;
    TRY(render_approval(row, false, &approval));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(approval));
}

static err_t read_filter(const struct request *request, struct approval_filter *out)
{
    const char *state = http_query(request, "state");
    *out = (struct approval_filter){.tenant = request->principal->tenant, .has_state = state != NULL};
    if (state == NULL) {
        return OK;
    }
    err_t error = approval_state_parse(bytes_str(state), &out->state);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "%s", error.detail);
    return OK;
}

static err_t get_approvals(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct approval_filter filter;
    TRY(page_open_filtered(request, "approvals", filters, &page));
    TRY(read_filter(request, &filter));
    const struct row_window window = page_window(&page);
    TRY(approval_list(api->options.fleet, &filter, &window, add_approval, &page));
    return page_reply(&page, response);
}

static err_t reply(const struct request *request, const struct approval_row *row, struct response *response)
{
    AUTO(json_t) *approval = NULL;
    TRY(render_approval(row, true, &approval));
    return reply_resource(request, response, 200, approval, row->ver);
}

static err_t get_approval(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(approval_row) row = {.ver = 0};
    struct uuid id;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "approval", &id));
    TRY(approval_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, &row, response);
}

/* --- decided ----------------------------------------------------------------------------------------- */

static err_t read_verb(const struct request *request, enum approval_verb *out)
{
    static const char *const words[] = {
        [VERB_APPROVE] = "approve", [VERB_REJECT] = "reject", [VERB_WITHDRAW] = "withdraw"};
    const char *word = strrchr(request->route->path, '/') + 1;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            *out = (enum approval_verb)i;
            return OK;
        }
    }
    return ERR(ERR_INTERNAL, "no decision is named %s", word);
}

static err_t decide(struct api *api, const struct request *request, struct faults *faults,
                    struct approval_row *out)
{
    struct raw {
        const char *comment;
    } raw = {NULL};
    static const struct json_field fields[] = {
        {"comment", JSON_KIND_TEXT, false, offsetof(struct raw, comment), 1, COMMENT_MAX, JSON_NO_HAS},
    };
    struct approval_decision decision = {.caller_scopes = request->principal->scopes};
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "approval", &decision.id));
    TRY(request_terms(request, faults, &terms));
    TRY(read_verb(request, &decision.verb));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, fields, 1, faults, &raw));
    TRY(faults_error(faults));
    decision.comment = raw.comment;
    return approval_decide(api->options.fleet, &terms, &decision, out);
}

static err_t post_decision(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(approval_row) row = {.ver = 0};
    struct faults faults = {.count = 0};
    err_t error = decide(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, &row, response)
                                : reply_faults(request, error, &faults, response);
}

/* Whoever may ask may look at what they asked for, and take it back. */
enum { SCOPES_OF_ASKING = SCOPE_CERTIFICATES_REVOKE | SCOPE_DEVICES_WRITE | SCOPE_FIRMWARE_RELEASE };
#define ROW(method_, path_, scopes_, limit_, handler_)                                                       \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scopes_), .body_limit = (limit_), .handler = (handler_)                                   \
    }
const struct route approval_routes[] = {
    ROW(HTTP_GET, "/api/v1/approvals", SCOPE_APPROVALS_READ | SCOPE_APPROVALS_DECIDE, 0, get_approvals),
    ROW(HTTP_GET, "/api/v1/approvals/{id}",
        SCOPE_APPROVALS_READ | SCOPE_APPROVALS_DECIDE | (uint32_t)SCOPES_OF_ASKING, 0, get_approval),
    ROW(HTTP_POST, "/api/v1/approvals/{id}/approve", SCOPE_APPROVALS_DECIDE, BODY_LIMIT, post_decision),
    ROW(HTTP_POST, "/api/v1/approvals/{id}/reject", SCOPE_APPROVALS_DECIDE, BODY_LIMIT, post_decision),
    ROW(HTTP_POST, "/api/v1/approvals/{id}/withdraw", SCOPE_APPROVALS_DECIDE | (uint32_t)SCOPES_OF_ASKING,
        BODY_LIMIT, post_decision),
};
#undef ROW
