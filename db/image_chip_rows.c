/* One row by an index of its own: a product may have many images of other formats. */
#include "db/image_chip_rows.h"

#include "db/row_values.h"

static const char SQL_LIST_NEWEST[] =
    "SELECT facts FROM firmware_image WHERE tenant = $1 AND product = $2 AND "
    "format = 2 ORDER BY id DESC LIMIT 1";

static err_t take_facts(const struct db_row *row, void *arg)
{
    return db_row_append(row, 0, arg);
}

err_t image_chip_rows_newest(struct db_tx *tx, struct uuid tenant, struct uuid product, struct buf *facts)
{
    facts->n = 0; /* the closure may run again */
    return db_run(tx, SQL_LIST_NEWEST, DB_VALUES(db_uuid(&tenant), db_uuid(&product)), take_facts, facts);
}
