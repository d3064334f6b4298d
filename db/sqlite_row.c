/* The columns of a result row as plain values. Lends SQLite's memory for the time of the callback; converts
 * nothing. Called by row callbacks everywhere in db/ and above. */
#include "db/sqlite.h"

#include <string.h>

int64_t db_row_int(const struct db_row *row, int column)
{
    return sqlite3_column_int64(row->handle, column);
}

bool db_row_is_null(const struct db_row *row, int column)
{
    return sqlite3_column_type(row->handle, column) == SQLITE_NULL;
}

struct bytes db_row_bytes(const struct db_row *row, int column)
{
    if (db_row_is_null(row, column)) {
        return BYTES_NONE;
    }
    const void *p = sqlite3_column_blob(row->handle, column);
    int n = sqlite3_column_bytes(row->handle, column);
    /* SQLite lends NULL for an empty value; that would look like SQL NULL */
    return (struct bytes){p != NULL ? (const uint8_t *)p : (const uint8_t *)"", (size_t)n};
}

err_t db_row_copy(const struct db_row *row, int column, void *out, size_t size)
{
    struct bytes value = db_row_bytes(row, column);
    ENSURE(value.n == size && value.p != NULL, ERR_DB, "column %s has %zu bytes instead of %zu",
           sqlite3_column_name(row->handle, column), value.n, size);
    memcpy(out, value.p, size);
    return OK;
}

err_t db_row_text(const struct db_row *row, int column, char *out, size_t size)
{
    struct bytes value = db_row_bytes(row, column);
    ENSURE(value.n < size, ERR_DB, "column %s has %zu bytes, more than %zu",
           sqlite3_column_name(row->handle, column), value.n, size - 1);
    if (value.n > 0) {
        ENSURE(memchr(value.p, 0, value.n) == NULL, ERR_DB, "column %s has a NUL",
               sqlite3_column_name(row->handle, column));
        memcpy(out, value.p, value.n);
    }
    out[value.n] = '\0';
    return OK;
}

const char *db_engine_version(void)
{
    return sqlite3_libversion();
}
