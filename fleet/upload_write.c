/* One request that adds bytes to an upload: opened where the durable ones end, written, durable in steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/uploads_internal.h"

enum { COPY_PIECE = 256 * 1024 };
static const int64_t STEP_BYTES = INT64_C(16) << 20; /* what a crash may take of what is not acknowledged */
static const int64_t LIFETIME_MS = (int64_t)UPLOAD_LIFETIME_H * 3600000;

struct actor upload_actor(const struct upload *upload)
{
    struct actor actor = {.request_id = upload->request_id};
    memcpy(actor.name, upload->actor_name, sizeof actor.name);
    memcpy(actor.owner, upload->actor_owner, sizeof actor.owner);
    return actor;
}

static err_t update_in(struct db_tx *tx, void *arg)
{
    struct firmware_upload_row *row = arg;
    row->expires_at = db_tx_now_ms(tx) + LIFETIME_MS;
    return firmware_upload_rows_update(tx, row);
}

/* The closure may run again: it changes a copy. */
static err_t update(struct upload *upload, int64_t received)
{
    struct firmware_upload_row row = upload->row;
    row.received = received;
    TRY(db_write(upload->fleet->db, update_in, &row));
    upload->row = row;
    return OK;
}

err_t upload_settle(struct upload *upload)
{
    if (upload->at == upload->row.received) {
        return OK;
    }
    TRY(blob_writer_sync(upload->writer));
    return update(upload, upload->at);
}

/* All bytes were there and had become a blob when a crash came before the row: they are taken back from it.
 */
static err_t take_from_blob(struct upload *upload, struct blob_store *store, int64_t *at)
{
    AUTO_PTR(blob_reader) *reader = NULL;
    AUTO_VAL(buf) piece = {0};
    err_t error = blob_open(store, &upload->row.sha256, &reader);
    if (error.code == ERR_NOT_FOUND || (error.code == ERR_OK && blob_size(reader) != upload->row.size)) {
        return OK;
    }
    TRY(error);
    TRY(blob_writer_truncate(upload->writer, 0));
    TRY(buf_reserve(&piece, COPY_PIECE));
    for (*at = 0; *at < upload->row.size;) {
        int64_t left = upload->row.size - *at;
        size_t n = left < COPY_PIECE ? (size_t)left : COPY_PIECE;
        TRY(blob_read(reader, *at, piece.p, n));
        TRY(blob_writer_add(upload->writer, (struct bytes){piece.p, n}));
        *at += (int64_t)n;
    }
    return blob_writer_sync(upload->writer);
}

static err_t open_writer(struct upload *upload)
{
    struct blob_store *store = NULL;
    int64_t at = 0;
    TRY(blob_store_of(upload->fleet, &store));
    TRY(blob_writer_open(store, upload->row.id, &at, &upload->writer));
    bool was_whole = upload->row.received == upload->row.size && upload->row.has_sha256;
    if (at < upload->row.received && was_whole) {
        TRY(take_from_blob(upload, store, &at));
    }
    if (at < upload->row.received) { /* a restored inventory: its unfinished files were not in the backup */
        return update(upload, at);
    }
    return blob_writer_truncate(upload->writer, upload->row.received);
}

static err_t open_at(struct upload *upload, const struct upload_place *place)
{
    TRY(upload_get(upload->fleet, place->tenant, place->id, &upload->row));
    TRY(open_writer(upload));
    upload->at = upload->row.received;
    ENSURE(place->at == upload->at, ERR_CONFLICT, "the upload goes on at byte %lld, not %lld",
           (long long)upload->at, (long long)place->at);
    return OK;
}

err_t upload_open(struct fleet *fleet, const struct upload_place *place, struct upload **out)
{
    *out = NULL;
    AUTO_PTR(upload) *upload = calloc(1, sizeof *upload);
    ENSURE(upload != NULL, ERR_NO_MEMORY, "an upload");
    upload->fleet = fleet;
    upload->row.id = place->id;
    upload->is_over = true; /* until it is found */
    upload->is_whole = place->is_whole;
    memcpy(upload->actor_name, place->actor.name, sizeof upload->actor_name);
    memcpy(upload->actor_owner, place->actor.owner, sizeof upload->actor_owner);
    (void)snprintf(upload->request_id, sizeof upload->request_id, "%s", place->actor.request_id);
    TRY(upload_enter(fleet, place->id));
    upload->is_inside = true;
    TRY(open_at(upload, place));
    upload->is_over = false;
    *out = TAKE(upload);
    return OK;
}

err_t upload_write(struct upload *upload, struct bytes piece)
{
    int64_t limit = upload->row.size < 0 ? upload->fleet->options.image_max : upload->row.size;
    ENSURE((int64_t)piece.n <= limit - upload->at, ERR_TOO_LARGE, "more than the %lld bytes of the image",
           (long long)limit);
    TRY(upload_check_room(upload->fleet, (int64_t)piece.n));
    TRY(blob_writer_add(upload->writer, piece));
    upload->at += (int64_t)piece.n;
    bool is_far = upload->at - upload->row.received >= STEP_BYTES;
    return is_far && !upload->is_whole ? upload_settle(upload) : OK;
}

err_t upload_finish(struct upload *upload, struct faults *faults, struct upload_outcome *out)
{
    *out = (struct upload_outcome){.received = upload->at};
    TRY(upload_settle(upload));
    bool is_all = upload->is_whole || upload->at == upload->row.size;
    return is_all ? upload_complete(upload, faults, out) : OK;
}

void upload_free(struct upload *upload)
{
    if (upload == NULL) {
        return;
    }
    if (!upload->is_over && !upload->is_whole) {
        err_ignore(upload_settle(upload)); /* what was durable before stays */
    }
    blob_writer_free(upload->writer);
    if (!upload->is_over && upload->is_whole) {
        struct actor actor = upload_actor(upload);
        err_ignore(upload_forget(upload->fleet, &upload->row, &actor, "cut")); /* or it expires */
    }
    if (upload->is_inside) {
        upload_leave(upload->fleet, upload->row.id);
    }
    free(upload);
}
