/* What never was (no backup, no anchor yet) is 0: the beginning of time, so that a rule about age fires. */
#include "fleet/keeping_figures.h"

#include "db/audit_chain_rows.h"
#include "db/milestone_rows.h"
#include "fleet/authority_set.h"
#include "fleet/clock_guard.h"
#include "fleet/internal.h"
#include "fleet/publication.h"

static err_t write_head(const char *name, const char *help, struct buf *out)
{
    return buf_printf(out, "# TYPE %s gauge\n# HELP %s %s\n", name, name, help);
}

/* --- lists: what nobody has seen yet is left out ---------------------------------------------------- */

enum list_figure { LIST_FROM, LIST_TO, LIST_NUMBER };

static err_t write_lists(struct fleet *fleet, const char *name, enum list_figure which, struct buf *out)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = NULL;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        struct bytes id = bytes_str(member->id);
        int64_t values[] = {[LIST_FROM] = 0, [LIST_TO] = 0, [LIST_NUMBER] = 0};
        if (publication_span(fleet, id, &values[LIST_FROM], &values[LIST_TO]).code != ERR_OK ||
            publication_number(fleet, id, &values[LIST_NUMBER]).code != ERR_OK) {
            continue;
        }
        values[LIST_FROM] /= 1000;
        values[LIST_TO] /= 1000;
        TRY(buf_printf(out, "%s{authority=\"%s\"} %lld\n", name, member->id, (long long)values[which]));
    }
    return OK;
}

static err_t write_all_lists(struct fleet *fleet, struct buf *out)
{
    static const char FROM[] = "whorl_crl_this_update_seconds";
    static const char TO[] = "whorl_crl_next_update_seconds";
    static const char NUMBER[] = "whorl_crl_number";
    TRY(write_head(FROM, "Unix time at which the shown CRL was made, of shards the oldest", out));
    TRY(write_lists(fleet, FROM, LIST_FROM, out));
    TRY(write_head(TO, "Unix time at which the shown CRL ends, of shards the first", out));
    TRY(write_lists(fleet, TO, LIST_TO, out));
    TRY(write_head(NUMBER, "Number of the shown CRL, the complete one", out));
    return write_lists(fleet, NUMBER, LIST_NUMBER, out);
}

/* --- what was done last ----------------------------------------------------------------------------- */

struct last {
    int64_t anchor_ms, backup_ms;
};

static err_t take_anchor(const struct audit_anchor_row *row, void *arg)
{
    *(int64_t *)arg = row->at;
    return OK;
}

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct last *last = arg;
    err_t found = audit_anchor_last(tx, take_anchor, &last->anchor_ms);
    TRY(found.code == ERR_NOT_FOUND ? OK : found);
    return milestone_rows_find(tx, MILESTONE_BACKUP, &last->backup_ms);
}

static err_t write_last(struct fleet *fleet, struct buf *out)
{
    struct last last = {.anchor_ms = 0};
    TRY(db_read(fleet->db, read_in, &last));
    TRY(write_head("whorl_audit_anchor_timestamp_seconds",
                   "Unix time of the last signed checkpoint that the server keeps of its audit log; 0: none.",
                   out));
    TRY(buf_printf(out, "whorl_audit_anchor_timestamp_seconds %lld\n", (long long)(last.anchor_ms / 1000)));
    TRY(write_head("whorl_backup_timestamp_seconds", "Unix time of the last whole backup; 0: none.", out));
    return buf_printf(out, "whorl_backup_timestamp_seconds %lld\n", (long long)(last.backup_ms / 1000));
}

static err_t write_clock(struct fleet *fleet, struct buf *out)
{
    struct clock_view clock;
    clock_guard_view(fleet, &clock);
    TRY(write_head("whorl_clock_held",
                   "1: the clock is in doubt, nothing is issued and nothing ends by time.", out));
    return buf_printf(out, "whorl_clock_held %d\n", clock.is_held ? 1 : 0);
}

err_t keeping_figures_write(struct fleet *fleet, struct buf *out)
{
    TRY(write_all_lists(fleet, out));
    TRY(write_last(fleet, out));
    return write_clock(fleet, out);
}
