/* The journal's lag while a sync hangs, which no test of a whole journal can stop in. */
#include "db/figures.h"

#include <string.h>

#include "tests/unit/db/db_fixture.h"

static double value(const struct journal_figures *figures, const char *name)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(journal_figures_write(figures, &text));
    const char *found = strstr(buf_str(&text), name);
    assert_non_null(found);
    return strtod(found + strlen(name), NULL);
}

static void test_a_sync_that_hangs_shows(void **state)
{
    (void)state;
    struct journal_figures figures = {.entries = 0};
    assert_true(value(&figures, "\nwhorl_journal_lag_seconds ") == 0.0);
    journal_figures_begin(&figures, 700);
    sleep_ms(3);
    assert_true(value(&figures, "\nwhorl_journal_unsynced_bytes ") == 700.0);
    double lag = value(&figures, "\nwhorl_journal_lag_seconds ");
    assert_true(lag >= 0.003);
    assert_true(value(&figures, "\nwhorl_journal_lag_seconds ") >= lag);
    journal_figures_end(&figures, 4, 1700000000999);
    assert_true(value(&figures, "\nwhorl_journal_lag_seconds ") == 0.0);
    assert_true(value(&figures, "\nwhorl_journal_unsynced_bytes ") == 0.0);
    assert_true(value(&figures, "\nwhorl_journal_entries_total ") == 4.0);
    assert_true(value(&figures, "\nwhorl_journal_written_bytes_total ") == 700.0);
    assert_true(value(&figures, "\nwhorl_journal_last_entry_timestamp_seconds ") == 1700000000.0);
    assert_true(value(&figures, "\nwhorl_journal_sync_seconds_sum ") >= lag);
    assert_true(value(&figures, "\nwhorl_journal_sync_seconds_count ") == 1.0);
}

static void test_the_largest_group_stays(void **state)
{
    (void)state;
    AUTO_VAL(buf) text = {0};
    struct commit_figures figures = {.commits = 0};
    static const int64_t groups[] = {1, 256, 3, 0};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        commit_figures_count(&figures, groups[i], 1000);
    }
    assert_ok(commit_figures_write(&figures, 5, 1000, &text));
    static const char *const lines[] = {"\nwhorl_db_commits_total 4\n",
                                        "\nwhorl_db_transactions_total 260\n",
                                        "\nwhorl_db_largest_group 256\n",
                                        "\nwhorl_db_queue 5\n",
                                        "\nwhorl_db_queue_limit 1000\n",
                                        "\nwhorl_db_group_transactions_bucket{le=\"1.0\"} 2\n",
                                        "\nwhorl_db_group_transactions_bucket{le=\"256.0\"} 4\n",
                                        "\nwhorl_db_commit_seconds_bucket{le=\"0.0005\"} 0\n",
                                        "\nwhorl_db_commit_seconds_bucket{le=\"0.001\"} 4\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_non_null(strstr(buf_str(&text), lines[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sync_that_hangs_shows),
        cmocka_unit_test(test_the_largest_group_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
