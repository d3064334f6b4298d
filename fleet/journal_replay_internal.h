/* What the files that replay the journal share: fleet/journal_replay*.c only. */
#ifndef WHORL_FLEET_JOURNAL_REPLAY_INTERNAL_H
#define WHORL_FLEET_JOURNAL_REPLAY_INTERNAL_H

#include "fleet/journal_replay.h"

/** The record of an entry that was applied: what it is about, and a word on it. @thread of tx, like all here
 */
err_t journal_replay_record(struct db_tx *tx, const struct journal_entry *entry, const char *object,
                            const char *word);

/* Authorities, orders for their keys, and what they signed for each other. Two processes write of them, each
 * in a journal of its own that is replayed as a whole: so the version of the row decides which entry is
 * newer, not the order in which they are read. */
err_t journal_replay_authority(struct db_tx *tx, const struct journal_entry *entry,
                               struct replay_tally *tally);
err_t journal_replay_authority_order(struct db_tx *tx, const struct journal_entry *entry);
err_t journal_replay_authority_certificate(struct db_tx *tx, const struct journal_entry *entry,
                                           struct replay_tally *tally);

#endif
