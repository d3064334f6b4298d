/* Counts of failed MACs between two flushes: a small table that an attacker can fill, and nothing else. */
#include "fleet/cmp_code_tries.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/cmp_codes.h"
#include "fleet/event.h"
#include "fleet/internal.h"

enum { TRIES_MAX = 512, PROBES_MAX = 16 };
_Static_assert((TRIES_MAX & (TRIES_MAX - 1)) == 0, "a slot is found by masking");

struct try_count {
    int64_t count; /* 0: the slot is free */
    int64_t at_ms; /* of the last one */
    uint8_t reference[CMP_REFERENCE_SIZE];
};

struct cmp_code_tries {
    pthread_mutex_t mutex;
    struct try_count slots[TRIES_MAX];
};

err_t cmp_code_tries_new(struct cmp_code_tries **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "failed attempts at codes");
    if (pthread_mutex_init(&(*out)->mutex, NULL) != 0) {
        free(TAKE(*out));
        return ERR(ERR_NO_MEMORY, "a mutex");
    }
    return OK;
}

void cmp_code_tries_free(struct cmp_code_tries *tries)
{
    if (tries != NULL) {
        (void)pthread_mutex_destroy(&tries->mutex);
        free(tries);
    }
}

/* @param tries locked */
static void add(struct cmp_code_tries *tries, const struct try_count *more)
{
    size_t slot = (size_t)more->reference[0] << 8 | more->reference[1];
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct try_count *known = &tries->slots[(slot + i) & (TRIES_MAX - 1)];
        bool is_it = known->count != 0 && memcmp(known->reference, more->reference, CMP_REFERENCE_SIZE) == 0;
        if (known->count == 0) {
            *known = *more;
            return;
        }
        if (is_it) {
            known->count += more->count;
            known->at_ms = known->at_ms < more->at_ms ? more->at_ms : known->at_ms;
            return;
        }
    }
}

void cmp_code_tries_note(struct cmp_code_tries *tries, const uint8_t reference[CMP_REFERENCE_SIZE],
                         int64_t at_ms)
{
    struct try_count one = {.count = 1, .at_ms = at_ms};
    memcpy(one.reference, reference, sizeof one.reference);
    (void)pthread_mutex_lock(&tries->mutex);
    add(tries, &one);
    (void)pthread_mutex_unlock(&tries->mutex);
}

struct taken {
    size_t count;
    struct try_count tries[TRIES_MAX];
};

/* Empties the table into a private copy, so that no lock is held while the inventory writes. */
static void take_all(struct cmp_code_tries *tries, struct taken *out)
{
    (void)pthread_mutex_lock(&tries->mutex);
    for (size_t i = 0; i < TRIES_MAX; i++) {
        if (tries->slots[i].count != 0) {
            out->tries[out->count++] = tries->slots[i];
        }
    }
    memset(tries->slots, 0, sizeof tries->slots);
    (void)pthread_mutex_unlock(&tries->mutex);
}

static void give_back(struct cmp_code_tries *tries, const struct taken *taken)
{
    (void)pthread_mutex_lock(&tries->mutex);
    for (size_t i = 0; i < taken->count; i++) {
        add(tries, &taken->tries[i]);
    }
    (void)pthread_mutex_unlock(&tries->mutex);
}

static err_t write_one(struct db_tx *tx, const struct try_count *one)
{
    struct cmp_code_row row;
    char reference[CMP_REFERENCE_TEXT_SIZE];
    err_t found = cmp_code_rows_find_by_reference(tx, one->reference, &row);
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    TRY(cmp_code_rows_add_failed(tx, one->reference, one->count, one->at_ms));
    cmp_reference_format(one->reference, reference);
    struct event event = {.kind = "cmp_code.refused",
                          .result = "refused",
                          .actor = "unknown",
                          .tenant = &row.tenant,
                          .device = &row.device};
    return event_append(tx, &event, "{\"reference\":\"%s\",\"attempts\":%lld}", reference,
                        (long long)one->count);
}

static err_t write_all(struct db_tx *tx, void *arg)
{
    const struct taken *taken = arg;
    for (size_t i = 0; i < taken->count; i++) {
        TRY(write_one(tx, &taken->tries[i]));
    }
    return OK;
}

err_t cmp_code_tries_flush(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    struct taken *taken = calloc(1, sizeof *taken);
    ENSURE(taken != NULL, ERR_NO_MEMORY, "failed attempts at codes");
    take_all(fleet->cmp_code_tries, taken);
    err_t error = taken->count == 0 ? OK : db_write(fleet->db, write_all, taken);
    if (error.code != ERR_OK) {
        give_back(fleet->cmp_code_tries, taken);
    }
    free(taken);
    return error;
}
