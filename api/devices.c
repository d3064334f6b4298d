/* Devices over REST: lists with filters and cursors, and one device with its certificates. Orders are in
 * device_actions.c. */
#include <string.h>

#include "api/device_views.h"
#include "api/page.h"
#include "api/render.h"
#include "api/tables.h"
#include "fleet/states.h"

enum { CERTIFICATES_SHOWN = 20 };
static const char *const no_query[] = {NULL};
static const char *const list_filters[] = {"batch", "product", "serial", "label", "state", NULL};

/* --- the list --------------------------------------------------------------------------------------- */

static err_t read_owner(const struct request *request, const char *name, struct uuid *out, bool *has)
{
    const char *text = http_query(request, name);
    *has = text != NULL;
    if (text != NULL) {
        err_t error = uuid_parse(bytes_str(text), out);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "%s is an id (a UUID)", name);
    }
    return OK;
}

/* "name=value"; the value may hold further signs of equality. */
static err_t read_label(const struct request *request, struct device_filter *out)
{
    const char *text = http_query(request, "label");
    if (text == NULL) {
        return OK;
    }
    const char *sign = strchr(text, '=');
    ENSURE(sign != NULL && sign != text, ERR_BAD_REQUEST, "label is NAME=VALUE");
    TRY(arena_dup_str(request->arena, (struct bytes){(const uint8_t *)text, (size_t)(sign - text)},
                      &out->label_name));
    out->label_value = sign + 1;
    return OK;
}

/* Each allowed combination has an index of its own, so that every page costs the same. */
static err_t check_combination(const struct device_filter *filter)
{
    int places = (filter->has_batch ? 1 : 0) + (filter->has_product ? 1 : 0) +
                 (filter->serial != NULL ? 1 : 0) + (filter->label_name != NULL ? 1 : 0);
    ENSURE(places <= 1, ERR_BAD_REQUEST, "give one of batch, product, serial and label");
    ENSURE(!filter->has_state || (filter->serial == NULL && filter->label_name == NULL), ERR_BAD_REQUEST,
           "state stands alone, or beside batch or product");
    return OK;
}

static err_t read_filter(const struct request *request, const struct page *page, struct device_filter *out)
{
    *out = (struct device_filter){.tenant = request->principal->tenant,
                                  .limit = page->limit,
                                  .has_after = page->after_size == sizeof out->after.b,
                                  .serial = http_query(request, "serial")};
    memcpy(out->after.b, page->after, sizeof out->after.b);
    TRY(read_owner(request, "batch", &out->batch, &out->has_batch));
    TRY(read_owner(request, "product", &out->product, &out->has_product));
    TRY(read_label(request, out));
    const char *state = http_query(request, "state");
    if (state != NULL) {
        err_t error = device_state_parse(bytes_str(state), &out->state);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "there is no device state '%.32s'", state);
        out->has_state = true;
    }
    return check_combination(out);
}

static err_t add_device(const struct device_row *row, void *arg)
{
    AUTO(json_t) *device = NULL;
    TRY(render_device(row, &device));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(device));
}

static err_t get_devices(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct device_filter filter;
    TRY(page_open_filtered(request, "devices", list_filters, &page));
    TRY(read_filter(request, &page, &filter));
    TRY(device_list(api->options.fleet, &filter, add_device, &page, &page.has_more));
    return page_reply(&page, response);
}

/* --- one -------------------------------------------------------------------------------------------- */

static err_t add_certificate(const struct certificate_row *row, void *arg)
{
    AUTO(json_t) *certificate = NULL;
    TRY(render_certificate(row, &certificate));
    ENSURE(json_array_append_new(arg, TAKE(certificate)) == 0, ERR_NO_MEMORY, "a list of certificates");
    return OK;
}

/* The identity key, where more than its hash is known. */
static err_t add_spki(struct api *api, const struct device_row *row, json_t *device)
{
    AUTO_VAL(buf) spki = {0};
    TRY(device_spki(api->options.fleet, row, &spki));
    return spki.n == 0 ? OK : json_set_base64(device, "spki", buf_view(&spki));
}

err_t reply_device(struct api *api, const struct request *request, const struct device_row *row,
                   struct response *response)
{
    AUTO(json_t) *device = NULL;
    TRY(render_device(row, &device));
    TRY(add_spki(api, row, device));
    TRY(json_take(device, "certificates", json_array()));
    TRY(device_certificates(api->options.fleet, row, CERTIFICATES_SHOWN, add_certificate,
                            json_object_get(device, "certificates")));
    return reply_resource(request, response, 200, device, row->ver);
}

err_t find_device(struct api *api, const struct request *request, struct device_row *out)
{
    struct device_id id;
    TRY(request_check_query(request, no_query));
    TRY(request_device_id(request->params[0], &id));
    return device_find(api->options.fleet, request->principal->tenant, &id, out);
}

static err_t get_device(struct api *api, const struct request *request, struct response *response)
{
    struct device_row row;
    TRY(find_device(api, request, &row));
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
};
