/* Templates are cut into segments once and sorted so that the more literal one is met first; a search walks
 * the rows with the right number of segments, and then those that take the rest of the path. At about a
 * hundred routes that is cheaper than building a tree, and easier to believe. */
#include "server/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENTS_MAX = 12 };

struct segment {
    struct bytes text; /* the literal, or the suffix behind a parameter */
    bool is_param;
    bool is_rest; /* the last one: the rest of the path, its slashes included */
};

struct row {
    const struct route *route;
    struct segment segments[SEGMENTS_MAX];
    size_t segment_count;
};

struct router {
    struct row *rows;
    size_t count;
    size_t first[SEGMENTS_MAX + 2]; /* rows of n segments: first[n] … first[n + 1] - 1 */
    size_t rest;                    /* rows that take the rest: from here on */
};

static const struct {
    const char *name;
    enum http_method method;
} methods[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_HEAD},   {"POST", HTTP_POST},
               {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}};

enum http_method http_method_of(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(name, methods[i].name) == 0) {
            return methods[i].method;
        }
    }
    return HTTP_OTHER;
}

const char *http_method_name(enum http_method method)
{
    return method < sizeof methods / sizeof methods[0] ? methods[method].name : "OTHER";
}

/* The next segment of `rest`, which starts with '/'. */
static struct bytes segment_next(struct bytes *rest)
{
    const uint8_t *start = rest->p + 1;
    const uint8_t *slash = memchr(start, '/', rest->n - 1);
    size_t n = slash != NULL ? (size_t)(slash - start) : rest->n - 1;
    *rest = (struct bytes){start + n, rest->n - 1 - n};
    return (struct bytes){start, n};
}

static err_t segment_parse(struct bytes text, struct segment *out)
{
    *out = (struct segment){.text = text, .is_param = text.n > 0 && text.p[0] == '{'};
    if (!out->is_param) {
        return OK;
    }
    const uint8_t *close = memchr(text.p, '}', text.n);
    ENSURE(close != NULL, ERR_INTERNAL, "a route template without }");
    size_t skipped = (size_t)(close - text.p) + 1;
    out->text = (struct bytes){text.p + skipped, text.n - skipped};
    out->is_rest = skipped > 5 && memcmp(close - 3, "...", 3) == 0;
    return OK;
}

static err_t row_parse(const struct route *route, struct row *out)
{
    *out = (struct row){.route = route};
    struct bytes rest = bytes_str(route->path);
    ENSURE(rest.n > 0 && rest.p[0] == '/', ERR_INTERNAL, "route %s", route->path);
    ENSURE(route->method != HTTP_HEAD && (route->handler != NULL) != (route->sink != NULL), ERR_INTERNAL,
           "route %s", route->path);
    ENSURE(route->quick == NULL || (route->handler != NULL && route->access != ACCESS_CALLER), ERR_INTERNAL,
           "route %s", route->path);
    size_t params = 0;
    while (rest.n > 0) {
        ENSURE(out->segment_count < SEGMENTS_MAX, ERR_INTERNAL, "route %s is too deep", route->path);
        struct segment *segment = &out->segments[out->segment_count++];
        TRY(segment_parse(segment_next(&rest), segment));
        params += segment->is_param ? 1 : 0;
        ENSURE(!segment->is_rest || (rest.n == 0 && segment->text.n == 0), ERR_INTERNAL,
               "something follows the rest in route %s", route->path);
    }
    ENSURE(params <= HTTP_PARAMS_MAX, ERR_INTERNAL, "route %s has too many parameters", route->path);
    return OK;
}

static bool row_takes_rest(const struct row *row)
{
    return row->segments[row->segment_count - 1].is_rest;
}

/* Those that take the rest last; by number of segments, then literals before suffixed parameters before bare
 * ones, segment by segment. */
static int row_compare(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (row_takes_rest(a) != row_takes_rest(b)) {
        return row_takes_rest(a) ? 1 : -1;
    }
    if (a->segment_count != b->segment_count) {
        return a->segment_count < b->segment_count ? -1 : 1;
    }
    for (size_t i = 0; i < a->segment_count; i++) {
        const struct segment *s = &a->segments[i], *t = &b->segments[i];
        if (s->is_param != t->is_param) {
            return s->is_param ? 1 : -1;
        }
        int order = bytes_compare(t->text, s->text); /* the empty suffix last */
        if (order != 0) {
            return order;
        }
    }
    return a->route->method == b->route->method ? 0 : a->route->method < b->route->method ? -1 : 1;
}

static err_t rows_check(const struct router *router)
{
    for (size_t i = 1; i < router->count; i++) {
        const struct row *a = &router->rows[i - 1], *b = &router->rows[i];
        ENSURE(row_compare(a, b) != 0 || (a->route->listeners & b->route->listeners) == 0, ERR_INTERNAL,
               "route %s stands twice", b->route->path);
    }
    return OK;
}

err_t router_new(const struct route_table *tables, size_t count, struct router **out)
{
    *out = NULL;
    AUTO_PTR(router) *router = calloc(1, sizeof *router);
    ENSURE(router != NULL, ERR_NO_MEMORY, "the router");
    size_t total = 0;
    for (size_t t = 0; t < count; t++) {
        total += tables[t].count;
    }
    router->rows = calloc(total + 1, sizeof *router->rows);
    ENSURE(router->rows != NULL, ERR_NO_MEMORY, "the router");
    for (size_t t = 0; t < count; t++) {
        for (size_t r = 0; r < tables[t].count; r++) {
            TRY(row_parse(&tables[t].routes[r], &router->rows[router->count]));
            router->count++;
        }
    }
    qsort(router->rows, router->count, sizeof *router->rows, row_compare);
    TRY(rows_check(router));
    router->rest = router->count;
    while (router->rest > 0 && row_takes_rest(&router->rows[router->rest - 1])) {
        router->rest--;
    }
    size_t at = 0;
    for (size_t n = 0; n <= SEGMENTS_MAX + 1; n++) {
        while (at < router->rest && router->rows[at].segment_count < n) {
            at++;
        }
        router->first[n] = at;
    }
    *out = TAKE(router);
    return OK;
}

void router_free(struct router *router)
{
    if (router != NULL) {
        free(router->rows);
        free(router);
    }
}

size_t router_route_count(const struct router *router)
{
    return router->count;
}

const struct route *router_route(const struct router *router, size_t index)
{
    return index < router->count ? router->rows[index].route : NULL;
}

/* "." and ".." name no thing of ours, and something in front of us may have meant another path by them. */
static bool param_matches(const struct segment *segment, struct bytes text, struct bytes *param)
{
    if (text.n <= segment->text.n ||
        memcmp(text.p + text.n - segment->text.n, segment->text.p, segment->text.n) != 0) {
        return false;
    }
    *param = (struct bytes){text.p, text.n - segment->text.n};
    return !bytes_is(text, ".") && !bytes_is(text, "..");
}

/* The first `count` segments of the row. */
static bool row_matches(const struct row *row, const struct bytes *segments, size_t count,
                        struct route_match *out)
{
    out->param_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!row->segments[i].is_param) {
            if (!bytes_equal(row->segments[i].text, segments[i])) {
                return false;
            }
        } else if (!param_matches(&row->segments[i], segments[i], &out->params[out->param_count++])) {
            return false;
        }
    }
    return true;
}

static void allow_add(struct route_match *out, enum http_method method)
{
    char name[16];
    size_t n = strlen(out->allow);
    size_t more = (size_t)snprintf(name, sizeof name, "%s%s", n > 0 ? ", " : "",
                                   method == HTTP_GET ? "GET, HEAD" : http_method_name(method));
    if (n + more < sizeof out->allow) {
        memcpy(out->allow + n, name, more + 1);
    }
}

/* How many literal segments row and path begin with alike. */
static size_t common_beginning(const struct row *row, const struct bytes *segments, size_t count)
{
    size_t n = 0;
    while (n < count && n < row->segment_count && !row->segments[n].is_param &&
           bytes_equal(row->segments[n].text, segments[n])) {
        n++;
    }
    return n;
}

/* One segment in common says too little: /.well-known belongs to everybody. */
static const struct route *nearest_of(const struct router *router, enum listener listener,
                                      const struct bytes *segments, size_t count)
{
    const struct route *nearest = NULL;
    size_t most = 1;
    for (size_t i = 0; i < router->count; i++) {
        size_t n = common_beginning(&router->rows[i], segments, count);
        if (n > most && (router->rows[i].route->listeners & listener) != 0) {
            most = n;
            nearest = router->rows[i].route;
        }
    }
    return nearest;
}

struct cut_path {
    struct bytes segments[SEGMENTS_MAX];
    size_t count;
    bool is_longer; /* than SEGMENTS_MAX: a rest goes on, nothing else fits */
    const uint8_t *end;
};

static bool rest_matches(const struct row *row, const struct cut_path *path, struct route_match *out)
{
    size_t last = row->segment_count - 1;
    if (path->count <= last || !row_matches(row, path->segments, last, out)) {
        return false;
    }
    const uint8_t *start = path->segments[last].p;
    struct bytes rest = {start - 1, (size_t)(path->end - start) + 1};
    out->params[out->param_count++] = (struct bytes){start, rest.n - 1};
    while (rest.n > 0) {
        struct bytes segment = segment_next(&rest);
        if (bytes_is(segment, ".") || bytes_is(segment, "..")) {
            return false;
        }
    }
    return path->end > start;
}

static void path_cut(struct bytes path, struct cut_path *out)
{
    out->end = path.p + path.n;
    while (path.n > 0 && path.p[0] == '/' && !out->is_longer) {
        out->is_longer = out->count == SEGMENTS_MAX;
        if (!out->is_longer) {
            out->segments[out->count++] = segment_next(&path);
        }
    }
}

/* Whether the row is the one; what it allows is noted when only the method is wrong. */
static bool row_is_found(const struct router *router, size_t index, enum http_method wanted,
                         struct route_match *out)
{
    const struct row *row = &router->rows[index];
    if (row->route->method != wanted) {
        out->nearest = row->route;
        allow_add(out, row->route->method);
        return false;
    }
    out->route = row->route;
    out->index = index;
    out->allow[0] = '\0';
    out->nearest = NULL;
    return true;
}

void router_find(const struct router *router, enum listener listener, enum http_method method,
                 struct bytes path, struct route_match *out)
{
    *out = (struct route_match){.index = router->count};
    struct cut_path cut = {.count = 0};
    path_cut(path, &cut);
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    size_t first = cut.is_longer ? router->rest : router->first[cut.count];
    size_t end = cut.is_longer ? router->rest : router->first[cut.count + 1];
    for (size_t i = first; i < end; i++) {
        const struct row *row = &router->rows[i];
        if ((row->route->listeners & listener) != 0 && row_matches(row, cut.segments, cut.count, out) &&
            row_is_found(router, i, wanted, out)) {
            return;
        }
    }
    for (size_t i = router->rest; i < router->count; i++) {
        const struct row *row = &router->rows[i];
        if ((row->route->listeners & listener) != 0 && rest_matches(row, &cut, out) &&
            row_is_found(router, i, wanted, out)) {
            return;
        }
    }
    if (out->nearest == NULL && !cut.is_longer) {
        out->nearest = nearest_of(router, listener, cut.segments, cut.count);
    }
}
