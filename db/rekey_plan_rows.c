/* Rows of rekey plans: statements and reading. No rules here. */
#include "db/rekey_plan_rows.h"

#include "db/row_values.h"

enum { NUMBER_SIZE = REKEY_NUMBER_SIZE };

#define COLUMNS                                                                                              \
    "id, tenant, name, state, spec, reason, wave, wave_at, started_at, ended_at, created_at, updated_at, "   \
    "ver"

static const char SQL_INSERT[] = "INSERT INTO rekey_plan (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
                                 "$8, $9, $10, $11, $12, $13) ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_INSERT_TALLY[] =
    "INSERT INTO rekey_tally (plan, told, waiting, confirmed, failed, skipped, wave, wave_told, "
    "wave_confirmed, last_at, slot, window) VALUES ($1, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, $2)";
static const char SQL_UPDATE[] =
    "UPDATE rekey_plan SET name = $3, state = $4, spec = $5, reason = $6, wave = $7, wave_at = $8, "
    "started_at = $9, ended_at = $10, updated_at = $11, ver = ver + 1 WHERE id = $1 AND ver = $2";
static const char SQL_RAISE[] = "UPDATE rekey_version SET n = n + 1 WHERE one = 1";
static const char SQL_VERSION[] = "SELECT n FROM rekey_version WHERE one = 1";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM rekey_plan WHERE id = $1 AND tenant = $2";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM rekey_plan WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_STATE[] =
    "SELECT " COLUMNS " FROM rekey_plan WHERE tenant = $1 AND state = $4 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_RUNNING[] =
    "SELECT " COLUMNS " FROM rekey_plan WHERE state = 1 ORDER BY tenant, started_at, id";
static const char SQL_FIND_TALLY[] =
    "SELECT plan, told, waiting, confirmed, failed, skipped, wave, wave_told, wave_confirmed, last_at, slot, "
    "window FROM rekey_tally WHERE plan = $1";
static const char SQL_UPDATE_TALLY[] =
    "UPDATE rekey_tally SET told = $2, waiting = $3, confirmed = $4, failed = $5, skipped = $6, wave = $7, "
    "wave_told = $8, wave_confirmed = $9, last_at = $10, slot = $11, window = $12 WHERE plan = $1";

static err_t name_taken(const struct rekey_plan_row *row)
{
    return ERR(ERR_CONFLICT, "a rekey plan named %s is there already", row->name);
}

/* --- the window of the rate, four bytes a slot -------------------------------------------------------- */

void rekey_window_write(const struct rekey_window *window, rekey_window_bytes out)
{
    for (size_t i = 0; i < REKEY_RATE_SLOTS; i++) {
        for (size_t k = 0; k < NUMBER_SIZE; k++) {
            out[NUMBER_SIZE * i + k] = (uint8_t)(window->n[i] >> (8 * (NUMBER_SIZE - 1 - k)));
        }
    }
}

void rekey_window_read(const rekey_window_bytes in, struct rekey_window *out)
{
    for (size_t i = 0; i < REKEY_RATE_SLOTS; i++) {
        out->n[i] = 0;
        for (size_t k = 0; k < NUMBER_SIZE; k++) {
            out->n[i] = out->n[i] << 8 | in[NUMBER_SIZE * i + k];
        }
    }
}

/* --- plans -------------------------------------------------------------------------------------------- */

err_t rekey_plan_rows_insert(struct db_tx *tx, const struct rekey_plan_row *row)
{
    int64_t changes = 0;
    const rekey_window_bytes empty = {0};
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), DB_T(row->name), DB_I(row->state),
                            DB_T(row->spec), DB_T(row->reason), DB_I(row->wave),
                            db_time_or_null(row->wave_at), db_time_or_null(row->started_at),
                            db_time_or_null(row->ended_at), DB_I(row->created_at), DB_I(row->updated_at),
                            DB_I(row->ver)),
                  &changes));
    if (changes != 1) {
        return name_taken(row);
    }
    TRY(db_change(tx, SQL_INSERT_TALLY, DB_VALUES(db_uuid(&row->id), DB_B(empty, sizeof empty)), NULL));
    return db_change(tx, SQL_RAISE, NULL, 0, NULL);
}

err_t rekey_plan_rows_update(struct db_tx *tx, struct rekey_plan_row *row)
{
    int64_t changes = 0;
    int64_t now_ms = db_tx_now_ms(tx);
    err_t error = db_change(tx, SQL_UPDATE,
                            DB_VALUES(db_uuid(&row->id), DB_I(row->ver), DB_T(row->name), DB_I(row->state),
                                      DB_T(row->spec), DB_T(row->reason), DB_I(row->wave),
                                      db_time_or_null(row->wave_at), db_time_or_null(row->started_at),
                                      db_time_or_null(row->ended_at), DB_I(now_ms)),
                            &changes);
    if (error.code == ERR_CONFLICT) {
        return name_taken(row);
    }
    TRY(error);
    ENSURE(changes == 1, ERR_BUSY, "the rekey plan was changed by another request: try again");
    row->ver++;
    row->updated_at = now_ms;
    return db_change(tx, SQL_RAISE, NULL, 0, NULL);
}

static err_t read_plan(const struct db_row *row, void *arg)
{
    struct rekey_plan_row *out = arg;
    int64_t state = db_row_int(row, 3);
    ENSURE(state >= 0 && state < REKEY_PLAN_STATES, ERR_DB, "a rekey plan in state %lld", (long long)state);
    *out = (struct rekey_plan_row){.state = (enum rekey_plan_state)state,
                                   .wave = db_row_int(row, 6),
                                   .wave_at = db_row_int(row, 7), /* NULL reads as 0 */
                                   .started_at = db_row_int(row, 8),
                                   .ended_at = db_row_int(row, 9),
                                   .created_at = db_row_int(row, 10),
                                   .updated_at = db_row_int(row, 11),
                                   .ver = db_row_int(row, 12)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_text(row, 2, out->name, sizeof out->name));
    TRY(db_row_text(row, 4, out->spec, sizeof out->spec));
    return db_row_text(row, 5, out->reason, sizeof out->reason);
}

err_t rekey_plan_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct rekey_plan_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_plan, out, "rekey plan");
}

struct each {
    rekey_plan_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct rekey_plan_row plan;
    TRY(read_plan(row, &plan));
    return each->fn(&plan, each->arg);
}

err_t rekey_plan_rows_list(struct db_tx *tx, struct uuid tenant, const enum rekey_plan_state *state,
                           const struct row_window *window, rekey_plan_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit),
                                      state == NULL ? DB_N : DB_I(*state)};
    return db_run(tx, state == NULL ? SQL_LIST : SQL_LIST_STATE, values, state == NULL ? 3 : 4, on_each,
                  &each);
}

err_t rekey_plan_rows_running(struct db_tx *tx, rekey_plan_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_RUNNING, NULL, 0, on_each, &each);
}

static err_t read_version(const struct db_row *row, void *arg)
{
    int64_t *out = arg;
    *out = db_row_int(row, 0);
    return OK;
}

err_t rekey_plan_rows_version(struct db_tx *tx, int64_t *out)
{
    return db_find(tx, SQL_VERSION, NULL, 0, read_version, out, "version of the rekey plans");
}

/* --- tallies ------------------------------------------------------------------------------------------ */

static err_t read_tally(const struct db_row *row, void *arg)
{
    struct rekey_tally_row *out = arg;
    rekey_window_bytes window;
    *out = (struct rekey_tally_row){.told = db_row_int(row, 1),
                                    .waiting = db_row_int(row, 2),
                                    .confirmed = db_row_int(row, 3),
                                    .failed = db_row_int(row, 4),
                                    .skipped = db_row_int(row, 5),
                                    .wave = db_row_int(row, 6),
                                    .wave_told = db_row_int(row, 7),
                                    .wave_confirmed = db_row_int(row, 8),
                                    .last_at = db_row_int(row, 9), /* NULL reads as 0 */
                                    .window.slot = db_row_int(row, 10)};
    TRY(db_row_copy(row, 0, out->plan.b, sizeof out->plan.b));
    TRY(db_row_copy(row, 11, window, sizeof window));
    rekey_window_read(window, &out->window);
    return OK;
}

err_t rekey_tally_rows_find(struct db_tx *tx, struct uuid plan, struct rekey_tally_row *out)
{
    return db_find(tx, SQL_FIND_TALLY, DB_VALUES(db_uuid(&plan)), read_tally, out, "rekey plan");
}

err_t rekey_tally_rows_update(struct db_tx *tx, const struct rekey_tally_row *row)
{
    rekey_window_bytes window;
    rekey_window_write(&row->window, window);
    return db_change(tx, SQL_UPDATE_TALLY,
                     DB_VALUES(db_uuid(&row->plan), DB_I(row->told), DB_I(row->waiting), DB_I(row->confirmed),
                               DB_I(row->failed), DB_I(row->skipped), DB_I(row->wave), DB_I(row->wave_told),
                               DB_I(row->wave_confirmed), db_time_or_null(row->last_at),
                               DB_I(row->window.slot), DB_B(window, sizeof window)),
                     NULL);
}
