/* Rows of transfers: devices that one tenant of the installation offers to another. */
#ifndef WHORL_DB_TRANSFER_ROWS_H
#define WHORL_DB_TRANSFER_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { TRANSFER_NOTE_SIZE = 513 };

enum transfer_state {
    TRANSFER_OFFERED,
    TRANSFER_ACCEPTED, /* and being carried out */
    TRANSFER_COMPLETED,
    TRANSFER_REJECTED,
    TRANSFER_WITHDRAWN,
    TRANSFER_EXPIRED
};

struct transfer_row {
    struct uuid id, tenant, to_tenant;
    char tenant_name[NAME_SIZE], to_tenant_name[NAME_SIZE]; /* as read; not stored here */
    enum transfer_state state;
    bool has_batch; /* all devices of `batch`; otherwise those of transfer_rows_devices() */
    struct uuid batch;
    int64_t device_count;
    char note[TRANSFER_NOTE_SIZE];
    char offered_by[ACTOR_SIZE],
        decided_by[ACTOR_SIZE]; /* of one tenant each, and not for the other's eyes */
    int64_t offered_at, expires_at, decided_at;
    bool is_taken; /* product, to_batch and operation are there */
    struct uuid product, to_batch, operation;
    int64_t moved, failed, ver;
};

typedef err_t (*transfer_row_fn)(const struct transfer_row *row, void *arg);

/** @thread of tx, like all functions here */
err_t transfer_rows_insert(struct db_tx *tx, const struct transfer_row *row);
/** Stores state, decision, destination and numbers if the version is still row->ver, then raises it.
 *  @errors ERR_BUSY somebody else changed it meanwhile */
err_t transfer_rows_update(struct db_tx *tx, struct transfer_row *row);
/** For either of its tenants. @errors ERR_NOT_FOUND also for a third one's */
err_t transfer_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct transfer_row *out);
/** In order of id. @param is_incoming to this tenant; otherwise from it */
err_t transfer_rows_list(struct db_tx *tx, struct uuid tenant, bool is_incoming,
                         const struct row_window *window, transfer_row_fn fn, void *arg);
/** Offers that stood until `until`, the oldest first. */
err_t transfer_rows_list_expired(struct db_tx *tx, int64_t until, int64_t limit, transfer_row_fn fn,
                                 void *arg);

/** One device of an offer that names each. @param[out] is_new false: it is there already */
err_t transfer_rows_add_device(struct db_tx *tx, struct uuid transfer, const struct device_id *id,
                               bool *is_new);
/** Those devices in order of id, at most `limit`. @param after or NULL */
err_t transfer_rows_devices(struct db_tx *tx, struct uuid transfer, const struct device_id *after,
                            int64_t limit, err_t (*fn)(const struct device_id *id, void *arg), void *arg);

#endif
