/* The HTTP/1.1 exchange: bytes out, bytes in until the parser of http_parse.c has a whole answer, all under
 * one deadline. */
#include "device/core/http_parse.h"

struct deadline {
    const struct whorl_clock *clock;
    uint32_t start_ms;
};

/* The difference is right across a wrap of the counter. */
static bool is_over(const struct deadline *deadline)
{
    return deadline->clock->monotonic_ms(deadline->clock->context) - deadline->start_ms >
           WHORL_HTTP_TIMEOUT_MS;
}

static enum whorl_result send_all(const struct whorl_transport *transport, const struct deadline *deadline,
                                  struct whorl_bytes data)
{
    while (data.size != 0) {
        int sent = transport->send(transport->context, data);
        if (sent < 0 || (size_t)sent > data.size || (sent == 0 && is_over(deadline))) {
            return WHORL_ERROR_COMMUNICATION;
        }
        data.data += sent;
        data.size -= (size_t)sent;
    }
    return WHORL_OK;
}

static enum whorl_result send_request(const struct whorl_http *http, const struct deadline *deadline,
                                      const struct whorl_http_request *request)
{
    uint8_t head[WHORL_HTTP_HEAD_MAX];
    struct whorl_space room = {head, sizeof head};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    whorl_text_put(&text, request->method);
    whorl_text_put(&text, " ");
    whorl_text_put(&text, request->path);
    whorl_text_put(&text, " HTTP/1.1\r\nHost: ");
    whorl_text_put(&text, http->server->host);
    whorl_text_put(&text, ":");
    whorl_text_number(&text, http->server->port);
    if (request->body.size != 0) {
        whorl_text_put(&text, "\r\nContent-Type: application/json\r\nContent-Length: ");
        whorl_text_number(&text, request->body.size);
    }
    whorl_text_put(&text, "\r\n\r\n");
    if (text.is_full) {
        return WHORL_ERROR_SPACE;
    }
    WHORL_TRY(send_all(http->transport, deadline, whorl_text_view(&text)));
    return send_all(http->transport, deadline, request->body);
}

enum whorl_result whorl_http_exchange(const struct whorl_http *http, const struct whorl_http_request *request,
                                      struct whorl_space buffer, struct whorl_http_answer *answer)
{
    struct deadline deadline = {http->clock, http->clock->monotonic_ms(http->clock->context)};
    WHORL_TRY(send_request(http, &deadline, request));
    struct whorl_http_parse parse;
    size_t used = 0;
    whorl_http_parse_begin(&parse);
    for (;;) {
        if (used == buffer.size) {
            return WHORL_ERROR_SPACE;
        }
        struct whorl_space rest = {buffer.data + used, buffer.size - used};
        int got = http->transport->recv(http->transport->context, rest);
        if (got < 0 || (size_t)got > rest.size || (got == 0 && is_over(&deadline))) {
            return WHORL_ERROR_COMMUNICATION;
        }
        used += (size_t)got;
        enum whorl_http_progress progress = whorl_http_parse_more(&parse, buffer.data, &used);
        if (progress == WHORL_HTTP_BROKEN) {
            return WHORL_ERROR_ANSWER;
        }
        if (progress == WHORL_HTTP_COMPLETE) {
            break;
        }
    }
    answer->status = parse.status;
    answer->hints = parse.hints;
    answer->is_kept = parse.is_kept;
    answer->body.data = buffer.data + parse.body_at;
    answer->body.size = parse.body_size;
    return WHORL_OK;
}
