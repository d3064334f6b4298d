/* GET /api/v1/events: the feed of the caller's tenant, oldest first, as pages or, when the caller takes
 * text/event-stream, as a stream (event_stream.c). A page names the event to go on behind even when nothing
 * follows yet, so that a consumer keeps one id and misses nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/accept.h"
#include "api/event_query.h"
#include "api/tables.h"

enum { LIMIT_DEFAULT = 100 };

/* --- the query --------------------------------------------------------------------------------------- */

static err_t read_types(const char *text, struct event_filter *out)
{
    const char *start = text;
    for (;;) {
        size_t n = strcspn(start, ",");
        err_t error = event_filter_add(out, (struct bytes){(const uint8_t *)start, n});
        ENSURE(error.code != ERR_UNPROCESSABLE, ERR_BAD_REQUEST, "type: %s", error.detail);
        TRY(error);
        if (start[n] == '\0') {
            return OK;
        }
        start += n + 1;
    }
}

err_t event_query_filter(const struct request *request, struct event_filter *out)
{
    const char *types = http_query(request, "type");
    const char *device = http_query(request, "device");
    *out = (struct event_filter){.type_count = 0};
    if (types != NULL) {
        TRY(read_types(types, out));
    }
    if (device != NULL) {
        TRY(request_device_id(device, &out->device));
        out->has_device = true;
    }
    return OK;
}

err_t event_query_place(struct api *api, const struct request *request, const char *text, int64_t *number,
                        char id[EVENT_ID_SIZE])
{
    struct fleet *fleet = api->options.fleet;
    struct uuid tenant = request->principal->tenant;
    *number = 0;
    id[0] = '\0';
    if (text == NULL) {
        return OK;
    }
    if (strcmp(text, "latest") == 0) {
        return event_latest(fleet, tenant, number, id);
    }
    TRY(event_locate(fleet, tenant, bytes_str(text), number));
    (void)snprintf(id, EVENT_ID_SIZE, "%s", text);
    return OK;
}

static err_t read_limit(const char *text, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long value = text == NULL ? LIMIT_DEFAULT : strtol(text, &end, 10);
    bool is_whole = text == NULL || (errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0');
    ENSURE(is_whole && value >= 1 && value <= EVENTS_PAGE_MAX, ERR_BAD_REQUEST,
           "limit is a number from 1 to %d", EVENTS_PAGE_MAX);
    *out = value;
    return OK;
}

/* --- the page ---------------------------------------------------------------------------------------- */

struct list {
    struct uuid tenant;
    json_t *events;
};

static err_t add_event(const struct feed_row *row, void *arg)
{
    const struct list *list = arg;
    AUTO(json_t) *event = NULL;
    TRY(event_render(list->tenant, row, &event));
    ENSURE(json_array_append_new(list->events, TAKE(event)) == 0, ERR_NO_MEMORY, "a list of events");
    return OK;
}

/* Filters are of letters that need no escaping: they were checked. */
static err_t add_link(const struct request *request, const struct event_reading *reading,
                      struct response *response)
{
    static const char *const filters[] = {"type", "device"};
    AUTO_VAL(buf) link = {0};
    TRY(buf_printf(&link, "<%s?limit=%lld", request->path, (long long)reading->limit));
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *value = http_query(request, filters[i]);
        if (value != NULL) {
            TRY(buf_printf(&link, "&%s=%s", filters[i], value));
        }
    }
    TRY(buf_printf(&link, "&after=%s>; rel=\"next\"", reading->position_id));
    /* filters that are too long for a header: `next` in the body says the same */
    return link.n < RESPONSE_VALUE_SIZE ? response_header(response, "Link", buf_str(&link)) : OK;
}

static err_t reply_page(const struct request *request, const struct event_reading *reading, json_t *events,
                        struct response *response)
{
    AUTO(json_t) *answer = json_object();
    TRY(json_take(answer, "events", json_incref(events)));
    if (reading->position_id[0] != '\0') {
        TRY(json_set_text(answer, "last", reading->position_id));
    }
    if (reading->has_more) {
        TRY(json_set_text(answer, "next", reading->position_id));
        TRY(add_link(request, reading, response));
    }
    return reply_json(response, 200, answer);
}

static err_t reply_list(struct api *api, const struct request *request, struct response *response)
{
    struct event_filter filter;
    char after[EVENT_ID_SIZE];
    AUTO(json_t) *events = json_array();
    struct list list = {.tenant = request->principal->tenant, .events = events};
    struct event_reading reading = {.tenant = list.tenant, .filter = &filter, .fn = add_event, .arg = &list};
    TRY(event_query_filter(request, &filter));
    TRY(read_limit(http_query(request, "limit"), &reading.limit));
    TRY(event_query_place(api, request, http_query(request, "after"), &reading.after, after));
    TRY(events_read(api->options.fleet, &reading));
    if (reading.position_id[0] == '\0') {
        (void)snprintf(reading.position_id, sizeof reading.position_id, "%s", after);
    }
    return reply_page(request, &reading, events, response);
}

static err_t get_events(struct api *api, const struct request *request, struct response *response)
{
    static const char *const known[] = {"after", "type", "device", "limit", NULL};
    static const char *const offers[] = {"application/json", "text/event-stream"};
    TRY(request_check_query(request, known));
    TRY(response_header(response, "Vary", "Accept"));
    bool is_stream = accept_choose(http_header(request, "Accept"), offers, 2) == 1;
    return is_stream ? reply_event_stream(api, request, response) : reply_list(api, request, response);
}

const struct route event_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/events",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_EVENTS_READ,
     .handler = get_events},
};
