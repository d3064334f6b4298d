/* A table of buckets (rate_table.h) whose keys are addresses, all at one rate. */
#include "fleet/source_rates.h"

#include <stdlib.h>

#include "fleet/rate_table.h"
#include "fleet/source_limits.h"

enum { PLACES = 8192, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct source_rates {
    struct rate rate;
    struct rate_table *table;
};

err_t source_rates_new(const struct random *random, int per_second, int burst, struct source_rates **out)
{
    *out = NULL;
    AUTO_PTR(source_rates) *rates = calloc(1, sizeof *rates);
    ENSURE(rates != NULL, ERR_NO_MEMORY, "the rates of sources");
    rates->rate = (struct rate){.per_second = per_second, .burst = burst};
    TRY(rate_table_new(PLACES, random, &rates->table));
    *out = TAKE(rates);
    return OK;
}

void source_rates_free(struct source_rates *rates)
{
    if (rates != NULL) {
        rate_table_free(rates->table);
    }
    free(rates);
}

typedef struct rate_answer (*ask_fn)(struct rate_table *table, struct bytes key, const struct rate *rate,
                                     int64_t now_ns);

static err_t ask(struct source_rates *rates, const char *address, int64_t at_ms, ask_fn fn)
{
    uint8_t network[SOURCE_NETWORK_SIZE];
    size_t size = source_network(address, network);
    struct rate_answer answer =
        fn(rates->table, (struct bytes){network, size}, &rates->rate, at_ms * NS_PER_MS);
    if (answer.is_taken) {
        return OK;
    }
    err_t error = ERR(ERR_TOO_MANY, "too many requests of this kind from this address");
    error.retry_after_s = (int)((answer.wait_ns + NS_PER_S - 1) / NS_PER_S);
    return error;
}

err_t source_rates_take(struct source_rates *rates, const char *address, int64_t at_ms)
{
    return ask(rates, address, at_ms, rate_table_take);
}

err_t source_rates_look(struct source_rates *rates, const char *address, int64_t at_ms)
{
    return ask(rates, address, at_ms, rate_table_look);
}
