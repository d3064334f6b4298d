/* An inventory with a journal, entries in it, and what a disk or a restore may do to the two. */
#ifndef TESTS_DB_JOURNAL_SCENE_H
#define TESTS_DB_JOURNAL_SCENE_H

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/db/db_fixture.h"

#include "db/journal_internal.h"

struct scene {
    struct fixture f;
    char folder[96];
};

static inline void run_command(const char *command)
{
    assert_int_equal(system(command), 0);
}

static inline int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    fixture_make(&s->f);
    (void)snprintf(s->folder, sizeof s->folder, "%s/journal", s->f.folder);
    s->f.options.journal.folder = s->folder;
    fixture_open(&s->f);
    *state = s;
    return 0;
}

static inline int tear_down(void **state)
{
    struct scene *s = *state;
    char command[160];
    fixture_close(&s->f);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", s->f.folder);
    run_command(command);
    free(s);
    return 0;
}

/* An entry with a row beside it, so that both can be compared. @param arg its number */
static inline err_t add_entry(struct db_tx *tx, void *arg)
{
    int64_t number = *(const int64_t *)arg;
    struct journal_entry entry = {.kind = JOURNAL_CRL, .number = number};
    (void)snprintf(entry.certificate.authority, sizeof entry.certificate.authority, "device");
    TRY(journal_append(tx, &entry));
    return add_nonce(tx, arg);
}

static inline void add(struct scene *s, int64_t number)
{
    assert_ok(db_write(s->f.db, add_entry, &number));
}

static inline struct journal_report verified(struct scene *s)
{
    struct journal_report report;
    assert_ok(journal_verify(s->folder, s->f.options.node_name, &report));
    return report;
}

/* Copies of the inventory, closed. */
static inline void keep_copy(struct scene *s, const char *name)
{
    char command[256];
    (void)snprintf(command, sizeof command, "cp '%s' '%s.%s'", s->f.path, s->f.path, name);
    run_command(command);
}

static inline void put_back(struct scene *s, const char *name)
{
    char command[256];
    (void)snprintf(command, sizeof command, "rm -f '%s-wal' '%s-shm' && cp '%s.%s' '%s'", s->f.path,
                   s->f.path, s->f.path, name, s->f.path);
    run_command(command);
}

static inline void segment_path(struct scene *s, int64_t first, char out[160])
{
    (void)snprintf(out, 160, "%s/%s-%016lld.journal", s->folder, s->f.options.node_name, (long long)first);
}

static inline off_t segment_size(struct scene *s, int64_t first)
{
    struct stat st;
    char path[160];
    segment_path(s, first, path);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static inline void segment_cut(struct scene *s, int64_t first, off_t size)
{
    char path[160];
    segment_path(s, first, path);
    assert_int_equal(truncate(path, size), 0);
}

static inline void segment_flip(struct scene *s, int64_t first, off_t at)
{
    char path[160];
    uint8_t byte = 0;
    segment_path(s, first, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

static inline void assert_refused(struct scene *s, err_code code, const char *words)
{
    err_t error = db_open(&s->f.options, &s->f.db);
    if (error.code != code || strstr(error.detail, words) == NULL) {
        print_error("%s: %s\n", err_slug(error.code), error.detail);
    }
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.detail, words));
    assert_null(s->f.db);
}

static inline int64_t entries(struct scene *s)
{
    struct journal_report report = verified(s);
    return report.last - report.first + 1;
}

#define journal_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static inline err_t replay_entry(struct db_tx *tx, const struct journal_entry *entry, void *arg)
{
    (void)tx;
    *(int64_t *)arg += entry->kind == JOURNAL_EPOCH ? 1 : 100;
    return OK;
}

/* Epochs and CRL numbers go on above everything that was, and the audit log verifies. */
static inline void bring(struct scene *s, enum journal_mode mode, int64_t *replayed)
{
    s->f.options.journal.mode = mode;
    s->f.options.journal.replay = replay_entry;
    s->f.options.journal.arg = replayed;
    fixture_open(&s->f);
    fixture_close(&s->f);
    s->f.options.journal.mode = JOURNAL_REFUSE;
    fixture_open(&s->f);
}

#endif
