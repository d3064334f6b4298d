/* Roles over REST: list, look, make, change, remove. The rules are in fleet/roles.c; here is their form in
 * JSON. */
#include "fleet/roles.h"

#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/scope_list.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 16384 };
static const char *const no_query[] = {NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t render(const struct role_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *role = json_object();
    TRY(json_set_text(role, "name", row->name));
    TRY(json_set_text(role, "description", row->description));
    TRY(scope_list_set(role, "scopes", row->scopes));
    TRY(json_set_bool(role, "built_in", row->is_builtin));
    TRY(json_set_time(role, "created_at", row->created_at));
    TRY(json_set_time(role, "updated_at", row->updated_at));
    *out = TAKE(role);
    return OK;
}

static err_t reply(const struct request *request, int status, const struct role_row *row,
                   struct response *response)
{
    AUTO(json_t) *role = NULL;
    TRY(render(row, &role));
    return reply_resource(request, response, status, role, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *description;
    json_t *scopes;
};
static const struct json_field fields[] = {
    {"description", JSON_KIND_TEXT, false, offsetof(struct raw, description), 0, 0, JSON_NO_HAS},
    {"scopes", JSON_KIND_ARRAY, false, offsetof(struct raw, scopes), 0, SCOPE_LIST_MAX, JSON_NO_HAS},
    /* what follows cannot be changed later */
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
};
enum { FIELDS = sizeof fields / sizeof fields[0], CHANGEABLE_FIELDS = 2 };

static err_t read_wish(const struct request *request, struct faults *faults, json_t *document,
                       struct role_wish *out)
{
    bool is_new = request->method == HTTP_POST;
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, is_new ? FIELDS : CHANGEABLE_FIELDS, faults, &raw));
    *out = (struct role_wish){.name = bytes_or_none(raw.name),
                              .description = bytes_or_none(raw.description),
                              .has_scopes = raw.scopes != NULL,
                              .caller_scopes = request->principal->scopes};
    if (is_new) {
        request_need(document, "name", faults);
        request_need(document, "scopes", faults);
    } else {
        request_refuse_nulls(document, NULL, faults);
    }
    return scope_list_read(raw.scopes, faults, &out->scopes);
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_role(const struct role_row *row, void *arg)
{
    AUTO(json_t) *role = NULL;
    TRY(render(row, &role));
    return page_add(arg, bytes_str(row->name), TAKE(role));
}

static err_t get_roles(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open(request, "roles", &page));
    const struct row_window window = page_window(&page);
    TRY(role_list(api->options.fleet, page.tenant, &window, add_role, &page));
    return page_reply(&page, response);
}

static err_t get_role(struct api *api, const struct request *request, struct response *response)
{
    struct role_row row;
    TRY(request_check_query(request, no_query));
    TRY(role_get(api->options.fleet, request->principal->tenant, bytes_str(request->params[0]), &row));
    return reply(request, 200, &row, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct role_row *out)
{
    struct terms terms;
    struct role_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_wish(request, faults, document, &wish));
    return role_add(api->options.fleet, &terms, &wish, out);
}

static err_t post_role(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct role_row row = {.ver = 0};
    char location[sizeof "/api/v1/roles/" + NAME_SIZE];
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    (void)snprintf(location, sizeof location, "/api/v1/roles/%s", row.name);
    TRY(response_header(response, "Location", location));
    return reply(request, 201, &row, response);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct role_row *out)
{
    struct terms terms;
    struct role_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_wish(request, faults, document, &wish));
    return role_change(api->options.fleet, &terms, bytes_str(request->params[0]), &wish, out);
}

static err_t patch_role(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct role_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t delete_role(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    TRY(request_terms(request, &faults, &terms));
    TRY(role_remove(api->options.fleet, &terms, bytes_str(request->params[0])));
    response->status = 204;
    return OK;
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_),                                                                                  \
        .body_limit = (method_) == HTTP_POST || (method_) == HTTP_PATCH ? BODY_LIMIT : 0,                    \
        .handler = (handler_)                                                                                \
    }
const struct route role_routes[] = {
    ROW(HTTP_GET, "/api/v1/roles", SCOPE_USERS_READ, get_roles),
    ROW(HTTP_POST, "/api/v1/roles", SCOPE_USERS_WRITE, post_role),
    ROW(HTTP_GET, "/api/v1/roles/{name}", SCOPE_USERS_READ, get_role),
    ROW(HTTP_PATCH, "/api/v1/roles/{name}", SCOPE_USERS_WRITE, patch_role),
    ROW(HTTP_DELETE, "/api/v1/roles/{name}", SCOPE_USERS_WRITE, delete_role),
};
#undef ROW
