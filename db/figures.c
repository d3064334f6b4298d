/* Relaxed atomics: each has one writer, and a page may be a commit ahead in one line and not in the next. */
#include "db/figures.h"

static void add(atomic_llong *figure, long long by)
{
    atomic_fetch_add_explicit(figure, by, memory_order_relaxed);
}

static void set(atomic_llong *figure, long long to)
{
    atomic_store_explicit(figure, to, memory_order_relaxed);
}

static long long get(const atomic_llong *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

void commit_figures_count(struct commit_figures *figures, int64_t closures, int64_t took_us)
{
    add(&figures->commits, 1);
    add(&figures->closures, closures);
    if (closures > get(&figures->largest_group)) {
        set(&figures->largest_group, closures);
    }
    histogram_add(&figures->groups, histogram_numbers(), closures);
    histogram_add(&figures->commits_us, histogram_seconds(), took_us);
}

void commit_figures_read(const struct commit_figures *figures, struct db_stats *out)
{
    out->commits = get(&figures->commits);
    out->closures = get(&figures->closures);
    out->largest_group = get(&figures->largest_group);
    out->rollbacks = get(&figures->rollbacks);
}

void journal_figures_begin(struct journal_figures *figures, size_t bytes)
{
    set(&figures->unsynced_since_us, stopwatch_us());
    set(&figures->unsynced_bytes, (long long)bytes);
}

void journal_figures_end(struct journal_figures *figures, int64_t entries, int64_t last_at_ms)
{
    long long bytes = get(&figures->unsynced_bytes);
    histogram_add(&figures->syncs_us, histogram_seconds(), stopwatch_us() - get(&figures->unsynced_since_us));
    add(&figures->entries, entries);
    add(&figures->bytes, bytes);
    set(&figures->last_at_ms, last_at_ms);
    set(&figures->unsynced_bytes, 0);
    set(&figures->unsynced_since_us, 0);
}

static err_t write_counter(const char *name, const char *help, long long value, struct buf *out)
{
    return buf_printf(out, "# TYPE %s counter\n# HELP %s %s\n%s_total %lld\n", name, name, help, name, value);
}

static err_t write_gauge(const char *name, const char *help, long long value, struct buf *out)
{
    return buf_printf(out, "# TYPE %s gauge\n# HELP %s %s\n%s %lld\n", name, name, help, name, value);
}

err_t commit_figures_write(const struct commit_figures *figures, int64_t waiting, int64_t limit,
                           struct buf *out)
{
    TRY(write_counter("whorl_db_commits", "Commits, each with one sync for its group.",
                      get(&figures->commits), out));
    TRY(write_counter("whorl_db_transactions", "Changes that were committed.", get(&figures->closures), out));
    TRY(write_counter("whorl_db_rollbacks", "Changes that were taken back.", get(&figures->rollbacks), out));
    TRY(write_gauge("whorl_db_largest_group", "The most changes in one commit since the start.",
                    get(&figures->largest_group), out));
    TRY(write_gauge("whorl_db_queue", "Changes that wait for the writer.", waiting, out));
    TRY(write_gauge("whorl_db_queue_limit", "So many may wait; more are turned away.", limit, out));
    TRY(histogram_write_one("whorl_db_group_transactions", "Changes that one commit took along.",
                            &figures->groups, histogram_numbers(), out));
    return histogram_write_one("whorl_db_commit_seconds",
                               "How long a commit took, the sync of the journal included.",
                               &figures->commits_us, histogram_seconds(), out);
}

static err_t write_lag(const struct journal_figures *figures, struct buf *out)
{
    long long since_us = get(&figures->unsynced_since_us);
    long long lag_us = since_us > 0 ? stopwatch_us() - since_us : 0;
    lag_us = lag_us > 0 ? lag_us : 0;
    return buf_printf(out,
                      "# TYPE whorl_journal_lag_seconds gauge\n# UNIT whorl_journal_lag_seconds seconds\n"
                      "# HELP whorl_journal_lag_seconds For how long entries that are committed, and "
                      "acknowledged to nobody, wait for the disk of the journal.\n"
                      "whorl_journal_lag_seconds %lld.%06lld\n",
                      lag_us / 1000000, lag_us % 1000000);
}

err_t journal_figures_write(const struct journal_figures *figures, struct buf *out)
{
    TRY(write_counter("whorl_journal_entries", "Entries written to the journal since the start.",
                      get(&figures->entries), out));
    TRY(buf_printf(
        out,
        "# TYPE whorl_journal_written_bytes counter\n# UNIT whorl_journal_written_bytes bytes\n"
        "# HELP whorl_journal_written_bytes Bytes of those.\nwhorl_journal_written_bytes_total %lld\n",
        get(&figures->bytes)));
    TRY(buf_printf(out,
                   "# TYPE whorl_journal_last_entry_timestamp_seconds gauge\n"
                   "# UNIT whorl_journal_last_entry_timestamp_seconds seconds\n"
                   "# HELP whorl_journal_last_entry_timestamp_seconds Unix time of the last one.\n"
                   "whorl_journal_last_entry_timestamp_seconds %lld\n",
                   get(&figures->last_at_ms) / 1000));
    TRY(buf_printf(out,
                   "# TYPE whorl_journal_unsynced_bytes gauge\n# UNIT whorl_journal_unsynced_bytes bytes\n"
                   "# HELP whorl_journal_unsynced_bytes Bytes of entries that are committed and not in the "
                   "journal yet.\nwhorl_journal_unsynced_bytes %lld\n",
                   get(&figures->unsynced_bytes)));
    TRY(write_lag(figures, out));
    return histogram_write_one("whorl_journal_sync_seconds",
                               "How long the journal took to write and sync the entries of a commit.",
                               &figures->syncs_us, histogram_seconds(), out);
}
