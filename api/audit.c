/* The audit log over REST: pages, newest first. The export is in audit_export.c; a device's own history in
 * device_history.c. Knows no kind of record. */
#include <string.h>

#include "api/audit_views.h"
#include "api/tables.h"
#include "fleet/audit_log.h"

enum { PLACE_SIZE = 8 + 16 + 3 * 8 };

/* --- one record ------------------------------------------------------------------------------------- */

static err_t set_bytes(json_t *object, const char *name, struct bytes text)
{
    json_t *value = json_stringn((const char *)text.p, text.n);
    ENSURE(value != NULL, ERR_INTERNAL, "a record's %s is no text", name);
    return json_take(object, name, value);
}

static err_t set_body(json_t *object, struct bytes text)
{
    json_t *body = json_loadb((const char *)text.p, text.n, 0, NULL);
    ENSURE(body != NULL, ERR_INTERNAL, "a record's body is no JSON");
    return json_take(object, "details", body);
}

err_t render_audit(const struct audit_row *row, json_t **out)
{
    char id[EVENT_ID_SIZE];
    AUTO(json_t) *record = json_object();
    *out = NULL;
    audit_event_id(&row->place, id);
    TRY(json_set_text(record, "event_id", id));
    TRY(json_set_time(record, "ts", row->place.at));
    TRY(set_bytes(record, "source", row->actor));
    TRY(json_set_text(record, "category", audit_category(row->kind)));
    TRY(set_bytes(record, "type", row->kind));
    TRY(set_bytes(record, "result", row->result));
    if (row->device.n > 0) {
        TRY(json_set_hex(record, "device_id", row->device));
    }
    if (row->request_id.n > 0) {
        TRY(set_bytes(record, "request_id", row->request_id));
    }
    TRY(set_body(record, row->body));
    TRY(json_set_hex(record, "hash", BYTES_OF(row->hash.b)));
    *out = TAKE(record);
    return OK;
}

/* --- places in cursors ------------------------------------------------------------------------------- */

static void put_number(uint8_t **p, int64_t value)
{
    for (int i = 7; i >= 0; i--) {
        *(*p)++ = (uint8_t)((uint64_t)value >> (8 * i));
    }
}

static int64_t take_number(const uint8_t **p)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | *(*p)++;
    }
    return (int64_t)value;
}

static void place_write(const struct audit_place *place, uint8_t out[PLACE_SIZE])
{
    uint8_t *p = out;
    put_number(&p, place->at);
    memcpy(p, place->node.b, sizeof place->node.b);
    p += sizeof place->node.b;
    put_number(&p, place->epoch);
    put_number(&p, place->lane);
    put_number(&p, place->seq);
}

static void place_read(const uint8_t in[PLACE_SIZE], struct audit_place *out)
{
    const uint8_t *p = in;
    out->at = take_number(&p);
    memcpy(out->node.b, p, sizeof out->node.b);
    p += sizeof out->node.b;
    out->epoch = take_number(&p);
    out->lane = take_number(&p);
    out->seq = take_number(&p);
}

/* --- pages ------------------------------------------------------------------------------------------- */

static err_t read_time(const struct request *request, const char *name, int64_t *out)
{
    const char *text = http_query(request, name);
    if (text == NULL) {
        return OK;
    }
    err_t error = time_parse(bytes_str(text), out);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "%s is a time as 2026-11-22T17:40:39Z", name);
    return OK;
}

err_t read_audit_times(const struct request *request, struct audit_range *range)
{
    range->since = 0;
    range->until = INT64_MAX;
    TRY(read_time(request, "since", &range->since));
    return read_time(request, "until", &range->until);
}

static err_t add_record(const struct audit_row *row, void *arg)
{
    uint8_t key[PLACE_SIZE];
    AUTO(json_t) *record = NULL;
    TRY(render_audit(row, &record));
    place_write(&row->place, key);
    return page_add(arg, BYTES_OF(key), TAKE(record));
}

err_t reply_audit_page(struct api *api, const struct request *request, struct page *page,
                       struct audit_range *range, struct response *response)
{
    struct audit_place after;
    range->limit = page_window(page).limit;
    range->kind = http_query(request, "kind");
    range->actor = http_query(request, "actor");
    TRY(read_audit_times(request, range));
    if (page->after_size == PLACE_SIZE) {
        place_read(page->after, &after);
        range->after = &after;
    }
    err_t error = audit_list(api->options.fleet, range, add_record, page);
    ENSURE(error.code != ERR_UNPROCESSABLE, ERR_BAD_REQUEST, "%s", error.detail);
    TRY(error);
    return page_reply(page, response);
}

/* Written as the records have it, in whatever case it came. */
static err_t read_request_id(const struct request *request, char out[UUID_TEXT_SIZE], const char **filter)
{
    struct uuid id;
    const char *text = http_query(request, "request_id");
    if (text == NULL) {
        return OK;
    }
    ENSURE(uuid_parse(bytes_str(text), &id).code == ERR_OK, ERR_BAD_REQUEST,
           "request_id is that of an answer (X-Request-Id), of a problem or of a log line");
    uuid_format(id, out);
    *filter = out;
    return OK;
}

static err_t get_audit(struct api *api, const struct request *request, struct response *response)
{
    static const char *const filters[] = {"kind", "device", "actor", "request_id", "since", "until", NULL};
    AUTO_VAL(page) page = {.name = ""};
    struct device_id device;
    char id[UUID_TEXT_SIZE];
    TRY(page_open_filtered(request, "records", filters, &page));
    struct audit_range range = {.tenant = page.tenant};
    const char *text = http_query(request, "device");
    if (text != NULL) {
        TRY(request_device_id(text, &device));
        range.device = &device;
    }
    TRY(read_request_id(request, id, &range.request_id));
    return reply_audit_page(api, request, &page, &range, response);
}

const struct route audit_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/audit",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_AUDIT_READ,
     .handler = get_audit},
};
