/* What the engine counts for /metrics: of commits, and of the journal. Written by the writer's thread, read
 * by whoever asks; nothing here waits for anything. db/ only. */
#ifndef WHORL_DB_FIGURES_H
#define WHORL_DB_FIGURES_H

#include "base/histogram.h"
#include "db/db.h"

/* Of the writer. */
struct commit_figures {
    atomic_llong commits, closures, largest_group, rollbacks;
    struct histogram groups; /* closures that a commit took along */
    struct histogram
        commits_us; /* from COMMIT until the journal is synced too: what all of a group wait for */
};

/* Of the journal: behind the inventory from each COMMIT until its own sync, and at no other time. */
struct journal_figures {
    atomic_llong entries, bytes, last_at_ms;
    atomic_llong unsynced_bytes, unsynced_since_us; /* of stopwatch_us(); 0: nothing is on its way */
    struct histogram syncs_us;
};

/** @param closures that succeeded @param took_us of the commit @thread of the writer */
void commit_figures_count(struct commit_figures *figures, int64_t closures, int64_t took_us);
/** All but the queue's depth. @thread any */
void commit_figures_read(const struct commit_figures *figures, struct db_stats *out);
/** So many bytes are committed and not in the file yet. @thread of the writer */
void journal_figures_begin(struct journal_figures *figures, size_t bytes);
/** They are. @param last_at_ms of the last entry */
void journal_figures_end(struct journal_figures *figures, int64_t entries, int64_t last_at_ms);

/** As OpenMetrics text, appended. @param waiting closures @param limit of those @thread any */
err_t commit_figures_write(const struct commit_figures *figures, int64_t waiting, int64_t limit,
                           struct buf *out);
err_t journal_figures_write(const struct journal_figures *figures, struct buf *out);

#endif
