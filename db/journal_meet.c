/* Judges how the files of a journal and the row of the inventory stand to each other. Changes nothing. */
#include "db/journal_internal.h"

err_t journal_count(const struct journal_record *record, void *arg)
{
    struct journal_found *found = arg;
    struct journal_report *missing = found->missing;
    if (record->seq <= found->inventory_seq) {
        return OK;
    }
    missing->first = missing->first == 0 ? record->seq : missing->first;
    missing->last = record->seq;
    missing->last_at_ms = record->at_ms;
    struct journal_entry entry;
    if (journal_decode(record, &entry).code != ERR_OK) {
        missing->unknown++;
        return OK;
    }
    missing->kinds[entry.kind]++;
    if (entry.kind == JOURNAL_EPOCH) {
        found->has_node = true;
        found->node = entry.node;
        found->epoch = entry.epoch > found->epoch ? entry.epoch : found->epoch;
    }
    if (entry.kind == JOURNAL_CRL && entry.number > found->crl_number) {
        found->crl_number = entry.number;
    }
    return OK;
}

err_t journal_older(int64_t count, const struct journal_report *missing)
{
    char text[64];
    journal_report_text(missing, text, sizeof text);
    ENSURE(count > 0, ERR_WRONG_STATE,
           "this inventory is an older copy: the journal has a torn entry more; `whorld journal replay`");
    return ERR(
        ERR_WRONG_STATE,
        "this inventory is an older copy: the journal has %lld entries more (%s); `whorld journal replay`",
        (long long)count, text);
}

err_t journal_pending_after(const struct journal_head *head, int64_t seq, const struct sha256 *hash,
                            struct bytes *out)
{
    struct bytes rest = buf_view(&head->pending);
    struct sha256 before = *hash;
    *out = BYTES_NONE;
    for (int64_t number = head->first; number <= head->seq; number++) {
        struct journal_record record;
        enum journal_look look = JOURNAL_BAD;
        TRY(journal_look(rest, &before, number, &record, &look));
        bool is_old = number <= seq; /* its link to the one before is not at hand */
        ENSURE(
            look == JOURNAL_WHOLE || (is_old && look == JOURNAL_BAD && record.size <= rest.n), ERR_DB,
            "the inventory's own copy of entry %lld of the journal does not follow the journal's entry %lld",
            (long long)number, (long long)seq);
        if (!is_old) {
            *out = out->p == NULL ? rest : *out;
            before = record.hash;
        }
        rest = (struct bytes){rest.p + record.size, rest.n - record.size};
    }
    bool is_end = bytes_equal(BYTES_OF(before.b), BYTES_OF(head->hash.b)) && rest.n == 0;
    ENSURE(is_end || head->seq == seq, ERR_DB,
           "the inventory's own copy of the journal's last entries does not end with entry %lld",
           (long long)head->seq);
    return OK;
}

/* The files end before the inventory does, or are broken there. Only what is pending may be missing. */
static err_t judge_short(const struct journal_meeting *meeting)
{
    const struct journal_end *end = &meeting->end;
    const char *name = meeting->list->segments[end->segment].name;
    bool is_last = end->segment + 1 == meeting->list->count;
    struct bytes more;
    if (is_last && end->seq >= meeting->head->first - 1) {
        return journal_pending_after(meeting->head, end->seq, &end->hash, &more);
    }
    ENSURE(
        end->rest == 0 || !end->is_torn, ERR_DB,
        "%.60s is cut off at byte %zu, within entry %lld, which was acknowledged (the inventory is at %lld)",
        name, end->size, (long long)end->seq + 1, (long long)meeting->head->seq);
    ENSURE(end->rest == 0, ERR_DB, "%.60s is broken at byte %zu: entry %lld is not what was written", name,
           end->size, (long long)end->seq + 1);
    return ERR(ERR_DB,
               "%.60s ends at byte %zu with entry %lld, the inventory is at entry %lld: the end is missing",
               name, end->size, (long long)end->seq, (long long)meeting->head->seq);
}

err_t journal_meet(const struct journal_place *place, struct journal_meeting *meeting)
{
    const struct journal_list *list = meeting->list;
    struct journal_end *end = &meeting->end;
    meeting->from = 0;
    ENSURE(list->segments[0].first <= place->seq + 1, ERR_DB,
           "the journal in %.60s begins with entry %lld, this inventory ends with %lld: too old for it",
           place->folder, (long long)list->segments[0].first, (long long)place->seq);
    while (meeting->from + 1 < list->count && list->segments[meeting->from + 1].first <= place->seq + 1) {
        meeting->from++;
    }
    meeting->found.inventory_seq = place->seq;
    TRY(journal_follow(place, list, meeting->from, journal_count, &meeting->found, end));
    meeting->found.missing->segments = (int64_t)(list->count - meeting->from);
    if (end->seq < place->seq) {
        return judge_short(meeting);
    }
    ENSURE(end->rest == 0 || end->is_torn, ERR_DB,
           "%.60s is broken at byte %zu: entry %lld is not what was written",
           list->segments[end->segment].name, end->size, (long long)end->seq + 1);
    meeting->found.missing->torn_bytes = (int64_t)end->rest;
    return OK;
}
