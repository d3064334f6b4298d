/* Three tables of token buckets behind one way to ask. Refusals are counted and told to nobody else: a line
 * or a record for each would be another flood. */
#include "fleet/rates.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fleet/internal.h"
#include "fleet/source_limits.h"

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000, MOST = 1000000 };

/* Who a refusal concerns decides how wide those who come again are spread: behind an address there may be a
 * thousand devices that were all refused in the same second, a device is one. */
static const struct scope {
    const char *name, *whose;
    size_t places;
    int64_t spread_s;
} scopes[RATE_SCOPES] = {
    [RATE_ADDRESS] = {"address", "this address", 1 << 16, 15},
    [RATE_DEVICE] = {"device", "this device", 1 << 17, 2},
    [RATE_TENANT] = {"tenant", "this tenant", 1 << 12, 5},
};

/* Rate and burst in one word, so that a question sees both of before or both of after. */
struct rates {
    atomic_ullong limits[RATE_SCOPES];
    atomic_llong refused[RATE_SCOPES];
    struct rate_table *tables[RATE_SCOPES];
};

err_t rates_new(const struct random *random, struct rates **out)
{
    *out = NULL;
    AUTO_PTR(rates) *rates = calloc(1, sizeof *rates);
    ENSURE(rates != NULL, ERR_NO_MEMORY, "the rates");
    for (size_t i = 0; i < RATE_SCOPES; i++) {
        TRY(rate_table_new(scopes[i].places, random, &rates->tables[i]));
    }
    *out = TAKE(rates);
    return OK;
}

void rates_free(struct rates *rates)
{
    if (rates != NULL) {
        for (size_t i = 0; i < RATE_SCOPES; i++) {
            rate_table_free(rates->tables[i]);
        }
    }
    free(rates);
}

const char *rate_scope_name(enum rate_scope scope)
{
    return scopes[scope].name;
}

err_t rates_set(struct fleet *fleet, const struct rate_limits *limits)
{
    for (size_t i = 0; i < RATE_SCOPES; i++) {
        const struct rate *rate = &limits->of[i];
        ENSURE(rate->per_second >= 0 && rate->per_second <= MOST && rate->burst >= 1 && rate->burst <= MOST,
               ERR_UNPROCESSABLE, "the rate of requests per %s is out of range", scopes[i].name);
    }
    for (size_t i = 0; i < RATE_SCOPES; i++) {
        const struct rate *rate = &limits->of[i];
        atomic_store(&fleet->rates->limits[i], (uint64_t)rate->per_second << 32 | (uint64_t)rate->burst);
    }
    return OK;
}

static int64_t seconds_up(int64_t ns)
{
    return (ns + NS_PER_S - 1) / NS_PER_S;
}

static err_t refuse(const struct fleet *fleet, enum rate_scope scope, const struct rate *rate, int64_t wait_s)
{
    atomic_fetch_add_explicit(&fleet->rates->refused[scope], 1, memory_order_relaxed);
    err_t error =
        ERR(ERR_TOO_MANY,
            "too many requests from %s: %" PRId64 " at once, then %" PRId64 " a second are answered",
            scopes[scope].whose, rate->burst, rate->per_second);
    error.retry_after_s = (int)wait_s;
    return error;
}

static err_t ask(struct fleet *fleet, enum rate_scope scope, struct bytes key, struct rate_mark *mark)
{
    uint64_t limit = atomic_load_explicit(&fleet->rates->limits[scope], memory_order_relaxed);
    const struct rate rate = {.per_second = (int64_t)(limit >> 32), .burst = (int64_t)(uint32_t)limit};
    struct rate_table *table = fleet->rates->tables[scope];
    *mark = (struct rate_mark){.quota = 0};
    if (rate.per_second == 0) {
        return OK;
    }
    int64_t now_ns = clock_monotonic_ms(fleet->clock) * NS_PER_MS;
    struct rate_answer answer = rate_table_take(table, key, &rate, now_ns);
    mark->quota = rate.burst;
    mark->window_s = (rate.burst + rate.per_second - 1) / rate.per_second;
    mark->left = answer.left;
    mark->reset_s = seconds_up(answer.full_ns);
    if (answer.is_taken) {
        return OK;
    }
    mark->is_refused = true;
    mark->reset_s = seconds_up(answer.wait_ns) + rate_table_draw(table, scopes[scope].spread_s);
    return refuse(fleet, scope, &rate, mark->reset_s);
}

err_t rates_take_address(struct fleet *fleet, const char *address, struct rate_mark *mark)
{
    uint8_t network[SOURCE_NETWORK_SIZE];
    size_t size = source_network(address, network);
    return ask(fleet, RATE_ADDRESS, (struct bytes){network, size}, mark);
}

err_t rates_take_device(struct fleet *fleet, struct bytes key, struct rate_mark *mark)
{
    return ask(fleet, RATE_DEVICE, key, mark);
}

err_t rates_take_tenant(struct fleet *fleet, struct uuid tenant, struct rate_mark *mark)
{
    return ask(fleet, RATE_TENANT, BYTES_OF(tenant.b), mark);
}

err_t rates_write_metrics(const struct rates *rates, struct buf *out)
{
    TRY(buf_append_str(
        out, "# TYPE whorl_requests_limited counter\n"
             "# HELP whorl_requests_limited Requests refused with 429 for their number, by whose it is\n"));
    for (size_t i = 0; i < RATE_SCOPES; i++) {
        TRY(buf_printf(out, "whorl_requests_limited_total{scope=\"%s\"} %lld\n", scopes[i].name,
                       atomic_load_explicit(&rates->refused[i], memory_order_relaxed)));
    }
    return OK;
}
