/* A fixed table of recent refusals. Knows no audit log and no device. Whatever is refused, this uses the same
 * memory: who floods with many networks fills the table, and records stop until slots age. */
#include "fleet/refusals.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "fleet/internal.h"

enum {
    SLOTS = 4096,
    WAYS = 8, /* slots that one key may sit in */
    KEY_SIZE = 16,
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DEVICE_RECORDS = 10,
    LOGIN_RECORDS = 10
};

struct slot {
    uint8_t key[KEY_SIZE];
    bool is_taken;
    int64_t since_ms, until_ms; /* of the window */
    int recorded;
    int64_t unrecorded;
};

struct refusals {
    pthread_mutex_t mutex; /* guards the slots */
    struct slot slots[SLOTS];
};

static const struct {
    int64_t window_ms;
    int records;
} LIMITS[] = {[REFUSAL_UNKNOWN] = {MINUTE_MS, 1},
              [REFUSAL_ALARM] = {MINUTE_MS, 1},
              [REFUSAL_DEVICE] = {HOUR_MS, DEVICE_RECORDS},
              [REFUSAL_CLONE] = {HOUR_MS, 1},
              [REFUSAL_LOGIN] = {MINUTE_MS, LOGIN_RECORDS}};

err_t refusals_new(struct refusals **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "refusals");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void refusals_free(struct refusals *refusals)
{
    if (refusals != NULL) {
        (void)pthread_mutex_destroy(&refusals->mutex);
        free(refusals);
    }
}

/* Over: the window ended, or the clock was set back behind its start. */
static bool is_over(const struct slot *slot, int64_t now_ms)
{
    return !slot->is_taken || now_ms >= slot->until_ms || now_ms < slot->since_ms;
}

/* The key's slot, or one that may be taken over; NULL when all of its places hold younger keys. */
static struct slot *slot_find(struct refusals *refusals, const uint8_t key[KEY_SIZE], int64_t now_ms)
{
    size_t first = ((size_t)key[0] << 8 | key[1]) % (SLOTS / WAYS) * WAYS;
    struct slot *unused = NULL;
    for (size_t i = first; i < first + WAYS; i++) {
        struct slot *slot = &refusals->slots[i];
        if (slot->is_taken && memcmp(slot->key, key, KEY_SIZE) == 0) {
            return slot;
        }
        if (unused == NULL && is_over(slot, now_ms)) {
            unused = slot;
        }
    }
    if (unused != NULL) {
        *unused = (struct slot){.is_taken = true};
        (void)memcpy(unused->key, key, KEY_SIZE);
    }
    return unused;
}

static bool slot_count(struct slot *slot, enum refusal_kind kind, int64_t now_ms, int64_t *unrecorded)
{
    if (is_over(slot, now_ms)) { /* a slot just taken has no window yet: since and until are 0 */
        slot->since_ms = now_ms;
        slot->until_ms = now_ms + LIMITS[kind].window_ms;
        slot->recorded = 0;
    }
    if (slot->recorded >= LIMITS[kind].records) {
        slot->unrecorded++;
        return false;
    }
    slot->recorded++;
    *unrecorded = slot->unrecorded;
    slot->unrecorded = 0;
    return true;
}

bool refusals_may_record(struct refusals *refusals, enum refusal_kind kind, struct bytes key, int64_t now_ms,
                         int64_t *unrecorded)
{
    *unrecorded = 0;
    uint8_t kind_byte = (uint8_t)kind;
    struct sha256 digest;
    err_t hashed = sha256_of_parts((struct bytes[]){{&kind_byte, 1}, key}, 2, &digest);
    if (hashed.code != ERR_OK) {
        return false; /* no record is the safe side of a limit */
    }
    (void)pthread_mutex_lock(&refusals->mutex);
    struct slot *slot = slot_find(refusals, digest.b, now_ms);
    bool may = slot != NULL && slot_count(slot, kind, now_ms, unrecorded);
    (void)pthread_mutex_unlock(&refusals->mutex);
    return may;
}

void refusals_network(const char *address, char out[NETWORK_TEXT_SIZE])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 §2.5.5.2 */
    uint8_t six[16] = {0};
    uint8_t four[4] = {0};
    char text[INET6_ADDRSTRLEN] = "";
    bool is_four = address != NULL && inet_pton(AF_INET, address, four) == 1;
    bool is_six = !is_four && address != NULL && inet_pton(AF_INET6, address, six) == 1;
    if (is_six && memcmp(six, mapped, sizeof mapped) == 0) {
        (void)memcpy(four, six + sizeof mapped, sizeof four);
        is_four = true;
    }
    if (is_four) {
        (void)snprintf(out, NETWORK_TEXT_SIZE, "%d.%d.%d.0/24", four[0], four[1], four[2]);
        return;
    }
    (void)memset(six + 8, 0, 8);
    if (!is_six || inet_ntop(AF_INET6, six, text, sizeof text) == NULL) {
        (void)snprintf(out, NETWORK_TEXT_SIZE, "unknown");
        return;
    }
    (void)snprintf(out, NETWORK_TEXT_SIZE, "%s/64", text);
}
