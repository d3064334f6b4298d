/* Entries on their way: into the transaction, into the row of the node, into the file. How a journal is
 * opened is in journal_open.c. */
#include "db/journal.h"

#include <stdlib.h>
#include <unistd.h>

#include "db/journal_internal.h"

err_t journal_append(struct db_tx *tx, struct journal_entry *entry)
{
    struct journal *journal = tx->journal;
    if (journal == NULL) {
        return OK;
    }
    if (journal->pending.n == 0) {
        journal->first = journal->seq + 1;
    }
    entry->at_ms = tx->now_ms;
    entry->place = journal->seq + 1 - journal->first;
    TRY(journal_encode(entry, journal->seq + 1, &journal->hash, &journal->pending));
    journal->seq++;
    journal->last_at_ms = entry->at_ms;
    return OK;
}

struct journal_mark journal_mark(const struct journal *journal)
{
    struct journal_mark mark = {.seq = 0};
    if (journal != NULL) {
        mark = (struct journal_mark){.seq = journal->seq, .hash = journal->hash, .size = journal->pending.n};
    }
    return mark;
}

void journal_reset(struct journal *journal, const struct journal_mark *mark)
{
    if (journal != NULL) {
        journal->seq = mark->seq;
        journal->hash = mark->hash;
        journal->pending.n = mark->size;
    }
}

static err_t stage(struct journal *journal, struct connection *connection)
{
    if (journal == NULL || journal->pending.n == 0) {
        return OK;
    }
    struct journal_head head = {.seq = journal->seq,
                                .hash = journal->hash,
                                .first = journal->first,
                                .pending = journal->pending}; /* borrowed */
    TRY(journal_file_reserve(journal->file, journal->pending.n));
    return journal_head_write(connection, journal->place.node, &head);
}

static void flush(struct journal *journal, struct log *log)
{
    if (journal == NULL || journal->pending.n == 0) {
        return;
    }
    journal_figures_begin(&journal->figures, journal->pending.n);
    err_t error =
        journal_file_append(journal->file, buf_view(&journal->pending), journal->seq, &journal->hash);
    if (error.code != ERR_OK) {
        /* the commit stands, but nobody was told; the next start writes these entries from the inventory */
        LOG(log, LOG_ERROR, "journal_unsafe", LOG_STR("reason", error.detail),
            LOG_STR("action", "the process ends; start it again when the disk of the journal is well"));
        _exit(DB_EXIT_UNSAFE);
    }
    journal_figures_end(&journal->figures, journal->seq + 1 - journal->first, journal->last_at_ms);
    journal->pending.n = 0;
}

err_t journal_commit(struct journal *journal, struct connection *connection, struct log *log)
{
    err_t staged = stage(journal, connection);
    if (staged.code != ERR_OK) {
        connection_rollback(connection);
        return staged;
    }
    TRY(connection_commit(connection));
    flush(journal, log);
    return OK;
}

err_t journal_write_metrics(const struct journal *journal, struct buf *out)
{
    return journal != NULL ? journal_figures_write(&journal->figures, out) : OK;
}

void journal_free(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    journal_file_free(journal->file);
    lock_release(journal->lock_fd);
    journal_list_clear(&journal->list);
    buf_clear(&journal->pending);
    free(journal->folder);
    free(journal->node);
    free(journal);
}
