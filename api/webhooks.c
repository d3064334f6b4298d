/* Webhooks over REST: list, look, make, change, remove, and their secrets. A secret is in one answer, never
 * in another. The rules are in fleet/webhooks.c; what is ordered of one is in webhook_orders.c. */
#include "fleet/webhooks.h"

#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "api/tables.h"
#include "api/webhook_views.h"

enum { BODY_LIMIT = 16384 };
static const char *const no_query[] = {NULL};

/* --- out -------------------------------------------------------------------------------------------- */

err_t webhook_set_time_if(json_t *object, const char *name, int64_t at_ms)
{
    return at_ms == 0 ? OK : json_set_time(object, name, at_ms);
}

static err_t set_types(const struct webhook_row *row, json_t *object)
{
    struct event_filter types;
    AUTO(json_t) *list = json_array();
    TRY(webhook_types(row, &types));
    for (size_t i = 0; i < types.type_count; i++) {
        ENSURE(json_array_append_new(list, json_string(types.types[i])) == 0, ERR_NO_MEMORY,
               "a list of types");
    }
    return json_take(object, "types", TAKE(list));
}

static err_t set_figures(const struct webhook_row *row, json_t *object)
{
    TRY(json_set_int(object, "waiting", row->waiting));
    TRY(json_set_int(object, "delivered", row->delivered));
    TRY(json_set_int(object, "failed", row->failed));
    TRY(webhook_set_time_if(object, "held_until", row->hold_until));
    TRY(webhook_set_time_if(object, "last_success_at", row->last_success_at));
    return webhook_set_time_if(object, "last_failure_at", row->last_failure_at);
}

static err_t render(const struct webhook_row *row, json_t **out)
{
    char id[UUID_TEXT_SIZE];
    *out = NULL;
    uuid_format(row->id, id);
    AUTO(json_t) *webhook = json_object();
    TRY(json_set_text(webhook, "id", id));
    TRY(json_set_text(webhook, "name", row->name));
    TRY(json_set_text(webhook, "url", row->url));
    TRY(set_types(row, webhook));
    TRY(json_set_bool(webhook, "enabled", row->state == WEBHOOK_ENABLED));
    if (row->reason[0] != '\0') {
        TRY(json_set_text(webhook, "disabled_reason", row->reason));
    }
    TRY(json_set_int(webhook, "live_secrets", row->old_secret_size > 0 ? 2 : 1));
    TRY(set_figures(row, webhook));
    TRY(webhook_set_time_if(webhook, "rotated_at", row->rotated_at));
    TRY(json_set_time(webhook, "created_at", row->created_at));
    TRY(json_set_time(webhook, "updated_at", row->updated_at));
    *out = TAKE(webhook);
    return OK;
}

err_t reply_webhook(const struct webhook_row *row, int status, const char *secret, struct response *response)
{
    AUTO(json_t) *webhook = NULL;
    TRY(render(row, &webhook));
    if (secret != NULL) {
        TRY(json_set_text(webhook, "secret", secret));
        TRY(response_header(response, "Cache-Control", "no-store"));
    }
    return reply_counted(response, status, webhook, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *url;
    json_t *types;
    bool enabled, has_enabled;
};
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"url", JSON_KIND_TEXT, false, offsetof(struct raw, url), 0, 0, JSON_NO_HAS},
    {"types", JSON_KIND_ARRAY, false, offsetof(struct raw, types), 1, EVENT_TYPES_MAX, JSON_NO_HAS},
    {"enabled", JSON_KIND_BOOLEAN, false, offsetof(struct raw, enabled), 0, 0,
     offsetof(struct raw, has_enabled)},
};
enum { FIELDS = sizeof fields / sizeof fields[0], FIELDS_NEW = FIELDS - 1 };

static err_t read_types(const json_t *list, struct faults *faults, struct webhook_change *out)
{
    char pointer[FAULT_POINTER_SIZE];
    out->has_types = list != NULL;
    for (size_t i = 0; i < json_array_size(list) && i < EVENT_TYPES_MAX; i++) {
        const json_t *item = json_array_get(list, i);
        (void)snprintf(pointer, sizeof pointer, "/types/%zu", i);
        if (!json_is_string(item)) {
            faults_add(faults, pointer, "a type is a text");
            continue;
        }
        const struct bytes pattern = {(const uint8_t *)json_string_value(item), json_string_length(item)};
        TRY(faults_note(faults, pointer, event_filter_add(&out->types, pattern)));
    }
    return OK;
}

static err_t read_change(const struct request *request, const json_t *document, struct faults *faults,
                         struct webhook_change *out)
{
    bool is_new = request->method == HTTP_POST;
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, is_new ? FIELDS_NEW : FIELDS, faults, &raw));
    *out = (struct webhook_change){.has_enabled = raw.has_enabled, .is_enabled = raw.enabled};
    out->name = raw.name == NULL ? BYTES_NONE : bytes_str(raw.name);
    out->url = raw.url == NULL ? BYTES_NONE : bytes_str(raw.url);
    if (is_new) {
        request_need(document, "name", faults);
        request_need(document, "url", faults);
    } else {
        request_refuse_nulls(document, NULL, faults);
    }
    return read_types(raw.types, faults, out);
}

err_t webhook_read_order(const struct request *request, struct faults *faults, struct terms *terms,
                         struct uuid *id)
{
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "webhook", id));
    TRY(request_terms(request, faults, terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    return faults_error(faults);
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_webhook(const struct webhook_row *row, void *arg)
{
    AUTO(json_t) *webhook = NULL;
    TRY(render(row, &webhook));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(webhook));
}

static err_t get_webhooks(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open(request, "webhooks", &page));
    const struct row_window window = page_window(&page);
    TRY(webhook_list(api->options.fleet, page.tenant, &window, add_webhook, &page));
    return page_reply(&page, response);
}

static err_t get_webhook(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct webhook_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "webhook", &id));
    TRY(webhook_find(api->options.fleet, request->principal->tenant, id, &row));
    return reply_webhook(&row, 200, NULL, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults, char *secret,
                    struct webhook_row *out)
{
    struct terms terms;
    struct webhook_change change;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(request, document, faults, &change));
    return webhook_add(api->options.fleet, &terms, &change, secret, out);
}

static err_t post_webhook(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct webhook_row row = {.ver = 0};
    char secret[WEBHOOK_SECRET_TEXT_SIZE] = "";
    err_t error = create(api, request, &faults, secret, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    error = reply_location(response, "/api/v1/webhooks", row.id);
    if (error.code == ERR_OK) {
        error = reply_webhook(&row, 201, secret, response);
    }
    bytes_wipe(secret, sizeof secret);
    return error;
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct webhook_row *out)
{
    struct uuid id;
    struct terms terms;
    struct webhook_change wanted;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "webhook", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(request, document, faults, &wanted));
    return webhook_alter(api->options.fleet, &terms, id, &wanted, out);
}

static err_t patch_webhook(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct webhook_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply_webhook(&row, 200, NULL, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t delete_webhook(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct uuid id;
    TRY(request_uuid(request->params[0], "webhook", &id));
    TRY(request_terms(request, &faults, &terms));
    TRY(webhook_remove(api->options.fleet, &terms, id));
    response->status = 204;
    return OK;
}

static err_t post_rotate(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct uuid id;
    struct webhook_row row = {.ver = 0};
    char secret[WEBHOOK_SECRET_TEXT_SIZE] = "";
    err_t error = webhook_read_order(request, &faults, &terms, &id);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(webhook_rotate(api->options.fleet, &terms, id, secret, &row));
    error = reply_webhook(&row, 200, secret, response);
    bytes_wipe(secret, sizeof secret);
    return error;
}

static err_t post_drop_old(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct uuid id;
    struct webhook_row row = {.ver = 0};
    err_t error = webhook_read_order(request, &faults, &terms, &id);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(webhook_drop_old(api->options.fleet, &terms, id, &row));
    return reply_webhook(&row, 200, NULL, response);
}

#define ROW(method_, path_, scope_, limit_, handler_)                                                        \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (limit_), .handler = (handler_)                                    \
    }
const struct route webhook_routes[] = {
    ROW(HTTP_GET, "/api/v1/webhooks", SCOPE_WEBHOOKS_READ, 0, get_webhooks),
    ROW(HTTP_POST, "/api/v1/webhooks", SCOPE_WEBHOOKS_WRITE, BODY_LIMIT, post_webhook),
    ROW(HTTP_GET, "/api/v1/webhooks/{id}", SCOPE_WEBHOOKS_READ, 0, get_webhook),
    ROW(HTTP_PATCH, "/api/v1/webhooks/{id}", SCOPE_WEBHOOKS_WRITE, BODY_LIMIT, patch_webhook),
    ROW(HTTP_DELETE, "/api/v1/webhooks/{id}", SCOPE_WEBHOOKS_WRITE, 0, delete_webhook),
    ROW(HTTP_POST, "/api/v1/webhooks/{id}/rotate-secret", SCOPE_WEBHOOKS_WRITE, BODY_LIMIT, post_rotate),
    ROW(HTTP_POST, "/api/v1/webhooks/{id}/drop-old-secret", SCOPE_WEBHOOKS_WRITE, BODY_LIMIT, post_drop_old),
};
#undef ROW
