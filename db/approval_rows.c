/* Rows of requests that wait for a second person: statements and reading. No rules here. */
#include "db/approval_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, kind, state, subject, digest, requested_by, requested_owner, requested_at, expires_at, "    \
    "decided_by, decided_owner, decided_at, comment, result, ver"
enum { COLUMN_REQUEST = 16 };

static const char SQL_INSERT[] =
    "INSERT INTO approval (" COLUMNS ", request) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
    "$13, $14, $15, $16, $17)";
static const char SQL_UPDATE[] = "UPDATE approval SET state = $3, decided_by = $4, decided_owner = $5, "
                                 "decided_at = $6, comment = $7, result = $8, ver = ver + 1 "
                                 "WHERE id = $1 AND ver = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS ", request FROM approval WHERE id = $1 AND tenant = $2";
static const char SQL_FIND_WAITING[] =
    "SELECT " COLUMNS " FROM approval WHERE tenant = $1 AND digest = $2 AND state = 0";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM approval WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_STATE[] =
    "SELECT " COLUMNS " FROM approval WHERE tenant = $1 AND state = $4 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_EXPIRED[] =
    "SELECT " COLUMNS " FROM approval WHERE state = 0 AND expires_at <= $1 "
    "ORDER BY expires_at, id LIMIT $2";

void approval_row_clear(struct approval_row *row)
{
    buf_clear(&row->request);
}

static err_t read_people(const struct db_row *row, struct approval_row *out)
{
    TRY(db_row_text(row, 6, out->requested_by, sizeof out->requested_by));
    TRY(db_row_text(row, 7, out->requested_owner, sizeof out->requested_owner));
    TRY(db_row_text(row, 10, out->decided_by, sizeof out->decided_by));
    return db_row_text(row, 11, out->decided_owner, sizeof out->decided_owner);
}

/* Everything but the request, which is left as it is. */
static err_t read_facts(const struct db_row *row, struct approval_row *out)
{
    int64_t state = db_row_int(row, 3);
    ENSURE(state >= APPROVAL_PENDING && state <= APPROVAL_FAILED, ERR_DB, "an approval in state %lld",
           (long long)state);
    out->state = (enum approval_state)state;
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_text(row, 2, out->kind, sizeof out->kind));
    TRY(db_row_text(row, 4, out->subject, sizeof out->subject));
    TRY(db_row_copy(row, 5, out->digest, sizeof out->digest));
    TRY(read_people(row, out));
    out->requested_at = db_row_int(row, 8);
    out->expires_at = db_row_int(row, 9);
    out->decided_at = db_row_int(row, 12); /* NULL reads as 0 */
    TRY(db_row_text(row, 13, out->comment, sizeof out->comment));
    TRY(db_row_text(row, 14, out->result, sizeof out->result));
    out->ver = db_row_int(row, 15);
    return OK;
}

err_t approval_rows_insert(struct db_tx *tx, const struct approval_row *row)
{
    return db_change(tx, SQL_INSERT,
                     DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_T(row->kind), DB_I(row->state),
                               DB_T(row->subject), DB_B(row->digest, sizeof row->digest),
                               DB_T(row->requested_by), DB_T(row->requested_owner), DB_I(row->requested_at),
                               DB_I(row->expires_at), DB_T(row->decided_by), DB_T(row->decided_owner),
                               db_time_or_null(row->decided_at), DB_T(row->comment), DB_T(row->result),
                               DB_I(row->ver), db_text(buf_view(&row->request))),
                     NULL);
}

err_t approval_rows_update(struct db_tx *tx, struct approval_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(db_uuid(&row->id), DB_I(row->ver), DB_I(row->state), DB_T(row->decided_by),
                            DB_T(row->decided_owner), db_time_or_null(row->decided_at), DB_T(row->comment),
                            DB_T(row->result)),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the approval was changed by another request: try again");
    row->ver++;
    return OK;
}

static err_t read_whole(const struct db_row *row, void *arg)
{
    struct approval_row *out = arg;
    approval_row_clear(out); /* the closure may have run before */
    *out = (struct approval_row){.ver = 0};
    TRY(read_facts(row, out));
    return db_row_append(row, COLUMN_REQUEST, &out->request);
}

err_t approval_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct approval_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_whole, out, "approval");
}

static err_t read_without_request(const struct db_row *row, void *arg)
{
    struct approval_row *out = arg;
    *out = (struct approval_row){.ver = 0};
    return read_facts(row, out);
}

err_t approval_rows_find_waiting(struct db_tx *tx, struct uuid tenant, const uint8_t digest[SHA256_SIZE],
                                 struct approval_row *out)
{
    return db_find(tx, SQL_FIND_WAITING, DB_VALUES(db_uuid(&tenant), DB_B(digest, SHA256_SIZE)),
                   read_without_request, out, "approval");
}

struct each {
    approval_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct approval_row approval;
    TRY(read_without_request(row, &approval));
    return each->fn(&approval, each->arg);
}

err_t approval_rows_list(struct db_tx *tx, struct uuid tenant, const enum approval_state *state,
                         const struct row_window *window, approval_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit),
                                      state == NULL ? DB_N : DB_I(*state)};
    return db_run(tx, state == NULL ? SQL_LIST : SQL_LIST_STATE, values, state == NULL ? 3 : 4, on_each,
                  &each);
}

err_t approval_rows_list_expired(struct db_tx *tx, int64_t until, int64_t limit, approval_row_fn fn,
                                 void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_EXPIRED, DB_VALUES(DB_I(until), DB_I(limit)), on_each, &each);
}
