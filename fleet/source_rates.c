/* A fixed table of sources, each with the time at which it will have paid for all that it took (the generic
 * cell rate algorithm: one number a source). When all places of a key are taken, the one that has paid for
 * longest makes room. */
#include "fleet/source_rates.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/source_limits.h"

enum { SLOTS = 8192, WAYS = 8, MICROSECONDS = 1000000 };

struct slot {
    int64_t paid_at_us; /* 0: nobody's */
    struct source source;
};

struct source_rates {
    pthread_mutex_t mutex;
    int64_t step_us, most_us; /* what one costs; what a source may owe */
    struct slot slots[SLOTS];
};

err_t source_rates_new(int per_second, int burst, struct source_rates **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the rates of sources");
    (*out)->step_us = MICROSECONDS / per_second;
    (*out)->most_us = (*out)->step_us * burst;
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void source_rates_free(struct source_rates *rates)
{
    if (rates != NULL) {
        (void)pthread_mutex_destroy(&rates->mutex);
        free(rates);
    }
}

static struct slot *set_of(struct source_rates *rates, const struct source *source)
{
    return rates->slots + ((size_t)source->key[0] << 8 | source->key[1]) % (SLOTS / WAYS) * WAYS;
}

static struct slot *find(struct slot *set, const struct source *source)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(&set[i].source, source, sizeof *source) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

static struct slot *make_room(struct slot *set, const struct source *source)
{
    struct slot *idlest = set;
    for (size_t i = 1; i < WAYS; i++) {
        idlest = set[i].paid_at_us < idlest->paid_at_us ? &set[i] : idlest;
    }
    *idlest = (struct slot){.source = *source};
    return idlest;
}

/* Who only looks takes nobody's place. */
static int64_t over_us(struct source_rates *rates, const struct source *source, int64_t at_us, bool takes)
{
    struct slot *set = set_of(rates, source);
    struct slot *slot = find(set, source);
    int64_t from_us = slot != NULL && slot->paid_at_us > at_us ? slot->paid_at_us : at_us;
    int64_t over = from_us + rates->step_us - at_us - rates->most_us;
    if (over <= 0 && takes) {
        slot = slot != NULL ? slot : make_room(set, source);
        slot->paid_at_us = from_us + rates->step_us;
    }
    return over;
}

static err_t ask(struct source_rates *rates, const char *address, int64_t at_ms, bool takes)
{
    struct source source;
    TRY(source_of(address, &source));
    (void)pthread_mutex_lock(&rates->mutex);
    int64_t over = over_us(rates, &source, at_ms * 1000, takes);
    (void)pthread_mutex_unlock(&rates->mutex);
    if (over <= 0) {
        return OK;
    }
    err_t error = ERR(ERR_TOO_MANY, "too many requests of this kind from this address");
    error.retry_after_s = (int)((over + MICROSECONDS - 1) / MICROSECONDS);
    return error;
}

err_t source_rates_take(struct source_rates *rates, const char *address, int64_t at_ms)
{
    return ask(rates, address, at_ms, true);
}

err_t source_rates_look(struct source_rates *rates, const char *address, int64_t at_ms)
{
    return ask(rates, address, at_ms, false);
}
