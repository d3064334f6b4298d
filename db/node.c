/* Who this process is: the row of its node and a fresh epoch at each start, so that a process that was
 * thought dead never shares an identity with the one after it. Opens the audit chain of the epoch. Called by
 * db_open(), before the writer. */
#include "db/internal.h"

#include <stdio.h>
#include <string.h>

#include "db/journal.h"
#include "db/journal_engine.h"

static err_t node_row(const struct db_row *row, void *arg)
{
    struct audit_head *head = arg;
    TRY(db_row_copy(row, 0, head->node.b, sizeof head->node.b));
    head->epoch = db_row_int(row, 1);
    return OK;
}

static err_t hash_row(const struct db_row *row, void *arg)
{
    struct audit_head *head = arg;
    return db_row_copy(row, 0, head->hash.b, sizeof head->hash.b);
}

/* After a rollback the epochs go on above those that are lost; the record says how many those were, so that
 * the gap in the chain is explained (audit_verify.c). */
static err_t record_start(struct db_tx *tx, int64_t lost)
{
    char body[48] = "{}";
    if (lost > 0) {
        (void)snprintf(body, sizeof body, AUDIT_LOST_EPOCHS, (long long)lost);
    }
    return audit_append(
        tx, &(struct audit_entry){
                .kind = "node.started", .result = "ok", .actor = "whorld", .request_id = "", .body = body});
}

static err_t epoch_take(struct db_tx *tx, const char *name, int64_t lost)
{
    struct uuid id;
    TRY(db_tx_uuid(tx, &id));
    TRY(db_run(tx,
               "INSERT INTO node (id, name, epoch, seen_at) VALUES ($1, $2, 1, $3)"
               " ON CONFLICT (name) DO UPDATE SET epoch = node.epoch + 1, seen_at = excluded.seen_at"
               " RETURNING id, epoch",
               DB_VALUES(DB_B(id.b, sizeof id.b), DB_T(name), DB_I(tx->now_ms)), node_row, tx->head));
    /* the last record of the epoch before; none in the first epoch: 32 zero bytes */
    TRY(db_run(tx,
               "SELECT hash FROM audit WHERE node = $1 AND lane = $2 ORDER BY epoch DESC, seq DESC LIMIT 1",
               DB_VALUES(DB_B(tx->head->node.b, sizeof id.b), DB_I(AUDIT_LANE)), hash_row, tx->head));
    TRY(record_start(tx, lost));
    struct journal_entry entry = {.kind = JOURNAL_EPOCH, .node = tx->head->node, .epoch = tx->head->epoch};
    return journal_append(tx, &entry);
}

static err_t start(struct db_tx *tx, const char *name)
{
    int64_t lost = 0;
    TRY(journal_raise_epoch(tx->journal, tx, &lost));
    TRY(epoch_take(tx, name, lost));
    return journal_bring(tx->journal, tx);
}

err_t node_start(struct connection *connection, const struct db_options *options, struct journal *journal,
                 struct audit_head *out)
{
    *out = (struct audit_head){0};
    struct db_tx tx = {.connection = connection,
                       .options = options,
                       .head = out,
                       .journal = journal,
                       .now_ms = clock_now_ms(options->clock)};
    TRY(connection_control(connection, "BEGIN IMMEDIATE"));
    err_t result = start(&tx, options->node_name);
    if (result.code != ERR_OK) {
        connection_rollback(connection);
        return result;
    }
    return journal_commit(journal, connection, options->log);
}
