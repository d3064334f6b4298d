/* Whether bytes are still what they were: read once after the start, and remembered. */
#include <stdlib.h>
#include <string.h>

#include "fleet/blobs_internal.h"

enum { ROOM_STEP = 64 };

/* Where the name stands, or would. */
static size_t place_of(const struct blob_shelf *shelf, const struct sha256 *name)
{
    size_t low = 0;
    size_t high = shelf->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(shelf->known[middle].name.b, name->b, SHA256_SIZE) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct blob_known *find(const struct blob_shelf *shelf, const struct sha256 *name)
{
    size_t at = place_of(shelf, name);
    bool is_there = at < shelf->count && memcmp(shelf->known[at].name.b, name->b, SHA256_SIZE) == 0;
    return is_there ? &shelf->known[at] : NULL;
}

static err_t remember(struct blob_shelf *shelf, const struct sha256 *name, enum blob_memory memory)
{
    struct blob_known *known = find(shelf, name);
    if (known != NULL) {
        known->memory = memory;
        return OK;
    }
    if (shelf->count == shelf->capacity) {
        struct blob_known *more = reallocarray(shelf->known, shelf->capacity + ROOM_STEP, sizeof *more);
        ENSURE(more != NULL, ERR_NO_MEMORY, "the store of firmware");
        shelf->known = more;
        shelf->capacity += ROOM_STEP;
    }
    size_t at = place_of(shelf, name);
    memmove(shelf->known + at + 1, shelf->known + at, (shelf->count - at) * sizeof *shelf->known);
    shelf->known[at] = (struct blob_known){.name = *name, .memory = memory};
    shelf->count++;
    return OK;
}

static void forget(struct blob_shelf *shelf, const struct sha256 *name)
{
    struct blob_known *known = find(shelf, name);
    if (known != NULL) {
        size_t at = (size_t)(known - shelf->known);
        memmove(known, known + 1, (shelf->count - at - 1) * sizeof *known);
        shelf->count--;
    }
    (void)pthread_cond_broadcast(&shelf->checked);
}

void blob_forget(struct fleet *fleet, const struct sha256 *name)
{
    struct blob_shelf *shelf = fleet->blob_shelf;
    (void)pthread_mutex_lock(&shelf->lock);
    forget(shelf, name);
    (void)pthread_mutex_unlock(&shelf->lock);
}

/* --- checked ------------------------------------------------------------------------------------------- */

struct checked {
    struct sha256 name;
    struct firmware_blob_row row;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    struct checked *checked = arg;
    return firmware_blob_rows_find(tx, &checked->name, &checked->row);
}

static err_t checked_in(struct db_tx *tx, void *arg)
{
    struct checked *checked = arg;
    TRY(firmware_blob_rows_find(tx, &checked->name, &checked->row));
    checked->row.checked_at = db_tx_now_ms(tx);
    return firmware_blob_rows_update(tx, &checked->row);
}

static err_t corrupt(void)
{
    return ERR(ERR_GONE, "the stored bytes are corrupt: upload the image again");
}

err_t blob_check_at(struct fleet *fleet, const struct sha256 *name, const struct blob_pace *pace)
{
    bool is_same = false;
    struct blob_store *store = NULL;
    struct checked checked = {.name = *name};
    TRY(blob_store_of(fleet, &store));
    TRY(db_read(fleet->db, find_in, &checked));
    if (checked.row.state == FIRMWARE_BLOB_CORRUPT) {
        return corrupt();
    }
    err_t error = blob_check(store, name, pace, &is_same);
    if (error.code != ERR_OK && error.code != ERR_NOT_FOUND && error.code != ERR_IO) {
        return error;
    }
    if (!is_same) {
        TRY(blob_found_corrupt(fleet, name,
                               error.code == ERR_NOT_FOUND ? "are gone"
                               : error.code == ERR_IO      ? "cannot be read"
                                                           : "are not what they were"));
        return corrupt();
    }
    return db_write(fleet->db, checked_in, &checked);
}

err_t blob_check_now(struct fleet *fleet, const struct sha256 *name)
{
    return blob_check_at(fleet, name, NULL);
}

/* @param[out] is_ours we are to check it; otherwise it is known to be good */
static err_t enter(struct blob_shelf *shelf, const struct sha256 *name, bool *is_ours)
{
    const struct blob_known *known = find(shelf, name);
    while (known != NULL && known->memory == BLOB_CHECKING) {
        (void)pthread_cond_wait(&shelf->checked, &shelf->lock);
        known = find(shelf, name);
    }
    *is_ours = known == NULL;
    return *is_ours ? remember(shelf, name, BLOB_CHECKING) : OK;
}

static err_t check_once(struct fleet *fleet, const struct sha256 *name)
{
    bool is_ours = false;
    struct blob_shelf *shelf = fleet->blob_shelf;
    (void)pthread_mutex_lock(&shelf->lock);
    err_t error = enter(shelf, name, &is_ours);
    (void)pthread_mutex_unlock(&shelf->lock);
    if (error.code != ERR_OK || !is_ours) {
        return error;
    }
    error = blob_check_now(fleet, name);
    (void)pthread_mutex_lock(&shelf->lock);
    struct blob_known *known = find(shelf, name);
    if (error.code != ERR_OK) {
        forget(shelf, name);
    } else if (known != NULL) { /* otherwise somebody found out better meanwhile */
        known->memory = BLOB_IS_GOOD;
    }
    (void)pthread_cond_broadcast(&shelf->checked);
    (void)pthread_mutex_unlock(&shelf->lock);
    return error;
}

err_t blob_ready(struct fleet *fleet, const struct sha256 *name, struct buf *path)
{
    struct blob_store *store = NULL;
    TRY(blob_store_of(fleet, &store));
    TRY(check_once(fleet, name));
    return path == NULL ? OK : blob_path(store, name, path);
}
