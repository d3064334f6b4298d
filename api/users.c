/* Users over REST: list, look, invite, change, disable, enable, reset. An invitation is in one answer, never
 * in another. The rules are in fleet/users.c; here is their form in JSON. */
#include "api/users.h"

#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/scope_list.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/names.h"

enum { BODY_LIMIT = 16384 };
static const char *const no_query[] = {NULL};
static const char *const filters[] = {"role", "state", NULL};

/* --- out -------------------------------------------------------------------------------------------- */

err_t role_list_set(json_t *object, const char *name, const struct role_names *roles)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < roles->count; i++) {
        ENSURE(json_array_append_new(list, json_string(roles->names[i])) == 0, ERR_NO_MEMORY,
               "a list of roles");
    }
    return json_take(object, name, TAKE(list));
}

err_t render_user(const struct user_view *view, json_t **out)
{
    const struct person_row *row = &view->person;
    char id[UUID_TEXT_SIZE], tenant[UUID_TEXT_SIZE];
    *out = NULL;
    uuid_format(row->id, id);
    uuid_format(row->tenant, tenant);
    AUTO(json_t) *user = json_object();
    TRY(json_set_text(user, "id", id));
    TRY(json_set_text(user, "tenant_id", tenant));
    TRY(json_set_text(user, "name", row->name));
    TRY(json_set_text(user, "display_name", row->display_name));
    TRY(json_set_text(user, "state", person_state_name(row->state)));
    TRY(role_list_set(user, "roles", &view->roles));
    TRY(json_set_time(user, "created_at", row->created_at));
    TRY(json_set_time(user, "updated_at", row->updated_at));
    TRY(json_set_time_if(user, "activated_at", row->activated_at));
    TRY(json_set_time_if(user, "last_login_at", row->last_login_at));
    TRY(json_set_time_if(user, "invitation_expires_at", row->invitation_expires_at));
    *out = TAKE(user);
    return OK;
}

/* @param invitation shown once, or NULL */
static err_t reply(const struct user_view *view, int status, const struct invitation *invitation,
                   struct response *response)
{
    AUTO(json_t) *user = NULL;
    TRY(render_user(view, &user));
    if (invitation != NULL) {
        TRY(json_set_text(user, "invitation", invitation->text));
        TRY(response_header(response, "Cache-Control", "no-store"));
    }
    /* a login changes what is shown and no version */
    return reply_counted(response, status, user, view->person.ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *display_name;
    json_t *roles;
};
static const struct json_field fields[] = {
    {"display_name", JSON_KIND_TEXT, false, offsetof(struct raw, display_name), 0, 0, JSON_NO_HAS},
    {"roles", JSON_KIND_ARRAY, false, offsetof(struct raw, roles), 0, PERSON_ROLES_MAX, JSON_NO_HAS},
    /* what follows cannot be changed later */
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
};
enum { FIELDS = sizeof fields / sizeof fields[0], CHANGEABLE_FIELDS = 2 };

static bool has_role(const struct role_names *roles, const char *name)
{
    for (size_t i = 0; i < roles->count; i++) {
        if (strcmp(roles->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static err_t read_roles(const json_t *list, struct faults *faults, struct role_names *out)
{
    char pointer[FAULT_POINTER_SIZE];
    for (size_t i = 0; i < json_array_size(list) && i < PERSON_ROLES_MAX; i++) {
        char name[NAME_SIZE] = "";
        (void)snprintf(pointer, sizeof pointer, "/roles/%zu", i);
        err_t error = name_check(word_at(list, i), "role name");
        TRY(faults_note(faults, pointer, error));
        if (error.code == ERR_OK) {
            name_copy(word_at(list, i), name);
        }
        if (has_role(out, name)) {
            faults_add(faults, pointer, "the role is named twice");
            continue;
        }
        memcpy(out->names[out->count++], name, sizeof name);
    }
    return OK;
}

static err_t read_wish(const struct request *request, struct faults *faults, json_t *document,
                       struct user_wish *out)
{
    bool is_new = request->method == HTTP_POST;
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, is_new ? FIELDS : CHANGEABLE_FIELDS, faults, &raw));
    *out = (struct user_wish){.name = bytes_or_none(raw.name),
                              .display_name = bytes_or_none(raw.display_name),
                              .has_roles = raw.roles != NULL};
    if (is_new) {
        request_need(document, "name", faults);
        request_need(document, "roles", faults);
    } else {
        request_refuse_nulls(document, NULL, faults);
    }
    return read_roles(raw.roles, faults, &out->roles);
}

static err_t read_order(const struct request *request, struct faults *faults, struct terms *terms,
                        struct user_order *out)
{
    *out = (struct user_order){.terms = terms, .caller_scopes = request->principal->scopes};
    if (request->params[0][0] != '\0') {
        TRY(request_uuid(request->params[0], "user", &out->id));
    }
    return request_terms(request, faults, terms);
}

/* An action: no field is known. */
static err_t read_action(const struct request *request, struct faults *faults, struct terms *terms,
                         struct user_order *out)
{
    AUTO(json_t) *document = NULL;
    TRY(read_order(request, faults, terms, out));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    return faults_error(faults);
}

static err_t read_filter(const struct request *request, struct person_filter *out)
{
    const char *role = http_query(request, "role");
    const char *state = http_query(request, "state");
    *out = (struct person_filter){.role = bytes_or_none(role), .has_state = state != NULL};
    ENSURE(role == NULL || state == NULL, ERR_BAD_REQUEST, "give role or state, not both");
    if (state != NULL) {
        err_t error = person_state_parse(bytes_str(state), &out->state);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "%s", error.detail);
    }
    return OK;
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_user(const struct user_view *view, void *arg)
{
    AUTO(json_t) *user = NULL;
    TRY(render_user(view, &user));
    return page_add(arg, BYTES_OF(view->person.id.b), TAKE(user));
}

static err_t get_users(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct person_filter filter;
    TRY(page_open_filtered(request, "users", filters, &page));
    TRY(read_filter(request, &filter));
    const struct row_window window = page_window(&page);
    TRY(user_list(api->options.fleet, page.tenant, &filter, &window, add_user, &page));
    return page_reply(&page, response);
}

static err_t get_user(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct user_view view;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "user", &id));
    TRY(user_get(api->options.fleet, request->principal->tenant, id, &view));
    return reply(&view, 200, NULL, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct invitation *invitation, struct user_view *out)
{
    struct terms terms;
    struct user_order order;
    struct user_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(read_order(request, faults, &terms, &order));
    TRY(request_body(request, false, &document));
    TRY(read_wish(request, faults, document, &wish));
    return user_create(api->options.fleet, &order, &wish, invitation, out);
}

static err_t post_user(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct invitation invitation = {.text = ""};
    struct user_view view = {.scopes = 0};
    err_t error = create(api, request, &faults, &invitation, &view);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    error = reply_location(response, "/api/v1/users", view.person.id);
    if (error.code == ERR_OK) {
        error = reply(&view, 201, &invitation, response);
    }
    bytes_wipe(&invitation, sizeof invitation);
    return error;
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct user_view *out)
{
    struct terms terms;
    struct user_order order;
    struct user_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(read_order(request, faults, &terms, &order));
    TRY(request_body(request, false, &document));
    TRY(read_wish(request, faults, document, &wish));
    return user_change(api->options.fleet, &order, &wish, out);
}

static err_t patch_user(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct user_view view = {.scopes = 0};
    err_t error = change(api, request, &faults, &view);
    return error.code == ERR_OK ? reply(&view, 200, NULL, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t act(struct api *api, const struct request *request,
                 err_t (*fn)(struct fleet *fleet, const struct user_order *order, struct user_view *out),
                 struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct user_order order;
    struct user_view view = {.scopes = 0};
    err_t error = read_action(request, &faults, &terms, &order);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(fn(api->options.fleet, &order, &view));
    return reply(&view, 200, NULL, response);
}

static err_t post_disable(struct api *api, const struct request *request, struct response *response)
{
    return act(api, request, user_disable, response);
}

static err_t post_enable(struct api *api, const struct request *request, struct response *response)
{
    return act(api, request, user_enable, response);
}

static err_t post_reset(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct user_order order;
    struct invitation invitation = {.text = ""};
    struct user_view view = {.scopes = 0};
    err_t error = read_action(request, &faults, &terms, &order);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(user_reset(api->options.fleet, &order, &invitation, &view));
    error = reply(&view, 200, &invitation, response);
    bytes_wipe(&invitation, sizeof invitation);
    return error;
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (method_) == HTTP_GET ? 0 : BODY_LIMIT, .handler = (handler_)      \
    }
const struct route user_routes[] = {
    ROW(HTTP_GET, "/api/v1/users", SCOPE_USERS_READ, get_users),
    ROW(HTTP_POST, "/api/v1/users", SCOPE_USERS_WRITE, post_user),
    ROW(HTTP_GET, "/api/v1/users/{id}", SCOPE_USERS_READ, get_user),
    ROW(HTTP_PATCH, "/api/v1/users/{id}", SCOPE_USERS_WRITE, patch_user),
    ROW(HTTP_POST, "/api/v1/users/{id}/disable", SCOPE_USERS_WRITE, post_disable),
    ROW(HTTP_POST, "/api/v1/users/{id}/enable", SCOPE_USERS_WRITE, post_enable),
    ROW(HTTP_POST, "/api/v1/users/{id}/reset", SCOPE_USERS_WRITE, post_reset),
};
#undef ROW
