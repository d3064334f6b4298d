/* Rows of the images of releases: statements and reading. No rules here. */
#include "db/firmware_release_rows.h"
#include "db/row_values.h"

static const char SQL_IMAGES[] =
    "SELECT place, image, signed_image, part, recipe FROM firmware_release_image "
    "WHERE release = $1 ORDER BY place";
static const char SQL_CLEAR_IMAGES[] = "DELETE FROM firmware_release_image WHERE release = $1";
static const char SQL_ADD_IMAGE[] =
    "INSERT INTO firmware_release_image (release, place, image, signed_image, "
    "part, recipe) VALUES ($1, $2, $3, $4, $5, $6)";
/* each half along its own index */
static const char SQL_OF_IMAGE[] =
    "SELECT release FROM firmware_release_image WHERE image = $1 UNION SELECT release FROM "
    "firmware_release_image WHERE signed_image = $1 ORDER BY release LIMIT $2";

struct take {
    struct firmware_release_images *out;
    struct uuid release;
};

static err_t take_image(const struct db_row *row, void *arg)
{
    const struct take *run = arg;
    ENSURE(run->out->count < RELEASE_IMAGES_MAX, ERR_DB, "a release of too many images");
    struct firmware_release_image_row *out = &run->out->rows[run->out->count++];
    *out = (struct firmware_release_image_row){
        .release = run->release, .place = db_row_int(row, 0), .has_signed = !db_row_is_null(row, 2)};
    TRY(db_row_copy(row, 1, out->image.b, sizeof out->image.b));
    if (out->has_signed) {
        TRY(db_row_copy(row, 2, out->signed_image.b, sizeof out->signed_image.b));
    }
    TRY(db_row_text(row, 3, out->part, sizeof out->part));
    return db_row_text(row, 4, out->recipe, sizeof out->recipe);
}

err_t firmware_release_rows_images(struct db_tx *tx, struct uuid release, struct firmware_release_images *out)
{
    struct take run = {.out = out, .release = release};
    out->count = 0;
    return db_run(tx, SQL_IMAGES, DB_VALUES(db_uuid(&release)), take_image, &run);
}

err_t firmware_release_rows_set_images(struct db_tx *tx, struct uuid release,
                                       const struct firmware_release_images *images)
{
    TRY(db_change(tx, SQL_CLEAR_IMAGES, DB_VALUES(db_uuid(&release)), NULL));
    for (size_t i = 0; i < images->count; i++) {
        const struct firmware_release_image_row *row = &images->rows[i];
        TRY(db_change(tx, SQL_ADD_IMAGE,
                      DB_VALUES(db_uuid(&release), DB_I(i), db_uuid(&row->image),
                                row->has_signed ? db_uuid(&row->signed_image) : DB_N, DB_T(row->part),
                                DB_T(row->recipe)),
                      NULL));
    }
    return OK;
}

struct each {
    err_t (*fn)(struct uuid release, void *arg);
    void *arg;
};

static err_t on_release(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct uuid id;
    TRY(db_row_copy(row, 0, id.b, sizeof id.b));
    return each->fn(id, each->arg);
}

err_t firmware_release_rows_of_image(struct db_tx *tx, struct uuid image, int64_t limit,
                                     err_t (*fn)(struct uuid release, void *arg), void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_OF_IMAGE, DB_VALUES(db_uuid(&image), DB_I(limit)), on_release, &each);
}
