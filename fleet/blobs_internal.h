/* What the files of blobs share. */
#ifndef WHORL_FLEET_BLOBS_INTERNAL_H
#define WHORL_FLEET_BLOBS_INTERNAL_H

#include "fleet/blobs.h"
#include "fleet/internal.h"

/* What is remembered of a blob since the start. */
enum blob_memory { BLOB_CHECKING, BLOB_IS_GOOD };
struct blob_known {
    struct sha256 name;
    enum blob_memory memory;
};

/* In struct fleet. */
struct blob_shelf {
    pthread_mutex_t turn; /* of commits and removals: between bytes and row */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t checked;
    struct blob_known *known; /* in order of name */
    size_t count, capacity;
    atomic_int sweep_shard;  /* of the next sweep */
    struct uploads *uploads; /* uploads.c */
};

/** What is remembered is not so any more. @thread any */
void blob_forget(struct fleet *fleet, const struct sha256 *name);
/** A check found other bytes, or none: the blob is corrupt, its images are withdrawn. @thread worker,
 * background */
err_t blob_found_corrupt(struct fleet *fleet, const struct sha256 *name, const char *how);
/** All images of these bytes, of all tenants: withdrawn, or given back. @thread of tx */
err_t images_withdraw(struct db_tx *tx, const struct sha256 *name);
err_t images_give_back(struct db_tx *tx, const struct sha256 *name);

#endif
