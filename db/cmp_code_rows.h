/* Codes for CMP's MAC protection: one row a device, which a new code takes the place of. Statements and
 * reading; no rules here (fleet/cmp_codes.h). */
#ifndef WHORL_DB_CMP_CODE_ROWS_H
#define WHORL_DB_CMP_CODE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { CMP_REFERENCE_SIZE = 8, CMP_CODE_SEALED_SIZE = 96 };

struct cmp_code_row {
    struct uuid tenant;
    struct device_id device;
    uint8_t reference[CMP_REFERENCE_SIZE]; /* names the code in a message (senderKID); no secret */
    uint8_t sealed[CMP_CODE_SEALED_SIZE];
    size_t sealed_size; /* 0: the secret is gone */
    bool is_bound;
    uint8_t spki_sha256[32]; /* the key that it is bound to */
    int64_t bound_at;        /* or 0 */
    int64_t not_after, created_at;
    int64_t used_at, revoked_at; /* or 0 */
    int64_t failed_attempts;
    int64_t failed_at; /* the last one, or 0 */
    int64_t sweep_at;
    int64_t ver;
};

/** Inserts, or takes the place of the device's former one. @errors ERR_CONFLICT the reference is taken
 *  @thread of tx, like all functions here */
err_t cmp_code_rows_put(struct db_tx *tx, const struct cmp_code_row *row);
/** @errors ERR_NOT_FOUND */
err_t cmp_code_rows_find(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                         struct cmp_code_row *out);
/** Whoever's it is. @errors ERR_NOT_FOUND */
err_t cmp_code_rows_find_by_reference(struct db_tx *tx, const uint8_t reference[CMP_REFERENCE_SIZE],
                                      struct cmp_code_row *out);
/** The first one in order of reference that is this or a later one. @errors ERR_NOT_FOUND */
err_t cmp_code_rows_find_from(struct db_tx *tx, const uint8_t reference[CMP_REFERENCE_SIZE],
                              struct cmp_code_row *out);

/** The device's code is used up: its secret goes. One that has ended, or none, is no error. */
err_t cmp_code_rows_spend(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                          int64_t sweep_at);
/** Adds to the attempts that failed; the version stays. */
err_t cmp_code_rows_add_failed(struct db_tx *tx, const uint8_t reference[CMP_REFERENCE_SIZE], int64_t count,
                               int64_t at_ms);

/* Of those whose sweep_at is past, the first ones. */
struct cmp_code_sweep {
    int64_t now_ms;
    int64_t kept_ms; /* how long one without a secret is kept */
    int64_t limit;
    int64_t count; /* out: rows that were changed or deleted */
};
/** Deletes those without a secret, and takes the secret of the others. */
err_t cmp_code_rows_sweep(struct db_tx *tx, struct cmp_code_sweep *sweep);

#endif
