/* Rows of devices. One row per (id, tenant): another tenant's claim to the same id is a row of its own.
 * Knows no rule of a device's life (those are in fleet/); the caller's transaction decides. */
#ifndef WHORL_DB_DEVICE_ROWS_H
#define WHORL_DB_DEVICE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

typedef err_t (*device_row_fn)(const struct device_row *row, void *arg);

/** @errors ERR_NOT_FOUND also for another tenant's @thread of tx, like all functions here */
err_t device_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *id,
                       struct device_row *out);
/** Every tenant's claim to this id, strongest claim first; for the first contact, where no tenant is known
 * yet. */
err_t device_rows_find_claims(struct db_tx *tx, const struct device_id *id, device_row_fn fn, void *arg);
/** The registered or proved SPKI, appended; nothing when only the id is known. @errors ERR_NOT_FOUND */
err_t device_rows_read_spki(struct db_tx *tx, struct uuid tenant, const struct device_id *id,
                            struct buf *out);
/** Whether any tenant has a device of this id: a key whose hash this is is an identity key (invariant I4). */
err_t device_rows_is_identity(struct db_tx *tx, const uint8_t spki_sha256[32], bool *out);

/** @param spki DER, or BYTES_NONE when only the id is known @param[out] is_new false: (tenant, id) is there
 * already and stays as it was */
err_t device_rows_insert(struct db_tx *tx, const struct device_row *row, struct bytes spki, bool *is_new);
/** Stores state, claim, reenrol_allowed, generation, enrolled_at, key_origin, transferred_at and what is said
 * of a rekey of `row` if its version is still row->ver, then raises row->ver and sets row->updated_at. @param
 * spki BYTES_NONE leaves the stored one
 *  @errors ERR_BUSY somebody else changed the device meanwhile */
err_t device_rows_update(struct db_tx *tx, struct device_row *row, struct bytes spki);

/** Stores batch, product, serial, model, attributes and registered_at, otherwise as above: a device that
 * comes back to an owner that it had before. The counts are the caller's. @errors ERR_BUSY */
err_t device_rows_place(struct db_tx *tx, struct device_row *row);
/** Stores labels, attributes and note, otherwise as above; the rows behind the search for labels are
 *  device_label_rows.h's. @errors ERR_BUSY */
err_t device_rows_describe(struct db_tx *tx, struct device_row *row);

/* DEVICE_BY_ENROLLED has only those that were enrolled once. Of equals the id decides. */
enum device_sort { DEVICE_BY_ID, DEVICE_BY_REGISTERED, DEVICE_BY_ENROLLED, DEVICE_BY_SERIAL };

/* Where a device stands in a list: its id, and what the list is sorted by. */
struct device_place {
    struct device_id id;
    int64_t at;                    /* by registered_at, enrolled_at */
    char serial[SERIAL_TEXT_SIZE]; /* by serial */
};

struct device_range {
    struct uuid tenant;
    const struct uuid *batch;   /* or NULL, like all filters; at most one of batch, product, serial, label; */
    const struct uuid *product; /* a state beside a batch or a product only */
    const char *serial;
    const char *label_name, *label_value; /* both or none */
    const enum device_state *state;       /* or NULL */
    bool is_recovery_requested; /* enrolled ones whose recovery waits for an answer; no other filter */
    enum device_sort order;     /* other than by id without filters only */
    bool is_descending;
    const struct device_place *after; /* beyond this one; NULL from the start */
    int64_t limit;
};
/** In that order, at most `limit`; costs the same wherever the range starts. */
err_t device_rows_list(struct db_tx *tx, const struct device_range *range, device_row_fn fn, void *arg);

#endif
