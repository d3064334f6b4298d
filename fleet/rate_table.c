/* Sixteen bytes a bucket: when it is paid for, and a keyed hash that stands for its key (two keys of one hash
 * would share a bucket; with 64 bits that nobody can aim at, none do). Sets of eight places, a few locks. */
#include "fleet/rate_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/siphash.h"

enum { WAYS = 8, LOCKS = 64, NS_PER_S = 1000000000 };

struct slot {
    int64_t paid_at_ns;
    uint64_t tag;
};

struct rate_table {
    struct siphash_secret secret;
    atomic_ullong draws;
    size_t sets; /* a power of two */
    pthread_mutex_t locks[LOCKS];
    struct slot slots[];
};

err_t rate_table_new(size_t places, const struct random *random, struct rate_table **out)
{
    size_t sets = 1;
    while (sets * WAYS < places) {
        sets *= 2;
    }
    *out = NULL;
    AUTO_PTR(rate_table) *table = calloc(1, sizeof *table + sets * WAYS * sizeof table->slots[0]);
    ENSURE(table != NULL, ERR_NO_MEMORY, "a table of rates");
    table->sets = sets;
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_init(&table->locks[i], NULL);
    }
    TRY(random_fill(random, (uint8_t *)table->secret.k, sizeof table->secret.k));
    *out = TAKE(table);
    return OK;
}

void rate_table_free(struct rate_table *table)
{
    if (table != NULL) {
        for (size_t i = 0; i < LOCKS; i++) {
            (void)pthread_mutex_destroy(&table->locks[i]);
        }
    }
    free(table);
}

static struct slot *find(struct slot *set, uint64_t tag)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].tag == tag) {
            return &set[i];
        }
    }
    return NULL;
}

static struct slot *make_room(struct slot *set, uint64_t tag)
{
    struct slot *least = set;
    for (size_t i = 1; i < WAYS; i++) {
        least = set[i].paid_at_ns < least->paid_at_ns ? &set[i] : least;
    }
    *least = (struct slot){.tag = tag};
    return least;
}

/* What is owed, at most what the bucket holds: so neither a rate that was changed nor a clock that went back
 * makes anybody wait longer than from an empty bucket. */
static int64_t owed(const struct slot *slot, int64_t most_ns, int64_t now_ns)
{
    int64_t debt = slot == NULL || slot->paid_at_ns <= now_ns ? 0 : slot->paid_at_ns - now_ns;
    return debt < most_ns ? debt : most_ns;
}

static struct rate_answer ask(struct rate_table *table, struct bytes key, const struct rate *rate,
                              int64_t now_ns, bool takes)
{
    uint64_t tag = siphash(&table->secret, key);
    size_t at = (size_t)tag & (table->sets - 1);
    struct slot *set = table->slots + at * WAYS;
    int64_t step_ns = NS_PER_S / rate->per_second;
    int64_t most_ns = step_ns * rate->burst;
    pthread_mutex_t *lock = &table->locks[at % LOCKS];
    (void)pthread_mutex_lock(lock);
    struct slot *slot = find(set, tag);
    int64_t debt = owed(slot, most_ns, now_ns);
    bool is_taken = debt + step_ns <= most_ns;
    if (is_taken && takes) {
        debt += step_ns;
        slot = slot != NULL ? slot : make_room(set, tag);
        slot->paid_at_ns = now_ns + debt;
    }
    (void)pthread_mutex_unlock(lock);
    int64_t wait_ns = debt + step_ns - most_ns;
    return (struct rate_answer){.is_taken = is_taken,
                                .left = (most_ns - debt) / step_ns,
                                .wait_ns = wait_ns > 0 ? wait_ns : 0,
                                .full_ns = debt};
}

struct rate_answer rate_table_take(struct rate_table *table, struct bytes key, const struct rate *rate,
                                   int64_t now_ns)
{
    return ask(table, key, rate, now_ns, true);
}

struct rate_answer rate_table_look(struct rate_table *table, struct bytes key, const struct rate *rate,
                                   int64_t now_ns)
{
    return ask(table, key, rate, now_ns, false);
}

int64_t rate_table_draw(struct rate_table *table, int64_t below)
{
    unsigned long long n = atomic_fetch_add_explicit(&table->draws, 1, memory_order_relaxed);
    uint64_t drawn = siphash(&table->secret, (struct bytes){(const uint8_t *)&n, sizeof n});
    return (int64_t)(drawn % (uint64_t)below);
}
