/* Reading the audit log of a tenant: by time, with a position to go on from. Writing is audit_append(). */
#ifndef WHORL_DB_AUDIT_ROWS_H
#define WHORL_DB_AUDIT_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/* Where a record stands in the order of time; its last four name it for ever. */
struct audit_place {
    int64_t at;
    struct uuid node;
    int64_t epoch, lane, seq;
};

/* Texts and ids are borrowed until the callback returns. */
struct audit_row {
    struct audit_place place;
    struct bytes device; /* DEVICE_ID_SIZE, or empty */
    struct bytes actor, request_id, kind, result, body;
    struct sha256 hash;
};
typedef err_t (*audit_row_fn)(const struct audit_row *row, void *arg);

struct audit_range {
    struct uuid tenant;
    const struct device_id *device; /* or NULL, like kind and actor; of those two both only beside a device */
    const char *kind, *actor;
    const char *request_id;          /* or NULL; alone: an index of its own serves it */
    int64_t since, until;            /* since ≤ at < until */
    const struct audit_place *after; /* beyond this one; NULL from the beginning */
    int64_t limit;
};
/** Newest first. Costs the same wherever it starts. @thread of tx, like all functions here */
err_t audit_rows_list(struct db_tx *tx, const struct audit_range *range, audit_row_fn fn, void *arg);
/** The newest refusals of one device. */
err_t audit_rows_refusals(struct db_tx *tx, struct uuid tenant, const struct device_id *device, int64_t limit,
                          audit_row_fn fn, void *arg);

#endif
