/* One statement over a device's certificates, which are few. */
#include "db/certificate_link_rows.h"

#include "db/row_values.h"

static const char SQL_READ[] =
    "SELECT MAX(CASE WHEN state = 0 AND linked_by = device AND not_after > $3 THEN 1 ELSE 0 END), "
    "MAX(CASE WHEN is_stated = 1 AND generation = $5 AND linked_by = $4 AND spki_sha256 <> $6 THEN 1 "
    "ELSE 0 END) FROM certificate WHERE device = $1 AND tenant = $2";

static err_t take(const struct db_row *row, void *arg)
{
    struct certificate_links *out = arg;
    out->has_waiting_recovery = db_row_int(row, 0) > 0;
    out->is_forked = db_row_int(row, 1) > 0;
    return OK;
}

err_t certificate_link_rows_read(struct db_tx *tx, const struct certificate_links_question *question,
                                 struct certificate_links *out)
{
    *out = (struct certificate_links){.is_forked = false};
    return db_run(tx, SQL_READ,
                  DB_VALUES(DB_B(question->device->b, sizeof question->device->b), db_uuid(&question->tenant),
                            DB_I(question->now_ms), DB_B(question->by, 32), DB_I(question->generation),
                            DB_B(question->spki_sha256, 32)),
                  take, out);
}
