/* Most of a small test's time goes into making an empty inventory: each migration parses the schema again.
 * Where WHORL_TEST_TEMPLATES names a folder (tests/run.sh makes one for each run), the first program that
 * needs an inventory leaves one there, migrated and never opened by a server, and every later one begins with
 * a copy. Without the folder db_open() makes each anew, as a server does. */
#ifndef TESTS_INVENTORY_TEMPLATE_H
#define TESTS_INVENTORY_TEMPLATE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "db/internal.h"

enum { INVENTORY_TEMPLATE_MAX = 16 * 1024 * 1024 };

static inline err_t inventory_template_make(const struct db_options *options, const char *path)
{
    struct db_options as_file = *options;
    const struct migration_list migrations = {.steps = db_migrations_sqlite,
                                              .count = db_migrations_sqlite_count};
    AUTO_PTR(connection) *connection = NULL;
    as_file.path = path;
    TRY(connection_open(&as_file, CONNECTION_WRITE, &connection));
    return migrate_run(connection, &migrations, clock_now_ms(options->clock));
}

/** Lays an empty, migrated inventory at options->path, unless one is there or there is no folder of
 * templates. */
static inline err_t inventory_begin(const struct db_options *options)
{
    AUTO_VAL(buf) mine = {0};
    AUTO_VAL(buf) template = {0};
    AUTO_VAL(buf) content = {0};
    const char *folder = getenv("WHORL_TEST_TEMPLATES");
    if (folder == NULL || file_exists(options->path)) {
        return OK;
    }
    TRY(buf_printf(&template, "%s/inventory.db", folder));
    if (!file_exists(buf_str(&template))) { /* of two who make it at once, either will do */
        TRY(buf_printf(&mine, "%s/inventory.%d", folder, (int)getpid()));
        TRY(inventory_template_make(options, buf_str(&mine)));
        ENSURE(rename(buf_str(&mine), buf_str(&template)) == 0, ERR_IO, "renaming %s", buf_str(&mine));
    }
    TRY(file_read(buf_str(&template), INVENTORY_TEMPLATE_MAX, &content));
    FILE *file = fopen(options->path, "wbe");
    ENSURE(file != NULL, ERR_IO, "making %s", options->path);
    size_t written = fwrite(content.p, 1, content.n, file);
    (void)fchmod(fileno(file), 0600);
    ENSURE(fclose(file) == 0 && written == content.n, ERR_IO, "writing %s", options->path);
    return OK;
}

/** inventory_begin() and db_open(). */
static inline err_t inventory_open(const struct db_options *options, struct db **out)
{
    TRY(inventory_begin(options));
    return db_open(options, out);
}

#endif
