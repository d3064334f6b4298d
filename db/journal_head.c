/* The row of a node's journal, and which installation this is. */
#include "db/journal_internal.h"

#include "db/row_values.h"

static const char SQL_READ[] = "SELECT seq, hash, first, pending FROM journal_head WHERE node = $1";
static const char SQL_WRITE[] =
    "INSERT INTO journal_head (node, seq, hash, first, pending) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (node) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, first = excluded.first, "
    "pending = excluded.pending";
static const char SQL_ROOT[] =
    "SELECT certificate FROM authority WHERE role = 'root' ORDER BY created_at, id LIMIT 1";

void journal_head_clear(struct journal_head *head)
{
    buf_clear(&head->pending);
}

static err_t take_head(const struct db_row *row, void *arg)
{
    struct journal_head *head = arg;
    head->has_row = true;
    head->seq = db_row_int(row, 0);
    head->first = db_row_int(row, 2);
    TRY(db_row_copy(row, 1, head->hash.b, sizeof head->hash.b));
    return db_row_append(row, 3, &head->pending);
}

err_t journal_head_read(struct connection *connection, const char *node, struct journal_head *out)
{
    *out = (struct journal_head){.first = 1};
    AUTO_VAL(journal_head) head = {.first = 1};
    const struct db_value values[] = {DB_T(node)};
    struct statement_call call = {
        .sql = SQL_READ, .values = values, .count = 1, .fn = take_head, .arg = &head};
    TRY(connection_run(connection, &call));
    *out = head;
    head = (struct journal_head){.first = 1};
    return OK;
}

err_t journal_head_write(struct connection *connection, const char *node, const struct journal_head *head)
{
    const struct db_value values[] = {DB_T(node), DB_I(head->seq), DB_BYTES(BYTES_OF(head->hash.b)),
                                      DB_I(head->first), DB_BYTES(buf_view(&head->pending))};
    struct statement_call call = {.sql = SQL_WRITE, .values = values, .count = 5};
    return connection_run(connection, &call);
}

static err_t take_root(const struct db_row *row, void *arg)
{
    return sha256_of(db_row_bytes(row, 0), arg);
}

err_t journal_installation(struct connection *connection, struct sha256 *out)
{
    *out = (struct sha256){{0}};
    struct statement_call call = {.sql = SQL_ROOT, .fn = take_root, .arg = out};
    return connection_run(connection, &call);
}

struct positions {
    err_t (*fn)(const struct journal_position *position, void *arg);
    void *arg;
};

static err_t take_position(const struct db_row *row, void *arg)
{
    const struct positions *run = arg;
    struct journal_position position = {.seq = db_row_int(row, 1)};
    TRY(db_row_text(row, 0, position.node, sizeof position.node));
    TRY(db_row_copy(row, 2, position.hash.b, sizeof position.hash.b));
    return run->fn(&position, run->arg);
}

err_t journal_positions(struct db_tx *tx, err_t (*fn)(const struct journal_position *position, void *arg),
                        void *arg)
{
    return db_run(tx, "SELECT node, seq, hash FROM journal_head ORDER BY node", NULL, 0, take_position,
                  &(struct positions){fn, arg});
}
