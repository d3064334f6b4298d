/* Statements of a connection: prepared once and kept by the address of their text, parameters "$1" … "$n"
 * bound by name, stepped to the end and reset. Called by db/tx.c and by the engine itself; knows no
 * transaction. */
#include "db/sqlite.h"

#include <stdlib.h>
#include <string.h>

static void statement_free(struct statement *statement)
{
    if (statement == NULL) {
        return;
    }
    (void)sqlite3_finalize(statement->handle);
    free(statement);
}
DEFINE_AUTO_PTR(statement, statement_free);

/* "$12" → 12; 0 for anything else: SQLite takes `$1::bigint` whole as a name, and would leave it NULL without
 * a word. */
static int parameter_number(const char *name)
{
    if (name == NULL || name[0] != '$' || name[1] < '1' || name[1] > '9') {
        return 0;
    }
    int number = 0;
    for (const char *c = name + 1; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || number > STATEMENT_VALUES_MAX) {
            return 0;
        }
        number = number * 10 + (*c - '0');
    }
    return number <= STATEMENT_VALUES_MAX ? number : 0;
}

/* Which value each parameter takes. `SET name = $2 WHERE k = $1` numbers them the other way round in SQLite.
 * PostgreSQL refuses a text that does not use every one of its values, so we do. */
static err_t statement_number(struct statement *statement)
{
    bool is_used[STATEMENT_VALUES_MAX + 1] = {false};
    statement->parameters = sqlite3_bind_parameter_count(statement->handle);
    ENSURE(statement->parameters <= STATEMENT_VALUES_MAX, ERR_DB, "more than %d parameters",
           STATEMENT_VALUES_MAX);
    for (int i = 0; i < statement->parameters; i++) {
        int number = parameter_number(sqlite3_bind_parameter_name(statement->handle, i + 1));
        ENSURE(number > 0, ERR_DB, "parameter %d is not $1 to $%d", i + 1, STATEMENT_VALUES_MAX);
        statement->numbers[i] = (uint8_t)number;
        is_used[number] = true;
        if ((size_t)number > statement->values) {
            statement->values = (size_t)number;
        }
    }
    for (size_t number = 1; number <= statement->values; number++) {
        ENSURE(is_used[number], ERR_DB, "parameter $%zu is not used", number);
    }
    return OK;
}

static err_t statement_prepare(struct connection *connection, const char *sql, struct statement **out)
{
    *out = NULL;
    AUTO_PTR(statement) *statement = calloc(1, sizeof *statement);
    ENSURE(statement != NULL, ERR_NO_MEMORY, "a statement");
    statement->sql = sql;
    const char *rest = NULL;
    if (sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle,
                           &rest) != SQLITE_OK) {
        return sqlite_error(connection, "prepare");
    }
    ENSURE(statement->handle != NULL, ERR_DB, "an empty statement");
    ENSURE(rest[strspn(rest, " \t\r\n;")] == '\0', ERR_DB, "more than one statement in a text");
    TRY(statement_number(statement));
    *out = TAKE(statement);
    return OK;
}

/* The slot of a text: the one that has it, else a free one, else the first that may be emptied; NULL when all
 * of them run. */
static struct statement **slot_find(struct connection *connection, const char *sql)
{
    size_t start = (size_t)(((uint64_t)(uintptr_t)sql * 0x9E3779B97F4A7C15U) >> 56);
    struct statement **choice = NULL;
    for (size_t i = 0; i < STATEMENT_PROBES; i++) {
        struct statement **slot = &connection->statements[(start + i) % STATEMENT_SLOTS];
        if (*slot == NULL) {
            return slot;
        }
        if ((*slot)->sql == sql) {
            return slot;
        }
        if (choice == NULL && !(*slot)->is_running) {
            choice = slot;
        }
    }
    return choice;
}

/* A kept statement, or a passing one (`*passing`, to be freed after use) when the kept one is running
 * already. */
static err_t statement_get(struct connection *connection, const char *sql, struct statement **out,
                           struct statement **passing)
{
    struct statement **slot = slot_find(connection, sql);
    if (slot == NULL || (*slot != NULL && (*slot)->is_running)) {
        TRY(statement_prepare(connection, sql, passing));
        *out = *passing;
        return OK;
    }
    /* the text is compared too: an address may come again with another text when a library was unloaded */
    if (*slot == NULL || (*slot)->sql != sql || strcmp(sqlite3_sql((*slot)->handle), sql) != 0) {
        struct statement *fresh = NULL;
        TRY(statement_prepare(connection, sql, &fresh));
        statement_free(*slot);
        *slot = fresh;
    }
    *out = *slot;
    return OK;
}

void sqlite_statements_free(struct connection *connection)
{
    for (size_t i = 0; i < STATEMENT_SLOTS; i++) {
        statement_free(connection->statements[i]);
        connection->statements[i] = NULL;
    }
}

static int bind_value(sqlite3_stmt *handle, int parameter, const struct db_value *value)
{
    /* a NULL pointer would bind NULL */
    const void *bytes = value->bytes.p != NULL ? (const void *)value->bytes.p : "";
    switch (value->kind) {
    case DB_NULL:
        return sqlite3_bind_null(handle, parameter);
    case DB_INT:
        return sqlite3_bind_int64(handle, parameter, value->number);
    case DB_BLOB:
        return sqlite3_bind_blob64(handle, parameter, bytes, value->bytes.n, SQLITE_STATIC);
    case DB_TEXT:
        return sqlite3_bind_text64(handle, parameter, bytes, value->bytes.n, SQLITE_STATIC, SQLITE_UTF8);
    }
    return SQLITE_MISUSE;
}

static err_t statement_bind(struct connection *connection, const struct statement *statement,
                            const struct statement_call *call)
{
    ENSURE(statement->values == call->count, ERR_DB, "a statement of %zu values got %zu", statement->values,
           call->count);
    for (int i = 0; i < statement->parameters; i++) {
        const struct db_value *value = &call->values[statement->numbers[i] - 1];
        if (bind_value(statement->handle, i + 1, value) != SQLITE_OK) {
            return sqlite_error(connection, "bind");
        }
    }
    return OK;
}

/* To SQLITE_DONE always: a RETURNING statement that still runs would make COMMIT fail with SQLITE_BUSY. Only
 * a query may be left early, when its callback refuses a row. */
static err_t statement_step(struct connection *connection, sqlite3_stmt *handle,
                            const struct statement_call *call)
{
    struct db_row row = {.handle = handle};
    err_t refused = OK;
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) {
        code = sqlite3_step(handle);
        if (code != SQLITE_ROW || call->fn == NULL || refused.code != ERR_OK) {
            continue;
        }
        refused = call->fn(&row, call->arg);
        if (refused.code != ERR_OK && sqlite3_stmt_readonly(handle)) {
            return refused;
        }
    }
    if (code != SQLITE_DONE) {
        return sqlite_error(connection, "step");
    }
    return refused;
}

err_t connection_run(struct connection *connection, const struct statement_call *call)
{
    AUTO_PTR(statement) *passing = NULL;
    struct statement *statement = NULL;
    TRY(statement_get(connection, call->sql, &statement, &passing));
    int64_t before = sqlite3_total_changes64(connection->handle);
    statement->is_running = true;
    err_t result = statement_bind(connection, statement, call);
    if (result.code == ERR_OK) {
        result = statement_step(connection, statement->handle, call);
    }
    (void)sqlite3_reset(statement->handle); /* repeats the error of the step */
    (void)sqlite3_clear_bindings(statement->handle);
    statement->is_running = false;
    if (result.code == ERR_OK && call->changes != NULL) {
        *call->changes = sqlite3_total_changes64(connection->handle) - before;
    }
    return result;
}

err_t connection_control(struct connection *connection, const char *sql)
{
    return connection_run(connection, &(struct statement_call){.sql = sql});
}

err_t connection_script(struct connection *connection, const char *sql)
{
    if (sqlite3_exec(connection->handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return sqlite_error(connection, "script");
    }
    return OK;
}

err_t connection_commit(struct connection *connection)
{
    err_t result = connection_control(connection, "COMMIT");
    if (result.code == ERR_OK) {
        return OK;
    }
    if ((sqlite3_errcode(connection->handle) & 0xff) == SQLITE_IOERR) {
        sqlite_exit_unsafe(connection, "commit");
    }
    connection_rollback(connection);
    return result;
}

void connection_rollback(struct connection *connection)
{
    if (connection_in_transaction(connection)) {
        /* with no statement running a rollback cannot fail; if it did, the next BEGIN says so */
        err_ignore(connection_control(connection, "ROLLBACK"));
    }
}
