/* What a disk may keep of the journal's last write when the power goes before its sync: any of its pieces. */
#include "tests/unit/db/journal_scene.h"

static err_t add_three(struct db_tx *tx, void *arg)
{
    int64_t number = *(const int64_t *)arg;
    for (int64_t i = 0; i < 3; i++) {
        TRY(add_entry(tx, &(int64_t){number + i}));
    }
    return OK;
}

/* The power went before the last group was synced, and the disk kept its end and not its beginning; the disk
 * of the inventory died too. Nobody had been answered, so the copy is as good as one that ends before that
 * group. */
static void test_an_older_copy_and_a_last_group_in_pieces(void **state)
{
    struct scene *s = *state;
    int64_t replayed = 0, last = 4000000010;
    add(s, 1);
    fixture_close(&s->f);
    keep_copy(s, "old");
    fixture_open(&s->f);
    add(s, 4000000002);
    off_t before = segment_size(s, 1);
    assert_ok(db_write(s->f.db, add_three, &last));
    off_t entry = (segment_size(s, 1) - before) / 3;
    fixture_close(&s->f);
    for (int broken = 0; broken < 3; broken++) {
        for (off_t at = before + broken * entry; at < before + (broken + 1) * entry; at += 9) {
            struct journal_report report;
            segment_flip(s, 1, at);
            assert_ok(journal_verify(s->folder, s->f.options.node_name, &report));
            assert_true(report.torn_bytes > 0);
            segment_flip(s, 1, at);
        }
    }
    segment_flip(s, 1, before + 40);
    put_back(s, "old");
    bring(s, JOURNAL_BRING, &replayed);
    assert_int_equal(read_number(&s->f, "SELECT number FROM crl_floor WHERE authority = 'device'"),
                     4000000002);
    assert_int_equal(verified(s).torn_bytes, 0);
}

/* What a group before the last one says was acknowledged, wherever in it the break is. */
static void test_a_group_that_was_synced_is_not_in_pieces(void **state)
{
    struct scene *s = *state;
    int64_t first = 1;
    off_t before = segment_size(s, 1);
    assert_ok(db_write(s->f.db, add_three, &first));
    off_t after = segment_size(s, 1);
    add(s, 9);
    fixture_close(&s->f);
    for (off_t at = before; at < after; at += 7) {
        struct journal_report report;
        segment_flip(s, 1, at);
        assert_err(ERR_DB, journal_verify(s->folder, s->f.options.node_name, &report));
        segment_flip(s, 1, at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        journal_test(test_an_older_copy_and_a_last_group_in_pieces),
        journal_test(test_a_group_that_was_synced_is_not_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
