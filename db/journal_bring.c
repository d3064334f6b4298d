/* What an older copy of the inventory needs, in the transaction of its first epoch: the entries that it
 * lacks, or the word that they are lost and CRL numbers that nobody has seen. */
#include <stdio.h>

#include "db/crl_floor_rows.h"
#include "db/journal_internal.h"

enum { CRL_JUMP = 1 << 20 }; /* 12 days of the clock that numbers follow: more than was ever signed unseen */

struct epoch_query {
    bool is_found;
    int64_t epoch;
};

static err_t take_epoch(const struct db_row *row, void *arg)
{
    *(struct epoch_query *)arg = (struct epoch_query){true, db_row_int(row, 0)};
    return OK;
}

err_t journal_raise_epoch(const struct journal *journal, struct db_tx *tx, int64_t *lost)
{
    *lost = 0;
    if (journal == NULL || !journal->found.has_node) {
        return OK;
    }
    const struct journal_found *found = &journal->found;
    struct epoch_query before = {.is_found = false};
    TRY(db_run(tx, "SELECT epoch FROM node WHERE name = $1", DB_VALUES(DB_T(journal->place.node)), take_epoch,
               &before));
    *lost = found->epoch > before.epoch ? found->epoch - before.epoch : 0;
    return db_change(tx,
                     "INSERT INTO node (id, name, epoch, seen_at) VALUES ($1, $2, $3, $4)"
                     " ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch"
                     " WHERE excluded.epoch > node.epoch",
                     DB_VALUES(DB_B(found->node.b, sizeof found->node.b), DB_T(journal->place.node),
                               DB_I(found->epoch), DB_I(db_tx_now_ms(tx))),
                     NULL);
}

/* --- replay ----------------------------------------------------------------------------------------- */

struct replay {
    const struct journal *journal;
    struct db_tx *tx;
};

static err_t replay_record(const struct journal_record *record, void *arg)
{
    const struct replay *run = arg;
    const struct journal_options *options = &run->journal->options->journal;
    struct journal_entry entry;
    if (record->seq <= run->journal->place.seq) {
        return OK;
    }
    TRY(journal_decode(record, &entry));
    if (entry.kind == JOURNAL_CRL) {
        return crl_floor_rows_raise(run->tx, entry.certificate.authority, entry.shard, entry.number);
    }
    return options->replay != NULL ? options->replay(run->tx, &entry, options->arg) : OK;
}

/* The rows that change now are told of in the journal already. */
static err_t replay_all(struct journal *journal, struct db_tx *tx)
{
    struct journal_end end;
    struct replay run = {.journal = journal, .tx = tx};
    tx->journal = NULL;
    err_t error = journal_follow(&journal->place, &journal->list, journal->from, replay_record, &run, &end);
    tx->journal = journal;
    return error;
}

/* --- both ------------------------------------------------------------------------------------------- */

static err_t accept_loss(const struct journal *journal, struct db_tx *tx)
{
    int64_t now_s = db_tx_now_ms(tx) / 1000;
    int64_t number = journal->found.crl_number > now_s ? journal->found.crl_number : now_s;
    return crl_floor_rows_raise_all(tx, number + CRL_JUMP);
}

static err_t record(const struct journal *journal, struct db_tx *tx, bool is_replay)
{
    char body[256];
    const struct journal_report *missing = &journal->missing;
    (void)snprintf(body, sizeof body,
                   "{\"first\":%lld,\"last\":%lld,\"issued\":%lld,\"confirmed\":%lld,\"revoked\":%lld,"
                   "\"devices\":%lld,\"new_files\":%s}",
                   (long long)missing->first, (long long)missing->last,
                   (long long)missing->kinds[JOURNAL_ISSUE], (long long)missing->kinds[JOURNAL_CONFIRM],
                   (long long)missing->kinds[JOURNAL_REVOKE], (long long)missing->kinds[JOURNAL_DEVICE],
                   journal->is_replaced ? "true" : "false");
    return audit_append(
        tx, &(struct audit_entry){.kind = is_replay ? "journal.replayed" : "journal.rollback_accepted",
                                  .result = "ok",
                                  .actor = "whorld",
                                  .request_id = "",
                                  .body = body});
}

err_t journal_bring(struct journal *journal, struct db_tx *tx)
{
    if (journal == NULL || !journal->is_behind) {
        return OK;
    }
    bool is_replay = journal->options->journal.mode == JOURNAL_BRING;
    TRY(is_replay ? replay_all(journal, tx) : accept_loss(journal, tx));
    TRY(record(journal, tx, is_replay));
    struct journal_entry entry = {.kind = is_replay ? JOURNAL_REPLAY : JOURNAL_ROLLBACK,
                                  .first = journal->missing.first,
                                  .last = journal->missing.last};
    return journal_append(tx, &entry);
}
