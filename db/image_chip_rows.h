/* Of which chip the ESP-IDF images of a product are: what was read in the newest of them. */
#ifndef WHORL_DB_IMAGE_CHIP_ROWS_H
#define WHORL_DB_IMAGE_CHIP_ROWS_H

#include "db/db.h"

/** The facts of the product's newest image of format esp, as JSON text. @param[out] facts appended; nothing
 * when there is none @thread of tx */
err_t image_chip_rows_newest(struct db_tx *tx, struct uuid tenant, struct uuid product, struct buf *facts);

#endif
