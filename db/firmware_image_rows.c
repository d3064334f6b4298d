/* Rows of images: statements and reading. No rules here. */
#include "db/firmware_image_rows.h"

#include "db/row_values.h"

#define STORED                                                                                               \
    "id, tenant, product, sha256, size, filename, format, version, counter, facts, state, derived_from, "    \
    "signing_key, releases, hold_until, hold_reason, created_by, created_at, updated_at, ver"
#define COLUMNS STORED ", (SELECT name FROM product WHERE product.id = firmware_image.product)"

static const char SQL_INSERT[] =
    "INSERT INTO firmware_image (" STORED ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
    "$13, $14, $15, $16, $17, $18, $19, $20)";
static const char SQL_UPDATE[] =
    "UPDATE firmware_image SET filename = $3, state = $4, releases = $5, hold_until = $6, hold_reason = $7, "
    "updated_at = $8, ver = ver + 1 WHERE id = $1 AND ver = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM firmware_image WHERE id = $1 AND tenant = $2";
static const char SQL_FIND_BYTES[] =
    "SELECT " COLUMNS " FROM firmware_image WHERE tenant = $1 AND product = $2 AND sha256 = $3";
static const char SQL_RELEASES[] = "SELECT release FROM firmware_release_image WHERE image = $1 "
                                   "UNION SELECT release FROM firmware_release_image WHERE signed_image = $1 "
                                   "LIMIT $2";
static const char SQL_TELL[] = "UPDATE rollout_version SET n = n + 1 WHERE one = 1";
static const char SQL_DELETE_SIGNATURES[] = "DELETE FROM firmware_signature WHERE image = $1 AND tenant = $2";
static const char SQL_DELETE[] = "DELETE FROM firmware_image WHERE id = $1 AND tenant = $2";
#define LIST(filters)                                                                                        \
    "SELECT " COLUMNS " FROM firmware_image WHERE tenant = $1 AND id > $2 " filters " ORDER BY id LIMIT $3"
static const char SQL_LIST[] = LIST("");
static const char SQL_LIST_PRODUCT[] = LIST("AND product = $4");
static const char SQL_LIST_FORMAT[] = LIST("AND format = $4");
static const char SQL_LIST_PRODUCT_FORMAT[] = LIST("AND product = $4 AND format = $5");
static const char SQL_LIST_STATE[] = LIST("AND state = $4");
static const char SQL_LIST_PRODUCT_STATE[] = LIST("AND product = $4 AND state = $5");
static const char SQL_LIST_FORMAT_STATE[] = LIST("AND format = $4 AND state = $5");
static const char SQL_LIST_ALL[] = LIST("AND product = $4 AND format = $5 AND state = $6");
/* by which filters are there: 1 product, 2 format, 4 state */
static const char *const LISTS[] = {
    SQL_LIST,       SQL_LIST_PRODUCT,       SQL_LIST_FORMAT,       SQL_LIST_PRODUCT_FORMAT,
    SQL_LIST_STATE, SQL_LIST_PRODUCT_STATE, SQL_LIST_FORMAT_STATE, SQL_LIST_ALL};
static const char SQL_LIST_BYTES[] =
    "SELECT " COLUMNS " FROM firmware_image WHERE sha256 = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_DERIVED[] =
    "SELECT " COLUMNS " FROM firmware_image WHERE derived_from = $1 ORDER BY id LIMIT $2";
static const char SQL_HAS_VERSION[] =
    "SELECT 1 FROM firmware_image WHERE tenant = $1 AND product = $2 AND format = $3 AND version = $4 "
    "AND id <> $5 AND derived_from IS NULL LIMIT 1";

static struct db_value uuid_or_null(bool is_there, const struct uuid *id)
{
    return is_there ? db_uuid(id) : DB_N;
}

err_t firmware_image_rows_insert(struct db_tx *tx, const struct firmware_image_row *row)
{
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->product),
                               DB_BYTES(BYTES_OF(row->sha256.b)), DB_I(row->size), DB_T(row->filename),
                               DB_I(row->format), DB_T(row->version), DB_I(row->counter), DB_T(row->facts),
                               DB_I(row->state), uuid_or_null(row->is_derived, &row->derived_from),
                               uuid_or_null(row->is_derived, &row->signing_key), DB_I(row->releases),
                               db_time_or_null(row->hold_until), DB_T(row->hold_reason),
                               DB_T(row->created_by), DB_I(row->created_at), DB_I(row->updated_at),
                               DB_I(row->ver)),
                     NULL);
}

err_t firmware_image_rows_update(struct db_tx *tx, struct firmware_image_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(db_uuid(&row->id), DB_I(row->ver), DB_T(row->filename), DB_I(row->state),
                            DB_I(row->releases), db_time_or_null(row->hold_until), DB_T(row->hold_reason),
                            DB_I(row->updated_at)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the image was changed by another request: try again");
    row->ver++;
    return OK;
}

static err_t read_ids(const struct db_row *row, struct firmware_image_row *out)
{
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    TRY(db_row_copy(row, 3, out->sha256.b, sizeof out->sha256.b));
    out->is_derived = !db_row_is_null(row, 11);
    if (!out->is_derived) {
        return OK;
    }
    TRY(db_row_copy(row, 11, out->derived_from.b, sizeof out->derived_from.b));
    return db_row_copy(row, 12, out->signing_key.b, sizeof out->signing_key.b);
}

static err_t read_image(const struct db_row *row, void *arg)
{
    struct firmware_image_row *out = arg;
    int64_t state = db_row_int(row, 10);
    ENSURE(state == FIRMWARE_IMAGE_READY || state == FIRMWARE_IMAGE_WITHDRAWN, ERR_DB,
           "an image in state %lld", (long long)state);
    *out = (struct firmware_image_row){.size = db_row_int(row, 4),
                                       .format = db_row_int(row, 6),
                                       .counter = db_row_int(row, 8),
                                       .state = (enum firmware_image_state)state,
                                       .releases = db_row_int(row, 13),
                                       .hold_until = db_row_int(row, 14), /* NULL reads as 0 */
                                       .created_at = db_row_int(row, 17),
                                       .updated_at = db_row_int(row, 18),
                                       .ver = db_row_int(row, 19)};
    TRY(read_ids(row, out));
    TRY(db_row_text(row, 5, out->filename, sizeof out->filename));
    TRY(db_row_text(row, 7, out->version, sizeof out->version));
    TRY(db_row_text(row, 9, out->facts, sizeof out->facts));
    TRY(db_row_text(row, 15, out->hold_reason, sizeof out->hold_reason));
    TRY(db_row_text(row, 16, out->created_by, sizeof out->created_by));
    return db_row_text(row, 20, out->product_name, sizeof out->product_name);
}

err_t firmware_image_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                               struct firmware_image_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_image, out, "image");
}

err_t firmware_image_rows_find_bytes(struct db_tx *tx, struct uuid tenant, struct uuid product,
                                     const struct sha256 *sha256, struct firmware_image_row *out)
{
    return db_find(tx, SQL_FIND_BYTES,
                   DB_VALUES(db_uuid(&tenant), db_uuid(&product), DB_BYTES(BYTES_OF(sha256->b))), read_image,
                   out, "image");
}

err_t firmware_image_rows_delete(struct db_tx *tx, struct uuid tenant, struct uuid id)
{
    TRY(db_change(tx, SQL_DELETE_SIGNATURES, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), NULL));
    return db_change(tx, SQL_DELETE, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), NULL);
}

struct each_release {
    err_t (*fn)(struct uuid release, void *arg);
    void *arg;
};

static err_t on_release(const struct db_row *row, void *arg)
{
    const struct each_release *each = arg;
    struct uuid id;
    TRY(db_row_copy(row, 0, id.b, sizeof id.b));
    return each->fn(id, each->arg);
}

err_t firmware_image_rows_releases(struct db_tx *tx, struct uuid image, int64_t limit,
                                   err_t (*fn)(struct uuid release, void *arg), void *arg)
{
    struct each_release each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_RELEASES, DB_VALUES(db_uuid(&image), DB_I(limit)), on_release, &each);
}

err_t firmware_image_rows_tell_rollouts(struct db_tx *tx)
{
    return db_change(tx, SQL_TELL, NULL, 0, NULL);
}

struct each {
    firmware_image_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct firmware_image_row image;
    TRY(read_image(row, &image));
    return each->fn(&image, each->arg);
}

err_t firmware_image_rows_list(struct db_tx *tx, struct uuid tenant,
                               const struct firmware_image_filter *filter, const struct row_window *window,
                               firmware_image_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    struct db_value values[6] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit)};
    size_t count = 3;
    unsigned which = 0;
    if (filter->product != NULL) {
        values[count++] = db_uuid(filter->product);
        which |= 1;
    }
    if (filter->format != NULL) {
        values[count++] = DB_I(*filter->format);
        which |= 2;
    }
    if (filter->state != NULL) {
        values[count++] = DB_I(*filter->state);
        which |= 4;
    }
    return db_run(tx, LISTS[which], values, count, on_each, &each);
}

err_t firmware_image_rows_list_bytes(struct db_tx *tx, const struct sha256 *sha256, const struct uuid *after,
                                     int64_t limit, firmware_image_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_BYTES,
                  DB_VALUES(DB_BYTES(BYTES_OF(sha256->b)),
                            after == NULL ? DB_BYTES(BYTES_NONE) : db_uuid(after), DB_I(limit)),
                  on_each, &each);
}

err_t firmware_image_rows_list_derived(struct db_tx *tx, struct uuid from, int64_t limit,
                                       firmware_image_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_DERIVED, DB_VALUES(db_uuid(&from), DB_I(limit)), on_each, &each);
}

err_t firmware_image_rows_has_version(struct db_tx *tx, const struct firmware_image_row *except, bool *out)
{
    return db_exists(tx, SQL_HAS_VERSION,
                     DB_VALUES(db_uuid(&except->tenant), db_uuid(&except->product), DB_I(except->format),
                               DB_T(except->version), db_uuid(&except->id)),
                     out);
}
