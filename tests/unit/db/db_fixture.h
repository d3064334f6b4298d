/* An inventory in a folder of its own under /tmp, for the tests of db/. Clock and log are the test's. */
#ifndef TESTS_DB_FIXTURE_H
#define TESTS_DB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "db/db.h"
#include "tests/unit/inventory_template.h"

#define assert_ok(expression)                                                                                \
    do {                                                                                                     \
        err_t assert_error_ = (expression);                                                                  \
        if (assert_error_.code != ERR_OK) {                                                                  \
            print_error("%s: %s\n", err_slug(assert_error_.code), assert_error_.detail);                     \
        }                                                                                                    \
        assert_int_equal(assert_error_.code, ERR_OK);                                                        \
    } while (0)
#define assert_err(code_, expression) assert_int_equal((expression).code, (code_))

struct fixture {
    char folder[64];
    char path[96];
    struct manual_clock clock;
    struct db_options options;
    struct db *db;
};

static inline void sleep_ms(long ms)
{
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    (void)nanosleep(&rest, NULL);
}

static inline void fixture_make(struct fixture *f)
{
    *f = (struct fixture){0};
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/whorl-db-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof f->path, "%s/whorl.db", f->folder);
    manual_clock_init(&f->clock, 1700000000000);
    f->options = (struct db_options){.path = f->path,
                                     .node_name = "node-1",
                                     .clock = &f->clock.clock,
                                     .random = random_system(),
                                     .read_connections = 4,
                                     .queue_limit = 1000};
}

static inline void fixture_open(struct fixture *f)
{
    assert_ok(inventory_open(&f->options, &f->db));
}

static inline void fixture_close(struct fixture *f)
{
    db_close(f->db);
    f->db = NULL;
}

static inline void fixture_remove(struct fixture *f)
{
    fixture_close(f);
    DIR *folder = opendir(f->folder);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[512];
        (void)snprintf(name, sizeof name, "%s/%s", f->folder, entry->d_name);
        (void)unlink(name);
    }
    (void)closedir(folder);
    (void)rmdir(f->folder);
}

/* One statement without values, as a closure. */
static inline err_t run_sql(struct db_tx *tx, void *arg)
{
    return db_run(tx, (const char *)arg, NULL, 0, NULL, NULL);
}

static inline err_t write_sql(struct fixture *f, const char *sql)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "%s", sql);
    return db_write(f->db, run_sql, text);
}

/* The first column of the first row, as a number. */
struct number_query {
    const char *sql;
    int64_t number;
};

static inline err_t take_number(const struct db_row *row, void *arg)
{
    ((struct number_query *)arg)->number = db_row_int(row, 0);
    return OK;
}

static inline err_t query_number(struct db_tx *tx, void *arg)
{
    return db_run(tx, ((struct number_query *)arg)->sql, NULL, 0, take_number, arg);
}

static inline int64_t read_number(struct fixture *f, const char *sql)
{
    struct number_query query = {.sql = sql};
    assert_ok(db_read(f->db, query_number, &query));
    return query.number;
}

/* A row of challenge_used named by a number, and its audit record. */
static inline err_t add_nonce(struct db_tx *tx, void *arg)
{
    int64_t number = *(const int64_t *)arg;
    TRY(db_run(tx, "INSERT INTO challenge_used (nonce, expires_at) VALUES ($1, $2)",
               DB_VALUES(DB_B(&number, sizeof number), DB_I(number)), NULL, NULL));
    return audit_append(
        tx, &(struct audit_entry){.kind = "nonce.used", .result = "ok", .actor = "test", .body = "{}"});
}

static inline void assert_audit_ok(struct fixture *f, int64_t records)
{
    struct audit_report report;
    assert_ok(audit_verify(f->db, &report));
    assert_string_equal(report.first_bad, "");
    assert_int_equal(report.records, records);
}

#endif
