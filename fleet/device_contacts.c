/* The memory of contacts, and the job that writes it. Whether a device that is late goes to quarantine is in
 * overdue.c. */
#include "fleet/device_contacts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/clock_guard.h"
#include "fleet/internal.h"
#include "fleet/overdue.h"

enum { NOTES_MAX = 1 << 15, PROBES_MAX = 32, STEP = 500, DAY_MS = 24 * 3600 * 1000 };

/* What its last contact with a certificate said of the schedule. */
enum told { TOLD_NOTHING, TOLD_DUE, TOLD_NOT_DUE };

struct note {
    struct device_id device;
    struct uuid tenant;
    int64_t seen_at; /* 0: the slot is free */
    int64_t told_at; /* TOLD_DUE: the first time in a row */
    enum told told;
    bool is_anew; /* it was not due in between: what is stored does not go on */
};

struct device_contacts {
    pthread_mutex_t mutex;
    size_t count;
    struct note *notes; /* NOTES_MAX; pages that nobody wrote cost nothing */
};

err_t device_contacts_new(struct device_contacts **out)
{
    struct device_contacts *contacts = calloc(1, sizeof *contacts);
    struct note *notes = calloc(NOTES_MAX, sizeof *notes);
    *out = NULL;
    if (contacts == NULL || notes == NULL || pthread_mutex_init(&contacts->mutex, NULL) != 0) {
        free(contacts);
        free(notes);
        return ERR(ERR_NO_MEMORY, "the contacts of devices");
    }
    contacts->notes = notes;
    *out = contacts;
    return OK;
}

void device_contacts_free(struct device_contacts *contacts)
{
    if (contacts == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&contacts->mutex);
    free(contacts->notes);
    free(contacts);
}

/* --- noting ----------------------------------------------------------------------------------------- */

static bool is_of(const struct note *note, const struct device_id *device, struct uuid tenant)
{
    return memcmp(note->device.b, device->b, sizeof device->b) == 0 && uuid_equal(note->tenant, tenant);
}

/* Ids are hashes, so any of their bytes spread well. @return its slot, or a free one, or NULL */
static struct note *find_slot(struct note *notes, const struct device_id *device, struct uuid tenant)
{
    size_t slot = ((size_t)device->b[0] << 8 | device->b[1]) & (NOTES_MAX - 1);
    for (size_t i = 0; i < PROBES_MAX; i++, slot = (slot + 1) & (NOTES_MAX - 1)) {
        if (notes[slot].seen_at == 0 || is_of(&notes[slot], device, tenant)) {
            return &notes[slot];
        }
    }
    return NULL;
}

static void tell(struct note *note, enum told told, int64_t now_ms)
{
    if (told == TOLD_DUE && note->told != TOLD_DUE) {
        note->told_at = now_ms;
    }
    note->is_anew = note->is_anew || told == TOLD_NOT_DUE;
    note->told = told == TOLD_NOTHING ? note->told : told;
}

void device_contacts_note(struct device_contacts *contacts, const struct contact *contact, int64_t now_ms)
{
    const struct device_row *device = &contact->device;
    struct renewal renewal;
    enum told told = TOLD_NOTHING;
    if (!contact->is_known) {
        return;
    }
    if (contact_renewal(contact, &renewal)) {
        told = renewal.due_at <= now_ms ? TOLD_DUE : TOLD_NOT_DUE;
    }
    (void)pthread_mutex_lock(&contacts->mutex);
    struct note *note = find_slot(contacts->notes, &device->id, device->tenant);
    if (note != NULL) {
        contacts->count += note->seen_at == 0;
        note->device = device->id;
        note->tenant = device->tenant;
        note->seen_at = now_ms;
        tell(note, told, now_ms);
    }
    (void)pthread_mutex_unlock(&contacts->mutex);
}

/* --- what a note makes of what is stored ------------------------------------------------------------ */

static void merge(const struct note *note, struct device_contact_row *row)
{
    row->device = note->device;
    row->tenant = note->tenant;
    row->seen_at = note->seen_at;
    if (note->told == TOLD_NOTHING) {
        return;
    }
    if (note->told == TOLD_NOT_DUE) {
        row->told_at = row->contact_days = row->day_at = 0;
        return;
    }
    if (note->is_anew || row->told_at == 0) {
        row->told_at = row->day_at = note->told_at;
        row->contact_days = 0;
    }
    if (note->seen_at - row->day_at >= DAY_MS) {
        row->contact_days++;
        row->day_at = note->seen_at;
    }
}

static err_t find_stored(struct db_tx *tx, const struct device_id *device, struct uuid tenant,
                         struct device_contact_row *out)
{
    *out = (struct device_contact_row){.seen_at = 0};
    err_t found = device_contact_rows_find(tx, tenant, device, out);
    return found.code == ERR_NOT_FOUND ? OK : found;
}

/* --- writing ---------------------------------------------------------------------------------------- */

struct group {
    const struct note *notes[STEP];
    size_t count;
    bool may_judge;
};

static err_t write_group(struct db_tx *tx, void *arg)
{
    const struct group *group = arg;
    for (size_t i = 0; i < group->count; i++) {
        struct device_contact_row row;
        const struct note *note = group->notes[i];
        TRY(find_stored(tx, &note->device, note->tenant, &row));
        merge(note, &row);
        TRY(group->may_judge ? overdue_judge(tx, &row) : OK);
        TRY(device_contact_rows_put(tx, &row));
    }
    return OK;
}

static err_t write_all(struct fleet *fleet, const struct note *notes)
{
    struct group group = {.may_judge = clock_guard_check(fleet).code == ERR_OK};
    for (size_t i = 0; i < NOTES_MAX; i++) {
        if (notes[i].seen_at != 0) {
            group.notes[group.count++] = &notes[i];
        }
        if (group.count == STEP || (i + 1 == NOTES_MAX && group.count > 0)) {
            TRY(db_write(fleet->db, write_group, &group));
            group.count = 0;
        }
    }
    return OK;
}

/* The full table is changed for an empty one, so that nobody waits while it is written. */
err_t device_contacts_flush(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    struct device_contacts *contacts = fleet->device_contacts;
    struct note *notes = calloc(NOTES_MAX, sizeof *notes);
    ENSURE(notes != NULL, ERR_NO_MEMORY, "the contacts of devices");
    (void)pthread_mutex_lock(&contacts->mutex);
    bool is_empty = contacts->count == 0;
    if (!is_empty) {
        struct note *full = contacts->notes;
        contacts->notes = notes;
        contacts->count = 0;
        notes = full;
    }
    (void)pthread_mutex_unlock(&contacts->mutex);
    err_t error = is_empty ? OK : write_all(fleet, notes);
    free(notes);
    return error;
}

/* --- reading ---------------------------------------------------------------------------------------- */

struct find {
    const struct device_row *device;
    struct device_contact_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return find_stored(tx, &run->device->id, run->device->tenant, run->out);
}

err_t device_contacts_find(struct fleet *fleet, const struct device_row *device,
                           struct device_contact_row *out)
{
    struct device_contacts *contacts = fleet->device_contacts;
    struct find run = {.device = device, .out = out};
    struct note note = {.seen_at = 0};
    TRY(db_read(fleet->db, find_in, &run));
    (void)pthread_mutex_lock(&contacts->mutex);
    const struct note *slot = find_slot(contacts->notes, &device->id, device->tenant);
    if (slot != NULL && slot->seen_at != 0) {
        note = *slot;
    }
    (void)pthread_mutex_unlock(&contacts->mutex);
    if (note.seen_at != 0) {
        merge(&note, out);
    }
    return OK;
}
