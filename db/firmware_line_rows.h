/* Rows of anti-rollback lines: the newest that was published for a product and hardware class. A line only
 * rises, and each rise is in the journal (db/journal.h), so that no restored copy publishes below it. */
#ifndef WHORL_DB_FIRMWARE_LINE_ROWS_H
#define WHORL_DB_FIRMWARE_LINE_ROWS_H

#include "db/firmware_release_rows.h"

struct firmware_line_row {
    struct uuid product, tenant, release;
    char class[MODEL_SIZE];
    char version[RELEASE_VERSION_SIZE];
    int64_t sequence, counter; /* counter -1: nothing published had one */
    int64_t updated_at, ver;
};
typedef err_t (*firmware_line_row_fn)(const struct firmware_line_row *row, void *arg);

/** @errors ERR_NOT_FOUND nothing was published for it @thread of tx, like all functions here */
err_t firmware_line_rows_find(struct db_tx *tx, struct uuid product, const char *class,
                              struct firmware_line_row *out);
/** All of a product, in order of class. */
err_t firmware_line_rows_of_product(struct db_tx *tx, struct uuid product, firmware_line_row_fn fn,
                                    void *arg);
/** Makes the line, or raises it: sequence and counter never fall, whatever `row` says; version and release
 * are those of the highest sequence. With its journal entry. */
err_t firmware_line_rows_raise(struct db_tx *tx, const struct firmware_line_row *row);

#endif
