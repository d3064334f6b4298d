/* Many threads at once, for the thread sanitizer: writers, readers, a checkpoint and the figures, while every
 * acknowledged row must be seen by the next read of its own thread. */
#include "tests/unit/db/db_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WRITERS = 8, WRITES = 40, READERS = 4 };

struct part {
    struct fixture *f;
    int64_t first;
    atomic_bool *is_over;
    int failures;
};

static err_t see_nonce(struct db_tx *tx, void *arg)
{
    int64_t number = *(const int64_t *)arg;
    struct number_query found = {.number = 0};
    TRY(db_run(tx, "SELECT 1 FROM challenge_used WHERE nonce = $1", DB_VALUES(DB_B(&number, sizeof number)),
               take_number, &found));
    ENSURE(found.number == 1, ERR_NOT_FOUND, "an acknowledged row is not there");
    return OK;
}

static void *write_part(void *arg)
{
    struct part *part = arg;
    for (int64_t number = part->first; number < part->first + WRITES; number++) {
        int64_t mine = number;
        err_code code = db_write(part->f->db, add_nonce, &mine).code;
        /* every fifth is a repeat, which must be a conflict and undo its audit record too */
        if (number % 5 == 0 && code == ERR_OK) {
            part->failures += db_write(part->f->db, add_nonce, &mine).code == ERR_CONFLICT ? 0 : 1;
        }
        part->failures += code == ERR_OK ? 0 : 1;
        part->failures += db_read(part->f->db, see_nonce, &mine).code == ERR_OK ? 0 : 1;
    }
    return NULL;
}

static err_t count_twice(struct db_tx *tx, void *arg)
{
    struct number_query first = {.sql = "SELECT count(*) FROM challenge_used"};
    struct number_query second = {.sql = "SELECT count(*) FROM audit WHERE kind = 'nonce.used'"};
    TRY(query_number(tx, &first));
    TRY(query_number(tx, &second));
    *(int *)arg += first.number == second.number ? 0 : 1; /* one snapshot */
    return OK;
}

static void *read_part(void *arg)
{
    struct part *part = arg;
    while (!atomic_load(part->is_over)) {
        part->failures += db_read(part->f->db, count_twice, &part->failures).code == ERR_OK ? 0 : 1;
    }
    return NULL;
}

static void *tend_part(void *arg)
{
    struct part *part = arg;
    struct db_stats stats;
    struct audit_report report;
    while (!atomic_load(part->is_over)) {
        db_stats_read(part->f->db, &stats);
        part->failures += db_checkpoint(part->f->db).code == ERR_OK ? 0 : 1;
        part->failures +=
            audit_verify(part->f->db, &report).code == ERR_OK && report.first_bad[0] == '\0' ? 0 : 1;
    }
    return NULL;
}

static void test_all_at_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_make(&f);
    f.options.read_connections = 3; /* fewer than threads that read */
    fixture_open(&f);
    atomic_bool is_over = false;
    struct part parts[WRITERS + READERS + 1];
    pthread_t threads[WRITERS + READERS + 1];
    enum { ALL = sizeof parts / sizeof parts[0] };
    for (int i = 0; i < ALL; i++) {
        parts[i] = (struct part){.f = &f, .first = (int64_t)i * 1000 + 1, .is_over = &is_over};
        void *(*body)(void *) = i < WRITERS ? write_part : i < WRITERS + READERS ? read_part : tend_part;
        assert_int_equal(pthread_create(&threads[i], NULL, body, &parts[i]), 0);
    }
    for (int i = 0; i < ALL; i++) {
        if (i == WRITERS) {
            atomic_store(&is_over, true);
        }
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(parts[i].failures, 0);
    }
    assert_int_equal(read_number(&f, "SELECT count(*) FROM challenge_used"), WRITERS * WRITES);
    assert_audit_ok(&f, 1 + WRITERS * WRITES);
    fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
