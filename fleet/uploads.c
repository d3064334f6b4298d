/* Uploads begin, are listed, taken back and expire. Their bytes come through upload_write.c. */
#include "fleet/uploads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/product_rows.h"
#include "fleet/event.h"
#include "fleet/uploads_internal.h"

static const char OP_KIND[] = "firmware.upload";
static const int64_t LIFETIME_MS = (int64_t)UPLOAD_LIFETIME_H * 3600000;
enum { EXPIRE_STEP = 16 };

err_t uploads_new(struct uploads **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "uploads");
    (void)pthread_mutex_init(&(*out)->lock, NULL);
    return OK;
}

void uploads_free(struct uploads *uploads)
{
    if (uploads != NULL) {
        (void)pthread_mutex_destroy(&uploads->lock);
        free(uploads);
    }
}

static size_t place_of(const struct uploads *uploads, struct uuid id)
{
    size_t at = 0;
    while (at < uploads->count && !uuid_equal(uploads->busy[at], id)) {
        at++;
    }
    return at;
}

err_t upload_enter(struct fleet *fleet, struct uuid id)
{
    struct uploads *uploads = fleet->blob_shelf->uploads;
    (void)pthread_mutex_lock(&uploads->lock);
    bool is_busy = place_of(uploads, id) < uploads->count;
    bool is_full = uploads->count == UPLOADS_BUSY_MAX;
    if (!is_busy && !is_full) {
        uploads->busy[uploads->count++] = id;
    }
    (void)pthread_mutex_unlock(&uploads->lock);
    ENSURE(!is_busy, ERR_CONFLICT,
           "another request is adding to this upload: ask for its offset when it ended");
    ENSURE(!is_full, ERR_BUSY, "too many uploads are under way");
    return OK;
}

void upload_leave(struct fleet *fleet, struct uuid id)
{
    struct uploads *uploads = fleet->blob_shelf->uploads;
    (void)pthread_mutex_lock(&uploads->lock);
    size_t at = place_of(uploads, id);
    if (at < uploads->count) {
        uploads->busy[at] = uploads->busy[--uploads->count];
    }
    (void)pthread_mutex_unlock(&uploads->lock);
}

err_t upload_check_room(struct fleet *fleet, int64_t bytes)
{
    struct blob_store *store = NULL;
    int64_t room = 0;
    TRY(blob_store_of(fleet, &store));
    TRY(blob_store_room(store, &room));
    ENSURE(room - fleet->options.disk_reserve >= bytes, ERR_DISK_FULL,
           "the disk has no room for %lld bytes of firmware beside its reserve", (long long)bytes);
    return OK;
}

/* --- begun ------------------------------------------------------------------------------------------- */

struct start {
    const struct terms *terms;
    const struct upload_order *order;
    const char *request;
    struct firmware_upload_row *out;
};

static err_t check(struct fleet *fleet, const struct upload_order *order, struct faults *faults)
{
    TRY(faults_note(faults, "/filename", image_filename_check(order->filename)));
    if (order->version.p != NULL) {
        TRY(faults_note(faults, "/version", image_version_check(order->version)));
    } else if (order->has_format && order->format == IMAGE_RAW) {
        faults_add(faults, "/version", "a raw image does not say its version: give one");
    }
    if (order->size == 0) {
        faults_add(faults, "/size", "an image has at least one byte");
    }
    TRY(faults_error(faults));
    ENSURE(order->size <= fleet->options.image_max, ERR_TOO_LARGE, "an image has at most %lld bytes here",
           (long long)fleet->options.image_max);
    return upload_check_room(fleet, order->size < 0 ? 1 : order->size);
}

/* Canonical: names in order. */
static err_t write_words(const struct upload_order *order, struct buf *out)
{
    AUTO(json_t) *words = json_object();
    TRY(json_take(words, "filename", json_stringn((const char *)order->filename.p, order->filename.n)));
    if (order->has_format) {
        TRY(json_set_text(words, "format", image_format_name(order->format)));
    }
    if (order->may_be_unsigned) {
        TRY(json_set_bool(words, "may_be_unsigned", true));
    }
    if (order->version.p != NULL) {
        TRY(json_take(words, "version", json_stringn((const char *)order->version.p, order->version.n)));
    }
    TRY(json_append(out, words));
    ENSURE(out->n < FIRMWARE_UPLOAD_REQUEST_SIZE, ERR_INTERNAL, "the words of an upload are too long");
    return OK;
}

static err_t copy_text(const char *from, char *to, size_t size)
{
    size_t n = strlen(from);
    ENSURE(n < size, ERR_DB, "the words of an upload do not fit");
    memcpy(to, from, n + 1);
    return OK;
}

struct words {
    const char *filename, *format, *version;
    bool may_be_unsigned;
};

err_t upload_words_read(const struct firmware_upload_row *row, struct upload_words *out)
{
    struct words raw = {.filename = NULL};
    static const struct json_field fields[] = {
        {"filename", JSON_KIND_TEXT, true, offsetof(struct words, filename), 0, 0, JSON_NO_HAS},
        {"format", JSON_KIND_TEXT, false, offsetof(struct words, format), 0, 0, JSON_NO_HAS},
        {"version", JSON_KIND_TEXT, false, offsetof(struct words, version), 0, 0, JSON_NO_HAS},
        {"may_be_unsigned", JSON_KIND_BOOLEAN, false, offsetof(struct words, may_be_unsigned), 0, 0,
         JSON_NO_HAS},
    };
    AUTO(json_t) *words = NULL;
    *out = (struct upload_words){.has_format = false};
    err_t error = json_parse(bytes_str(row->request), FIRMWARE_UPLOAD_REQUEST_SIZE, &words);
    if (error.code == ERR_OK) {
        error = json_read(words, fields, sizeof fields / sizeof fields[0], false, &raw);
    }
    ENSURE(error.code == ERR_OK, ERR_DB, "the words of an upload: %.100s", error.detail);
    TRY(copy_text(raw.filename, out->filename, sizeof out->filename));
    TRY(copy_text(raw.version == NULL ? "" : raw.version, out->version, sizeof out->version));
    out->may_be_unsigned = raw.may_be_unsigned;
    out->has_format = raw.format != NULL;
    return raw.format == NULL ? OK : image_format_parse(bytes_str(raw.format), &out->format);
}

static err_t record(struct db_tx *tx, const char *kind, const struct actor *actor,
                    const struct firmware_upload_row *row, const char *why)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(row->id, id);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant};
    return event_append(tx, &event, "{\"upload\":\"%s\",\"size\":%lld,\"received\":%lld,\"why\":\"%s\"}", id,
                        (long long)row->size, (long long)row->received, why);
}

static err_t count_one(const struct firmware_upload_row *row, void *arg)
{
    (void)row;
    ++*(size_t *)arg;
    return OK;
}

static err_t make_row(struct db_tx *tx, const struct start *start, struct uuid product)
{
    struct firmware_upload_row *out = start->out;
    int64_t now_ms = db_tx_now_ms(tx);
    *out = (struct firmware_upload_row){.tenant = start->terms->tenant,
                                        .product = product,
                                        .size = start->order->size,
                                        .has_sha256 = start->order->has_sha256,
                                        .sha256 = start->order->sha256,
                                        .created_at = now_ms,
                                        .expires_at = now_ms + LIFETIME_MS,
                                        .ver = 1};
    (void)snprintf(out->request, sizeof out->request, "%s", start->request);
    (void)snprintf(out->created_by, sizeof out->created_by, "%s", start->terms->actor.name);
    return db_tx_uuid(tx, &out->id);
}

static err_t find_repeat(struct db_tx *tx, const struct start *start, bool *is_repeat)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &start->terms->idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? firmware_upload_rows_find(tx, start->terms->tenant, id, start->out) : OK;
}

static err_t find_product(struct db_tx *tx, const struct start *start, struct product_row *out)
{
    err_t error = product_rows_find(tx, start->terms->tenant, start->order->product, out);
    if (error.code == ERR_NOT_FOUND) {
        faults_add(start->terms->faults, "/product", "there is no product of this name");
        return faults_error(start->terms->faults);
    }
    return error;
}

static err_t start_in(struct db_tx *tx, void *arg)
{
    const struct start *start = arg;
    struct product_row product;
    char id[UUID_TEXT_SIZE];
    size_t count = 0;
    bool is_repeat = false;
    TRY(find_repeat(tx, start, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    TRY(find_product(tx, start, &product));
    TRY(firmware_upload_rows_list(tx, start->terms->tenant, &(struct row_window){.limit = UPLOADS_MAX},
                                  count_one, &count));
    ENSURE(count < UPLOADS_MAX, ERR_CONFLICT, "%d uploads are open: finish or delete some", UPLOADS_MAX);
    TRY(make_row(tx, start, product.id));
    memcpy(start->out->product_name, product.name, sizeof product.name);
    TRY(firmware_upload_rows_insert(tx, start->out));
    uuid_format(start->out->id, id);
    TRY(idempotency_keep(tx, &start->terms->idempotency, OP_KIND, id));
    return record(tx, "firmware.upload_started", &start->terms->actor, start->out, "");
}

err_t upload_start(struct fleet *fleet, const struct terms *terms, const struct upload_order *order,
                   struct firmware_upload_row *out)
{
    AUTO_VAL(buf) words = {0};
    struct start start = {.terms = terms, .order = order, .out = out};
    TRY(check(fleet, order, terms->faults));
    TRY(write_words(order, &words));
    start.request = buf_str(&words);
    return db_write(fleet->db, start_in, &start);
}

/* --- looked at ----------------------------------------------------------------------------------------- */

struct find {
    struct uuid tenant, id;
    struct firmware_upload_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return firmware_upload_rows_find(tx, run->tenant, run->id, run->out);
}

err_t upload_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct firmware_upload_row *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

struct list {
    struct uuid tenant;
    const struct row_window *window;
    firmware_upload_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return firmware_upload_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t upload_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                  firmware_upload_row_fn fn, void *arg)
{
    struct list run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

/* --- dropped ------------------------------------------------------------------------------------------- */

struct drop {
    const struct firmware_upload_row *row;
    const struct actor *actor;
    const char *why;
};

static err_t drop_in(struct db_tx *tx, void *arg)
{
    const struct drop *drop = arg;
    TRY(firmware_upload_rows_delete(tx, drop->row->id));
    return record(tx, "firmware.upload_dropped", drop->actor, drop->row, drop->why);
}

/* The row goes first: bytes without a row are swept up later, a row without bytes would promise them. */
err_t upload_forget(struct fleet *fleet, const struct firmware_upload_row *row, const struct actor *actor,
                    const char *why)
{
    struct blob_store *store = NULL;
    struct drop drop = {.row = row, .actor = actor, .why = why};
    TRY(blob_store_of(fleet, &store));
    TRY(db_write(fleet->db, drop_in, &drop));
    return blob_writer_forget(store, row->id);
}

static err_t drop_entered(struct fleet *fleet, const struct actor *actor, struct find *find, const char *why)
{
    TRY(db_read(fleet->db, find_in, find)); /* it may have become an image meanwhile */
    return upload_forget(fleet, find->out, actor, why);
}

static err_t drop(struct fleet *fleet, const struct actor *actor, struct find *find, const char *why)
{
    TRY(upload_enter(fleet, find->id));
    err_t error = drop_entered(fleet, actor, find, why);
    upload_leave(fleet, find->id);
    return error;
}

err_t upload_drop(struct fleet *fleet, const struct terms *terms, struct uuid id)
{
    struct firmware_upload_row row;
    struct find find = {.tenant = terms->tenant, .id = id, .out = &row};
    TRY(db_read(fleet->db, find_in, &find));
    return drop(fleet, &terms->actor, &find, "taken back");
}

struct expired {
    int64_t now_ms;
    struct uuid tenants[EXPIRE_STEP], ids[EXPIRE_STEP];
    size_t count;
};

static err_t take_expired(const struct firmware_upload_row *row, void *arg)
{
    struct expired *expired = arg;
    expired->tenants[expired->count] = row->tenant;
    expired->ids[expired->count++] = row->id;
    return OK;
}

static err_t expired_in(struct db_tx *tx, void *arg)
{
    struct expired *expired = arg;
    expired->count = 0;
    return firmware_upload_rows_list_expired(tx, expired->now_ms, EXPIRE_STEP, take_expired, expired);
}

err_t uploads_expire(struct fleet *fleet, int64_t now_ms)
{
    static const struct actor itself = {.name = "whorld", .request_id = ""};
    struct expired expired = {.now_ms = now_ms};
    struct firmware_upload_row row;
    if (fleet->options.blobs == NULL) {
        return OK;
    }
    TRY(db_read(fleet->db, expired_in, &expired));
    for (size_t i = 0; i < expired.count; i++) {
        struct find find = {.tenant = expired.tenants[i], .id = expired.ids[i], .out = &row};
        err_t error = drop(fleet, &itself, &find, "expired");
        if (error.code != ERR_OK && error.code != ERR_CONFLICT && error.code != ERR_NOT_FOUND) {
            return error;
        }
    }
    return OK;
}
