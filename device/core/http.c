/* The HTTP/1.1 exchange: bytes out, bytes in until the parser of http_parse.c has a whole answer, all under
 * one deadline; or until it has the head, where the body goes on to someone else. */
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

static void put_head(struct whorl_text *text, const struct whorl_http *http, const char *method,
                     const char *path)
{
    whorl_text_put(text, method);
    whorl_text_put(text, " ");
    whorl_text_put(text, path);
    whorl_text_put(text, " HTTP/1.1\r\nHost: ");
    whorl_text_put(text, http->server->host);
    whorl_text_put(text, ":");
    whorl_text_number(text, http->server->port);
}

static enum whorl_result send_request(const struct whorl_http *http, const struct deadline *deadline,
                                      const struct whorl_http_request *request)
{
    uint8_t head[WHORL_HTTP_HEAD_MAX];
    struct whorl_space room = {head, sizeof head};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    put_head(&text, http, request->method, request->path);
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

/* What was received of an answer. */
struct receiving {
    const struct whorl_http *http;
    struct deadline deadline;
    struct whorl_space buffer;
    size_t used;
    struct whorl_http_parse parse;
};

/* More bytes behind those that are there. */
static enum whorl_result receive_more(struct receiving *receiving)
{
    struct whorl_space rest = {receiving->buffer.data + receiving->used,
                               receiving->buffer.size - receiving->used};
    const struct whorl_transport *transport = receiving->http->transport;
    if (rest.size == 0) {
        return WHORL_ERROR_SPACE;
    }
    int got = transport->recv(transport->context, rest);
    if (got < 0 || (size_t)got > rest.size || (got == 0 && is_over(&receiving->deadline))) {
        return WHORL_ERROR_COMMUNICATION;
    }
    receiving->used += (size_t)got;
    return WHORL_OK;
}

/* Up to the end of the head (`is_head_only`), or of the answer. */
static enum whorl_result receive(struct receiving *receiving, bool is_head_only)
{
    for (;;) {
        WHORL_TRY(receive_more(receiving));
        enum whorl_http_progress progress =
            whorl_http_parse_more(&receiving->parse, receiving->buffer.data, &receiving->used);
        if (progress == WHORL_HTTP_BROKEN) {
            return WHORL_ERROR_ANSWER;
        }
        bool is_part = receiving->parse.status == 200 || receiving->parse.status == 206;
        if (progress == WHORL_HTTP_COMPLETE || (is_head_only && is_part && receiving->parse.has_head)) {
            return WHORL_OK;
        }
    }
}

static void begin(struct receiving *receiving, const struct whorl_http *http, struct whorl_space buffer)
{
    struct deadline deadline = {http->clock, http->clock->monotonic_ms(http->clock->context)};
    receiving->http = http;
    receiving->deadline = deadline;
    receiving->buffer = buffer;
    receiving->used = 0;
    whorl_http_parse_begin(&receiving->parse);
}

static void give(const struct receiving *receiving, struct whorl_http_answer *answer)
{
    answer->status = receiving->parse.status;
    answer->hints = receiving->parse.hints;
    answer->is_kept = receiving->parse.is_kept;
    answer->body.data = receiving->buffer.data + receiving->parse.body_at;
    answer->body.size = receiving->parse.body_size;
}

enum whorl_result whorl_http_exchange(const struct whorl_http *http, const struct whorl_http_request *request,
                                      struct whorl_space buffer, struct whorl_http_answer *answer)
{
    struct receiving receiving;
    begin(&receiving, http, buffer);
    WHORL_TRY(send_request(http, &receiving.deadline, request));
    WHORL_TRY(receive(&receiving, false));
    give(&receiving, answer);
    return WHORL_OK;
}

static enum whorl_result send_fetch(const struct whorl_http *http, const struct deadline *deadline,
                                    const struct whorl_http_part *part)
{
    uint8_t head[WHORL_HTTP_HEAD_MAX];
    struct whorl_space room = {head, sizeof head};
    struct whorl_text text;
    whorl_text_begin(&text, room);
    put_head(&text, http, "GET", part->path);
    whorl_text_put(&text, "\r\nRange: bytes=");
    whorl_text_number(&text, part->first);
    whorl_text_put(&text, "-");
    whorl_text_number(&text, part->last);
    whorl_text_put(&text, "\r\n\r\n");
    return text.is_full ? WHORL_ERROR_SPACE : send_all(http->transport, deadline, whorl_text_view(&text));
}

/* Whether the head promises the part that was asked for. */
static enum whorl_result check_part(const struct whorl_http_parse *parse, const struct whorl_http_part *part)
{
    bool is_whole = parse->status == 200;
    if (parse->is_chunked || (is_whole ? parse->has_range : !parse->has_range)) {
        return WHORL_ERROR_ANSWER;
    }
    if ((is_whole ? parse->body_length : parse->range_whole) != part->whole) {
        return WHORL_ERROR_SIZE;
    }
    bool is_asked = is_whole ? part->first == 0 && part->last == part->whole - 1
                             : parse->range_first == part->first && parse->range_last == part->last;
    return is_asked && parse->body_length == part->last - part->first + 1 ? WHORL_OK : WHORL_ERROR_ANSWER;
}

enum whorl_result whorl_http_fetch(const struct whorl_http *http, const struct whorl_http_part *part,
                                   struct whorl_space buffer, struct whorl_http_answer *answer)
{
    struct receiving receiving;
    begin(&receiving, http, buffer);
    WHORL_TRY(send_fetch(http, &receiving.deadline, part));
    WHORL_TRY(receive(&receiving, true));
    give(&receiving, answer);
    const struct whorl_http_parse *parse = &receiving.parse;
    if (parse->status == 416 && parse->has_range && parse->range_whole != part->whole) {
        return WHORL_ERROR_SIZE;
    }
    if (parse->status != 200 && parse->status != 206) {
        return WHORL_OK;
    }
    WHORL_TRY(check_part(parse, part));
    struct whorl_bytes piece = {buffer.data + parse->body_at, receiving.used - parse->body_at};
    for (size_t left = parse->body_length;;) {
        if (piece.size > left) {
            return WHORL_ERROR_ANSWER;
        }
        WHORL_TRY(piece.size == 0 ? WHORL_OK : part->take(part->context, piece));
        left -= piece.size;
        if (left == 0) {
            return WHORL_OK;
        }
        receiving.used = 0;
        receiving.deadline.start_ms = http->clock->monotonic_ms(http->clock->context);
        do {
            WHORL_TRY(receive_more(&receiving));
        } while (receiving.used == 0);
        piece.data = buffer.data;
        piece.size = receiving.used;
    }
}
