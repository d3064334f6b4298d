/* The bytes of the store and their rows: how bytes become a blob, who keeps them, whether they are still what
 * they were. Knows no tenant's view of them (that is fleet/images.h and fleet/releases.h).
 *
 * Bytes are durable before the row that names them, and a row says that they go before they do. Between the
 * two steps nobody of this process may come: blob_commit() and the removal take turns. */
#ifndef WHORL_FLEET_BLOBS_H
#define WHORL_FLEET_BLOBS_H

#include "db/firmware_blob_rows.h"
#include "firmware_store/store.h"
#include "fleet/fleet.h"

/** The store. @errors ERR_UNAVAILABLE this installation has none @thread any */
err_t blob_store_of(struct fleet *fleet, struct blob_store **out);

/** Makes what the writer has a blob, and runs `fn` in a write transaction, which names it by blob_take().
 *  A corrupt file of the same bytes is replaced.
 *  @param[out] digests filled before fn is called; may be in `arg` @errors ERR_IO, ERR_DISK_FULL, of fn
 *  @thread worker, background */
err_t blob_commit(struct fleet *fleet, struct blob_writer *writer, struct blob_digests *digests, db_fn fn,
                  void *arg);
/** The bytes are there and good: their row is made, or healed, with all images that were withdrawn with them.
 *  @param is_named somebody names them from now on: one use more @thread of tx, within blob_commit() */
err_t blob_take(struct db_tx *tx, const struct blob_digests *digests, bool is_named);
/** One use less. At none the bytes go, by a job. @thread of tx */
err_t blob_release(struct db_tx *tx, const struct sha256 *name);

/** What the row says. @errors ERR_NOT_FOUND @thread worker */
err_t blob_digests_of(struct fleet *fleet, const struct sha256 *name, struct blob_digests *out);

/** Where a good blob lies, for a response that maps it. The first call after the start reads all of it; later
 *  ones remember that, until a check finds otherwise. Two at once: one reads, the other waits.
 *  @param[out] path appended; or NULL @errors ERR_NOT_FOUND no such blob, ERR_GONE it is corrupt, ERR_IO
 *  @thread worker */
err_t blob_ready(struct fleet *fleet, const struct sha256 *name, struct buf *path);
/** Reads all of it now, whatever is remembered (at publish). @errors as above @thread worker, background */
err_t blob_check_now(struct fleet *fleet, const struct sha256 *name);
/** The same, with rests between. @errors of the pace too: nothing is known then @thread background */
err_t blob_check_at(struct fleet *fleet, const struct sha256 *name, const struct blob_pace *pace);

/** Jobs. Checks the blobs whose last check is the longest ago: at most so many bytes a run that all are
 *  checked within the time of the settings. @thread background */
err_t blobs_scrub(struct fleet *fleet, int64_t now_ms);
/** Removes the bytes that nothing names, in steps that may end anywhere. */
err_t blobs_remove_unused(struct fleet *fleet, int64_t now_ms);
/** Removes files that a crash left between two steps: no row names them. One shard a run. */
err_t blobs_sweep(struct fleet *fleet, int64_t now_ms);

/* The part of struct fleet. */
struct blob_shelf;
err_t blob_shelf_new(struct blob_shelf **out);
void blob_shelf_free(struct blob_shelf *shelf);

#endif
