/* A tick comes ten times a second whether there is work or not, so it is the probe of a loop's lag: what it
 * is late by, everything else waited too. Costs no call into the kernel. */
#include "server/loop_figures.h"

enum { LOOPS_MAX = 64 };

void loop_figures_tick(struct loop_figures *figures, int64_t now_us, int64_t period_us)
{
    if (figures->tick_us != 0) {
        histogram_add(&figures->lag_us, histogram_seconds(), now_us - figures->tick_us - period_us);
    }
    figures->tick_us = now_us;
}

void loop_figures_open(struct loop_figures *figures, int listener, int by)
{
    atomic_fetch_add_explicit(&figures->open[listener], by, memory_order_relaxed);
}

void loop_figures_handshake(struct loop_figures *figures, int64_t began_us)
{
    histogram_add(&figures->handshakes_us, histogram_seconds(), stopwatch_us() - began_us);
}

void loop_figures_request(struct loop_figures *figures, int listener, int64_t began_us)
{
    histogram_add(&figures->requests_us[listener], histogram_seconds(), stopwatch_us() - began_us);
}

/* --- written ---------------------------------------------------------------------------------------- */

struct page {
    const struct loop_figures *const *loops;
    size_t count;
    struct buf *out;
};

/* The histogram at this place of every loop. */
static err_t write_series(const struct page *page, const char *name, const char *labels, size_t offset)
{
    const struct histogram *parts[LOOPS_MAX];
    size_t count = page->count < LOOPS_MAX ? page->count : LOOPS_MAX;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (const struct histogram *)(const void *)((const char *)page->loops[i] + offset);
    }
    const struct histogram_series series = {
        .name = name, .labels = labels, .parts = parts, .part_count = count};
    return histogram_write(&series, histogram_seconds(), page->out);
}

static err_t write_family(const struct page *page, const char *name, const char *help, size_t offset)
{
    TRY(histogram_write_head(name, help, histogram_seconds(), page->out));
    return write_series(page, name, "", offset);
}

static err_t write_requests(const struct page *page, const char *const listeners[LOOP_LISTENERS])
{
    static const char NAME[] = "whorl_http_request_seconds";
    TRY(histogram_write_head(
        NAME, "From the first line of a request to its answer: body, waiting for a worker and work.",
        histogram_seconds(), page->out));
    for (size_t i = 0; i < LOOP_LISTENERS; i++) {
        AUTO_VAL(buf) labels = {0};
        if (listeners[i] != NULL) {
            TRY(buf_printf(&labels, "listener=\"%s\"", listeners[i]));
            TRY(write_series(page, NAME, buf_str(&labels),
                             offsetof(struct loop_figures, requests_us) + i * sizeof(struct histogram)));
        }
    }
    return OK;
}

static err_t write_open(const struct page *page, const char *const listeners[LOOP_LISTENERS])
{
    TRY(buf_append_str(page->out,
                       "# TYPE whorl_listener_connections gauge\n# HELP whorl_listener_connections "
                       "Open connections, by listener.\n"));
    for (size_t i = 0; i < LOOP_LISTENERS; i++) {
        int open = 0;
        for (size_t k = 0; k < page->count; k++) {
            open += atomic_load_explicit(&page->loops[k]->open[i], memory_order_relaxed);
        }
        TRY(listeners[i] != NULL ? buf_printf(page->out, "whorl_listener_connections{listener=\"%s\"} %d\n",
                                              listeners[i], open)
                                 : OK);
    }
    return OK;
}

err_t loop_figures_write(const struct loop_figures *const *loops, size_t count,
                         const char *const listeners[LOOP_LISTENERS], struct buf *out)
{
    const struct page page = {.loops = loops, .count = count, .out = out};
    TRY(write_family(&page, "whorl_loop_lag_seconds", "How late a loop runs what is due, ten times a second.",
                     offsetof(struct loop_figures, lag_us)));
    TRY(write_family(&page, "whorl_tls_handshake_seconds",
                     "TLS handshakes that succeeded, from the accept on: the client's part and the way to it "
                     "are in it.",
                     offsetof(struct loop_figures, handshakes_us)));
    TRY(write_requests(&page, listeners));
    return write_open(&page, listeners);
}
