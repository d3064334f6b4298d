/* The inside of a connection, for db/sqlite*.c only: the one header of the engine that shows sqlite3.h. */
#ifndef WHORL_DB_SQLITE_H
#define WHORL_DB_SQLITE_H

#include <sqlite3.h>

#include "db/internal.h"

enum { STATEMENT_SLOTS = 256, STATEMENT_PROBES = 8, STATEMENT_VALUES_MAX = 64 };

/* A prepared statement and which value each of its parameters takes. */
struct statement {
    const char *sql; /* the caller's static text; its address is the key */
    sqlite3_stmt *handle;
    bool is_running; /* a row callback may run the same text again */
    int parameters;
    size_t values;                         /* how many values it takes */
    uint8_t numbers[STATEMENT_VALUES_MAX]; /* parameter i + 1 is "$numbers[i]" */
};

struct connection {
    sqlite3 *handle;
    struct log *log;
    int64_t wal_pages;
    struct statement *statements[STATEMENT_SLOTS];
};

struct db_row {
    sqlite3_stmt *handle;
};

/** The error of the last call, mapped; ends the process when it was a failed fsync. */
err_t sqlite_error(struct connection *connection, const char *what);
/** Logs and ends the process with DB_EXIT_UNSAFE. */
_Noreturn void sqlite_exit_unsafe(struct connection *connection, const char *what);
/** Finalizes all kept statements. */
void sqlite_statements_free(struct connection *connection);

#endif
