/* From a writer's bytes to a row that names them, and back. */
#include "fleet/blobs.h"

#include <stdlib.h>
#include <string.h>

#include "fleet/blobs_internal.h"
#include "fleet/uploads.h"

err_t blob_shelf_new(struct blob_shelf **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the store of firmware");
    (void)pthread_mutex_init(&(*out)->turn, NULL);
    (void)pthread_mutex_init(&(*out)->lock, NULL);
    (void)pthread_cond_init(&(*out)->checked, NULL);
    return uploads_new(&(*out)->uploads);
}

void blob_shelf_free(struct blob_shelf *shelf)
{
    if (shelf == NULL) {
        return;
    }
    (void)pthread_cond_destroy(&shelf->checked);
    (void)pthread_mutex_destroy(&shelf->lock);
    (void)pthread_mutex_destroy(&shelf->turn);
    uploads_free(shelf->uploads);
    free(shelf->known);
    free(shelf);
}

err_t blob_store_of(struct fleet *fleet, struct blob_store **out)
{
    *out = fleet->options.blobs;
    ENSURE(*out != NULL, ERR_UNAVAILABLE, "this process has no store of firmware");
    return OK;
}

/* --- in ---------------------------------------------------------------------------------------------- */

struct find {
    const struct sha256 *name;
    struct firmware_blob_row row;
    bool is_there;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    struct find *find = arg;
    err_t error = firmware_blob_rows_find(tx, find->name, &find->row);
    find->is_there = error.code == ERR_OK;
    return error.code == ERR_NOT_FOUND ? OK : error;
}

err_t blob_digests_of(struct fleet *fleet, const struct sha256 *name, struct blob_digests *out)
{
    struct find find = {.name = name};
    TRY(db_read(fleet->db, find_in, &find));
    ENSURE(find.is_there, ERR_NOT_FOUND, "the store does not have these bytes");
    *out = (struct blob_digests){.sha256 = find.row.sha256, .size = find.row.size};
    memcpy(out->sha1, find.row.sha1, sizeof out->sha1);
    memcpy(out->md5, find.row.md5, sizeof out->md5);
    return OK;
}

/* A corrupt file would stay, because its size is right. */
static err_t make_way(struct fleet *fleet, struct blob_store *store, const struct sha256 *name)
{
    struct find find = {.name = name};
    TRY(db_read(fleet->db, find_in, &find));
    return find.is_there && find.row.state == FIRMWARE_BLOB_CORRUPT ? blob_remove(store, name) : OK;
}

static err_t commit(struct fleet *fleet, struct blob_writer *writer, struct blob_digests *digests, db_fn fn,
                    void *arg)
{
    struct blob_store *store = NULL;
    TRY(blob_store_of(fleet, &store));
    TRY(blob_writer_digests(writer, digests));
    TRY(make_way(fleet, store, &digests->sha256));
    TRY(blob_writer_commit(writer, digests));
    return db_write(fleet->db, fn, arg);
}

err_t blob_commit(struct fleet *fleet, struct blob_writer *writer, struct blob_digests *digests, db_fn fn,
                  void *arg)
{
    TRY(blob_writer_sync(writer));
    TRY(blob_writer_digests(writer, digests)); /* what takes long is done before it is our turn */
    (void)pthread_mutex_lock(&fleet->blob_shelf->turn);
    err_t error = commit(fleet, writer, digests, fn, arg);
    (void)pthread_mutex_unlock(&fleet->blob_shelf->turn);
    blob_forget(fleet, &digests->sha256); /* perhaps it was remembered as something else */
    return error;
}

static err_t insert(struct db_tx *tx, const struct blob_digests *digests, int64_t uses)
{
    int64_t now_ms = db_tx_now_ms(tx);
    struct firmware_blob_row row = {.sha256 = digests->sha256,
                                    .size = digests->size,
                                    .state = FIRMWARE_BLOB_GOOD,
                                    .uses = uses,
                                    .created_at = now_ms,
                                    .checked_at = now_ms,
                                    .ver = 1};
    memcpy(row.sha1, digests->sha1, sizeof row.sha1);
    memcpy(row.md5, digests->md5, sizeof row.md5);
    return firmware_blob_rows_insert(tx, &row);
}

err_t blob_take(struct db_tx *tx, const struct blob_digests *digests, bool is_named)
{
    struct firmware_blob_row row;
    int64_t more = is_named ? 1 : 0;
    err_t error = firmware_blob_rows_find(tx, &digests->sha256, &row);
    if (error.code == ERR_NOT_FOUND) {
        return insert(tx, digests, more);
    }
    TRY(error);
    bool was_corrupt = row.state == FIRMWARE_BLOB_CORRUPT;
    if (more == 0 && row.state == FIRMWARE_BLOB_GOOD) {
        return OK;
    }
    row.uses += more;
    row.checked_at = row.state == FIRMWARE_BLOB_GOOD ? row.checked_at : db_tx_now_ms(tx);
    row.state = FIRMWARE_BLOB_GOOD;
    TRY(firmware_blob_rows_update(tx, &row));
    return was_corrupt ? images_give_back(tx, &digests->sha256) : OK;
}

err_t blob_release(struct db_tx *tx, const struct sha256 *name)
{
    struct firmware_blob_row row;
    TRY(firmware_blob_rows_find(tx, name, &row));
    ENSURE(row.uses > 0, ERR_INTERNAL, "stored bytes are let go more often than they were taken");
    row.uses--;
    return firmware_blob_rows_update(tx, &row);
}

/* --- found wrong --------------------------------------------------------------------------------------- */

static err_t corrupt_in(struct db_tx *tx, void *arg)
{
    const struct sha256 *name = arg;
    struct firmware_blob_row row;
    TRY(firmware_blob_rows_find(tx, name, &row));
    if (row.state != FIRMWARE_BLOB_GOOD) {
        return OK;
    }
    row.state = FIRMWARE_BLOB_CORRUPT;
    row.checked_at = db_tx_now_ms(tx);
    TRY(firmware_blob_rows_update(tx, &row));
    return images_withdraw(tx, name);
}

err_t blob_found_corrupt(struct fleet *fleet, const struct sha256 *name, const char *how)
{
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(name->b), hex);
    blob_forget(fleet, name);
    log_error(fleet->log, "firmware.corrupt", "", ERR(ERR_IO, "the stored bytes %s %s", hex, how));
    struct sha256 copy = *name;
    return db_write(fleet->db, corrupt_in, &copy);
}
