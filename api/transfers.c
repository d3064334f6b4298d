/* Devices that change their owner, over REST: offered by one tenant, accepted or rejected by another. Each
 * sees its own side: who acted for the other is not shown. */
#include "fleet/transfers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/guarded.h"
#include "api/page.h"
#include "api/tables.h"
#include "api/terms.h"

enum { OFFER_LIMIT = 128 * 1024, BODY_LIMIT = 4096, NOTE_MAX = TRANSFER_NOTE_SIZE - 1 };
static const char *const no_query[] = {NULL};
static const char *const filters[] = {"direction", NULL};

/* --- out --------------------------------------------------------------------------------------------- */

/* What belongs to one of the two tenants only. */
static err_t set_side(json_t *transfer, const struct transfer_row *row, bool is_incoming)
{
    if (!is_incoming) {
        TRY(json_set_text(transfer, "offered_by", row->offered_by));
        return row->has_batch ? json_set_uuid(transfer, "batch_id", row->batch) : OK;
    }
    if (row->decided_by[0] != '\0') {
        TRY(json_set_text(transfer, "decided_by", row->decided_by));
    }
    if (!row->is_taken) {
        return OK;
    }
    TRY(json_set_uuid(transfer, "product_id", row->product));
    TRY(json_set_uuid(transfer, "batch_id", row->to_batch));
    return json_set_uuid(transfer, "operation_id", row->operation);
}

static err_t set_devices(json_t *transfer, const struct transfer_row *row)
{
    AUTO(json_t) *devices = json_object();
    TRY(json_set_int(devices, "offered", row->device_count));
    TRY(json_set_int(devices, "moved", row->moved));
    TRY(json_set_int(devices, "failed", row->failed));
    return json_take(transfer, "devices", TAKE(devices));
}

static err_t render(const struct transfer_row *row, struct uuid tenant, json_t **out)
{
    bool is_incoming = uuid_equal(row->to_tenant, tenant);
    *out = NULL;
    AUTO(json_t) *transfer = json_object();
    TRY(json_set_uuid(transfer, "id", row->id));
    TRY(json_set_text(transfer, "direction", is_incoming ? "incoming" : "outgoing"));
    TRY(json_set_text(transfer, "state", transfer_state_name(row->state)));
    TRY(json_set_text(transfer, "from_tenant", row->tenant_name));
    TRY(json_set_text(transfer, "to_tenant", row->to_tenant_name));
    TRY(set_devices(transfer, row));
    if (row->note[0] != '\0') {
        TRY(json_set_text(transfer, "note", row->note));
    }
    TRY(set_side(transfer, row, is_incoming));
    TRY(json_set_time(transfer, "offered_at", row->offered_at));
    TRY(json_set_time(transfer, "expires_at", row->expires_at));
    if (row->decided_at != 0) {
        TRY(json_set_time(transfer, "decided_at", row->decided_at));
    }
    *out = TAKE(transfer);
    return OK;
}

static err_t reply(const struct request *request, int status, const struct transfer_row *row,
                   struct response *response)
{
    AUTO(json_t) *transfer = NULL;
    TRY(render(row, request->principal->tenant, &transfer));
    return reply_resource(request, response, status, transfer, row->ver);
}

/* --- looked at --------------------------------------------------------------------------------------- */

static err_t add_transfer(const struct transfer_row *row, void *arg)
{
    AUTO(json_t) *transfer = NULL;
    struct page *page = arg;
    TRY(render(row, page->tenant, &transfer));
    return page_add(page, BYTES_OF(row->id.b), TAKE(transfer));
}

static err_t get_transfers(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open_filtered(request, "transfers", filters, &page));
    const char *direction = http_query(request, "direction");
    bool is_incoming = direction != NULL && strcmp(direction, "incoming") == 0;
    ENSURE(direction == NULL || is_incoming || strcmp(direction, "outgoing") == 0, ERR_BAD_REQUEST,
           "direction is incoming or outgoing");
    const struct transfer_filter filter = {.tenant = page.tenant, .is_incoming = is_incoming};
    const struct row_window window = page_window(&page);
    TRY(transfer_list(api->options.fleet, &filter, &window, add_transfer, &page));
    return page_reply(&page, response);
}

static err_t get_transfer(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct transfer_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "transfer", &id));
    TRY(transfer_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, 200, &row, response);
}

/* --- offered ----------------------------------------------------------------------------------------- */

struct raw_offer {
    const char *to_tenant, *note;
    json_t *devices;
    struct transfer_wish wish;
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, DEVICE_ID_SIZE);
}

/* In order of id: two lists of the same devices are the same offer. */
static err_t take_devices(const struct request *request, const json_t *list, struct faults *faults,
                          struct transfer_wish *out)
{
    char pointer[FAULT_POINTER_SIZE];
    void *memory = NULL;
    size_t count = json_array_size(list);
    TRY(arena_alloc(request->arena, (count + 1) * sizeof(struct device_id), &memory));
    struct device_id *ids = memory;
    for (size_t i = 0; i < count; i++) {
        const json_t *word = json_array_get(list, i);
        struct bytes text = {(const uint8_t *)json_string_value(word), json_string_length(word)};
        if (hex_decode(text, ids[i].b, DEVICE_ID_SIZE).code != ERR_OK) {
            (void)snprintf(pointer, sizeof pointer, "/devices/%zu", i);
            faults_add(faults, pointer, "a device id is 64 lower-case hexadecimal characters");
        }
    }
    qsort(ids, count, sizeof ids[0], compare_ids);
    for (size_t i = 1; i < count && faults->count == 0; i++) {
        if (compare_ids(&ids[i - 1], &ids[i]) == 0) {
            faults_add(faults, "/devices", "a device stands in it twice");
        }
    }
    out->devices = ids;
    out->count = count;
    return OK;
}

static err_t read_offer(const struct request *request, struct faults *faults, json_t **document,
                        struct transfer_wish *out)
{
    struct raw_offer raw = {.note = NULL};
    static const struct json_field fields[] = {
        {"to_tenant", JSON_KIND_TEXT, true, offsetof(struct raw_offer, to_tenant), 1, NAME_SIZE - 1,
         JSON_NO_HAS},
        {"devices", JSON_KIND_ARRAY, false, offsetof(struct raw_offer, devices), 1, TRANSFER_DEVICES_MAX,
         JSON_NO_HAS},
        {"batch_id", JSON_KIND_UUID, false, offsetof(struct raw_offer, wish.batch), 0, 0,
         offsetof(struct raw_offer, wish.has_batch)},
        {"note", JSON_KIND_TEXT, false, offsetof(struct raw_offer, note), 1, NOTE_MAX, JSON_NO_HAS},
        {"expires_at", JSON_KIND_TIME, true, offsetof(struct raw_offer, wish.expires_at), 0, 0, JSON_NO_HAS},
    };
    TRY(request_body(request, false, document));
    TRY(json_read_all(*document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    *out = raw.wish;
    out->to_tenant = raw.to_tenant;
    out->note = raw.note;
    if (faults->count == 0 && raw.wish.has_batch == (raw.devices != NULL)) {
        faults_add(faults, "", "give either 'devices' or 'batch_id'");
    }
    if (raw.devices != NULL) {
        TRY(take_devices(request, raw.devices, faults, out));
    }
    return faults_error(faults);
}

static err_t post_transfer(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    struct transfer_wish wish = {.note = NULL};
    struct transfer_row row = {.ver = 0};
    struct terms terms;
    TRY(request_terms(request, &faults, &terms));
    terms.guarded = &guarded;
    err_t error = read_offer(request, &faults, &document, &wish);
    if (error.code == ERR_OK) {
        error = transfer_offer(api->options.fleet, &terms, &wish, &row);
    }
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    if (guarded.is_waiting) {
        return reply_waiting(api, request, &guarded, response);
    }
    TRY(reply_location(response, "/api/v1/transfers", row.id));
    return reply(request, 201, &row, response);
}

/* --- decided ----------------------------------------------------------------------------------------- */

static err_t accept(struct api *api, const struct request *request, const struct terms *terms,
                    struct transfer_row *out)
{
    struct transfer_acceptance acceptance = {.product = "default"};
    static const struct json_field fields[] = {
        {"product", JSON_KIND_TEXT, false, offsetof(struct transfer_acceptance, product), 1, NAME_SIZE - 1,
         JSON_NO_HAS},
        {"batch", JSON_KIND_TEXT, true, offsetof(struct transfer_acceptance, batch), 1, NAME_SIZE - 1,
         JSON_NO_HAS},
    };
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "transfer", &acceptance.id));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], terms->faults, &acceptance));
    TRY(faults_error(terms->faults));
    return transfer_accept(api->options.fleet, terms, &acceptance, out);
}

static err_t post_accept(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    struct transfer_row row = {.ver = 0};
    struct terms terms;
    TRY(request_terms(request, &faults, &terms));
    terms.guarded = &guarded;
    err_t error = accept(api, request, &terms, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    return guarded.is_waiting ? reply_waiting(api, request, &guarded, response)
                              : reply(request, 200, &row, response);
}

static err_t end(struct api *api, const struct request *request, struct faults *faults,
                 struct transfer_row *out)
{
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    bool is_rejected = strcmp(strrchr(request->route->path, '/'), "/reject") == 0;
    TRY(request_uuid(request->params[0], "transfer", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    TRY(faults_error(faults));
    return is_rejected ? transfer_reject(api->options.fleet, &terms, id, out)
                       : transfer_withdraw(api->options.fleet, &terms, id, out);
}

static err_t post_end(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct transfer_row row;
    err_t error = end(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scopes_, limit_, handler_)                                                       \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scopes_), .body_limit = (limit_), .handler = (handler_)                                   \
    }
/* Giving devices away ends their certificates; taking some in is like registering them. */
const struct route transfer_routes[] = {
    ROW(HTTP_GET, "/api/v1/transfers", SCOPE_DEVICES_READ, 0, get_transfers),
    ROW(HTTP_POST, "/api/v1/transfers", SCOPE_CERTIFICATES_REVOKE, OFFER_LIMIT, post_transfer),
    ROW(HTTP_GET, "/api/v1/transfers/{id}", SCOPE_DEVICES_READ, 0, get_transfer),
    ROW(HTTP_POST, "/api/v1/transfers/{id}/accept", SCOPE_DEVICES_WRITE, BODY_LIMIT, post_accept),
    ROW(HTTP_POST, "/api/v1/transfers/{id}/reject", SCOPE_DEVICES_WRITE, BODY_LIMIT, post_end),
    ROW(HTTP_POST, "/api/v1/transfers/{id}/withdraw", SCOPE_CERTIFICATES_REVOKE, BODY_LIMIT, post_end),
};
#undef ROW
