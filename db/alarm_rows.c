/* Rows of alarms: statements and reading. No rules here. */
#include "db/alarm_rows.h"

#include "db/row_values.h"

#define COLUMNS "id, owner, kind, subject, severity, detail, since, updated_at"

static const char SQL_FIND[] =
    "SELECT " COLUMNS " FROM alarm WHERE owner = $1 AND kind = $2 AND subject = $3";
static const char SQL_INSERT[] =
    "INSERT INTO alarm (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
static const char SQL_UPDATE[] = "UPDATE alarm SET severity = $2, detail = $3, updated_at = $4 WHERE id = $1";
static const char SQL_DELETE[] = "DELETE FROM alarm WHERE id = $1";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM alarm WHERE owner = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_COUNT[] =
    "INSERT INTO alarm_count (kind, severity, standing) VALUES ($1, $2, $3) "
    "ON CONFLICT (kind, severity) DO UPDATE SET standing = alarm_count.standing + excluded.standing";
static const char SQL_COUNTS[] = "SELECT kind, severity, standing FROM alarm_count ORDER BY kind, severity";

static err_t read_alarm(const struct db_row *row, void *arg)
{
    struct alarm_row *out = arg;
    *out = (struct alarm_row){.severity = (enum alarm_severity)db_row_int(row, 4),
                              .since = db_row_int(row, 6),
                              .updated_at = db_row_int(row, 7)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->owner.b, sizeof out->owner.b));
    TRY(db_row_text(row, 2, out->kind, sizeof out->kind));
    TRY(db_row_text(row, 3, out->subject, sizeof out->subject));
    return db_row_text(row, 5, out->detail, sizeof out->detail);
}

err_t alarm_rows_find(struct db_tx *tx, const struct alarm_row *name, struct alarm_row *out)
{
    struct alarm_row found;
    TRY(db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&name->owner), DB_T(name->kind), DB_T(name->subject)),
                read_alarm, &found, "alarm"));
    *out = found;
    return OK;
}

static err_t count(struct db_tx *tx, const struct alarm_row *row, enum alarm_severity severity, int change)
{
    return db_change(tx, SQL_COUNT, DB_VALUES(DB_T(row->kind), DB_I(severity), DB_I(change)), NULL);
}

err_t alarm_rows_insert(struct db_tx *tx, const struct alarm_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->owner), DB_T(row->kind), DB_T(row->subject),
                            DB_I(row->severity), DB_T(row->detail), DB_I(row->since), DB_I(row->updated_at)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "the alarm %s of %s stands", row->kind, row->subject);
    return count(tx, row, row->severity, 1);
}

err_t alarm_rows_update(struct db_tx *tx, const struct alarm_row *row, enum alarm_severity before)
{
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(db_uuid(&row->id), DB_I(row->severity), DB_T(row->detail), DB_I(row->updated_at)),
                  NULL));
    TRY(count(tx, row, before, -1));
    return count(tx, row, row->severity, 1);
}

err_t alarm_rows_delete(struct db_tx *tx, const struct alarm_row *row)
{
    TRY(db_change(tx, SQL_DELETE, DB_VALUES(db_uuid(&row->id)), NULL));
    return count(tx, row, row->severity, -1);
}

struct each {
    alarm_row_fn fn;
    void *arg;
};

static err_t on_alarm(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct alarm_row alarm;
    TRY(read_alarm(row, &alarm));
    return each->fn(&alarm, each->arg);
}

err_t alarm_rows_list(struct db_tx *tx, struct uuid owner, const struct row_window *window, alarm_row_fn fn,
                      void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_uuid(&owner), DB_BYTES(window->after), DB_I(window->limit)),
                  on_alarm, &each);
}

struct counts {
    err_t (*fn)(const struct alarm_count *count, void *arg);
    void *arg;
};

static err_t on_count(const struct db_row *row, void *arg)
{
    const struct counts *counts = arg;
    struct alarm_count count = {.severity = (enum alarm_severity)db_row_int(row, 1),
                                .standing = db_row_int(row, 2)};
    TRY(db_row_text(row, 0, count.kind, sizeof count.kind));
    return counts->fn(&count, counts->arg);
}

err_t alarm_rows_counts(struct db_tx *tx, err_t (*fn)(const struct alarm_count *count, void *arg), void *arg)
{
    struct counts counts = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_COUNTS, NULL, 0, on_count, &counts);
}
