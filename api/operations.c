/* Work on many devices over REST: looked at and cancelled. */
#include "fleet/operations.h"

#include "api/guarded.h"
#include "api/page.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 4096 };
static const char *const no_query[] = {NULL};
static const char *const filters[] = {"state", NULL};

static err_t add_operation(const struct operation_row *row, void *arg)
{
    AUTO(json_t) *operation = NULL;
    TRY(render_operation(row, &operation));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(operation));
}

static err_t read_filter(const struct request *request, struct operation_filter *out)
{
    const char *state = http_query(request, "state");
    *out = (struct operation_filter){.tenant = request->principal->tenant, .has_state = state != NULL};
    if (state == NULL) {
        return OK;
    }
    err_t error = operation_state_parse(bytes_str(state), &out->state);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "%s", error.detail);
    return OK;
}

static err_t get_operations(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct operation_filter filter;
    TRY(page_open_filtered(request, "operations", filters, &page));
    TRY(read_filter(request, &filter));
    const struct row_window window = page_window(&page);
    TRY(operation_list(api->options.fleet, &filter, &window, add_operation, &page));
    return page_reply(&page, response);
}

static err_t reply(const struct request *request, const struct operation_row *row, struct response *response)
{
    AUTO(json_t) *operation = NULL;
    TRY(render_operation(row, &operation));
    return reply_resource(request, response, 200, operation, row->ver);
}

static err_t get_operation(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct operation_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "operation", &id));
    TRY(operation_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, &row, response);
}

static err_t cancel(struct api *api, const struct request *request, struct faults *faults,
                    struct operation_row *out)
{
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "operation", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    TRY(faults_error(faults));
    return operation_cancel(api->options.fleet, &terms, id, out);
}

static err_t post_cancel(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct operation_row row;
    err_t error = cancel(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scopes_, limit_, handler_)                                                       \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scopes_), .body_limit = (limit_), .handler = (handler_)                                   \
    }
const struct route operation_routes[] = {
    ROW(HTTP_GET, "/api/v1/operations", SCOPE_DEVICES_READ, 0, get_operations),
    ROW(HTTP_GET, "/api/v1/operations/{id}", SCOPE_DEVICES_READ | SCOPE_CERTIFICATES_REVOKE, 0,
        get_operation),
    ROW(HTTP_POST, "/api/v1/operations/{id}/cancel", SCOPE_CERTIFICATES_REVOKE, BODY_LIMIT, post_cancel),
};
#undef ROW
