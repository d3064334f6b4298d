/* POST /api/v1/batches/import: a list of chips in the body, of any length, in the format of its maker. The
 * body goes through a sink into fleet/import.c; nothing of it is held here. */
#include "api/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/batch_name.h"
#include "api/import_answer.h"
#include "api/reply.h"
#include "api/terms.h"

struct upload {
    struct api *api;
    struct import *import;
    struct running_key running; /* its Idempotency-Key, at work until the upload ends */
    bool is_running;
    bool is_dry_run;
};

static err_t read_choice(const struct request *request, const char *name, const char *const words[2],
                         bool *is_second)
{
    const char *value = http_query(request, name);
    *is_second = value != NULL && strcmp(value, words[1]) == 0;
    ENSURE(value == NULL || *is_second || strcmp(value, words[0]) == 0, ERR_BAD_REQUEST, "'%s' is %s or %s",
           name, words[0], words[1]);
    return OK;
}

/* The parameter decides; without it a media type that says enough. */
static err_t read_format(const struct request *request, enum handover_format *out)
{
    static const struct {
        const char *type;
        enum handover_format format;
    } types[] = {{"application/json", HANDOVER_QUARKLINK},
                 {"text/csv", HANDOVER_CSV},
                 {"application/x-ndjson", HANDOVER_JSONL}};
    const char *name = http_query(request, "format");
    if (name != NULL) {
        ENSURE(handover_format_find(name, out), ERR_BAD_REQUEST,
               "'format' is quarklink, csv, jsonl, microchip, espressif or infineon");
        return OK;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (http_content_type_is(request, types[i].type)) {
            *out = types[i].format;
            return OK;
        }
    }
    return ERR(ERR_MEDIA_TYPE,
               "say which format: a parameter 'format', or Content-Type text/csv, application/x-ndjson or "
               "application/json");
}

/* Each with its value or without; no parameter holds a zero byte. */
static err_t write_terms(const struct request *request, const char *const *names, struct import_order *out)
{
    AUTO_VAL(buf) text = {0};
    void *memory = NULL;
    TRY(buf_printf(&text, "%d", (int)out->format)); /* perhaps told by the media type */
    for (; *names != NULL; names++) {
        const char *value = http_query(request, *names);
        TRY(buf_append(&text, value == NULL ? "" : "=", value == NULL ? 0 : 1));
        TRY(buf_append(&text, value == NULL ? "" : value, value == NULL ? 1 : strlen(value) + 1));
    }
    TRY(arena_alloc(request->arena, text.n, &memory));
    memcpy(memory, text.p, text.n);
    out->terms = (struct bytes){memory, text.n};
    return OK;
}

static err_t read_order(struct api *api, const struct request *request, struct import_order *out)
{
    /* what beside the body makes two requests the same */
    static const char *const terms[] = {"name", "product", "mode", "slot", NULL};
    static const char *const known[] = {"name", "product", "format", "mode", "dry_run", "slot", NULL};
    static const char *const modes[] = {"atomic", "lines"};
    static const char *const booleans[] = {"false", "true"};
    const char *name = http_query(request, "name");
    const char *product = http_query(request, "product");
    *out = (struct import_order){.tenant = request->principal->tenant};
    TRY(request_check_query(request, known));
    TRY(read_format(request, &out->format));
    TRY(read_choice(request, "mode", modes, &out->by_line));
    TRY(read_choice(request, "dry_run", booleans, &out->is_dry_run));
    out->slot = http_query(request, "slot");
    ENSURE(out->slot == NULL || out->format == HANDOVER_MICROCHIP, ERR_BAD_REQUEST,
           "'slot' is for format=microchip");
    out->product = product == NULL ? BYTES_NONE : bytes_str(product);
    out->name = name == NULL ? BYTES_NONE : bytes_str(name);
    TRY(request_idempotency_key(request, &out->idempotency_key));
    TRY(write_terms(request, terms, out));
    return name == NULL ? batch_name_make(api, request, &out->name) : OK;
}

static void abort_upload(void *state)
{
    struct upload *upload = state;
    if (upload->is_running) {
        running_leave(&upload->api->running, &upload->running);
    }
    import_free(upload->import);
    free(upload);
}

/* Before the first byte of the body: a second upload under the same key would only wait to be refused. */
static err_t enter(struct upload *upload, const struct import_order *order)
{
    if (order->idempotency_key.n == 0) {
        return OK;
    }
    upload->running = (struct running_key){.tenant = order->tenant, .key = order->idempotency_key};
    err_t error = running_enter(&upload->api->running, &upload->running);
    upload->is_running = error.code == ERR_OK;
    return error;
}

static err_t open_upload(struct api *api, const struct request *request, void **state)
{
    struct import_order order;
    TRY(read_order(api, request, &order));
    struct upload *upload = calloc(1, sizeof *upload);
    ENSURE(upload != NULL, ERR_NO_MEMORY, "no memory for an import");
    upload->is_dry_run = order.is_dry_run;
    upload->api = api;
    err_t error = enter(upload, &order);
    if (error.code == ERR_OK) {
        error = import_open(api->options.fleet, &request->principal->actor, &order, &upload->import);
    }
    if (error.code != ERR_OK) {
        abort_upload(upload);
        return error;
    }
    *state = upload;
    return OK;
}

static err_t write_upload(void *state, struct bytes chunk)
{
    return import_write(((struct upload *)state)->import, chunk);
}

static err_t set_location(const struct import_result *result, struct response *response)
{
    char id[UUID_TEXT_SIZE];
    char location[64];
    uuid_format(result->batch.id, id);
    snprintf(location, sizeof location, "/api/v1/batches/%s", id);
    return response_header(response, "Location", location);
}

static err_t finish(struct api *api, const struct request *request, struct upload *upload,
                    struct response *response)
{
    struct import_outcome outcome = {.is_dry_run = upload->is_dry_run};
    struct product_row product;
    TRY(import_finish(upload->import, &outcome.result));
    if (outcome.result.is_registered) {
        TRY(product_by_id(api->options.fleet, outcome.result.batch.product, &product));
        outcome.product = product.name;
        TRY(set_location(&outcome.result, response));
    }
    return import_answer(request, TAKE(upload->import), &outcome, response);
}

static err_t finish_upload(struct api *api, const struct request *request, void *state,
                           struct response *response)
{
    err_t error = finish(api, request, state, response);
    abort_upload(state);
    return error;
}

const struct body_sink import_sink = {
    .open = open_upload, .write = write_upload, .finish = finish_upload, .abort = abort_upload};
