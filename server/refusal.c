/* The last words of a connection, written without the HTTP library: it has not seen the request, or must not
 * go on with it. */
#include "server/exchange.h"
#include "server/http.h"

err_t refusal_render(const struct response *response, struct buf *out)
{
    TRY(buf_printf(out, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n", response->status,
                   http_reason(response->status), response->body.n));
    if (response->content_type != NULL) {
        TRY(buf_printf(out, "Content-Type: %s\r\n", response->content_type));
    }
    for (size_t i = 0; i < response->header_count; i++) {
        TRY(buf_printf(out, "%s: %s\r\n", response->headers[i].name, response->headers[i].value));
    }
    TRY(buf_append_str(out, "\r\n"));
    return buf_append_bytes(out, buf_view(&response->body));
}

static err_t refuse(struct connection *c, err_t reason)
{
    static const struct peer_identity nobody = {.kind = PEER_NONE};
    static const struct channel_binding none = {.unique_size = 0};
    struct server *server = c->loop->server;
    AUTO_PTR(arena) *arena = NULL;
    TRY(arena_new(SCRATCH_SIZE, &arena));
    struct request request = {.method = HTTP_OTHER,
                              .listener = server->options.listeners[c->listener].id,
                              .path = "",
                              .params = {"", "", "", ""},
                              .now_ms = clock_now_ms(server->options.clock),
                              .peer = &nobody,
                              .binding = &none,
                              .is_tls = c->stream.tls != NULL,
                              .arena = arena};
    struct uuid id;
    TRY(uuid_new(server->options.clock, &c->loop->random, &id));
    uuid_format(id, request.request_id);
    AUTO_VAL(response) response = {0};
    server->app.refuse(server->app.api, &request, reason, &response);
    TRY(response_header(&response, "X-Request-Id", request.request_id));
    return refusal_render(&response, &c->refusal);
}

void connection_refuse(struct connection *c, err_t reason, int label)
{
    if (c->stage != CONNECTION_OPEN || c->refusal.n > 0 || c->is_last_answered) {
        return;
    }
    figures_count_refused(c->loop->figures, label);
    err_t error = refuse(c, reason);
    if (error.code != ERR_OK) {
        connection_close(c); /* no memory for an answer: the client learns it from the end */
        return;
    }
    bridge_end_up(c);
    connection_update(c);
}
