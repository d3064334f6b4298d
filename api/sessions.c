/* Sessions over REST: one's own, or with users:read all of the tenant; and their end. */
#include "fleet/sessions.h"

#include <string.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 4096 };

struct listing {
    struct page *page;
    const struct principal *caller;
};

static err_t render(const struct session_row *row, const struct principal *caller, json_t **out)
{
    char id[TOKEN_ID_TEXT_SIZE], person[UUID_TEXT_SIZE];
    bool is_current =
        caller->kind == PRINCIPAL_USER && memcmp(caller->user.session.id, row->id, sizeof row->id) == 0;
    *out = NULL;
    token_id_format(row->id, id);
    uuid_format(row->person, person);
    AUTO(json_t) *session = json_object();
    TRY(json_set_text(session, "id", id));
    TRY(json_set_text(session, "user_id", person));
    TRY(json_set_text(session, "user_name", row->person_name));
    TRY(json_set_text(session, "address", row->address));
    TRY(json_set_bool(session, "is_current", is_current));
    TRY(json_set_time(session, "created_at", row->created_at));
    TRY(json_set_time(session, "expires_at", row->expires_at));
    TRY(json_set_time(session, "last_used_at", row->last_used_at));
    *out = TAKE(session);
    return OK;
}

static err_t add_session(const struct session_row *row, void *arg)
{
    const struct listing *listing = arg;
    AUTO(json_t) *session = NULL;
    TRY(render(row, listing->caller, &session));
    return page_add(listing->page, BYTES_OF(row->id), TAKE(session));
}

/* Whose sessions the caller may touch: NULL for everybody's of the tenant. */
static err_t whose(const struct principal *p, enum scope wanted, const struct uuid **out)
{
    char name[SCOPES_TEXT_SIZE];
    *out = NULL;
    if (scopes_cover(p->scopes, (uint32_t)wanted)) {
        return OK;
    }
    scopes_format((uint32_t)wanted, name);
    ENSURE(p->kind == PRINCIPAL_USER, ERR_FORBIDDEN, "the caller lacks the scope %.100s", name);
    *out = &p->user.person.id;
    return OK;
}

static err_t get_sessions(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    const struct uuid *person = NULL;
    TRY(whose(request->principal, SCOPE_USERS_READ, &person));
    TRY(page_open(request, "sessions", &page));
    const struct row_window window = page_window(&page);
    struct listing listing = {.page = &page, .caller = request->principal};
    TRY(session_list(api->options.fleet, page.tenant, person, &window, add_session, &listing));
    return page_reply(&page, response);
}

static err_t end_session(struct api *api, const struct request *request, struct faults *faults)
{
    AUTO(json_t) *document = NULL;
    struct terms terms;
    struct session_ending ending = {.kind = "session.revoked", .tenant = request->principal->tenant};
    err_t error = token_id_parse(bytes_str(request->params[0]), ending.id);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "a session's id is 16 lower-case hexadecimal characters");
    TRY(whose(request->principal, SCOPE_USERS_WRITE, &ending.person));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    TRY(faults_error(faults));
    return session_end(api->options.fleet, &request->principal->actor, &ending);
}

static err_t post_revoke(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    err_t error = end_session(api, request, &faults);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    response->status = 204;
    return OK;
}

const struct route session_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/sessions",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .handler = get_sessions},
    {.method = HTTP_POST,
     .path = "/api/v1/sessions/{id}/revoke",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .body_limit = BODY_LIMIT,
     .handler = post_revoke},
};
