/* Tenants over REST, for those who run the installation: list, look, make, change. A name is fixed, since it
 * is the tenant's EST label; what people read can change. */
#include "fleet/tenants.h"

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/registry.h"

enum { BODY_LIMIT = 4096 };
static const char *const no_query[] = {NULL};

static err_t render(const struct tenant_row *row, json_t **out)
{
    char id[UUID_TEXT_SIZE];
    *out = NULL;
    uuid_format(row->id, id);
    AUTO(json_t) *tenant = json_object();
    TRY(json_set_text(tenant, "id", id));
    TRY(json_set_text(tenant, "name", row->name));
    TRY(json_set_text(tenant, "display_name", row->display_name));
    TRY(json_set_time(tenant, "created_at", row->created_at));
    TRY(json_set_time(tenant, "updated_at", row->updated_at));
    *out = TAKE(tenant);
    return OK;
}

static err_t reply(const struct request *request, int status, const struct tenant_row *row,
                   struct response *response)
{
    AUTO(json_t) *tenant = NULL;
    TRY(render(row, &tenant));
    return reply_resource(request, response, status, tenant, row->ver);
}

static err_t add_tenant(const struct tenant_row *row, void *arg)
{
    AUTO(json_t) *tenant = NULL;
    TRY(render(row, &tenant));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(tenant));
}

static err_t get_tenants(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open(request, "tenants", &page));
    const struct row_window window = page_window(&page);
    TRY(tenant_page(api->options.fleet, &window, add_tenant, &page));
    return page_reply(&page, response);
}

static err_t get_tenant(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct tenant_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "tenant", &id));
    TRY(tenant_by_id(api->options.fleet, id, &row));
    return reply(request, 200, &row, response);
}

struct raw {
    const char *display_name, *name;
};
static const struct json_field fields[] = {
    {"display_name", JSON_KIND_TEXT, false, offsetof(struct raw, display_name), 0, 0, JSON_NO_HAS},
    /* what follows cannot be changed later */
    {"name", JSON_KIND_TEXT, true, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
};
enum { FIELDS = sizeof fields / sizeof fields[0], CHANGEABLE_FIELDS = 1 };

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct tenant_row *out)
{
    struct raw raw = {.name = ""};
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, FIELDS, faults, &raw));
    const struct tenant_wish wish = {.name = bytes_str(raw.name),
                                     .display_name = bytes_or_none(raw.display_name)};
    return tenant_create(api->options.fleet, &terms, &wish, out);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct tenant_row *out)
{
    struct raw raw = {.name = ""};
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "tenant", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, CHANGEABLE_FIELDS, faults, &raw));
    request_refuse_nulls(document, NULL, faults);
    const struct tenant_wish wish = {.display_name = bytes_or_none(raw.display_name)};
    return tenant_change(api->options.fleet, &terms, id, &wish, out);
}

static err_t patch_tenant(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct tenant_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t post_tenant(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct tenant_row row = {.ver = 0};
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, "/api/v1/tenants", row.id));
    return reply(request, 201, &row, response);
}

#define ROW(method_, path_, limit_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = SCOPE_INSTALLATION, .body_limit = (limit_), .handler = (handler_)                          \
    }
const struct route tenant_routes[] = {
    ROW(HTTP_GET, "/api/v1/tenants", 0, get_tenants),
    ROW(HTTP_POST, "/api/v1/tenants", BODY_LIMIT, post_tenant),
    ROW(HTTP_GET, "/api/v1/tenants/{id}", 0, get_tenant),
    ROW(HTTP_PATCH, "/api/v1/tenants/{id}", BODY_LIMIT, patch_tenant),
};
#undef ROW
