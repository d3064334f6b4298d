/* Rows of rollouts: statements and reading. No rules here. */
#include "db/rollout_rows.h"

#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "id, tenant, product, release, name, state, spec, reason, wave, wave_at, started_at, ended_at, "         \
    "created_at, updated_at, ver, created_by"

static const char SQL_INSERT[] =
    "INSERT INTO rollout (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
    "$9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_INSERT_TALLY[] =
    "INSERT INTO rollout_tally (rollout, offered, waiting, succeeded, unverified, failed, cancelled, "
    "downloads, wave, wave_offered, wave_succeeded, wave_failed, last_at, slot, window) VALUES ($1, 0, 0, 0, "
    "0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, $2)";
static const char SQL_UPDATE[] =
    "UPDATE rollout SET name = $3, state = $4, spec = $5, reason = $6, wave = $7, wave_at = $8, "
    "started_at = $9, ended_at = $10, updated_at = $11, ver = ver + 1 WHERE id = $1 AND ver = $2";
static const char SQL_RAISE[] = "UPDATE rollout_version SET n = n + 1 WHERE one = 1";
static const char SQL_VERSION[] = "SELECT n FROM rollout_version WHERE one = 1";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM rollout WHERE id = $1 AND tenant = $2";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM rollout WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_LIST_STATE[] =
    "SELECT " COLUMNS " FROM rollout WHERE tenant = $1 AND state = $4 AND id > $2 ORDER BY id LIMIT $3";
static const char SQL_RUNNING[] =
    "SELECT " COLUMNS " FROM rollout WHERE state = 1 ORDER BY tenant, started_at, id";
static const char SQL_FIND_TALLY[] =
    "SELECT rollout, offered, waiting, succeeded, unverified, failed, cancelled, downloads, wave, "
    "wave_offered, wave_succeeded, wave_failed, last_at, slot, window FROM rollout_tally WHERE rollout = $1";
static const char SQL_UPDATE_TALLY[] =
    "UPDATE rollout_tally SET offered = $2, waiting = $3, succeeded = $4, unverified = $5, failed = $6, "
    "cancelled = $7, downloads = $8, wave = $9, wave_offered = $10, wave_succeeded = $11, wave_failed = $12, "
    "last_at = $13, slot = $14, window = $15 WHERE rollout = $1";

static err_t name_taken(const struct rollout_row *row)
{
    return ERR(ERR_CONFLICT, "a rollout named %s is there already", row->name);
}

/* --- rollouts ----------------------------------------------------------------------------------------- */

err_t rollout_rows_raise_version(struct db_tx *tx)
{
    return db_change(tx, SQL_RAISE, NULL, 0, NULL);
}

err_t rollout_rows_insert(struct db_tx *tx, const struct rollout_row *row)
{
    int64_t changes = 0;
    const rekey_window_bytes empty = {0};
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->id), db_uuid(&row->tenant), db_uuid(&row->product),
                            db_uuid(&row->release), DB_T(row->name), DB_I(row->state), DB_T(row->spec),
                            DB_T(row->reason), DB_I(row->wave), db_time_or_null(row->wave_at),
                            db_time_or_null(row->started_at), db_time_or_null(row->ended_at),
                            DB_I(row->created_at), DB_I(row->updated_at), DB_I(row->ver),
                            DB_T(row->created_by)),
                  &changes));
    if (changes != 1) {
        return name_taken(row);
    }
    TRY(db_change(tx, SQL_INSERT_TALLY, DB_VALUES(db_uuid(&row->id), DB_B(empty, sizeof empty)), NULL));
    return rollout_rows_raise_version(tx);
}

err_t rollout_rows_update(struct db_tx *tx, struct rollout_row *row)
{
    int64_t changes = 0;
    const int64_t now_ms = db_tx_now_ms(tx);
    err_t stored = db_change(tx, SQL_UPDATE,
                             DB_VALUES(db_uuid(&row->id), DB_I(row->ver), DB_T(row->name), DB_I(row->state),
                                       DB_T(row->spec), DB_T(row->reason), DB_I(row->wave),
                                       db_time_or_null(row->wave_at), db_time_or_null(row->started_at),
                                       db_time_or_null(row->ended_at), DB_I(now_ms)),
                             &changes);
    if (stored.code == ERR_CONFLICT) {
        return name_taken(row);
    }
    TRY(stored);
    ENSURE(changes == 1, ERR_BUSY, "the rollout was changed meanwhile");
    row->updated_at = now_ms;
    row->ver++;
    return rollout_rows_raise_version(tx);
}

static err_t read_rollout(const struct db_row *row, void *arg)
{
    struct rollout_row *out = arg;
    int64_t state = db_row_int(row, 5);
    ENSURE(state >= 0 && state < ROLLOUT_STATES, ERR_DB, "a rollout in state %lld", (long long)state);
    *out = (struct rollout_row){.state = (enum rollout_state)state,
                                .wave = db_row_int(row, 8),
                                .wave_at = db_row_int(row, 9), /* NULL reads as 0 */
                                .started_at = db_row_int(row, 10),
                                .ended_at = db_row_int(row, 11),
                                .created_at = db_row_int(row, 12),
                                .updated_at = db_row_int(row, 13),
                                .ver = db_row_int(row, 14)};
    TRY(db_row_copy(row, 0, out->id.b, sizeof out->id.b));
    TRY(db_row_copy(row, 1, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 2, out->product.b, sizeof out->product.b));
    TRY(db_row_copy(row, 3, out->release.b, sizeof out->release.b));
    TRY(db_row_text(row, 4, out->name, sizeof out->name));
    TRY(db_row_text(row, 6, out->spec, sizeof out->spec));
    TRY(db_row_text(row, 7, out->reason, sizeof out->reason));
    return db_row_text(row, 15, out->created_by, sizeof out->created_by);
}

err_t rollout_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct rollout_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&id), db_uuid(&tenant)), read_rollout, out, "rollout");
}

struct each {
    rollout_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct rollout_row rollout;
    TRY(read_rollout(row, &rollout));
    return each->fn(&rollout, each->arg);
}

err_t rollout_rows_list(struct db_tx *tx, struct uuid tenant, const enum rollout_state *state,
                        const struct row_window *window, rollout_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    const struct db_value values[] = {db_uuid(&tenant), DB_BYTES(window->after), DB_I(window->limit),
                                      state == NULL ? DB_N : DB_I(*state)};
    return db_run(tx, state == NULL ? SQL_LIST : SQL_LIST_STATE, values, state == NULL ? 3 : 4, on_each,
                  &each);
}

err_t rollout_rows_running(struct db_tx *tx, rollout_row_fn fn, void *arg)
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

err_t rollout_rows_version(struct db_tx *tx, int64_t *out)
{
    return db_find(tx, SQL_VERSION, NULL, 0, read_version, out, "version of the rollouts");
}

/* --- tallies ------------------------------------------------------------------------------------------ */

static err_t read_tally(const struct db_row *row, void *arg)
{
    struct rollout_tally_row *out = arg;
    rekey_window_bytes window;
    *out = (struct rollout_tally_row){.offered = db_row_int(row, 1),
                                      .waiting = db_row_int(row, 2),
                                      .succeeded = db_row_int(row, 3),
                                      .unverified = db_row_int(row, 4),
                                      .failed = db_row_int(row, 5),
                                      .cancelled = db_row_int(row, 6),
                                      .downloads = db_row_int(row, 7),
                                      .wave = db_row_int(row, 8),
                                      .wave_offered = db_row_int(row, 9),
                                      .wave_succeeded = db_row_int(row, 10),
                                      .wave_failed = db_row_int(row, 11),
                                      .last_at = db_row_int(row, 12), /* NULL reads as 0 */
                                      .window.slot = db_row_int(row, 13)};
    TRY(db_row_copy(row, 0, out->rollout.b, sizeof out->rollout.b));
    TRY(db_row_copy(row, 14, window, sizeof window));
    rekey_window_read(window, &out->window);
    return OK;
}

err_t rollout_tally_rows_find(struct db_tx *tx, struct uuid rollout, struct rollout_tally_row *out)
{
    return db_find(tx, SQL_FIND_TALLY, DB_VALUES(db_uuid(&rollout)), read_tally, out, "rollout");
}

err_t rollout_tally_rows_update(struct db_tx *tx, const struct rollout_tally_row *row)
{
    rekey_window_bytes window;
    rekey_window_write(&row->window, window);
    return db_change(
        tx, SQL_UPDATE_TALLY,
        DB_VALUES(db_uuid(&row->rollout), DB_I(row->offered), DB_I(row->waiting), DB_I(row->succeeded),
                  DB_I(row->unverified), DB_I(row->failed), DB_I(row->cancelled), DB_I(row->downloads),
                  DB_I(row->wave), DB_I(row->wave_offered), DB_I(row->wave_succeeded), DB_I(row->wave_failed),
                  db_time_or_null(row->last_at), DB_I(row->window.slot), DB_B(window, sizeof window)),
        NULL);
}
