/* One place for each value of a few bits of the hash: nothing to search, nothing to age. */
#include "pki/peer_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 512 /* of some six kB */ };

struct place {
    struct sha256 name;
    struct peer_judged judged; /* x509 NULL: nobody's */
};

struct peer_memory {
    pthread_mutex_t mutex;
    struct place places[PLACES];
};

err_t peer_memory_new(struct peer_memory **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the memory of peers");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void peer_memory_free(struct peer_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (size_t i = 0; i < PLACES; i++) {
        X509_free(memory->places[i].judged.x509);
    }
    (void)pthread_mutex_destroy(&memory->mutex);
    free(memory);
}

static struct place *place_of(struct peer_memory *memory, const struct sha256 *name)
{
    return &memory->places[((size_t)name->b[0] << 8 | name->b[1]) % PLACES];
}

bool peer_memory_find(struct peer_memory *memory, const struct sha256 *name, struct peer_judged *out)
{
    (void)pthread_mutex_lock(&memory->mutex);
    const struct place *place = place_of(memory, name);
    bool is_found = place->judged.x509 != NULL && memcmp(&place->name, name, sizeof *name) == 0 &&
                    X509_up_ref(place->judged.x509) == 1;
    if (is_found) {
        *out = place->judged;
    }
    (void)pthread_mutex_unlock(&memory->mutex);
    return is_found;
}

void peer_memory_keep(struct peer_memory *memory, const struct sha256 *name, const struct peer_judged *judged)
{
    if (X509_up_ref(judged->x509) != 1) {
        return;
    }
    (void)pthread_mutex_lock(&memory->mutex);
    struct place *place = place_of(memory, name);
    X509 *before = place->judged.x509;
    *place = (struct place){.name = *name, .judged = *judged};
    (void)pthread_mutex_unlock(&memory->mutex);
    X509_free(before);
}
