/* A table of sets of eight places. The set follows from the serial alone, so that one walk drops every form
 * of an answer; each set counts what was dropped in it. Serials are random and only those that we gave are
 * kept, so nobody can choose to fill one set. The mutex is held for a few comparisons. */
#include "fleet/ocsp_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 2048, WAYS = 8, CLOCK_STEP_MS = 60000 };

struct place {
    struct ocsp_key key;
    struct ocsp_answer answer; /* bytes NULL: free */
    uint64_t used;
};

struct set {
    uint64_t drops;
    struct place places[WAYS];
};

struct ocsp_cache {
    pthread_mutex_t mutex; /* guards all of it */
    uint64_t uses;
    struct set sets[SETS];
};

err_t ocsp_cache_new(struct ocsp_cache **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the cache of OCSP answers");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void ocsp_cache_free(struct ocsp_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < SETS; i++) {
        for (size_t k = 0; k < WAYS; k++) {
            shared_unref(cache->sets[i].places[k].answer.bytes);
        }
    }
    (void)pthread_mutex_destroy(&cache->mutex);
    free(cache);
}

static struct set *set_of(struct ocsp_cache *cache, const uint8_t serial[SERIAL_SIZE])
{
    return &cache->sets[((size_t)serial[SERIAL_SIZE - 2] << 8 | serial[SERIAL_SIZE - 1]) % SETS];
}

static struct place *find(struct set *set, const struct ocsp_key *key)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (set->places[i].answer.bytes != NULL && memcmp(&set->places[i].key, key, sizeof *key) == 0) {
            return &set->places[i];
        }
    }
    return NULL;
}

/* Not half over, so that it is good for a while wherever it goes, and not from a time that a wrong clock
 * told. */
static bool is_fresh(const struct ocsp_answer *answer, int64_t now_ms)
{
    int64_t half_ms = (answer->next_update_ms - answer->this_update_ms) / 2;
    return answer->this_update_ms <= now_ms + CLOCK_STEP_MS && now_ms < answer->this_update_ms + half_ms;
}

bool ocsp_cache_find(struct ocsp_cache *cache, const struct ocsp_key *key, int64_t now_ms,
                     struct ocsp_answer *out)
{
    (void)pthread_mutex_lock(&cache->mutex);
    struct place *place = find(set_of(cache, key->serial), key);
    bool is_found = place != NULL && is_fresh(&place->answer, now_ms);
    if (is_found) {
        *out = place->answer;
        (void)shared_ref(out->bytes);
        place->used = ++cache->uses;
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    return is_found;
}

uint64_t ocsp_cache_mark(struct ocsp_cache *cache, const struct ocsp_key *key)
{
    (void)pthread_mutex_lock(&cache->mutex);
    uint64_t mark = set_of(cache, key->serial)->drops;
    (void)pthread_mutex_unlock(&cache->mutex);
    return mark;
}

static struct place *room_in(struct set *set)
{
    struct place *oldest = &set->places[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set->places[i].answer.bytes == NULL) {
            return &set->places[i];
        }
        oldest = set->places[i].used < oldest->used ? &set->places[i] : oldest;
    }
    return oldest;
}

void ocsp_cache_keep(struct ocsp_cache *cache, const struct ocsp_key *key, uint64_t mark,
                     const struct ocsp_answer *answer)
{
    struct shared *dropped = NULL;
    (void)pthread_mutex_lock(&cache->mutex);
    struct set *set = set_of(cache, key->serial);
    if (set->drops == mark) {
        struct place *place = find(set, key);
        place = place != NULL ? place : room_in(set);
        dropped = place->answer.bytes;
        *place = (struct place){.key = *key, .answer = *answer, .used = ++cache->uses};
        (void)shared_ref(place->answer.bytes);
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    shared_unref(dropped);
}

void ocsp_cache_drop(struct ocsp_cache *cache, const uint8_t serial[SERIAL_SIZE])
{
    (void)pthread_mutex_lock(&cache->mutex);
    struct set *set = set_of(cache, serial);
    set->drops++;
    for (size_t i = 0; i < WAYS; i++) {
        struct place *place = &set->places[i];
        if (place->answer.bytes != NULL && memcmp(place->key.serial, serial, SERIAL_SIZE) == 0) {
            shared_unref(TAKE(place->answer.bytes));
        }
    }
    (void)pthread_mutex_unlock(&cache->mutex);
}
