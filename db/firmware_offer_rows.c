/* Statements and reading only. */
#include "db/firmware_offer_rows.h"

#include "db/row_values.h"

static const char SQL_RELEASE[] =
    "SELECT r.id, r.tenant, r.product, p.name, r.state, r.kind, r.class, r.version, r.sequence, r.counter, "
    "r.min_sequence, r.manifest_sha256 FROM firmware_release AS r JOIN product AS p ON p.id = r.product "
    "WHERE r.id = $1";
static const char SQL_ARTIFACTS[] =
    "SELECT i.id, b.sha256, b.sha1, b.md5, b.size, i.filename, n.part, i.state, b.state FROM "
    "firmware_release_image AS n JOIN firmware_image AS i ON i.id = COALESCE(n.signed_image, n.image) JOIN "
    "firmware_blob AS b ON b.sha256 = i.sha256 WHERE n.release = $1 ORDER BY n.place";

static err_t read_release(const struct db_row *row, void *arg)
{
    struct offer_release_row *out = arg;
    *out = (struct offer_release_row){.state = (int)db_row_int(row, 4),
                                      .is_security = db_row_int(row, 5) == 1,
                                      .sequence = db_row_int(row, 8),
                                      .counter = db_row_int(row, 9),
                                      .min_sequence = db_row_int(row, 10),
                                      .has_manifest = !db_row_is_null(row, 11)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    TRY(db_row_text(row, 3, out->product_name, sizeof out->product_name));
    TRY(db_row_text(row, 6, out->hardware_class, sizeof out->hardware_class));
    TRY(db_row_text(row, 7, out->version, sizeof out->version));
    return out->has_manifest ? db_row_copy(row, 11, out->manifest.b, sizeof out->manifest.b) : OK;
}

err_t firmware_offer_rows_release(struct db_tx *tx, struct uuid release, struct offer_release_row *out)
{
    return db_find(tx, SQL_RELEASE, DB_VALUES(db_uuid(&release)), read_release, out, "release");
}

struct each {
    offer_artifact_row_fn fn;
    void *arg;
};

static err_t on_artifact(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct offer_artifact_row out = {.size = db_row_int(row, 4),
                                     .is_good = db_row_int(row, 7) == 0 && db_row_int(row, 8) == 0};
    TRY(db_row_copy(row, 0, out.image.b, sizeof out.image.b));
    TRY(db_row_copy(row, 1, out.sha256.b, sizeof out.sha256.b));
    TRY(db_row_copy(row, 2, out.sha1, sizeof out.sha1));
    TRY(db_row_copy(row, 3, out.md5, sizeof out.md5));
    TRY(db_row_text(row, 5, out.filename, sizeof out.filename));
    TRY(db_row_text(row, 6, out.part, sizeof out.part));
    return each->fn(&out, each->arg);
}

err_t firmware_offer_rows_artifacts(struct db_tx *tx, struct uuid release, offer_artifact_row_fn fn,
                                    void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_ARTIFACTS, DB_VALUES(db_uuid(&release)), on_artifact, &each);
}
