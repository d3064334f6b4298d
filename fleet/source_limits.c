/* A fixed table of addresses with wrong secrets. Knows no secret. When all places of a key hold younger ones,
 * the one that failed longest ago is forgotten: a flood from many addresses costs memory nobody, and each of
 * them its own waiting. */
#include "fleet/source_limits.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { SLOTS = 8192, WAYS = 8, FREE_FAILURES = 10, WAIT_MAX_S = 60, MEMORY_MS = 15 * 60 * 1000 };

struct slot {
    int64_t failed_at_ms; /* last; 0: never */
    int64_t until_ms;     /* waits */
    int failures;
    uint8_t key[SHA256_SIZE];
};

struct source_limits {
    pthread_mutex_t mutex;
    struct slot slots[SLOTS];
};

err_t source_limits_new(struct source_limits **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the limits of sources");
    if (pthread_mutex_init(&(*out)->mutex, NULL) != 0) {
        free(TAKE(*out));
        return ERR(ERR_NO_MEMORY, "a mutex");
    }
    return OK;
}

void source_limits_free(struct source_limits *limits)
{
    if (limits != NULL) {
        (void)pthread_mutex_destroy(&limits->mutex);
        free(limits);
    }
}

/* An IPv6 host has a whole /64 to choose its address from; mapped IPv4 is IPv4 (RFC 4291 §2.5.5.2). */
size_t source_network(const char *address, uint8_t six[SOURCE_NETWORK_SIZE])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (address != NULL && inet_pton(AF_INET, address, six + sizeof mapped) == 1) {
        memcpy(six, mapped, sizeof mapped);
        return SOURCE_NETWORK_SIZE;
    }
    if (address == NULL || inet_pton(AF_INET6, address, six) != 1) {
        memset(six, 0, SOURCE_NETWORK_SIZE); /* those without an address share one place */
        return SOURCE_NETWORK_SIZE / 2;
    }
    return memcmp(six, mapped, sizeof mapped) == 0 ? SOURCE_NETWORK_SIZE : SOURCE_NETWORK_SIZE / 2;
}

err_t source_of(const char *address, struct source *out)
{
    uint8_t six[SOURCE_NETWORK_SIZE];
    size_t size = source_network(address, six);
    struct sha256 hash;
    TRY(sha256_of((struct bytes){six, size}, &hash));
    memcpy(out->key, hash.b, sizeof out->key);
    return OK;
}

static struct slot *set_of(struct source_limits *limits, const uint8_t key[SHA256_SIZE])
{
    return limits->slots + ((size_t)key[0] << 8 | key[1]) % (SLOTS / WAYS) * WAYS;
}

static struct slot *find(struct source_limits *limits, const struct source *source)
{
    struct slot *set = set_of(limits, source->key);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].failures > 0 && memcmp(set[i].key, source->key, SHA256_SIZE) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

/* Quiet for long enough, or the clock was set back behind its last failure. */
static bool is_forgotten(const struct slot *slot, int64_t now_ms)
{
    return now_ms - slot->failed_at_ms >= MEMORY_MS || now_ms < slot->failed_at_ms;
}

err_t source_limits_check(struct source_limits *limits, const char *address, int64_t now_ms,
                          struct source *source)
{
    TRY(source_of(address, source));
    (void)pthread_mutex_lock(&limits->mutex);
    const struct slot *slot = find(limits, source);
    int64_t wait_ms = slot == NULL || is_forgotten(slot, now_ms) ? 0 : slot->until_ms - now_ms;
    (void)pthread_mutex_unlock(&limits->mutex);
    if (wait_ms <= 0) {
        return OK;
    }
    int seconds = (int)((wait_ms + 999) / 1000);
    err_t error = ERR(ERR_TOO_MANY, "too many wrong attempts from this address: try again in %d s", seconds);
    error.retry_after_s = seconds;
    return error;
}

static struct slot *oldest(struct slot *set)
{
    struct slot *found = set;
    for (size_t i = 1; i < WAYS; i++) {
        found = set[i].failed_at_ms < found->failed_at_ms ? &set[i] : found;
    }
    return found;
}

static void note(struct slot *slot, int64_t now_ms)
{
    int over = ++slot->failures - FREE_FAILURES;
    int64_t wait_s = over <= 0 ? 0 : over > 6 ? WAIT_MAX_S : INT64_C(1) << (over - 1);
    slot->failed_at_ms = now_ms;
    slot->until_ms = now_ms + (wait_s > WAIT_MAX_S ? WAIT_MAX_S : wait_s) * 1000;
}

void source_limits_failed(struct source_limits *limits, const struct source *source, int64_t now_ms)
{
    (void)pthread_mutex_lock(&limits->mutex);
    struct slot *slot = find(limits, source);
    if (slot == NULL || is_forgotten(slot, now_ms)) {
        slot = slot != NULL ? slot : oldest(set_of(limits, source->key));
        *slot = (struct slot){.failures = 0};
        memcpy(slot->key, source->key, sizeof slot->key);
    }
    note(slot, now_ms);
    (void)pthread_mutex_unlock(&limits->mutex);
}
