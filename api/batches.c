/* Batches over REST: handing over a list of devices, and looking at a batch. A hand-over registers all
 * devices or none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/batch_body.h"
#include "api/batch_name.h"
#include "api/import.h"
#include "api/page.h"
#include "api/problem.h"
#include "api/render.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/lots.h"

enum { BATCH_BODY_LIMIT = 64 << 20, BATCH_CHANGE_LIMIT = 4096 };
#define IMPORT_BODY_LIMIT ((size_t)2 << 30)
static const char *const no_query[] = {NULL};

static err_t reply_batch(struct api *api, int status, const struct batch_row *row, struct response *response)
{
    struct product_row product;
    AUTO(json_t) *batch = NULL;
    struct device_counts counts;
    TRY(product_by_id(api->options.fleet, row->product, &product));
    TRY(device_counts_read(api->options.fleet, row->id, &counts));
    TRY(render_batch(row, product.name, &batch));
    TRY(render_counts(&counts, batch));
    return reply_counted(response, status, batch, row->ver);
}

/* The refused lines, each with its place in the body. */
static err_t reply_refused(const struct request *request, const err_t *error,
                           const struct batch_report *report, struct response *response)
{
    void *memory = NULL;
    TRY(arena_alloc(request->arena, report->listed * sizeof(struct fault), &memory));
    struct fault *items = memory;
    for (size_t i = 0; i < report->listed; i++) {
        snprintf(items[i].pointer, sizeof items[i].pointer, "/devices/%zu", report->lines[i].index);
        memcpy(items[i].detail, report->lines[i].reason, sizeof items[i].detail);
    }
    return problem_render(request, error, items, report->listed, response);
}

static err_t register_batch(struct api *api, const struct request *request, struct batch_row *row,
                            struct batch_report *report)
{
    AUTO_VAL(batch_body) body = {.document = NULL};
    struct batch_order order = {.tenant = request->principal->tenant};
    ENSURE(http_content_type_is(request, "application/json"), ERR_MEDIA_TYPE, "send application/json");
    TRY(request_check_query(request, no_query));
    struct idempotency idempotency;
    TRY(request_idempotency(request, &idempotency));
    TRY(batch_body_parse(request->body, BATCH_BODY_LIMIT, &body, report));
    order.idempotency_key = idempotency.key;
    order.fingerprint = idempotency.fingerprint;
    order.name = body.name;
    order.product = body.product;
    order.devices = body.devices;
    order.count = body.count;
    if (order.name.n == 0) {
        TRY(batch_name_make(api, request, &order.name));
    }
    return batch_register(api->options.fleet, &request->principal->actor, &order, row, report);
}

static err_t post_batch(struct api *api, const struct request *request, struct response *response)
{
    void *memory = NULL;
    struct batch_row row = {.ver = 0};
    TRY(arena_alloc(request->arena, sizeof(struct batch_report), &memory));
    struct batch_report *report = memory;
    err_t error = register_batch(api, request, &row, report);
    if (error.code != ERR_OK) {
        return report->listed == 0 ? error : reply_refused(request, &error, report, response);
    }
    char id[UUID_TEXT_SIZE];
    char location[64];
    uuid_format(row.id, id);
    snprintf(location, sizeof location, "/api/v1/batches/%s", id);
    TRY(response_header(response, "Location", location));
    return reply_batch(api, 201, &row, response);
}

static err_t get_batch(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct batch_row row = {.ver = 0};
    TRY(request_check_query(request, no_query));
    err_t error = uuid_parse(bytes_str(request->params[0]), &id);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "a batch id is a UUID");
    TRY(batch_find(api->options.fleet, request->principal->tenant, id, &row));
    return reply_batch(api, 200, &row, response);
}

static err_t add_batch(const struct batch_row *row, const char *product, void *arg)
{
    AUTO(json_t) *batch = NULL;
    TRY(render_batch(row, product, &batch));
    return page_add_named(arg, BYTES_OF(row->id.b), row->name, TAKE(batch));
}

static err_t get_batches(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open_named(request, "batches", &page));
    const struct row_window window = page_window(&page);
    TRY(batch_list(api->options.fleet, page.tenant, &window, add_batch, &page));
    return page_reply(&page, response);
}

static err_t rename_batch(struct api *api, const struct request *request, const struct terms *terms,
                          struct batch_row *row)
{
    struct raw {
        const char *name;
    } raw = {NULL};
    static const struct json_field fields[] = {
        {"name", JSON_KIND_TEXT, true, offsetof(struct raw, name), 1, NAME_SIZE - 1, JSON_NO_HAS},
    };
    AUTO(json_t) *document = NULL;
    struct uuid id;
    TRY(request_uuid(request->params[0], "batch", &id));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, 1, terms->faults, &raw));
    TRY(faults_error(terms->faults));
    return batch_rename(api->options.fleet, terms, id, bytes_str(raw.name), row);
}

static err_t patch_batch(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct batch_row row;
    TRY(request_terms(request, &faults, &terms));
    err_t error = rename_batch(api, request, &terms, &row);
    return error.code == ERR_OK ? reply_batch(api, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

const struct route batch_routes[] = {
    {.method = HTTP_POST,
     .path = "/api/v1/batches",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_WRITE | SCOPE_DEVICES_REGISTER,
     .body_limit = BATCH_BODY_LIMIT,
     .handler = post_batch},
    {.method = HTTP_POST,
     .path = "/api/v1/batches/import",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_WRITE | SCOPE_DEVICES_REGISTER,
     .body_limit = IMPORT_BODY_LIMIT,
     .sink = &import_sink},
    {.method = HTTP_GET,
     .path = "/api/v1/batches/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_READ,
     .handler = get_batch},
    {.method = HTTP_GET,
     .path = "/api/v1/batches",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_READ,
     .handler = get_batches},
    {.method = HTTP_PATCH,
     .path = "/api/v1/batches/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_WRITE | SCOPE_DEVICES_REGISTER,
     .body_limit = BATCH_CHANGE_LIMIT,
     .handler = patch_batch},
};
