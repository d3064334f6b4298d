/* Devices over REST: lists with filters and cursors, and one device with its certificates. Orders are in
 * device_actions.c. */
#include <string.h>

#include "api/device_views.h"
#include "api/page.h"
#include "api/render.h"
#include "api/tables.h"
#include "fleet/device_contacts.h"
#include "fleet/names.h"
#include "fleet/recovery.h"
#include "fleet/states.h"

enum { CERTIFICATES_SHOWN = 20 };
static const char *const no_query[] = {NULL};
static const char *const list_filters[] = {"batch", "product",  "serial", "label",
                                           "state", "recovery", "sort",   NULL};
static const char *const list_sorts[] = {[DEVICE_BY_ID] = "id",
                                         [DEVICE_BY_REGISTERED] = "registered_at",
                                         [DEVICE_BY_ENROLLED] = "enrolled_at",
                                         [DEVICE_BY_SERIAL] = "serial",
                                         NULL};

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
                 (filter->serial != NULL ? 1 : 0) + (filter->label_name != NULL ? 1 : 0) +
                 (filter->is_recovery_requested ? 1 : 0);
    bool may_have_state =
        filter->serial == NULL && filter->label_name == NULL && !filter->is_recovery_requested;
    ENSURE(places <= 1, ERR_BAD_REQUEST, "give one of batch, product, serial, label and recovery");
    ENSURE(!filter->has_state || may_have_state, ERR_BAD_REQUEST,
           "state stands alone, or beside batch or product");
    return OK;
}

/* Each order has an index of all devices of the tenant. */
static err_t check_order(const struct device_filter *filter)
{
    bool has_filter = filter->has_batch || filter->has_product || filter->has_state ||
                      filter->serial != NULL || filter->label_name != NULL || filter->is_recovery_requested;
    ENSURE(filter->order == DEVICE_BY_ID || !has_filter, ERR_BAD_REQUEST,
           "sort=%s is for the list without filters; with one it is sorted by id", list_sorts[filter->order]);
    return OK;
}

static err_t read_filter(const struct request *request, const struct page *page, struct device_filter *out)
{
    *out = (struct device_filter){.tenant = request->principal->tenant,
                                  .limit = page->limit,
                                  .order = (enum device_sort)page->order,
                                  .is_descending = page->is_descending,
                                  .serial = http_query(request, "serial")};
    TRY(read_owner(request, "batch", &out->batch, &out->has_batch));
    TRY(read_owner(request, "product", &out->product, &out->has_product));
    TRY(read_label(request, out));
    const char *state = http_query(request, "state");
    if (state != NULL) {
        err_t error = device_state_parse(bytes_str(state), &out->state);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "there is no device state '%.32s'", state);
        out->has_state = true;
    }
    const char *recovery = http_query(request, "recovery");
    ENSURE(recovery == NULL || strcmp(recovery, "requested") == 0, ERR_BAD_REQUEST,
           "recovery=requested is the only word of this filter");
    out->is_recovery_requested = recovery != NULL;
    TRY(check_order(out));
    return check_combination(out);
}

/* Cursors: the id, then what the list is sorted by. */
static size_t place_write(enum device_sort order, const struct device_row *row, uint8_t out[PAGE_KEY_MAX])
{
    int64_t at = order == DEVICE_BY_ENROLLED ? row->enrolled_at : row->registered_at;
    size_t size = sizeof row->id.b;
    memcpy(out, row->id.b, size);
    if (order == DEVICE_BY_SERIAL) {
        size_t n = strlen(row->serial);
        memcpy(out + size, row->serial, n);
        return size + n;
    }
    for (int shift = 56; order != DEVICE_BY_ID && shift >= 0; shift -= 8) {
        out[size++] = (uint8_t)((uint64_t)at >> shift);
    }
    return size;
}

/* @return false: the list starts here. A cursor made up by its sender starts somewhere. */
static bool place_read(const struct page *page, struct device_place *out)
{
    *out = (struct device_place){.at = 0};
    if (page->after_size < sizeof out->id.b) {
        return false;
    }
    struct bytes rest = {page->after + sizeof out->id.b, page->after_size - sizeof out->id.b};
    memcpy(out->id.b, page->after, sizeof out->id.b);
    if (page->order == DEVICE_BY_SERIAL) {
        return text_copy(rest, "serial", out->serial, sizeof out->serial).code == ERR_OK;
    }
    uint64_t at = 0;
    for (size_t i = 0; i < rest.n && i < sizeof at; i++) {
        at = at << 8 | rest.p[i];
    }
    out->at = (int64_t)at;
    return true;
}

static err_t add_device(const struct device_row *row, void *arg)
{
    struct page *page = arg;
    uint8_t key[PAGE_KEY_MAX];
    AUTO(json_t) *device = NULL;
    TRY(render_device(row, &device));
    size_t size = place_write((enum device_sort)page->order, row, key);
    return page_add(page, (struct bytes){key, size}, TAKE(device));
}

static err_t get_devices(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct device_filter filter;
    struct device_place after;
    const struct page_form form = {.name = "devices", .filters = list_filters, .sorts = list_sorts};
    TRY(page_open_sorted(request, &form, &page));
    TRY(read_filter(request, &page, &filter));
    filter.after = place_read(&page, &after) ? &after : NULL;
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

/* What was asked of a recovery and is allowed, where there is anything to say. */
static err_t add_recovery(struct api *api, const struct device_row *row, json_t *device)
{
    struct recovery_row recovery;
    TRY(recovery_read(api->options.fleet, row, &recovery));
    if (recovery.requested_at == 0 && recovery.allowed_until == 0) {
        return OK;
    }
    AUTO(json_t) *object = json_object();
    TRY(json_set_time_if(object, "requested_at", recovery.requested_at));
    TRY(json_set_time_if(object, "allowed_until", recovery.allowed_until));
    return json_take(device, "recovery", TAKE(object));
}

err_t reply_device(struct api *api, const struct device_row *row, struct response *response)
{
    struct device_contact_row contact;
    AUTO(json_t) *device = NULL;
    TRY(render_device(row, &device));
    TRY(add_spki(api, row, device));
    TRY(device_contacts_find(api->options.fleet, row, &contact));
    TRY(json_set_time_if(device, "last_seen_at", contact.seen_at));
    TRY(add_recovery(api, row, device));
    TRY(json_take(device, "certificates", json_array()));
    TRY(device_certificates(api->options.fleet, row, CERTIFICATES_SHOWN, add_certificate,
                            json_object_get(device, "certificates")));
    return reply_counted(response, 200, device, row->ver); /* it is seen without a new version */
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
    return reply_device(api, &row, response);
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
