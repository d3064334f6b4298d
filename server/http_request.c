/* From the request target, as sent, to route, parameters and query; the authority of an absolute target is
 * checked and otherwise ignored, as Host is: one name or another, this is the server. Segments are cut before
 * they are decoded, so %2F stays inside its parameter; what is authorised is the very text that was routed.
 * RFC 3986 §2.1, §3.4. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
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
    /* what is text everywhere behind here: in problems, in the log, in the inventory */
    ENSURE(utf8_is_valid((struct bytes){memory, n}), ERR_BAD_REQUEST, "the target is not UTF-8");
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
    request->query = fields; /* from here on, so that what was read before an error is a whole list too */
    while (query.n > 0) {
        struct bytes value = cut(&query, '&');
        if (value.n == 0) {
            continue;
        }
        ENSURE(request->query_count < QUERY_MAX, ERR_BAD_REQUEST, "more than %d query parameters", QUERY_MAX);
        struct bytes name = cut(&value, '=');
        struct http_field *field = &fields[request->query_count];
        TRY(decode(request->arena, name, true, &field->name));
        TRY(decode(request->arena, value, true, &field->value));
        request->query_count++;
    }
    return OK;
}

/* RFC 3986 §3.2.2, as far as it needs no look at percent escapes. */
static bool is_host_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=", c) != NULL);
}

static bool is_reg_name(struct bytes host)
{
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] == '%' && host.n - i > 2 && hex_value(host.p[i + 1]) >= 0 &&
            hex_value(host.p[i + 2]) >= 0) {
            i += 2;
        } else if (!is_host_char(host.p[i])) {
            return false;
        }
    }
    return host.n > 0; /* RFC 9110 §4.2.1 */
}

static bool is_ipv6_literal(struct bytes host)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr address;
    if (host.n < 2 || host.p[0] != '[' || host.p[host.n - 1] != ']' || host.n - 2 >= sizeof text) {
        return false;
    }
    memcpy(text, host.p + 1, host.n - 2);
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* Host and port; a name of a user in front of them is an error (RFC 9110 §4.2.4). */
static bool is_authority(struct bytes authority)
{
    size_t n = authority.n;
    while (n > 0 && authority.p[n - 1] >= '0' && authority.p[n - 1] <= '9') {
        n--;
    }
    bool has_port = n > 0 && authority.p[n - 1] == ':';
    struct bytes host = {authority.p, has_port ? n - 1 : authority.n};
    return is_ipv6_literal(host) || is_reg_name(host);
}

/* RFC 9112 §3.2.2. The filter has seen to the scheme.
 * @param[in,out] target from the whole to its path, which may be empty */
static err_t authority_skip(char **target)
{
    if (**target == '/') {
        return OK;
    }
    char *authority = strstr(*target, "://");
    ENSURE(authority != NULL, ERR_BAD_REQUEST, "the target is neither a path nor a URI");
    authority += 3;
    size_t n = strcspn(authority, "/?");
    ENSURE(is_authority((struct bytes){(const uint8_t *)authority, n}), ERR_BAD_REQUEST,
           "the target has no valid host");
    *target = authority + n;
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
    char *target = x->target;
    request->path = target;
    TRY(authority_skip(&target));
    char *mark = strchr(target, '?');
    if (mark != NULL) {
        *mark = '\0';
    }
    request->path = target[0] != '\0' ? target : "/"; /* RFC 9110 §4.2.3 */
    struct bytes path = bytes_str(request->path);
    TRY(path_check(path));
    struct route_match match;
    router_find(x->server->router, request->listener, request->method, path, &match);
    x->route_index = match.index;
    request->route = match.route != NULL ? match.route : match.nearest;
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
