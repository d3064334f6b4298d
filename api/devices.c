/* Devices over REST: lists with filters and cursors, one device with its certificates, and the way back for a
 * device that lost its rights. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cursor.h"
#include "api/render.h"
#include "api/reply.h"
#include "api/tables.h"
#include "fleet/revocation.h"
#include "fleet/states.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, CERTIFICATES_SHOWN = 20, ACTION_BODY_LIMIT = 4096 };
static const char *const no_query[] = {NULL};

static err_t read_limit(const char *text, int *out)
{
    char *end = NULL;
    errno = 0;
    long value = text == NULL ? LIMIT_DEFAULT : strtol(text, &end, 10);
    bool is_whole = text == NULL || (errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0');
    ENSURE(is_whole && value >= 1 && value <= LIMIT_MAX, ERR_BAD_REQUEST, "limit is a number from 1 to %d",
           LIMIT_MAX);
    *out = (int)value;
    return OK;
}

static err_t read_filter(const struct request *request, struct device_filter *out)
{
    static const char *const known[] = {"batch", "state", "limit", "cursor", NULL};
    TRY(request_check_query(request, known));
    *out = (struct device_filter){.tenant = request->principal->token.tenant};
    TRY(read_limit(http_query(request, "limit"), &out->limit));
    const char *batch = http_query(request, "batch");
    const char *state = http_query(request, "state");
    const char *cursor = http_query(request, "cursor");
    if (batch != NULL) {
        err_t error = uuid_parse(bytes_str(batch), &out->batch);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "batch is a batch's id (a UUID)");
        out->has_batch = true;
    }
    if (state != NULL) {
        err_t error = device_state_parse(bytes_str(state), &out->state);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "there is no device state '%.32s'", state);
        out->has_state = true;
    }
    if (cursor != NULL) {
        TRY(cursor_parse(out, cursor, &out->after));
        out->has_after = true;
    }
    return OK;
}

struct page {
    json_t *devices;
    struct device_id last;
};

static err_t add_device(const struct device_row *row, void *arg)
{
    struct page *page = arg;
    AUTO(json_t) *device = NULL;
    TRY(render_device(row, &device));
    ENSURE(json_array_append_new(page->devices, TAKE(device)) == 0, ERR_NO_MEMORY, "a list of devices");
    page->last = row->id;
    return OK;
}

/* RFC 8288: where the list goes on, with the same filters. */
static err_t add_next(const struct device_filter *filter, const struct device_id *last, json_t *answer,
                      struct response *response)
{
    char cursor[CURSOR_TEXT_SIZE];
    char batch[UUID_TEXT_SIZE];
    TRY(cursor_format(filter, last, cursor));
    AUTO_VAL(buf) link = {0};
    TRY(buf_printf(&link, "</api/v1/devices?limit=%d", filter->limit));
    if (filter->has_batch) {
        uuid_format(filter->batch, batch);
        TRY(buf_printf(&link, "&batch=%s", batch));
    }
    if (filter->has_state) {
        TRY(buf_printf(&link, "&state=%s", device_state_name(filter->state)));
    }
    TRY(buf_printf(&link, "&cursor=%s>; rel=\"next\"", cursor));
    TRY(response_header(response, "Link", buf_str(&link)));
    return json_set_text(answer, "next", cursor);
}

static err_t get_devices(struct api *api, const struct request *request, struct response *response)
{
    struct device_filter filter;
    bool has_more = false;
    TRY(read_filter(request, &filter));
    AUTO(json_t) *answer = json_object();
    TRY(json_take(answer, "devices", json_array()));
    struct page page = {.devices = json_object_get(answer, "devices")};
    TRY(device_list(api->options.fleet, &filter, add_device, &page, &has_more));
    if (has_more) {
        TRY(add_next(&filter, &page.last, answer, response));
    }
    return reply_json(response, 200, answer);
}

static err_t add_certificate(const struct certificate_row *row, void *arg)
{
    AUTO(json_t) *certificate = NULL;
    TRY(render_certificate(row, &certificate));
    ENSURE(json_array_append_new(arg, TAKE(certificate)) == 0, ERR_NO_MEMORY, "a list of certificates");
    return OK;
}

static err_t reply_device(struct api *api, const struct request *request, const struct device_row *row,
                          struct response *response)
{
    AUTO(json_t) *device = NULL;
    TRY(render_device(row, &device));
    TRY(json_take(device, "certificates", json_array()));
    TRY(device_certificates(api->options.fleet, row, CERTIFICATES_SHOWN, add_certificate,
                            json_object_get(device, "certificates")));
    return reply_resource(request, response, 200, device, row->ver);
}

static err_t find_device(struct api *api, const struct request *request, struct device_row *out)
{
    struct device_id id;
    TRY(request_check_query(request, no_query));
    TRY(request_device_id(request->params[0], &id));
    return device_find(api->options.fleet, request->principal->token.tenant, &id, out);
}

static err_t get_device(struct api *api, const struct request *request, struct response *response)
{
    struct device_row row;
    TRY(find_device(api, request, &row));
    return reply_device(api, request, &row, response);
}

static err_t post_allow_reenrol(struct api *api, const struct request *request, struct response *response)
{
    struct device_row row;
    if (request->body.n > 0) {
        AUTO(json_t) *document = NULL;
        TRY(request_json(request, &document));
        TRY(json_read(document, NULL, 0, true, NULL));
    }
    TRY(find_device(api, request, &row));
    TRY(request_check_match(request, row.ver));
    struct device_id id = row.id;
    TRY(device_allow_reenrol(api->options.fleet, &request->principal->actor, request->principal->token.tenant,
                             &id, &row));
    return reply_device(api, request, &row, response);
}

const struct route device_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/devices",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_READ,
     .handler = get_devices},
    {.method = HTTP_GET,
     .path = "/api/v1/devices/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_READ,
     .handler = get_device},
    {.method = HTTP_POST,
     .path = "/api/v1/devices/{id}/allow-reenrol",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_WRITE,
     .body_limit = ACTION_BODY_LIMIT,
     .handler = post_allow_reenrol},
};
