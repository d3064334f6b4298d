/* What a closure sees of its transaction: statements, its time, its ids. Guards one trap: when SQLite rolled
 * the transaction back under the closure (a full disk), a further statement would commit by itself; so
 * nothing more runs in it. */
#include "db/internal.h"

static err_t tx_run(struct db_tx *tx, const struct statement_call *call)
{
    if (tx->is_lost) {
        return tx->lost;
    }
    err_t result = connection_run(tx->connection, call);
    if (result.code != ERR_OK && !connection_in_transaction(tx->connection)) {
        tx->is_lost = true;
        tx->lost = result;
    }
    return result;
}

err_t db_run(struct db_tx *tx, const char *sql, const struct db_value *values, size_t count, db_row_fn fn,
             void *arg)
{
    struct statement_call call = {.sql = sql, .values = values, .count = count, .fn = fn, .arg = arg};
    return tx_run(tx, &call);
}

err_t db_change(struct db_tx *tx, const char *sql, const struct db_value *values, size_t count,
                int64_t *changes) // NOLINT(readability-non-const-parameter): written by the engine
{
    struct statement_call call = {.sql = sql, .values = values, .count = count, .changes = changes};
    return tx_run(tx, &call);
}

int64_t db_tx_now_ms(const struct db_tx *tx)
{
    return tx->now_ms;
}

bool db_tx_trace(const struct db_tx *tx, const char *request_id, struct trace *out)
{
    return trace_table_find(tx->options->traces, request_id, out);
}

static int64_t tx_clock_ms(void *context)
{
    const struct db_tx *tx = context;
    return tx->now_ms;
}

err_t db_tx_uuid(struct db_tx *tx, struct uuid *out)
{
    struct clock stopped = {.context = tx, .now_ms = tx_clock_ms, .monotonic_ms = tx_clock_ms};
    return uuid_new(&stopped, tx->options->random, out);
}
