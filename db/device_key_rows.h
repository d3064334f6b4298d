/* Every public key that was ever registered or certified, and the one device that it belongs to. */
#ifndef WHORL_DB_DEVICE_KEY_ROWS_H
#define WHORL_DB_DEVICE_KEY_ROWS_H

#include "db/db.h"
#include "db/rows.h"

struct device_key_row {
    uint8_t spki_sha256[32];
    struct device_id device;
    int64_t generation;
    int64_t first_seen_at;
};

/** @errors ERR_NOT_FOUND @thread of tx, like all functions here */
err_t device_key_rows_find(struct db_tx *tx, const uint8_t spki_sha256[32], struct device_key_row *out);
/** The primary key decides every race for a key. The same device again changes nothing.
 *  @errors ERR_CONFLICT the key belongs to another device */
err_t device_key_rows_claim(struct db_tx *tx, const struct device_key_row *row);

#endif
