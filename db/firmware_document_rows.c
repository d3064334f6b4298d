/* Reads of firmware_release.manifest and of firmware_anchors. */
#include "db/firmware_document_rows.h"

struct found {
    struct buf *out;
    int64_t *sequence;
    bool is_found;
};

static err_t take_manifest(const struct db_row *row, void *arg)
{
    struct found *found = arg;
    struct bytes manifest = db_row_bytes(row, 0);
    found->is_found = manifest.n > 0;
    return buf_append_bytes(found->out, manifest);
}

err_t firmware_manifest_rows_find(struct db_tx *tx, struct uuid release, struct buf *out)
{
    struct found found = {.out = out};
    TRY(db_run(tx, "SELECT manifest FROM firmware_release WHERE id = $1",
               DB_VALUES(DB_B(release.b, sizeof release.b)), take_manifest, &found));
    ENSURE(found.is_found, ERR_NOT_FOUND, "no manifest");
    return OK;
}

static err_t take_statement(const struct db_row *row, void *arg)
{
    struct found *found = arg;
    found->is_found = true;
    *found->sequence = db_row_int(row, 0);
    return found->out != NULL ? buf_append_bytes(found->out, db_row_bytes(row, 1)) : OK;
}

err_t firmware_statement_rows_find(struct db_tx *tx, struct uuid product, int64_t *sequence, struct buf *out)
{
    struct found found = {.out = out, .sequence = sequence};
    *sequence = 0;
    TRY(db_run(tx, "SELECT sequence, statement FROM firmware_anchors WHERE product = $1",
               DB_VALUES(DB_B(product.b, sizeof product.b)), take_statement, &found));
    ENSURE(found.is_found, ERR_NOT_FOUND, "no statement about keys is in force");
    return OK;
}
