/* Reads a journal from its beginning, or compares it with an inventory, and says what it finds. */
#include <inttypes.h>
#include <stdio.h>

#include "db/journal_internal.h"

void journal_report_text(const struct journal_report *report, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (int kind = 1; kind < JOURNAL_KINDS && n < size; kind++) {
        if (report->kinds[kind] > 0) {
            int more = snprintf(out + n, size - n, "%s%" PRId64 " %s", n > 0 ? ", " : "", report->kinds[kind],
                                journal_kind_name(kind));
            n += more > 0 ? (size_t)more : 0;
        }
    }
    if (report->unknown > 0 && n < size) {
        (void)snprintf(out + n, size - n, "%s%" PRId64 " unknown", n > 0 ? ", " : "", report->unknown);
    }
}

err_t journal_verify(const char *folder, const char *node, struct journal_report *out)
{
    *out = (struct journal_report){.first = 0};
    AUTO_VAL(journal_list) list = {.segments = NULL};
    struct journal_end end;
    struct journal_found found = {.missing = out};
    const struct journal_place place = {.folder = folder, .node = node, .any_installation = true, .seq = -1};
    TRY(journal_list_read(folder, node, &list));
    ENSURE(list.count > 0, ERR_NOT_FOUND, "%.100s has no journal of %.40s", folder, node);
    TRY(journal_follow(&place, &list, 0, journal_count, &found, &end));
    out->segments = (int64_t)list.count;
    out->torn_bytes = (int64_t)end.rest;
    ENSURE(end.rest == 0 || end.is_torn, ERR_DB,
           "%.60s is broken at byte %zu: entry %lld is not what was written", list.segments[end.segment].name,
           end.size, (long long)end.seq + 1);
    return OK;
}

err_t journal_exists(const char *folder, const char *node, bool *out)
{
    AUTO_VAL(journal_list) list = {.segments = NULL};
    TRY(journal_list_read(folder, node, &list));
    *out = list.count > 0;
    return OK;
}

struct comparison {
    const char *folder, *node;
    struct journal_list list;
    struct journal_state *out;
};

static err_t compare(struct db_tx *tx, void *arg)
{
    const struct comparison *run = arg;
    struct journal_state *out = run->out;
    AUTO_VAL(journal_head) head = {.first = 1};
    struct journal_place place = {.folder = run->folder, .node = run->node};
    TRY(journal_installation(tx->connection, &place.installation));
    TRY(journal_head_read(tx->connection, run->node, &head));
    place.seq = head.seq;
    place.hash = head.hash;
    out->has_row = head.has_row;
    out->seq = head.seq;
    if (run->list.count == 0) {
        out->verdict = head.has_row
                           ? ERR(ERR_DB, "%.80s has no journal of %.20s, but the inventory is at entry %lld",
                                 run->folder, run->node, (long long)head.seq)
                           : OK;
        return OK;
    }
    struct journal_meeting meeting = {.list = &run->list, .head = &head, .found = {.missing = &out->missing}};
    out->verdict = journal_meet(&place, &meeting);
    if (out->verdict.code == ERR_OK && meeting.end.seq > place.seq) {
        out->verdict = journal_older(meeting.end.seq - place.seq, &out->missing);
    }
    return OK;
}

/* A server that runs may have written to both meanwhile: what was ahead is there now. */
static err_t compare_again(struct db_tx *tx, void *arg)
{
    const struct comparison *run = arg;
    AUTO_VAL(journal_head) head = {.first = 1};
    TRY(journal_head_read(tx->connection, run->node, &head));
    if (head.seq >= run->out->missing.last) {
        run->out->verdict = OK;
        run->out->missing = (struct journal_report){.first = 0};
    }
    return OK;
}

err_t journal_compare(struct db *db, const char *folder, const char *node, struct journal_state *out)
{
    *out = (struct journal_state){.has_row = false, .verdict = OK};
    struct comparison run = {.folder = folder, .node = node, .out = out};
    TRY(journal_list_read(folder, node, &run.list));
    out->has_files = run.list.count > 0;
    err_t error = db_read(db, compare, &run);
    if (error.code == ERR_OK && out->verdict.code == ERR_WRONG_STATE) {
        error = db_read(db, compare_again, &run);
    }
    journal_list_clear(&run.list);
    return error;
}
