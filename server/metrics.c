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
    atomic_ullong paused_us[LANE_COUNT], pauses[LANE_COUNT], queued[LANE_COUNT];
    atomic_ullong unfinished;
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

void figures_count_pause(struct figures *figures, enum admission_lane lane, uint64_t more_us, bool is_new)
{
    atomic_fetch_add_explicit(&figures->paused_us[lane], more_us, memory_order_relaxed);
    if (is_new) {
        count(&figures->pauses[lane]);
    }
}

void figures_set_queued(struct figures *figures, enum admission_lane lane, unsigned waiting)
{
    atomic_store_explicit(&figures->queued[lane], waiting, memory_order_relaxed);
}

void figures_set_unfinished(struct figures *figures, int unfinished)
{
    atomic_store_explicit(&figures->unfinished, (unsigned long long)unfinished, memory_order_relaxed);
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
    static const char *const more[] = {"connections", "address", "queue", "timeout", "body",
                                       "wait",        "gone",    "stale", "memory",  "handshakes"};
    return reason < FILTER_REFUSAL_COUNT ? filter_refusal_label((enum filter_refusal)reason)
                                         : more[reason - FILTER_REFUSAL_COUNT];
}

/* What waits before the door, and how long the door was shut: each listener that has handshakes, then what is
 * accepted of all. */
static err_t accept_write(struct figures *const *loops, size_t loop_count, struct buf *out)
{
    static const char *const lanes[LANE_COUNT] = {"device", "management", "public"};
    TRY(buf_append_str(out, "# TYPE whorl_accept_paused_seconds counter\n# UNIT whorl_accept_paused_seconds "
                            "seconds\n# HELP whorl_accept_paused_seconds Time in which a loop took no new "
                            "connections because handshakes or requests were waiting.\n"));
    for (size_t i = 0; i < LANE_PUBLIC; i++) {
        unsigned long long us =
            sum(loops, loop_count, offsetof(struct figures, paused_us) + i * sizeof(atomic_ullong));
        TRY(buf_printf(out, "whorl_accept_paused_seconds_total{listener=\"%s\"} %llu.%06llu\n", lanes[i],
                       us / 1000000, us % 1000000));
    }
    TRY(buf_append_str(out, "# TYPE whorl_accept_pauses counter\n# HELP whorl_accept_pauses How often a loop "
                            "stopped to take new connections.\n"));
    for (size_t i = 0; i < LANE_PUBLIC; i++) {
        TRY(buf_printf(out, "whorl_accept_pauses_total{listener=\"%s\"} %llu\n", lanes[i],
                       sum(loops, loop_count, offsetof(struct figures, pauses) + i * sizeof(atomic_ullong))));
    }
    TRY(buf_append_str(out, "# TYPE whorl_accept_queued gauge\n# HELP whorl_accept_queued Connections that "
                            "the kernel holds until they are taken.\n"));
    for (size_t i = 0; i < LANE_COUNT; i++) {
        TRY(buf_printf(out, "whorl_accept_queued{listener=\"%s\"} %llu\n", lanes[i],
                       sum(loops, loop_count, offsetof(struct figures, queued) + i * sizeof(atomic_ullong))));
    }
    return buf_printf(out,
                      "# TYPE whorl_tls_handshakes_unfinished gauge\n# HELP whorl_tls_handshakes_unfinished "
                      "Connections whose handshake is not done.\nwhorl_tls_handshakes_unfinished %llu\n",
                      sum(loops, loop_count, offsetof(struct figures, unfinished)));
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
    return accept_write(loops, loop_count, out);
}
