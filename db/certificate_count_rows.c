/* Statements over certificate_count and certificate_end_count. */
#include "db/certificate_count_rows.h"

#include <string.h>

#include "db/row_values.h"

#define DAY_MS INT64_C(86400000)

static const char SQL_ADD[] =
    "INSERT INTO certificate_count (authority, state, n) VALUES ($1, $2, 1) "
    "ON CONFLICT (authority, state) DO UPDATE SET n = certificate_count.n + excluded.n";
static const char SQL_MOVE[] =
    "INSERT INTO certificate_count (authority, state, n) VALUES ($1, $2, -1), ($1, $3, 1) "
    "ON CONFLICT (authority, state) DO UPDATE SET n = certificate_count.n + excluded.n";
static const char SQL_END[] =
    "INSERT INTO certificate_end_count (day, authority, n) VALUES ($1, $2, $3) "
    "ON CONFLICT (day, authority) DO UPDATE SET n = certificate_end_count.n + excluded.n";
static const char SQL_EACH[] = "SELECT authority, state, n FROM certificate_count ORDER BY authority, state";
static const char SQL_ENDS[] = "SELECT authority, day, n FROM certificate_end_count "
                               "WHERE day >= $1 AND day <= $2 AND n <> 0 ORDER BY day, authority";

static err_t count_end(struct db_tx *tx, const struct certificate_row *row, int64_t by)
{
    return by == 0
               ? OK
               : db_change(tx, SQL_END,
                           DB_VALUES(DB_I(row->not_after / DAY_MS), DB_T(row->authority), DB_I(by)), NULL);
}

static int64_t has_end(enum certificate_state state)
{
    return state == CERTIFICATE_CONFIRMED ? 1 : 0;
}

err_t certificate_count_rows_add(struct db_tx *tx, const struct certificate_row *row)
{
    TRY(db_change(tx, SQL_ADD, DB_VALUES(DB_T(row->authority), DB_I(row->state)), NULL));
    return count_end(tx, row, has_end(row->state));
}

err_t certificate_count_rows_move(struct db_tx *tx, const struct certificate_row *row,
                                  enum certificate_state before)
{
    if (before == row->state) {
        return OK;
    }
    TRY(db_change(tx, SQL_MOVE, DB_VALUES(DB_T(row->authority), DB_I(before), DB_I(row->state)), NULL));
    return count_end(tx, row, has_end(row->state) - has_end(before));
}

/* --- read ------------------------------------------------------------------------------------------- */

struct each {
    struct certificate_counts counts; /* of the authority whose rows come */
    certificate_counts_fn fn;
    void *arg;
};

static err_t hand_on(const struct each *each)
{
    return each->counts.authority[0] != '\0' ? each->fn(&each->counts, each->arg) : OK;
}

static err_t on_state(const struct db_row *row, void *arg)
{
    struct each *each = arg;
    char authority[AUTHORITY_ID_SIZE];
    int64_t state = db_row_int(row, 1);
    TRY(db_row_text(row, 0, authority, sizeof authority));
    ENSURE(state >= 0 && state < CERTIFICATE_STATES, ERR_DB, "a count of certificates in state %lld",
           (long long)state);
    if (strcmp(authority, each->counts.authority) != 0) {
        TRY(hand_on(each));
        each->counts = (struct certificate_counts){.by_state = {0}};
        memcpy(each->counts.authority, authority, sizeof authority);
    }
    each->counts.by_state[state] = db_row_int(row, 2);
    return OK;
}

err_t certificate_count_rows_each(struct db_tx *tx, certificate_counts_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    TRY(db_run(tx, SQL_EACH, NULL, 0, on_state, &each));
    return hand_on(&each);
}

struct each_end {
    certificate_ends_fn fn;
    void *arg;
};

static err_t on_end(const struct db_row *row, void *arg)
{
    const struct each_end *each = arg;
    char authority[AUTHORITY_ID_SIZE];
    TRY(db_row_text(row, 0, authority, sizeof authority));
    const struct certificate_ends ends = {
        .authority = authority, .day = db_row_int(row, 1), .count = db_row_int(row, 2)};
    return each->fn(&ends, each->arg);
}

err_t certificate_count_rows_ends(struct db_tx *tx, int64_t from_day, int64_t to_day, certificate_ends_fn fn,
                                  void *arg)
{
    struct each_end each = {fn, arg};
    return db_run(tx, SQL_ENDS, DB_VALUES(DB_I(from_day), DB_I(to_day)), on_end, &each);
}
