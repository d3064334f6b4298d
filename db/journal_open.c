/* Opens a journal: locks it, lets it meet the inventory, writes what only the inventory has, and refuses an
 * older copy, or prepares what journal_bring.c does with it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "db/journal_internal.h"

static const char HINT[] = "; see docs/journal.md";

static err_t hinted(err_t error)
{
    size_t n = strlen(error.detail);
    if (error.code == ERR_DB && n + sizeof HINT <= sizeof error.detail) {
        memcpy(error.detail + n, HINT, sizeof HINT);
    }
    return error;
}

static err_t folder_ensure(const char *folder)
{
    err_t error = folder_make(folder, 0700);
    return error.code == ERR_CONFLICT ? OK : error;
}

/* A journal begins (again) where the inventory is. */
static err_t begin(struct journal *journal)
{
    journal->seq = journal->place.seq;
    journal->hash = journal->place.hash;
    return journal_file_make(&journal->place, journal->seq, &journal->hash, &journal->file);
}

static err_t open_without_files(struct journal *journal, const struct journal_head *head)
{
    bool is_lost = head->has_row;
    ENSURE(!is_lost || journal->options->journal.mode == JOURNAL_ACCEPT, ERR_DB,
           "%.70s has no journal of %.20s, but the inventory is at entry %lld%s", journal->place.folder,
           journal->place.node, (long long)head->seq, HINT);
    journal->is_behind = is_lost;
    journal->is_replaced = is_lost;
    return begin(journal);
}

/* What no file can be made of is set aside, and the journal goes on in new ones. */
static err_t replace(struct journal *journal)
{
    TRY(journal_list_set_aside(journal->place.folder, &journal->list));
    journal->is_behind = true;
    journal->is_replaced = true;
    return begin(journal);
}

static err_t refuse(const struct journal *journal)
{
    const struct journal_report *missing = &journal->missing;
    LOG(journal->options->log, LOG_ERROR, "journal_ahead", LOG_STR("node", journal->place.node),
        LOG_INT("inventory", journal->place.seq), LOG_INT("journal", journal->seq),
        LOG_INT("issue", missing->kinds[JOURNAL_ISSUE]), LOG_INT("confirm", missing->kinds[JOURNAL_CONFIRM]),
        LOG_INT("supersede", missing->kinds[JOURNAL_SUPERSEDE]),
        LOG_INT("revoke", missing->kinds[JOURNAL_REVOKE]), LOG_INT("device", missing->kinds[JOURNAL_DEVICE]),
        LOG_INT("crl", missing->kinds[JOURNAL_CRL]));
    return journal_older(journal->seq - journal->place.seq, missing);
}

/* Entries that were committed when the power went. */
static err_t catch_up(struct journal *journal, const struct journal_head *head)
{
    struct bytes more = BYTES_NONE;
    TRY(journal_pending_after(head, journal->seq, &journal->hash, &more));
    TRY(journal_file_reserve(journal->file, more.n));
    err_t error = journal_file_append(journal->file, more, head->seq, &head->hash);
    LOG(journal->options->log, LOG_INFO, "journal_caught_up", LOG_STR("node", journal->place.node),
        LOG_INT("entries", head->seq - journal->seq));
    journal->seq = head->seq;
    journal->hash = head->hash;
    return error;
}

static err_t go_on(struct journal *journal, const struct journal_head *head,
                   const struct journal_meeting *meeting)
{
    const struct journal_end *end = &meeting->end;
    bool is_ahead = end->seq > journal->place.seq || (end->seq == journal->place.seq && end->rest > 0);
    journal->seq = end->seq;
    journal->hash = end->hash;
    journal->from = meeting->from;
    journal->is_behind = is_ahead;
    if (is_ahead && journal->options->journal.mode == JOURNAL_REFUSE) {
        return refuse(journal);
    }
    const char *name = journal->list.segments[end->segment].name;
    TRY(journal_file_open(&journal->place, name, end, &journal->file));
    return end->seq < journal->place.seq ? catch_up(journal, head) : OK;
}

static err_t open_files(struct journal *journal)
{
    const struct journal_options *options = &journal->options->journal;
    AUTO_VAL(journal_head) head = {.first = 1};
    TRY(journal_head_read(journal->connection, journal->place.node, &head));
    journal->place.seq = head.seq;
    journal->place.hash = head.hash;
    TRY(journal_list_read(journal->place.folder, journal->place.node, &journal->list));
    if (journal->list.count == 0) {
        return open_without_files(journal, &head);
    }
    struct journal_meeting meeting = {
        .list = &journal->list, .head = &head, .found = {.missing = &journal->missing}};
    err_t error = journal_meet(&journal->place, &meeting);
    journal->found = meeting.found;
    if (error.code == ERR_DB && options->mode == JOURNAL_ACCEPT) {
        return replace(journal);
    }
    return error.code == ERR_OK ? go_on(journal, &head, &meeting) : hinted(error);
}

err_t journal_open(struct connection *connection, const struct db_options *options, struct journal **out)
{
    *out = NULL;
    AUTO_PTR(journal) *journal = calloc(1, sizeof *journal);
    ENSURE(journal != NULL, ERR_NO_MEMORY, "the journal");
    journal->options = options;
    journal->connection = connection;
    journal->lock_fd = -1;
    journal->folder = strdup(options->journal.folder);
    journal->node = strdup(options->node_name);
    ENSURE(journal->folder != NULL && journal->node != NULL, ERR_NO_MEMORY, "the journal");
    journal->place = (struct journal_place){
        .folder = journal->folder, .node = journal->node, .segment_size = options->journal.segment_size};
    TRY(folder_ensure(options->journal.folder));
    TRY(journal_lock(options->journal.folder, options->node_name, &journal->lock_fd));
    TRY(journal_installation(connection, &journal->place.installation));
    TRY(open_files(journal));
    journal->missing.is_replaced = journal->is_replaced;
    if (options->journal.missing != NULL) {
        *options->journal.missing = journal->missing;
    }
    *out = TAKE(journal);
    return OK;
}
