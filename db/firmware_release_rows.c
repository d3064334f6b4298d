/* Rows of releases: statements and reading. No rules here. */
#include "db/firmware_release_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, product, class, version, state, kind, sequence, counter, min_sequence, rollback_of, "       \
    "manifest_key, manifest_sha256, subject_sha256, sbom_sha256, sbom_type, support_until, csaf_url, "       \
    "notes, "                                                                                                \
    "reason, created_by, approved_by, approved_at, published_at, withdrawn_at, created_at, updated_at, ver"

#define SELECTED COLUMNS ", (SELECT p.name FROM product p WHERE p.id = firmware_release.product)"

static const char SQL_INSERT[] =
    "INSERT INTO firmware_release (" COLUMNS ", manifest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
    "$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29) "
    "ON CONFLICT DO NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE firmware_release SET class = $3, version = $4, state = $5, kind = $6, sequence = $7, counter = "
    "$8, "
    "min_sequence = $9, rollback_of = $10, manifest_key = $11, manifest_sha256 = $12, subject_sha256 = $13, "
    "sbom_sha256 = $14, sbom_type = $15, support_until = $16, csaf_url = $17, notes = $18, reason = $19, "
    "approved_by = $20, approved_at = $21, published_at = $22, withdrawn_at = $23, updated_at = $24, "
    "ver = ver + 1 WHERE id = $1 AND ver = $2";
static const char SQL_DELETE[] = "DELETE FROM firmware_release WHERE id = $1 AND tenant = $2";
static const char SQL_FIND[] = "SELECT " SELECTED " FROM firmware_release WHERE id = $1 AND tenant = $2";
static const char SQL_LIST[] =
    "SELECT " SELECTED " FROM firmware_release WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_PRODUCT[] =
    "SELECT " SELECTED
    " FROM firmware_release WHERE tenant = $1 AND product = $4 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_STATE[] =
    "SELECT " SELECTED
    " FROM firmware_release WHERE tenant = $1 AND state = $4 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_BOTH[] =
    "SELECT " SELECTED " FROM firmware_release WHERE tenant = $1 AND product = $4 AND state = $5 AND id > $2 "
    "ORDER BY id LIMIT $3";
static const char SQL_SIGNING[] =
    "SELECT " SELECTED " FROM firmware_release WHERE state = 1 ORDER BY id LIMIT $1";
static const char SQL_HIGHEST[] = "SELECT sequence FROM firmware_release WHERE tenant = $1 AND product = $2 "
                                  "ORDER BY sequence DESC LIMIT 1";
static const char SQL_MANIFEST[] = "SELECT manifest FROM firmware_release WHERE id = $1 AND tenant = $2";
static const char SQL_SET_MANIFEST[] = "UPDATE firmware_release SET manifest = $2 WHERE id = $1";

static struct db_value uuid_if(bool has, const struct uuid *id)
{
    return has ? db_uuid(id) : DB_N;
}

static struct db_value hash_if(bool has, const struct sha256 *hash)
{
    return has ? DB_B(hash->b, sizeof hash->b) : DB_N;
}

static err_t taken(struct db_tx *tx, const struct firmware_release_row *row)
{
    (void)tx;
    return ERR(ERR_CONFLICT,
               "the product has a release of version %s or of sequence %lld for this class already: each is "
               "given once",
               row->version, (long long)row->sequence);
}

err_t firmware_release_rows_insert(struct db_tx *tx, const struct firmware_release_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->product),
                            DB_T(row->class), DB_T(row->version), DB_I(row->state), DB_I(row->kind),
                            DB_I(row->sequence), DB_I(row->counter), DB_I(row->min_sequence),
                            uuid_if(row->has_rollback_of, &row->rollback_of),
                            uuid_if(row->has_manifest_key, &row->manifest_key),
                            hash_if(row->has_manifest, &row->manifest_sha256),
                            hash_if(row->has_subject, &row->subject_sha256),
                            hash_if(row->has_sbom, &row->sbom_sha256), DB_T(row->sbom_type),
                            db_time_or_null(row->support_until), DB_T(row->csaf_url), DB_T(row->notes),
                            DB_T(row->reason), DB_T(row->created_by), DB_T(row->approved_by),
                            db_time_or_null(row->approved_at), db_time_or_null(row->published_at),
                            db_time_or_null(row->withdrawn_at), DB_I(row->created_at), DB_I(row->updated_at),
                            DB_I(row->ver), DB_B("", 0)),
                  &changes));
    return changes == 1 ? OK : taken(tx, row);
}

err_t firmware_release_rows_update(struct db_tx *tx, struct firmware_release_row *row)
{
    int64_t changes = 0, now_ms = db_tx_now_ms(tx);
    err_t error = db_change(
        tx, SQL_UPDATE,
        DB_VALUES(db_uuid(&row->id), DB_I(row->ver), DB_T(row->class), DB_T(row->version), DB_I(row->state),
                  DB_I(row->kind), DB_I(row->sequence), DB_I(row->counter), DB_I(row->min_sequence),
                  uuid_if(row->has_rollback_of, &row->rollback_of),
                  uuid_if(row->has_manifest_key, &row->manifest_key),
                  hash_if(row->has_manifest, &row->manifest_sha256),
                  hash_if(row->has_subject, &row->subject_sha256), hash_if(row->has_sbom, &row->sbom_sha256),
                  DB_T(row->sbom_type), db_time_or_null(row->support_until), DB_T(row->csaf_url),
                  DB_T(row->notes), DB_T(row->reason), DB_T(row->approved_by),
                  db_time_or_null(row->approved_at), db_time_or_null(row->published_at),
                  db_time_or_null(row->withdrawn_at), DB_I(now_ms)),
        &changes);
    if (error.code == ERR_CONFLICT) {
        return taken(tx, row);
    }
    TRY(error);
    ENSURE(changes == 1, ERR_BUSY, "the release was changed by another request: try again");
    row->ver++;
    row->updated_at = now_ms;
    return OK;
}

err_t firmware_release_rows_delete(struct db_tx *tx, struct uuid tenant, struct uuid id)
{
    const struct firmware_release_images none = {.count = 0};
    TRY(firmware_release_rows_set_images(tx, id, &none));
    return db_change(tx, SQL_DELETE, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), NULL);
}

/* --- read --------------------------------------------------------------------------------------------- */

static err_t read_bytes_if(const struct db_row *row, int column, void *out, size_t size, bool *has)
{
    *has = !db_row_is_null(row, column);
    return *has ? db_row_copy(row, column, out, size) : OK;
}

static err_t read_texts(const struct db_row *row, struct firmware_release_row *out)
{
    TRY(db_row_text(row, 28, out->product_name, sizeof out->product_name));
    TRY(db_row_text(row, 3, out->class, sizeof out->class));
    TRY(db_row_text(row, 4, out->version, sizeof out->version));
    TRY(db_row_text(row, 15, out->sbom_type, sizeof out->sbom_type));
    TRY(db_row_text(row, 17, out->csaf_url, sizeof out->csaf_url));
    TRY(db_row_text(row, 18, out->notes, sizeof out->notes));
    TRY(db_row_text(row, 19, out->reason, sizeof out->reason));
    TRY(db_row_text(row, 20, out->created_by, sizeof out->created_by));
    return db_row_text(row, 21, out->approved_by, sizeof out->approved_by);
}

static err_t read_release(const struct db_row *row, void *arg)
{
    struct firmware_release_row *out = arg;
    int64_t state = db_row_int(row, 5);
    ENSURE(state >= 0 && state < RELEASE_STATES, ERR_DB, "a release in state %lld", (long long)state);
    *out = (struct firmware_release_row){.state = (enum firmware_release_state)state,
                                         .kind = db_row_int(row, 6) == RELEASE_SECURITY ? RELEASE_SECURITY
                                                                                        : RELEASE_FEATURE,
                                         .sequence = db_row_int(row, 7),
                                         .counter = db_row_int(row, 8),
                                         .min_sequence = db_row_int(row, 9),
                                         .support_until = db_row_int(row, 16), /* NULL reads as 0 */
                                         .approved_at = db_row_int(row, 22),
                                         .published_at = db_row_int(row, 23),
                                         .withdrawn_at = db_row_int(row, 24),
                                         .created_at = db_row_int(row, 25),
                                         .updated_at = db_row_int(row, 26),
                                         .ver = db_row_int(row, 27)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    TRY(read_bytes_if(row, 10, out->rollback_of.b, sizeof out->rollback_of.b, &out->has_rollback_of));
    TRY(read_bytes_if(row, 11, out->manifest_key.b, sizeof out->manifest_key.b, &out->has_manifest_key));
    TRY(read_bytes_if(row, 12, out->manifest_sha256.b, sizeof out->manifest_sha256.b, &out->has_manifest));
    TRY(read_bytes_if(row, 13, out->subject_sha256.b, sizeof out->subject_sha256.b, &out->has_subject));
    TRY(read_bytes_if(row, 14, out->sbom_sha256.b, sizeof out->sbom_sha256.b, &out->has_sbom));
    return read_texts(row, out);
}

err_t firmware_release_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                                 struct firmware_release_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_release, out, "release");
}

struct each {
    firmware_release_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct firmware_release_row release;
    TRY(read_release(row, &release));
    return each->fn(&release, each->arg);
}

err_t firmware_release_rows_list(struct db_tx *tx, const struct firmware_release_filter *filter,
                                 const struct row_window *window, firmware_release_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    struct db_value values[5] = {db_uuid(&filter->tenant), DB_BYTES(window->after), DB_I(window->limit)};
    size_t count = 3;
    if (filter->has_product) {
        values[count++] = db_uuid(&filter->product);
    }
    if (filter->has_state) {
        values[count++] = DB_I(filter->state);
    }
    const char *sql = filter->has_product ? (filter->has_state ? SQL_LIST_BOTH : SQL_LIST_PRODUCT)
                                          : (filter->has_state ? SQL_LIST_STATE : SQL_LIST);
    return db_run(tx, sql, values, count, on_each, &each);
}

err_t firmware_release_rows_signing(struct db_tx *tx, int64_t limit, firmware_release_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_SIGNING, DB_VALUES(DB_I(limit)), on_each, &each);
}

static err_t read_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

err_t firmware_release_rows_highest(struct db_tx *tx, struct uuid tenant, struct uuid product, int64_t *out)
{
    *out = 0;
    return db_run(tx, SQL_HIGHEST, DB_VALUES(db_uuid(&tenant), db_uuid(&product)), read_number, out);
}

static err_t read_manifest(const struct db_row *row, void *arg)
{
    return db_row_append(row, 0, arg);
}

err_t firmware_release_rows_manifest(struct db_tx *tx, struct uuid tenant, struct uuid id, struct buf *out)
{
    return db_find(tx, SQL_MANIFEST, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_manifest, out,
                   "release");
}

err_t firmware_release_rows_set_manifest(struct db_tx *tx, struct uuid id, struct bytes manifest)
{
    return db_change(tx, SQL_SET_MANIFEST, DB_VALUES(db_uuid(&id), DB_BYTES(manifest)), NULL);
}
