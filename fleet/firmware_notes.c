/* Two tables: one that is filled, and the one that the job is writing, which counts until it is written. */
#include "fleet/firmware_notes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "db/firmware_action_rows.h"
#include "db/rollout_rows.h"
#include "fleet/internal.h"

enum { NOTES_MAX = 1 << 15, PROBES_MAX = 32, STEP = 500 };

struct note {
    struct firmware_owner owner;
    bool is_used;
    int64_t polled_at;
    int64_t action, fetched; /* 0: none */
};

struct firmware_notes {
    pthread_mutex_t mutex;
    size_t count;
    struct note *notes;   /* NOTES_MAX; pages that nobody wrote cost nothing */
    struct note *writing; /* or NULL */
};

err_t firmware_notes_new(struct firmware_notes **out)
{
    struct firmware_notes *made = calloc(1, sizeof *made);
    struct note *notes = calloc(NOTES_MAX, sizeof *notes);
    *out = NULL;
    if (made == NULL || notes == NULL || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        free(notes);
        return ERR(ERR_NO_MEMORY, "the polls of devices");
    }
    made->notes = notes;
    *out = made;
    return OK;
}

void firmware_notes_free(struct firmware_notes *notes)
{
    if (notes == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&notes->mutex);
    free(notes->notes);
    free(notes);
}

/* --- noting ----------------------------------------------------------------------------------------- */

static bool is_of(const struct note *note, const struct firmware_owner *owner)
{
    return memcmp(note->owner.device.b, owner->device.b, sizeof owner->device.b) == 0 &&
           uuid_equal(note->owner.tenant, owner->tenant);
}

/* Ids are hashes, so any of their bytes spread well. @return its slot, or a free one, or NULL */
static struct note *find_slot(struct note *notes, const struct firmware_owner *owner)
{
    size_t slot = ((size_t)owner->device.b[0] << 8 | owner->device.b[1]) & (NOTES_MAX - 1);
    for (size_t i = 0; i < PROBES_MAX && notes != NULL; i++, slot = (slot + 1) & (NOTES_MAX - 1)) {
        if (!notes[slot].is_used || is_of(&notes[slot], owner)) {
            return &notes[slot];
        }
    }
    return NULL;
}

static struct note *take_slot(struct firmware_notes *notes, const struct firmware_owner *owner)
{
    struct note *note = find_slot(notes->notes, owner);
    if (note != NULL && !note->is_used) {
        notes->count++;
        note->is_used = true;
        note->owner = *owner;
    }
    return note;
}

void firmware_notes_polled(struct firmware_notes *notes, const struct firmware_owner *owner, int64_t at_ms)
{
    (void)pthread_mutex_lock(&notes->mutex);
    struct note *note = take_slot(notes, owner);
    if (note != NULL) {
        note->polled_at = at_ms > note->polled_at ? at_ms : note->polled_at;
    }
    (void)pthread_mutex_unlock(&notes->mutex);
}

void firmware_notes_fetched(struct firmware_notes *notes, const struct firmware_owner *owner, int64_t action,
                            int64_t bytes)
{
    if (bytes <= 0) {
        return;
    }
    (void)pthread_mutex_lock(&notes->mutex);
    struct note *note = take_slot(notes, owner);
    if (note != NULL && note->action <= action) {
        note->fetched = (note->action == action ? note->fetched : 0) + bytes;
        note->action = action;
    }
    (void)pthread_mutex_unlock(&notes->mutex);
}

static const struct note *look(struct note *notes, const struct firmware_owner *owner)
{
    const struct note *note = find_slot(notes, owner);
    return note != NULL && note->is_used ? note : NULL;
}

int64_t firmware_notes_fetched_of(struct firmware_notes *notes, const struct firmware_owner *owner,
                                  int64_t action)
{
    int64_t sum = 0;
    (void)pthread_mutex_lock(&notes->mutex);
    struct note *const tables[2] = {notes->notes, notes->writing};
    for (size_t i = 0; i < 2; i++) {
        const struct note *note = look(tables[i], owner);
        sum += note != NULL && note->action == action ? note->fetched : 0;
    }
    (void)pthread_mutex_unlock(&notes->mutex);
    return sum;
}

int64_t firmware_notes_polled_of(struct firmware_notes *notes, const struct firmware_owner *owner)
{
    int64_t at = 0;
    (void)pthread_mutex_lock(&notes->mutex);
    struct note *const tables[2] = {notes->writing, notes->notes};
    for (size_t i = 0; i < 2; i++) {
        const struct note *note = look(tables[i], owner);
        at = note != NULL && note->polled_at > at ? note->polled_at : at;
    }
    (void)pthread_mutex_unlock(&notes->mutex);
    return at;
}

/* --- writing ---------------------------------------------------------------------------------------- */

struct group {
    const struct note *notes[STEP];
    size_t count;
};

static err_t write_fetched(struct db_tx *tx, const struct note *note)
{
    struct firmware_action_row action;
    struct rollout_tally_row tally;
    err_t found = firmware_action_rows_find(tx, &note->owner, note->action, &action);
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    bool is_first = action.fetched == 0;
    action.fetched += note->fetched;
    TRY(firmware_action_rows_fetched(tx, &action));
    if (!is_first) {
        return OK;
    }
    TRY(rollout_tally_rows_find(tx, action.rollout, &tally));
    tally.downloads++;
    return rollout_tally_rows_update(tx, &tally);
}

static err_t write_group(struct db_tx *tx, void *arg)
{
    const struct group *group = arg;
    for (size_t i = 0; i < group->count; i++) {
        const struct note *note = group->notes[i];
        TRY(note->fetched > 0 ? write_fetched(tx, note) : OK);
        TRY(note->polled_at > 0 ? device_firmware_rows_polled(tx, &note->owner, note->polled_at) : OK);
    }
    return OK;
}

/* What could not be written is noted again. */
static void put_back(struct fleet *fleet, const struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct note *note = group->notes[i];
        firmware_notes_polled(fleet->firmware_notes, &note->owner, note->polled_at);
        firmware_notes_fetched(fleet->firmware_notes, &note->owner, note->action, note->fetched);
    }
}

static err_t write_all(struct fleet *fleet, struct note *notes)
{
    struct group group = {.count = 0};
    err_t result = OK;
    for (size_t i = 0; i < NOTES_MAX; i++) {
        if (notes[i].is_used) {
            group.notes[group.count++] = &notes[i];
        }
        if (group.count == STEP || (i + 1 == NOTES_MAX && group.count > 0)) {
            err_t error = result.code == ERR_OK ? db_write(fleet->db, write_group, &group) : result;
            if (error.code != ERR_OK) {
                put_back(fleet, &group);
                result = error;
            }
            group.count = 0;
        }
    }
    return result;
}

err_t firmware_notes_flush(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    struct firmware_notes *notes = fleet->firmware_notes;
    struct note *next = calloc(NOTES_MAX, sizeof *next);
    ENSURE(next != NULL, ERR_NO_MEMORY, "the polls of devices");
    (void)pthread_mutex_lock(&notes->mutex);
    bool is_free = notes->count > 0 && notes->writing == NULL;
    if (is_free) {
        notes->writing = notes->notes;
        notes->notes = next;
        notes->count = 0;
    }
    struct note *full = is_free ? notes->writing : NULL;
    (void)pthread_mutex_unlock(&notes->mutex);
    if (full == NULL) {
        free(next);
        return OK;
    }
    err_t error = write_all(fleet, full);
    (void)pthread_mutex_lock(&notes->mutex);
    notes->writing = NULL;
    (void)pthread_mutex_unlock(&notes->mutex);
    free(full);
    return error;
}
