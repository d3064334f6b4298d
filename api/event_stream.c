/* Events as Server-Sent Events (WHATWG HTML §9.2), made while they are sent. A follower that has seen all
 * waits in the hub (fleet/event_hub.h) and costs nothing; one that reads slowly is not asked for more by the
 * server; one that is cut off says Last-Event-ID and misses nothing. The caller is judged again with each
 * beat. */
#include <stdlib.h>
#include <string.h>

#include "api/event_query.h"
#include "fleet/event_hub.h"

enum {
    EVENTS_AT_ONCE = 200,
    RETRY_MS = 2000,
    /* without an Authorization header there is nothing to judge again: the client connects anew */
    UNJUDGED_MS = 5 * 60 * 1000
};

struct stream {
    struct api *api; /* outlives every response */
    const struct route *route;
    char address[HTTP_ADDRESS_SIZE];
    struct secret credentials; /* the Authorization header, to judge the caller again; empty: none */
    struct uuid tenant;
    struct event_filter filter;
    int64_t position;
    char told[EVENT_ID_SIZE], seen[EVENT_ID_SIZE]; /* the last id that the client has; the last looked at */
    int64_t beat_at_ms, ends_at_ms;                /* monotonic */
    bool has_begun;
    struct event_stream *place;
    struct response_source *source; /* holds this */
    struct buf *chunk;              /* the piece that is being made */
};

static void stream_free(void *state)
{
    struct stream *stream = state;
    event_stream_close(stream->place);
    secret_clear(&stream->credentials);
    free(stream);
}

static int64_t monotonic_ms(const struct stream *stream)
{
    return clock_monotonic_ms(fleet_clock(stream->api->options.fleet));
}

/* --- may the caller still read? ---------------------------------------------------------------------- */

static err_t judge(const struct stream *stream, struct arena *arena)
{
    static const struct peer_identity nobody = {.kind = PEER_NONE};
    static const struct channel_binding unbound;
    const struct http_field headers[] = {{"Authorization", buf_str(&stream->credentials.bytes)}};
    struct request request = {.method = HTTP_GET,
                              .listener = LISTENER_MANAGEMENT,
                              .path = stream->route->path,
                              .headers = headers,
                              .header_count = 1,
                              .now_ms = clock_now_ms(fleet_clock(stream->api->options.fleet)),
                              .peer = &nobody,
                              .binding = &unbound,
                              .is_tls = true,
                              .arena = arena,
                              .route = stream->route};
    memcpy(request.address, stream->address, sizeof request.address);
    TRY(api_admit(stream->api, &request));
    ENSURE(uuid_equal(request.principal->tenant, stream->tenant), ERR_FORBIDDEN, "another tenant's now");
    return OK;
}

static bool may_go_on(const struct stream *stream, int64_t now_ms)
{
    AUTO_PTR(arena) *arena = NULL;
    if (stream->credentials.bytes.n == 0) {
        return now_ms < stream->ends_at_ms;
    }
    err_t error = arena_new(1 << 16, &arena);
    if (error.code == ERR_OK) {
        error = judge(stream, arena);
    }
    return error.code == ERR_OK;
}

/* --- pieces ------------------------------------------------------------------------------------------- */

static err_t add_event(const struct feed_row *row, void *arg)
{
    struct stream *stream = arg;
    AUTO(json_t) *event = NULL;
    TRY(event_render(stream->tenant, row, &event));
    audit_event_id(&row->record.place, stream->told);
    TRY(buf_printf(stream->chunk, "id: %s\nevent: %.*s\ndata: ", stream->told, (int)row->record.kind.n,
                   (const char *)row->record.kind.p));
    TRY(json_append(stream->chunk, event)); /* compact: one line */
    return buf_append_str(stream->chunk, "\n\n");
}

/* A comment; with an id of its own the client resumes behind what its filter left out. */
static err_t add_beat(struct stream *stream)
{
    TRY(buf_append_str(stream->chunk, ":\n"));
    if (strcmp(stream->seen, stream->told) != 0) {
        memcpy(stream->told, stream->seen, sizeof stream->told);
        TRY(buf_printf(stream->chunk, "id: %s\n", stream->told));
    }
    return buf_append_str(stream->chunk, "\n");
}

static err_t add_events(struct stream *stream)
{
    struct event_reading reading = {.tenant = stream->tenant,
                                    .filter = &stream->filter,
                                    .after = stream->position,
                                    .limit = EVENTS_AT_ONCE,
                                    .fn = add_event,
                                    .arg = stream};
    TRY(events_read(stream->api->options.fleet, &reading));
    stream->position = reading.position;
    if (reading.position_id[0] != '\0') {
        memcpy(stream->seen, reading.position_id, sizeof stream->seen);
    }
    return OK;
}

static err_t next(void *state, struct buf *chunk, bool *is_end)
{
    struct stream *stream = state;
    int64_t now_ms = monotonic_ms(stream);
    stream->chunk = chunk;
    bool is_beat = now_ms >= stream->beat_at_ms;
    if (is_beat && !may_go_on(stream, now_ms)) {
        *is_end = true;
        return OK;
    }
    if (!stream->has_begun) {
        stream->has_begun = true;
        TRY(buf_printf(chunk, "retry: %d\n\n", RETRY_MS));
    }
    TRY(add_events(stream));
    if (is_beat && chunk->n == 0) {
        TRY(add_beat(stream));
    }
    if (is_beat) {
        stream->beat_at_ms = now_ms + EVENT_BEAT_MS;
    }
    if (chunk->n == 0) {
        event_stream_wait(stream->place, &(struct event_wait){.position = stream->position,
                                                              .until_ms = stream->beat_at_ms,
                                                              .wake = stream->source->wake,
                                                              .waker = stream->source->waker});
    }
    return OK;
}

/* --- begin -------------------------------------------------------------------------------------------- */

static err_t prepare(struct stream *stream, const struct request *request)
{
    const char *resumed = http_header(request, "Last-Event-ID");
    const char *credentials = http_header(request, "Authorization");
    const char *place = resumed != NULL && resumed[0] != '\0' ? resumed : http_query(request, "after");
    ENSURE(http_query(request, "limit") == NULL, ERR_BAD_REQUEST, "a stream has no limit");
    TRY(event_query_filter(request, &stream->filter));
    TRY(event_query_place(stream->api, request, place, &stream->position, stream->told));
    memcpy(stream->seen, stream->told, sizeof stream->seen);
    if (credentials != NULL) {
        TRY(buf_append_str(&stream->credentials.bytes, credentials));
    }
    return event_stream_open(stream->api->options.fleet, stream->tenant, &stream->place);
}

static err_t open_stream(struct api *api, const struct request *request, struct stream **out)
{
    struct stream *stream = calloc(1, sizeof *stream);
    *out = NULL;
    ENSURE(stream != NULL, ERR_NO_MEMORY, "a stream of events");
    stream->api = api;
    stream->route = request->route;
    stream->tenant = request->principal->tenant;
    memcpy(stream->address, request->address, sizeof stream->address);
    stream->beat_at_ms = monotonic_ms(stream) + EVENT_BEAT_MS;
    stream->ends_at_ms = monotonic_ms(stream) + UNJUDGED_MS;
    err_t error = prepare(stream, request);
    if (error.code != ERR_OK) {
        stream_free(stream);
        return error;
    }
    *out = stream;
    return OK;
}

err_t reply_event_stream(struct api *api, const struct request *request, struct response *response)
{
    struct stream *stream = NULL;
    TRY(response_header(response, "X-Accel-Buffering", "no")); /* for nginx in front */
    TRY(open_stream(api, request, &stream));
    response->source = calloc(1, sizeof *response->source);
    if (response->source == NULL) {
        stream_free(stream);
        return ERR(ERR_NO_MEMORY, "a stream of events");
    }
    *response->source = (struct response_source){.state = stream, .next = next, .free = stream_free};
    stream->source = response->source;
    response->status = 200;
    response->content_type = "text/event-stream";
    return OK;
}
