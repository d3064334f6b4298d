/* What a product says of how its devices fetch firmware, over REST. The rules are in fleet/firmware_policy.c.
 */
#include "fleet/firmware_policy.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 4096, WORD_MAX = 32 };
static const char *const no_query[] = {NULL};

static err_t render(const struct firmware_policy_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *policy = json_object();
    TRY(json_set_int(policy, "poll_s", row->poll_s));
    TRY(json_set_bool(policy, "signed_urls", row->signed_urls));
    TRY(json_set_bool(policy, "target_tokens", row->target_tokens));
    TRY(json_set_bool(policy, "first_use_alias", row->first_use_alias));
    TRY(json_set_text(policy, "overdue", firmware_overdue_name(row->overdue)));
    TRY(json_set_time_if(policy, "updated_at", row->updated_at));
    *out = TAKE(policy);
    return OK;
}

static err_t reply(const struct request *request, const struct firmware_policy_row *row,
                   struct response *response)
{
    AUTO(json_t) *policy = NULL;
    TRY(render(row, &policy));
    return reply_resource(request, response, 200, policy, row->ver);
}

struct raw {
    const char *overdue;
    struct firmware_policy_change change;
};
#define FLAG(name)                                                                                           \
    {                                                                                                        \
#name, JSON_KIND_BOOLEAN, false, offsetof(struct raw, change.name), 0, 0,                            \
            offsetof(struct raw, change.has_##name)                                                          \
    }
static const struct json_field fields[] = {
    {"poll_s", JSON_KIND_INTEGER, false, offsetof(struct raw, change.poll_s), INT64_MIN, INT64_MAX,
     offsetof(struct raw, change.has_poll_s)},
    FLAG(signed_urls),
    FLAG(target_tokens),
    FLAG(first_use_alias),
    {"overdue", JSON_KIND_TEXT, false, offsetof(struct raw, overdue), 0, WORD_MAX, JSON_NO_HAS},
};
#undef FLAG

static err_t read_change(const json_t *document, struct faults *faults, struct firmware_policy_change *out)
{
    struct raw raw = {.overdue = NULL};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    request_refuse_nulls(document, NULL, faults);
    *out = raw.change;
    if (raw.overdue != NULL) {
        out->has_overdue = true;
        TRY(faults_note(faults, "/overdue", firmware_overdue_parse(bytes_str(raw.overdue), &out->overdue)));
    }
    return OK;
}

static err_t get_policy(struct api *api, const struct request *request, struct response *response)
{
    struct firmware_policy_row row;
    TRY(request_check_query(request, no_query));
    TRY(firmware_policy_get(api->options.fleet, request->principal->tenant, bytes_str(request->params[0]),
                            &row));
    return reply(request, &row, response);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct firmware_policy_row *out)
{
    struct terms terms;
    struct firmware_policy_change wanted;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, faults, &wanted));
    wanted.is_whole = request->method == HTTP_PUT;
    return firmware_policy_change(api->options.fleet, &terms, bytes_str(request->params[0]), &wanted, out);
}

static err_t store_policy(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct firmware_policy_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, scopes_, limit_, handler_)                                                              \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/products/{name}/firmware-policy",                              \
        .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER, .scopes = (scopes_),                      \
        .body_limit = (limit_), .handler = (handler_)                                                        \
    }
const struct route firmware_policy_routes[] = {
    ROW(HTTP_GET, SCOPE_FIRMWARE_READ, 0, get_policy),
    ROW(HTTP_PUT, SCOPE_FIRMWARE_RELEASE, BODY_LIMIT, store_policy),
    ROW(HTTP_PATCH, SCOPE_FIRMWARE_RELEASE, BODY_LIMIT, store_policy),
};
#undef ROW
