/* What is done about stored bytes in the background: checked in turn, removed when nothing names them, and
 * what a crash left swept up. Each run is bounded. */
#include <string.h>

#include "db/firmware_upload_rows.h"
#include "fleet/blobs_internal.h"
#include "fleet/yield.h"

enum { STEP = 16, SHARDS = BLOB_SHARDS };
static const int64_t DAY_MS = 86400000;
static const int64_t SCRUB_BYTES = INT64_C(256) << 20; /* of one run, one blob at least */
static const int64_t SCRUB_RATE = INT64_C(32) << 20;   /* bytes a second */
static const int64_t SCRUB_STRETCH = INT64_C(4) << 20; /* between two looks at who waits */
static const int64_t LEFT_MS = INT64_C(48) * 3600000;  /* older than any upload that goes on */

/* --- scrub --------------------------------------------------------------------------------------------- */

struct due {
    int64_t before, bytes;
    struct sha256 names[STEP];
    size_t count;
};

static err_t take_due(const struct firmware_blob_row *row, void *arg)
{
    struct due *due = arg;
    if (due->count == 0 || due->bytes + row->size <= SCRUB_BYTES) {
        due->names[due->count++] = row->sha256;
        due->bytes += row->size;
    }
    return OK;
}

static err_t due_in(struct db_tx *tx, void *arg)
{
    struct due *due = arg;
    due->count = 0;
    due->bytes = 0;
    return firmware_blob_rows_list_due(tx, due->before, STEP, take_due, due);
}

struct scrub {
    struct fleet *fleet;
    int64_t began_ms, bytes;
};

/* A rate that a slow disk bears beside its requests; every so often it lets them go first altogether. */
static err_t rest_between(void *context, size_t bytes)
{
    struct scrub *scrub = context;
    int64_t stretches = scrub->bytes / SCRUB_STRETCH;
    scrub->bytes += (int64_t)bytes;
    if (scrub->bytes / SCRUB_STRETCH != stretches) {
        yield_pause(scrub->fleet, YIELD_STEP);
    }
    int64_t spent_ms = clock_monotonic_ms(scrub->fleet->clock) - scrub->began_ms;
    yield_rest(scrub->fleet, scrub->bytes * 1000 / SCRUB_RATE - spent_ms);
    ENSURE(!yield_is_ending(scrub->fleet), ERR_BUSY, "the server ends: this blob is read another time");
    return OK;
}

static err_t scrub_one(struct fleet *fleet, const struct sha256 *name)
{
    struct scrub scrub = {.fleet = fleet};
    const struct blob_pace pace = {.between = rest_between, .context = &scrub};
    yield_pause(fleet, YIELD_STEP);
    scrub.began_ms = clock_monotonic_ms(fleet->clock);
    return blob_check_at(fleet, name, &pace);
}

/* Runs each minute: a blob is due when its last check is as long ago as the settings say, so that the load is
 * spread as the uploads were. */
err_t blobs_scrub(struct fleet *fleet, int64_t now_ms)
{
    struct due due = {.before = now_ms - fleet->options.scrub_days * DAY_MS};
    if (fleet->options.blobs == NULL || fleet->options.scrub_days == 0) {
        return OK;
    }
    TRY(db_read(fleet->db, due_in, &due));
    for (size_t i = 0; i < due.count; i++) {
        err_t error = scrub_one(fleet, &due.names[i]);
        if (yield_is_ending(fleet)) {
            return OK;
        }
        if (error.code != ERR_OK && error.code != ERR_GONE && error.code != ERR_NOT_FOUND) {
            return error;
        }
    }
    return OK;
}

/* --- removed ------------------------------------------------------------------------------------------- */

static err_t take_unused(const struct firmware_blob_row *row, void *arg)
{
    struct due *due = arg;
    due->names[due->count++] = row->sha256;
    return OK;
}

static err_t unused_in(struct db_tx *tx, void *arg)
{
    struct due *due = arg;
    due->count = 0;
    return firmware_blob_rows_list_unused(tx, NULL, STEP, take_unused, due);
}

static err_t mark_in(struct db_tx *tx, void *arg)
{
    struct firmware_blob_row row;
    TRY(firmware_blob_rows_find(tx, arg, &row));
    ENSURE(row.uses == 0, ERR_CONFLICT, "it is used again");
    row.state = FIRMWARE_BLOB_REMOVED;
    return firmware_blob_rows_update(tx, &row);
}

static err_t delete_in(struct db_tx *tx, void *arg)
{
    bool is_gone = false;
    return firmware_blob_rows_delete(tx, arg, &is_gone);
}

/* The row says so first: a crash in between leaves a row that this job finds again, never a row whose bytes
 * are missed. */
static err_t remove_one(struct fleet *fleet, struct blob_store *store, struct sha256 *name)
{
    err_t error = db_write(fleet->db, mark_in, name);
    if (error.code != ERR_OK) {
        return error.code == ERR_CONFLICT || error.code == ERR_NOT_FOUND ? OK : error;
    }
    blob_forget(fleet, name);
    TRY(blob_remove(store, name));
    return db_write(fleet->db, delete_in, name);
}

err_t blobs_remove_unused(struct fleet *fleet, int64_t now_ms)
{
    struct due due = {.count = 0};
    err_t error = OK;
    (void)now_ms;
    if (fleet->options.blobs == NULL) {
        return OK;
    }
    TRY(db_read(fleet->db, unused_in, &due));
    for (size_t i = 0; i < due.count && error.code == ERR_OK; i++) {
        (void)pthread_mutex_lock(&fleet->blob_shelf->turn);
        error = remove_one(fleet, fleet->options.blobs, &due.names[i]);
        (void)pthread_mutex_unlock(&fleet->blob_shelf->turn);
        if (i + 1 < due.count) {
            yield_pause(fleet, YIELD_STEP);
        }
    }
    return error;
}

/* --- swept --------------------------------------------------------------------------------------------- */

struct left {
    struct fleet *fleet;
    int64_t before;
    struct sha256 name;
    struct uuid writer;
    bool is_known;
};

static err_t blob_known_in(struct db_tx *tx, void *arg)
{
    struct left *left = arg;
    struct firmware_blob_row row;
    err_t error = firmware_blob_rows_find(tx, &left->name, &row);
    left->is_known = error.code == ERR_OK;
    return error.code == ERR_NOT_FOUND ? OK : error;
}

static err_t remove_left(struct left *left)
{
    TRY(db_read(left->fleet->db, blob_known_in, left));
    return left->is_known ? OK : blob_remove(left->fleet->options.blobs, &left->name);
}

static err_t on_blob(const struct sha256 *name, int64_t size, int64_t changed_at_ms, void *arg)
{
    struct left *left = arg;
    (void)size;
    if (changed_at_ms >= left->before) {
        return OK;
    }
    left->name = *name;
    (void)pthread_mutex_lock(&left->fleet->blob_shelf->turn);
    err_t error = remove_left(left);
    (void)pthread_mutex_unlock(&left->fleet->blob_shelf->turn);
    return error;
}

static err_t writer_known_in(struct db_tx *tx, void *arg)
{
    struct left *left = arg;
    return firmware_upload_rows_exists(tx, left->writer, &left->is_known);
}

static err_t on_writer(struct uuid name, int64_t changed_at_ms, void *arg)
{
    struct left *left = arg;
    if (changed_at_ms >= left->before) {
        return OK;
    }
    left->writer = name;
    TRY(db_read(left->fleet->db, writer_known_in, left));
    return left->is_known ? OK : blob_writer_forget(left->fleet->options.blobs, name);
}

err_t blobs_sweep(struct fleet *fleet, int64_t now_ms)
{
    /* the times of files are the system's, and ours may be a test's: whoever is younger wins */
    struct left left = {.fleet = fleet, .before = now_ms - LEFT_MS};
    if (fleet->options.blobs == NULL) {
        return OK;
    }
    int shard = atomic_fetch_add(&fleet->blob_shelf->sweep_shard, 1) % SHARDS;
    TRY(blob_store_list(fleet->options.blobs, shard, on_blob, &left));
    return shard == 0 ? blob_store_list_writers(fleet->options.blobs, on_writer, &left) : OK;
}
