/* From the request target, as sent, to route, parameters and query. Segments are cut before they are decoded,
 * so %2F stays inside its parameter; what is authorised is the very text that was routed. RFC 3986 §2.1,
 * §3.4. */
#include <string.h>
#include <strings.h>

#include "server/exchange.h"

enum { QUERY_MAX = 32 };

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* @param plus_is_space as HTML forms write a query */
static err_t decode(struct arena *arena, struct bytes in, bool plus_is_space, const char **out)
{
    void *memory = NULL;
    TRY(arena_alloc(arena, in.n + 1, &memory));
    char *text = memory;
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] != '%') {
            text[n++] = (char)(plus_is_space && in.p[i] == '+' ? ' ' : in.p[i]);
            continue;
        }
        ENSURE(in.n - i > 2, ERR_BAD_REQUEST, "a percent escape is cut");
        int high = hex_value(in.p[i + 1]), low = hex_value(in.p[i + 2]);
        ENSURE(high >= 0 && low >= 0, ERR_BAD_REQUEST, "a percent escape is not hexadecimal");
        ENSURE(high != 0 || low != 0, ERR_BAD_REQUEST, "the target must not contain %%00");
        text[n++] = (char)(high * 16 + low);
        i += 2;
    }
    text[n] = '\0';
    *out = text;
    return OK;
}

static struct bytes cut(struct bytes *rest, char at)
{
    const uint8_t *found = rest->n > 0 ? memchr(rest->p, at, rest->n) : NULL;
    struct bytes head = *rest;
    if (found == NULL) {
        *rest = BYTES_NONE;
        return head;
    }
    head.n = (size_t)(found - rest->p);
    *rest = (struct bytes){found + 1, rest->n - head.n - 1};
    return head;
}

static err_t query_parse(struct request *request, struct bytes query)
{
    if (query.n == 0) {
        return OK;
    }
    void *memory = NULL;
    TRY(arena_alloc(request->arena, QUERY_MAX * sizeof(struct http_field), &memory));
    struct http_field *fields = memory;
    while (query.n > 0) {
        struct bytes value = cut(&query, '&');
        if (value.n == 0) {
            continue;
        }
        ENSURE(request->query_count < QUERY_MAX, ERR_BAD_REQUEST, "more than %d query parameters", QUERY_MAX);
        struct bytes name = cut(&value, '=');
        struct http_field *field = &fields[request->query_count++];
        TRY(decode(request->arena, name, true, &field->name));
        TRY(decode(request->arena, value, true, &field->value));
    }
    request->query = fields;
    return OK;
}

/* A NUL in the path is refused before routing: whoever looks at the path as a C string later must see all of
 * it. */
static err_t path_check(struct bytes path)
{
    for (size_t i = 0; i < path.n; i++) {
        bool is_nul = path.p[i] == '%' && path.n - i > 2 && path.p[i + 1] == '0' && path.p[i + 2] == '0';
        ENSURE(!is_nul, ERR_BAD_REQUEST, "the target must not contain %%00");
    }
    return OK;
}

/* One of the tokens of a list field, RFC 9110 §5.6.1. */
static bool has_token(struct bytes list, const char *token)
{
    while (list.n > 0) {
        struct bytes item = cut(&list, ',');
        while (item.n > 0 && (item.p[0] == ' ' || item.p[0] == '\t')) {
            item = (struct bytes){item.p + 1, item.n - 1};
        }
        while (item.n > 0 && (item.p[item.n - 1] == ' ' || item.p[item.n - 1] == '\t')) {
            item.n--;
        }
        if (item.n == strlen(token) && strncasecmp((const char *)item.p, token, item.n) == 0) {
            return true;
        }
    }
    return false;
}

bool http_request_is_last(const struct request *request, const char *version)
{
    bool is_kept = strcmp(version, "HTTP/1.0") != 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, "Connection") == 0) {
            struct bytes value = bytes_str(request->headers[i].value);
            if (has_token(value, "close")) {
                return true;
            }
            is_kept = is_kept || has_token(value, "keep-alive");
        }
    }
    return !is_kept;
}

err_t http_request_route(struct exchange *x)
{
    struct request *request = &x->request;
    for (int i = 0; i < HTTP_PARAMS_MAX; i++) {
        request->params[i] = "";
    }
    char *mark = strchr(x->target, '?');
    if (mark != NULL) {
        *mark = '\0';
    }
    request->path = x->target;
    struct bytes path = bytes_str(x->target);
    TRY(path_check(path));
    struct route_match match;
    router_find(x->server->router, request->listener, request->method, path, &match);
    x->route_index = match.index;
    request->route = match.route;
    if (match.route == NULL && match.allow[0] != '\0') {
        memcpy(x->allow, match.allow, sizeof x->allow);
        return ERR(ERR_METHOD, "this resource allows %s", match.allow);
    }
    ENSURE(match.route != NULL, ERR_NOT_FOUND, "no such path");
    for (size_t i = 0; i < match.param_count; i++) {
        TRY(decode(request->arena, match.params[i], false, &request->params[i]));
    }
    return query_parse(request, mark != NULL ? bytes_str(mark + 1) : BYTES_NONE);
}
