/* Batches over REST: handing over a list of devices, and looking at a batch. A hand-over registers all
 * devices or none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/batch_body.h"
#include "api/batch_name.h"
#include "api/import.h"
#include "api/problem.h"
#include "api/render.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BATCH_BODY_LIMIT = 64 << 20 };
#define IMPORT_BODY_LIMIT ((size_t)2 << 30)
static const char *const no_query[] = {NULL};

static err_t reply_batch(struct api *api, const struct request *request, int status,
                         const struct batch_row *row, struct response *response)
{
    struct product_row product;
    AUTO(json_t) *batch = NULL;
    TRY(product_by_id(api->options.fleet, row->product, &product));
    TRY(render_batch(row, product.name, &batch));
    return reply_resource(request, response, status, batch, row->ver);
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
    struct batch_order order = {.tenant = request->principal->token.tenant};
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
    return reply_batch(api, request, 201, &row, response);
}

static err_t get_batch(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct batch_row row = {.ver = 0};
    TRY(request_check_query(request, no_query));
    err_t error = uuid_parse(bytes_str(request->params[0]), &id);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "a batch id is a UUID");
    TRY(batch_find(api->options.fleet, request->principal->token.tenant, id, &row));
    return reply_batch(api, request, 200, &row, response);
}

const struct route batch_routes[] = {
    {.method = HTTP_POST,
     .path = "/api/v1/batches",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_WRITE,
     .body_limit = BATCH_BODY_LIMIT,
     .handler = post_batch},
    {.method = HTTP_POST,
     .path = "/api/v1/batches/import",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_WRITE,
     .body_limit = IMPORT_BODY_LIMIT,
     .sink = &import_sink},
    {.method = HTTP_GET,
     .path = "/api/v1/batches/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_READ,
     .handler = get_batch},
};
