/* Many callers at once: every answer stands behind an entry in the file, once, in one chain. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/db/journal_scene.h"

enum { CALLERS = 8, EACH = 60 };

struct caller {
    struct scene *s;
    int number;
    int64_t last; /* that was acknowledged */
    int failures;
    pthread_t thread;
};

static err_t add_some(struct db_tx *tx, void *arg)
{
    int64_t number = *(const int64_t *)arg;
    TRY(add_entry(tx, arg));
    ENSURE(number % 7 != 0, ERR_WRONG_STATE, "not this one"); /* takes its entry back */
    return OK;
}

static void *call(void *arg)
{
    struct caller *c = arg;
    for (int64_t i = 1; i <= EACH; i++) {
        int64_t number = c->number * 1000 + i;
        err_code code = db_write(c->s->f.db, add_some, &number).code;
        c->failures += code != (number % 7 == 0 ? ERR_WRONG_STATE : ERR_OK) ? 1 : 0;
    }
    return NULL;
}

static void test_groups_of_many_callers(void **state)
{
    struct scene *s = *state;
    struct caller callers[CALLERS];
    int64_t wanted = 0;
    fixture_close(&s->f);
    s->f.options.journal.segment_size = 20000;
    fixture_open(&s->f);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.s = s, .number = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < 20; i++) { /* somebody looks meanwhile */
        struct journal_state compared;
        struct journal_report report;
        assert_ok(journal_compare(s->f.db, s->folder, s->f.options.node_name, &compared));
        assert_ok(compared.verdict);
        assert_ok(journal_verify(s->folder, s->f.options.node_name, &report));
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_int_equal(callers[i].failures, 0);
    }
    for (int64_t i = 0; i < CALLERS; i++) {
        for (int64_t k = 1; k <= EACH; k++) {
            wanted += (i * 1000 + k) % 7 == 0 ? 0 : 1;
        }
    }
    struct journal_report report = verified(s);
    assert_int_equal(report.kinds[JOURNAL_CRL], wanted);
    assert_true(report.segments > 1);
    assert_int_equal(read_number(&s->f, "SELECT count(*) FROM challenge_used"), wanted);
    assert_int_equal(read_number(&s->f, "SELECT seq FROM journal_head"), report.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {journal_test(test_groups_of_many_callers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
