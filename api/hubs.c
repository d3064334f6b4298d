/* Hubs over REST: list, look, make, change. The rules are in fleet/hubs.c; here is their form in JSON. */
#include "fleet/hubs.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/policy_words.h"

enum { BODY_LIMIT = 65536, WORD_MAX = 32 };
static const char *const no_query[] = {NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t render(const struct hub_row *row, json_t **out)
{
    char id[UUID_TEXT_SIZE];
    char url[HUB_URL_SIZE];
    *out = NULL;
    uuid_format(row->id, id);
    hub_url_format(row, url);
    AUTO(json_t) *hub = json_object();
    TRY(json_set_text(hub, "id", id));
    TRY(json_set_text(hub, "name", row->name));
    TRY(json_set_text(hub, "kind", hub_kind_name(row->kind)));
    TRY(json_set_text(hub, "host", row->host));
    TRY(json_set_int(hub, "port", row->port));
    TRY(json_set_text(hub, "url", url));
    TRY(json_set_text(hub, "trust_anchors", row->ca));
    TRY(json_set_time(hub, "created_at", row->created_at));
    TRY(json_set_time(hub, "updated_at", row->updated_at));
    *out = TAKE(hub);
    return OK;
}

static err_t reply(const struct request *request, int status, const struct hub_row *row,
                   struct response *response)
{
    AUTO(json_t) *hub = NULL;
    TRY(render(row, &hub));
    return reply_resource(request, response, status, hub, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *kind, *host, *trust_anchors;
    struct hub_change change;
};
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"kind", JSON_KIND_TEXT, false, offsetof(struct raw, kind), 0, WORD_MAX, JSON_NO_HAS},
    {"host", JSON_KIND_TEXT, false, offsetof(struct raw, host), 0, 0, JSON_NO_HAS},
    {"port", JSON_KIND_INTEGER, false, offsetof(struct raw, change.port), INT64_MIN, INT64_MAX,
     offsetof(struct raw, change.has_port)},
    {"trust_anchors", JSON_KIND_LINES, false, offsetof(struct raw, trust_anchors), 0, 0, JSON_NO_HAS},
};

static err_t read_change(const json_t *document, bool is_new, struct faults *faults, struct hub_change *out)
{
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    *out = raw.change;
    out->name = bytes_or_none(raw.name);
    out->host = bytes_or_none(raw.host);
    out->ca = bytes_or_none(raw.trust_anchors);
    if (is_new) {
        request_need(document, "name", faults);
        request_need(document, "host", faults);
    } else {
        request_refuse_nulls(document, NULL, faults);
    }
    if (raw.kind != NULL) {
        out->has_kind = true;
        TRY(faults_note(faults, "/kind", hub_kind_parse(bytes_str(raw.kind), &out->kind)));
    }
    return OK;
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_hub(const struct hub_row *row, void *arg)
{
    AUTO(json_t) *hub = NULL;
    TRY(render(row, &hub));
    return page_add_named(arg, BYTES_OF(row->id.b), row->name, TAKE(hub));
}

static err_t get_hubs(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open_named(request, "hubs", &page));
    const struct row_window window = page_window(&page);
    TRY(hub_list(api->options.fleet, page.tenant, &window, add_hub, &page));
    return page_reply(&page, response);
}

static err_t get_hub(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct hub_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "hub", &id));
    TRY(hub_find(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, 200, &row, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct hub_row *out)
{
    struct terms terms;
    struct hub_change change;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, true, faults, &change));
    return hub_add(api->options.fleet, &terms, &change, out);
}

static err_t post_hub(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct hub_row row = {.ver = 0};
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, "/api/v1/hubs", row.id));
    return reply(request, 201, &row, response);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct hub_row *out)
{
    struct uuid id;
    struct terms terms;
    struct hub_change wanted;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "hub", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, false, faults, &wanted));
    return hub_change(api->options.fleet, &terms, id, &wanted, out);
}

static err_t patch_hub(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct hub_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

const struct route hub_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/hubs",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_PRODUCTS_READ,
     .handler = get_hubs},
    {.method = HTTP_POST,
     .path = "/api/v1/hubs",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_PRODUCTS_WRITE,
     .body_limit = BODY_LIMIT,
     .handler = post_hub},
    {.method = HTTP_GET,
     .path = "/api/v1/hubs/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_PRODUCTS_READ,
     .handler = get_hub},
    {.method = HTTP_PATCH,
     .path = "/api/v1/hubs/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_PRODUCTS_WRITE,
     .body_limit = BODY_LIMIT,
     .handler = patch_hub},
};
