/* The schema's steps, embedded in the program: the build makes one row of each
 * db/migrations/sqlite/NNNN_name.sql, in order. Holds no logic; db/migrate.c runs them. */
#ifndef WHORL_DB_MIGRATIONS_H
#define WHORL_DB_MIGRATIONS_H

#include <stddef.h>

struct db_migration {
    int number;       /* 1, 2, 3 … without a gap */
    const char *name; /* of the file, for messages: "0001_house" */
    const char *sql;  /* the statements of one step; no BEGIN and no COMMIT */
};

extern const struct db_migration db_migrations_sqlite[];
extern const size_t db_migrations_sqlite_count;

#endif
