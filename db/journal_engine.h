/* The journal (db/journal.h) as the engine drives it: opened before the node, staged before each COMMIT,
 * flushed after it. A NULL journal is one that is not kept. */
#ifndef WHORL_DB_JOURNAL_ENGINE_H
#define WHORL_DB_JOURNAL_ENGINE_H

#include "db/internal.h"

/** Brings file and inventory together as options->journal.mode says, as far as no row must change for it.
 *  @errors as db_open() */
err_t journal_open(struct connection *connection, const struct db_options *options, struct journal **out);
void journal_free(struct journal *journal);
DEFINE_AUTO_PTR(journal, journal_free);
/** Before the epoch is taken, in its transaction: raises it to the last one that the journal knows.
 * @param[out] lost how many of them the inventory did not know */
err_t journal_raise_epoch(const struct journal *journal, struct db_tx *tx, int64_t *lost);
/** After it: replays what is missing, or writes down that it is lost. */
err_t journal_bring(struct journal *journal, struct db_tx *tx);
/* Where a closure or a group began, to take its entries back. */
struct journal_mark {
    int64_t seq;
    struct sha256 hash;
    size_t size;
};
struct journal_mark journal_mark(const struct journal *journal);
void journal_reset(struct journal *journal, const struct journal_mark *mark);
/** COMMIT: first reserves room in the file and puts the entries into the row of this node, afterwards appends
 * them to the file and syncs it. When that fails, the process ends with DB_EXIT_UNSAFE; after any other error
 * the transaction is rolled back. @errors as connection_commit(), ERR_IO */
err_t journal_commit(struct journal *journal, struct connection *connection, struct log *log);
/** Its figures as OpenMetrics text; none where no journal is kept. @thread any */
err_t journal_write_metrics(const struct journal *journal, struct buf *out);

#endif
