/* The last use of each token, in memory until a job writes it: a write per request would be the inventory's
 * main load. A full table drops a use (it shows later); a crash loses at most a minute of them. Called by
 * access.c and jobs.c. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "db/token_rows.h"
#include "fleet/internal.h"

enum { USES_MAX = 4096, PROBES_MAX = 32 };
_Static_assert((USES_MAX & (USES_MAX - 1)) == 0, "a slot is found by masking");

struct use {
    int64_t at_ms; /* 0: the slot is free */
    uint8_t id[TOKEN_ID_SIZE];
};

struct token_uses {
    pthread_mutex_t mutex;
    size_t count;
    struct use slots[USES_MAX];
};

err_t token_uses_new(struct token_uses **out)
{
    *out = calloc(1, sizeof(**out));
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the uses of tokens");
    if (pthread_mutex_init(&(*out)->mutex, NULL) != 0) {
        free(TAKE(*out));
        return ERR(ERR_NO_MEMORY, "a mutex");
    }
    return OK;
}

void token_uses_free(struct token_uses *uses)
{
    if (uses == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&uses->mutex);
    free(uses);
}

/* Token ids are random, so their first bytes spread well. */
static size_t first_slot(const uint8_t id[TOKEN_ID_SIZE])
{
    return ((size_t)id[0] << 8 | id[1]) & (USES_MAX - 1);
}

void token_uses_note(struct token_uses *uses, const uint8_t id[TOKEN_ID_SIZE], int64_t at_ms)
{
    (void)pthread_mutex_lock(&uses->mutex);
    for (size_t i = 0, slot = first_slot(id); i < PROBES_MAX; i++, slot = (slot + 1) & (USES_MAX - 1)) {
        struct use *use = &uses->slots[slot];
        if (use->at_ms != 0 && memcmp(use->id, id, TOKEN_ID_SIZE) != 0) {
            continue;
        }
        if (use->at_ms == 0) {
            uses->count++;
            memcpy(use->id, id, TOKEN_ID_SIZE);
        }
        if (use->at_ms < at_ms) {
            use->at_ms = at_ms;
        }
        break;
    }
    (void)pthread_mutex_unlock(&uses->mutex);
}

struct taken {
    size_t count;
    struct use uses[USES_MAX];
};

/* Empties the table into a private copy, so that no lock is held while the inventory writes. */
static void take_all(struct token_uses *uses, struct taken *out)
{
    out->count = 0;
    (void)pthread_mutex_lock(&uses->mutex);
    for (size_t i = 0; i < USES_MAX && out->count < uses->count; i++) {
        if (uses->slots[i].at_ms != 0) {
            out->uses[out->count++] = uses->slots[i];
        }
    }
    uses->count = 0;
    memset(uses->slots, 0, sizeof(uses->slots));
    (void)pthread_mutex_unlock(&uses->mutex);
}

static err_t write_uses(struct db_tx *tx, void *arg)
{
    const struct taken *taken = arg;
    for (size_t i = 0; i < taken->count; i++) {
        TRY(token_rows_note_use(tx, taken->uses[i].id, taken->uses[i].at_ms));
    }
    return OK;
}

err_t token_uses_flush(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    struct taken *taken = malloc(sizeof(*taken));
    ENSURE(taken != NULL, ERR_NO_MEMORY, "the uses of tokens");
    take_all(fleet->token_uses, taken);
    err_t error = taken->count == 0 ? OK : db_write(fleet->db, write_uses, taken);
    for (size_t i = 0; error.code != ERR_OK && i < taken->count; i++) {
        token_uses_note(fleet->token_uses, taken->uses[i].id, taken->uses[i].at_ms);
    }
    free(taken);
    return error;
}
