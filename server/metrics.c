/* Arrays of relaxed atomics; only figures_write() reads them. Label values are our own texts, nothing from
 * outside. */
#include "server/metrics.h"

#include <stdlib.h>

/* The statuses that are counted one by one: those of answers, and those of errors (some of them more than
 * once: the first is counted). The last row, status 0, takes what is none of them. */
#define STATUS_ROW(code, status, slug, title) status,
static const int statuses[] = {200, 201, 202, 204, 304, ERR_TABLE(STATUS_ROW) 0};
#undef STATUS_ROW

enum { STATUS_COUNT = sizeof statuses / sizeof statuses[0] };

struct figures {
    atomic_ullong handshakes[HANDSHAKE_RESULT_COUNT];
    atomic_ullong refused[REFUSED_COUNT];
    size_t route_count;
    atomic_ullong requests[]; /* [route][status], one row more for requests without a route */
};

err_t figures_new(size_t route_count, struct figures **out)
{
    *out = calloc(1, sizeof **out + (route_count + 1) * STATUS_COUNT * sizeof(atomic_ullong));
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the figures");
    (*out)->route_count = route_count;
    return OK;
}

void figures_free(struct figures *figures)
{
    free(figures);
}

static void count(atomic_ullong *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void figures_count_request(struct figures *figures, size_t route_index, int status)
{
    size_t s = 0;
    while (s < STATUS_COUNT - 1 && statuses[s] != status) {
        s++;
    }
    count(&figures->requests[route_index * STATUS_COUNT + s]);
}

void figures_count_handshake(struct figures *figures, enum handshake_result result)
{
    count(&figures->handshakes[result]);
}

void figures_count_refused(struct figures *figures, int reason)
{
    count(&figures->refused[reason]);
}

static unsigned long long sum(struct figures *const *loops, size_t loop_count, size_t offset)
{
    unsigned long long total = 0;
    for (size_t i = 0; i < loop_count; i++) {
        const char *base = (const char *)loops[i];
        total +=
            atomic_load_explicit((const atomic_ullong *)(const void *)(base + offset), memory_order_relaxed);
    }
    return total;
}

static err_t requests_write(struct figures *const *loops, size_t loop_count, const struct router *router,
                            struct buf *out)
{
    TRY(buf_append_str(out, "# TYPE whorl_http_requests counter\n# HELP whorl_http_requests Requests "
                            "answered, by route and status.\n"));
    for (size_t r = 0; r <= loops[0]->route_count; r++) {
        const struct route *route = router_route(router, r);
        for (size_t s = 0; s < STATUS_COUNT; s++) {
            size_t offset =
                offsetof(struct figures, requests) + (r * STATUS_COUNT + s) * sizeof(atomic_ullong);
            unsigned long long total = sum(loops, loop_count, offset);
            if (total == 0) {
                continue;
            }
            TRY(buf_printf(out, "whorl_http_requests_total{route=\"%s%s%s\",status=\"%d\"} %llu\n",
                           route != NULL ? http_method_name(route->method) : "", route != NULL ? " " : "",
                           route != NULL ? route->path : "none", statuses[s], total));
        }
    }
    return OK;
}

static const char *refused_label(int reason)
{
    static const char *const more[] = {"connections", "address", "queue", "timeout", "body"};
    return reason < FILTER_REFUSAL_COUNT ? filter_refusal_label((enum filter_refusal)reason)
                                         : more[reason - FILTER_REFUSAL_COUNT];
}

err_t figures_write(struct figures *const *loops, size_t loop_count, const struct router *router,
                    struct buf *out)
{
    static const char *const results[] = {"full", "resumed", "failed"};
    TRY(requests_write(loops, loop_count, router, out));
    TRY(buf_append_str(
        out,
        "# TYPE whorl_tls_handshakes counter\n# HELP whorl_tls_handshakes TLS handshakes, by result.\n"));
    for (size_t i = 0; i < HANDSHAKE_RESULT_COUNT; i++) {
        TRY(buf_printf(
            out, "whorl_tls_handshakes_total{result=\"%s\"} %llu\n", results[i],
            sum(loops, loop_count, offsetof(struct figures, handshakes) + i * sizeof(atomic_ullong))));
    }
    TRY(buf_append_str(out, "# TYPE whorl_http_refused counter\n# HELP whorl_http_refused Refused before any "
                            "handler, by reason.\n"));
    for (size_t i = 1; i < REFUSED_COUNT; i++) {
        TRY(buf_printf(
            out, "whorl_http_refused_total{reason=\"%s\"} %llu\n", refused_label((int)i),
            sum(loops, loop_count, offsetof(struct figures, refused) + i * sizeof(atomic_ullong))));
    }
    return OK;
}
