/* The statements about manifest keys that are in force: one for each product that has any. */
#ifndef WHORL_DB_FIRMWARE_ANCHORS_ROWS_H
#define WHORL_DB_FIRMWARE_ANCHORS_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { FIRMWARE_ANCHOR_SPKI_SIZE = 91, FIRMWARE_STATEMENT_SIZE = 512 };

struct firmware_anchors_row {
    struct uuid product, tenant;
    int64_t sequence;
    uint8_t signing_spki[FIRMWARE_ANCHOR_SPKI_SIZE], recovery_spki[FIRMWARE_ANCHOR_SPKI_SIZE];
    uint8_t statement[FIRMWARE_STATEMENT_SIZE];
    size_t statement_size;
    int64_t updated_at, ver; /* ver 0: there is none yet */
};

/** Stores all of it, new or anew. @thread of tx, like all functions here */
err_t firmware_anchors_rows_store(struct db_tx *tx, const struct firmware_anchors_row *row);
/** @errors ERR_NOT_FOUND */
err_t firmware_anchors_rows_find(struct db_tx *tx, struct uuid product, struct firmware_anchors_row *out);

#endif
