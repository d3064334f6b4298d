/* What was fetched by each address that has not expired. A table of fixed size, by the signature; an address
 * comes in with its first request, and leaves when it has expired. Forgotten at a restart. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/firmware_urls.h"
#include "fleet/internal.h"

enum { SLOTS = 4096, PROBES = 16 };

struct slot {
    struct sha256 signature;
    int64_t expires_s; /* 0: free */
    int64_t spent;
};

struct firmware_urls {
    pthread_mutex_t mutex;
    struct slot slots[SLOTS];
};

err_t firmware_urls_new(struct firmware_urls **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "budgets of addresses");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void firmware_urls_free(struct firmware_urls *urls)
{
    if (urls != NULL) {
        (void)pthread_mutex_destroy(&urls->mutex);
        free(urls);
    }
}

/* The signature is a hash already. @return NULL: not there, and no place for it */
static struct slot *find(struct firmware_urls *urls, const struct firmware_url *url, int64_t now_s)
{
    struct slot *place = NULL;
    size_t start = (size_t)url->signature.b[0] | (size_t)url->signature.b[1] << 8;
    for (size_t i = 0; i < PROBES; i++) {
        struct slot *slot = &urls->slots[(start + i) % SLOTS];
        if (memcmp(slot->signature.b, url->signature.b, SHA256_SIZE) == 0) {
            return slot;
        }
        if (place == NULL && slot->expires_s <= now_s) {
            place = slot;
        }
    }
    if (place != NULL) {
        *place = (struct slot){.signature = url->signature, .expires_s = url->expires_s};
    }
    return place;
}

err_t firmware_url_spend(struct fleet *fleet, const struct firmware_url *url, int64_t size, int64_t bytes)
{
    struct firmware_urls *urls = fleet->firmware_urls;
    bool is_enough = false;
    (void)pthread_mutex_lock(&urls->mutex);
    struct slot *slot = find(urls, url, clock_now_ms(fleet->clock) / 1000);
    if (slot != NULL) {
        is_enough = bytes <= FIRMWARE_URL_BUDGET * size - slot->spent;
        slot->spent += is_enough ? bytes : 0;
    }
    (void)pthread_mutex_unlock(&urls->mutex);
    ENSURE(slot != NULL, ERR_BUSY, "too many addresses are in use");
    ENSURE(is_enough, ERR_GONE, "the address was used for all that it was made for");
    return OK;
}

void firmware_url_refund(struct fleet *fleet, const struct firmware_url *url, int64_t bytes)
{
    struct firmware_urls *urls = fleet->firmware_urls;
    (void)pthread_mutex_lock(&urls->mutex);
    struct slot *slot = find(urls, url, clock_now_ms(fleet->clock) / 1000);
    if (slot != NULL) {
        slot->spent -= bytes < slot->spent ? bytes : slot->spent;
    }
    (void)pthread_mutex_unlock(&urls->mutex);
}
