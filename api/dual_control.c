/* The setting of what waits for a second person, over REST: of the caller's tenant, and of each product. */
#include "fleet/dual_control.h"

#include <stdio.h>
#include <string.h>

#include "api/guarded.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 4096, KINDS_MAX = 32 };
static const char *const no_query[] = {NULL};

/* --- out --------------------------------------------------------------------------------------------- */

static err_t render(const struct dual_control_row *row, bool is_product, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *setting = json_object();
    AUTO(json_t) *kinds = json_array();
    for (size_t i = 0; approval_kind_at(i) != NULL; i++) {
        const struct approval_kind *kind = approval_kind_at(i);
        if ((row->kinds & (uint32_t)kind->bit) != 0) {
            ENSURE(json_array_append_new(kinds, json_string(kind->name)) == 0, ERR_NO_MEMORY, "a list");
        }
    }
    TRY(json_take(setting, "kinds", TAKE(kinds)));
    if (!is_product) {
        TRY(json_set_int(setting, "approval_ttl_s", row->approval_ttl_s));
    }
    if (row->ver > 0) {
        TRY(json_set_time(setting, "updated_at", row->updated_at));
    }
    *out = TAKE(setting);
    return OK;
}

static err_t reply(const struct request *request, bool is_product, const struct dual_control_row *row,
                   struct response *response)
{
    AUTO(json_t) *setting = NULL;
    TRY(render(row, is_product, &setting));
    return reply_resource(request, response, 200, setting, row->ver);
}

/* The product that the path names; none in that of the tenant's own setting. */
static err_t read_place(const struct request *request, bool *is_product, struct uuid *product)
{
    *is_product = strchr(request->route->path, '{') != NULL;
    return *is_product ? request_uuid(request->params[0], "product", product) : OK;
}

/* --- in ---------------------------------------------------------------------------------------------- */

static err_t read_kinds(const json_t *list, struct faults *faults, struct dual_control_change *out)
{
    char pointer[FAULT_POINTER_SIZE];
    out->has_kinds = true;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *word = json_array_get(list, i);
        uint32_t bit = 0;
        struct bytes text = {(const uint8_t *)json_string_value(word), json_string_length(word)};
        (void)snprintf(pointer, sizeof pointer, "/kinds/%zu", i);
        TRY(faults_note(faults, pointer, approval_kind_parse(text, &bit)));
        out->kinds |= bit;
    }
    return OK;
}

static err_t read_change(const json_t *document, struct faults *faults, struct dual_control_change *out)
{
    struct raw {
        json_t *kinds;
        int64_t ttl_s;
        bool has_ttl;
    } raw = {.kinds = NULL};
    static const struct json_field fields[] = {
        {"kinds", JSON_KIND_ARRAY, false, offsetof(struct raw, kinds), 0, KINDS_MAX, JSON_NO_HAS},
        {"approval_ttl_s", JSON_KIND_INTEGER, false, offsetof(struct raw, ttl_s), INT64_MIN, INT64_MAX,
         offsetof(struct raw, has_ttl)},
    };
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    request_refuse_nulls(document, NULL, faults);
    out->has_ttl = raw.has_ttl;
    out->ttl_s = raw.ttl_s;
    return raw.kinds != NULL ? read_kinds(raw.kinds, faults, out) : OK;
}

/* --- the operations ---------------------------------------------------------------------------------- */

static err_t get_setting(struct api *api, const struct request *request, struct response *response)
{
    bool is_product = false;
    struct uuid product = {.b = {0}};
    struct dual_control_row row;
    TRY(request_check_query(request, no_query));
    TRY(read_place(request, &is_product, &product));
    TRY(dual_control_get(api->options.fleet, request->principal->tenant, is_product ? &product : NULL, &row));
    return reply(request, is_product, &row, response);
}

static err_t change(struct api *api, const struct request *request, struct terms *terms,
                    struct dual_control_row *out)
{
    struct dual_control_change wanted = {.has_kinds = false};
    AUTO(json_t) *document = NULL;
    struct faults *faults = terms->faults;
    struct guarded *guarded = terms->guarded;
    TRY(read_place(request, &wanted.is_product, &wanted.product));
    TRY(request_terms(request, faults, terms));
    terms->guarded = guarded;
    TRY(request_body(request, false, &document));
    TRY(read_change(document, faults, &wanted));
    return dual_control_change(api->options.fleet, terms, &wanted, out);
}

static err_t patch_setting(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    struct terms terms = {.faults = &faults, .guarded = &guarded};
    struct dual_control_row row = {.ver = 0};
    err_t error = change(api, request, &terms, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    bool is_product = strchr(request->route->path, '{') != NULL;
    return guarded.is_waiting ? reply_waiting(api, request, &guarded, response)
                              : reply(request, is_product, &row, response);
}

#define ROW(method_, path_, scopes_, limit_, handler_)                                                       \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scopes_), .body_limit = (limit_), .handler = (handler_)                                   \
    }
const struct route dual_control_routes[] = {
    ROW(HTTP_GET, "/api/v1/dual-control", SCOPE_APPROVALS_READ, 0, get_setting),
    ROW(HTTP_PATCH, "/api/v1/dual-control", SCOPE_ADMIN, BODY_LIMIT, patch_setting),
    ROW(HTTP_GET, "/api/v1/products/{id}/dual-control", SCOPE_APPROVALS_READ | SCOPE_PRODUCTS_READ, 0,
        get_setting),
    ROW(HTTP_PATCH, "/api/v1/products/{id}/dual-control", SCOPE_ADMIN, BODY_LIMIT, patch_setting),
};
#undef ROW
