/* Inventory and journal together: what is committed is in the file, what is ahead is caught up, what is an
 * older copy is refused, replayed or accepted. */
#include "tests/unit/db/journal_scene.h"

static err_t add_and_fail(struct db_tx *tx, void *arg)
{
    TRY(add_entry(tx, arg));
    return ERR(ERR_WRONG_STATE, "no");
}

static err_t add_nothing(struct db_tx *tx, void *arg)
{
    (void)tx;
    (void)arg;
    return OK;
}

static void test_committed_entries_are_in_the_file(void **state)
{
    struct scene *s = *state;
    int64_t refused = 99;
    assert_int_equal(entries(s), 1); /* the epoch */
    add(s, 1);
    add(s, 2);
    assert_err(ERR_WRONG_STATE, db_write(s->f.db, add_and_fail, &refused));
    assert_err(ERR_CONFLICT, db_write(s->f.db, add_entry, &(int64_t){1})); /* its row is there already */
    add(s, 3);
    struct journal_report report = verified(s);
    assert_int_equal(report.first, 1);
    assert_int_equal(report.last, 4);
    assert_int_equal(report.kinds[JOURNAL_EPOCH], 1);
    assert_int_equal(report.kinds[JOURNAL_CRL], 3);
    assert_int_equal(report.torn_bytes, 0);
    assert_int_equal(read_number(&s->f, "SELECT seq FROM journal_head"), 4);
    fixture_close(&s->f);
    fixture_open(&s->f);
    add(s, 4);
    assert_int_equal(entries(s), 6);
}

/* The number behind the name in what the engine prints. */
static int64_t figure(struct scene *s, const char *name)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(db_write_metrics(s->f.db, &text));
    const char *found = strstr(buf_str(&text), name);
    assert_non_null(found);
    return strtoll(found + strlen(name), NULL, 10);
}

static void test_figures_of_the_journal(void **state)
{
    struct scene *s = *state;
    int64_t entries = figure(s, "\nwhorl_journal_entries_total ");
    int64_t written = figure(s, "\nwhorl_journal_written_bytes_total ");
    int64_t syncs = figure(s, "\nwhorl_journal_sync_seconds_count ");
    off_t before = segment_size(s, 1);
    assert_int_equal(entries, 1); /* the epoch */
    add(s, 1);
    s->f.clock.at_ms += 5000;
    add(s, 2);
    assert_int_equal(figure(s, "\nwhorl_journal_entries_total "), entries + 2);
    assert_int_equal(figure(s, "\nwhorl_journal_written_bytes_total ") - written,
                     segment_size(s, 1) - before);
    assert_int_equal(figure(s, "\nwhorl_journal_sync_seconds_count "), syncs + 2);
    assert_int_equal(figure(s, "\nwhorl_journal_last_entry_timestamp_seconds "), s->f.clock.at_ms / 1000);
    assert_int_equal(figure(s, "\nwhorl_journal_unsynced_bytes "), 0); /* whoever has an answer is durable */
    int64_t none = 1;
    assert_ok(db_write(s->f.db, add_nothing, &none));
    assert_int_equal(figure(s, "\nwhorl_journal_sync_seconds_count "), syncs + 2); /* no entry, no sync */
}

static void test_long_journals_have_many_files(void **state)
{
    struct scene *s = *state;
    fixture_close(&s->f);
    s->f.options.journal.segment_size = 600;
    fixture_open(&s->f);
    for (int64_t i = 1; i <= 40; i++) {
        add(s, i);
    }
    struct journal_report report = verified(s);
    assert_int_equal(report.last, 42);
    assert_true(report.segments > 5);
    fixture_close(&s->f);
    fixture_open(&s->f); /* reads the last one only, and goes on in it */
    add(s, 41);
    assert_int_equal(entries(s), 44);
}

static void test_what_the_file_lacks_is_caught_up(void **state)
{
    struct scene *s = *state;
    add(s, 1);
    off_t before = segment_size(s, 1);
    add(s, 2);
    off_t after = segment_size(s, 1);
    fixture_close(&s->f);
    for (off_t size = before; size < after; size++) { /* torn anywhere within the last group */
        segment_cut(s, 1, size);
        s->f.options.is_read_only = true;
        fixture_open(&s->f);
        struct journal_state compared;
        assert_ok(journal_compare(s->f.db, s->folder, s->f.options.node_name, &compared));
        assert_ok(compared.verdict);
        fixture_close(&s->f);
        s->f.options.is_read_only = false;
        if (size + 1 == after || size == before) {
            keep_copy(s, "x");
            fixture_open(&s->f);
            assert_int_equal(entries(s), 4); /* the epoch of this opening too */
            fixture_close(&s->f);
            put_back(s, "x");
        }
    }
    segment_cut(s, 1, before);
    fixture_open(&s->f);
    add(s, 3);
    assert_int_equal(entries(s), 5);
}

static void test_pages_that_were_lost_within_the_last_group(void **state)
{
    struct scene *s = *state;
    add(s, 1);
    off_t before = segment_size(s, 1);
    add(s, 2);
    fixture_close(&s->f);
    segment_flip(s, 1, before + 40); /* whole, but not what was written: nobody was told */
    fixture_open(&s->f);
    assert_int_equal(entries(s), 4);
}

static void test_acknowledged_entries_that_are_missing(void **state)
{
    struct scene *s = *state;
    add(s, 1);
    off_t first = segment_size(s, 1);
    add(s, 2);
    add(s, 3);
    off_t whole = segment_size(s, 1);
    fixture_close(&s->f);
    char words[64];
    keep_copy(s, "x");
    segment_cut(s, 1, first + 5);
    (void)snprintf(words, sizeof words, "cut off at byte %lld", (long long)first);
    assert_refused(s, ERR_DB, words);
    segment_cut(s, 1, first);
    (void)snprintf(words, sizeof words, "ends at byte %lld", (long long)first);
    assert_refused(s, ERR_DB, words);
    assert_true(whole > first);
    s->f.options.journal.mode = JOURNAL_ACCEPT;
    fixture_open(&s->f);
    assert_int_equal(entries(s), 2); /* of the new files: the epoch, and that it was accepted */
    add(s, 4);
    fixture_close(&s->f);
    s->f.options.journal.mode = JOURNAL_REFUSE;
    fixture_open(&s->f);
    assert_int_equal(entries(s), 4);
}

/* Every byte of what was acknowledged. */
static void test_a_changed_byte_is_told_with_its_place(void **state)
{
    struct scene *s = *state;
    for (int64_t i = 1; i <= 3; i++) {
        add(s, i);
    }
    off_t pending = segment_size(s, 1);
    add(s, 4);
    fixture_close(&s->f);
    struct journal_report report;
    for (off_t at = 0; at < pending; at += 7) {
        segment_flip(s, 1, at);
        assert_refused(s, ERR_DB, "byte");
        assert_err(ERR_DB, journal_verify(s->folder, s->f.options.node_name, &report));
        segment_flip(s, 1, at);
    }
    fixture_open(&s->f);
}

static void test_an_older_copy_is_refused(void **state)
{
    struct scene *s = *state;
    struct journal_state compared;
    add(s, 1);
    fixture_close(&s->f);
    keep_copy(s, "old");
    fixture_open(&s->f);
    add(s, 2);
    add(s, 3);
    fixture_close(&s->f);
    put_back(s, "old");
    assert_refused(s, ERR_WRONG_STATE, "3 entries more (1 epoch, 2 crl)");
    s->f.options.is_read_only = true;
    fixture_open(&s->f);
    assert_ok(journal_compare(s->f.db, s->folder, s->f.options.node_name, &compared));
    assert_int_equal(compared.verdict.code, ERR_WRONG_STATE);
    assert_int_equal(compared.missing.kinds[JOURNAL_CRL], 2);
}

static void make_older_copy(struct scene *s)
{
    add(s, 1);
    fixture_close(&s->f);
    keep_copy(s, "old");
    for (int i = 0; i < 3; i++) {
        fixture_open(&s->f);
        add(s, 4000000000 + i);
        fixture_close(&s->f);
    }
    put_back(s, "old");
}

static void test_an_older_copy_is_brought_up_to_date(void **state)
{
    struct scene *s = *state;
    int64_t replayed = 0;
    make_older_copy(s);
    bring(s, JOURNAL_BRING, &replayed);
    assert_int_equal(replayed, 3); /* the lists are the engine's own */
    assert_int_equal(read_number(&s->f, "SELECT number FROM crl_floor WHERE authority = 'device'"),
                     4000000002);
    /* a newer list than ours was shown: ours is to be signed again */
    assert_int_equal(read_number(&s->f, "SELECT is_stale FROM crl WHERE authority = 'device'"), 1);
    assert_int_equal(read_number(&s->f, "SELECT epoch FROM node"), 6);
    struct audit_report report;
    assert_ok(audit_verify(s->f.db, &report));
    assert_string_equal(report.first_bad, "");
    assert_int_equal(verified(s).kinds[JOURNAL_REPLAY], 1);
    assert_int_equal(verified(s).kinds[JOURNAL_ROLLBACK], 0);
    add(s, 2);
}

static void test_an_older_copy_is_accepted(void **state)
{
    struct scene *s = *state;
    int64_t replayed = 0;
    make_older_copy(s);
    bring(s, JOURNAL_ACCEPT, &replayed);
    assert_int_equal(replayed, 0);
    assert_int_equal(read_number(&s->f, "SELECT epoch FROM node"), 6);
    assert_int_equal(verified(s).kinds[JOURNAL_ROLLBACK], 1);
    assert_int_equal(entries(s), 11);
}

/* An epoch that is missing is not explained by just any record. */
static void test_a_gap_in_the_epochs_that_nobody_explained(void **state)
{
    struct scene *s = *state;
    int64_t replayed = 0;
    make_older_copy(s);
    bring(s, JOURNAL_BRING, &replayed);
    assert_ok(write_sql(&s->f, "DELETE FROM audit WHERE epoch = 1"));
    struct audit_report report;
    assert_ok(audit_verify(s->f.db, &report));
    assert_string_not_equal(report.first_bad, "");
}

static void test_journals_of_others(void **state)
{
    struct scene *s = *state;
    char command[400];
    add(s, 1);
    fixture_close(&s->f);
    keep_copy(s, "fork");
    fixture_open(&s->f);
    add(s, 2);
    add(s, 4);
    fixture_close(&s->f);
    (void)snprintf(command, sizeof command, "cp -r '%s' '%s.kept'", s->folder, s->folder);
    run_command(command);
    /* the copy goes on by itself, with the same numbers */
    put_back(s, "fork");
    (void)snprintf(command, sizeof command, "rm -rf '%s'", s->folder);
    run_command(command);
    assert_refused(s, ERR_DB, "has no journal of node-1");
    s->f.options.journal.mode = JOURNAL_ACCEPT;
    fixture_open(&s->f);
    add(s, 3);
    fixture_close(&s->f);
    s->f.options.journal.mode = JOURNAL_REFUSE;
    (void)snprintf(command, sizeof command, "rm -rf '%s' && mv '%s.kept' '%s'", s->folder, s->folder,
                   s->folder);
    run_command(command);
    assert_refused(s, ERR_DB, "is not that of the inventory");
    /* another installation */
    (void)snprintf(command, sizeof command, "rm '%s'", s->f.path);
    run_command(command);
    s->f.options.journal.folder = NULL;
    fixture_open(&s->f);
    assert_ok(write_sql(&s->f,
                        "INSERT INTO authority (id, role, state, certificate, created_at, updated_at, ver)"
                        " VALUES ('root', 'root', 0, x'01', 1, 1, 1)"));
    fixture_close(&s->f);
    s->f.options.journal.folder = s->folder;
    assert_refused(s, ERR_DB, "another installation");
}

static void test_a_file_in_the_middle_is_missing(void **state)
{
    struct scene *s = *state;
    fixture_close(&s->f);
    s->f.options.journal.segment_size = 600;
    fixture_open(&s->f);
    for (int64_t i = 1; i <= 20; i++) {
        add(s, i);
    }
    AUTO_VAL(journal_list) list = {.segments = NULL};
    assert_ok(journal_list_read(s->folder, s->f.options.node_name, &list));
    assert_true(list.count > 3);
    char path[160];
    segment_path(s, list.segments[1].first, path);
    assert_int_equal(unlink(path), 0);
    struct journal_report report;
    err_t error = journal_verify(s->folder, s->f.options.node_name, &report);
    assert_int_equal(error.code, ERR_DB);
    assert_non_null(strstr(error.detail, "is missing"));
    /* the oldest ones may go: what begins later is whole too */
    segment_path(s, 1, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(verified(s).first, list.segments[2].first);
}

static void test_one_process_appends(void **state)
{
    struct scene *s = *state;
    struct db *second = NULL;
    struct db_options options = s->f.options;
    char other[160];
    (void)snprintf(other, sizeof other, "%s/other.db", s->f.folder);
    options.path = other;
    err_t error = db_open(&options, &second);
    assert_int_equal(error.code, ERR_CONFLICT);
    assert_non_null(strstr(error.detail, "another process writes the journal"));
}

static void test_an_inventory_from_before_the_journal(void **state)
{
    struct scene *s = *state;
    int64_t replayed = 0;
    fixture_close(&s->f);
    char command[200];
    (void)snprintf(command, sizeof command, "rm -rf '%s' '%s'", s->f.path, s->folder);
    run_command(command);
    s->f.options.journal.folder = NULL;
    fixture_open(&s->f);
    add(s, 1); /* nothing is journaled */
    fixture_close(&s->f);
    keep_copy(s, "old");
    s->f.options.journal.folder = s->folder;
    fixture_open(&s->f);
    add(s, 2);
    assert_int_equal(entries(s), 2);
    fixture_close(&s->f);
    put_back(s, "old");
    assert_refused(s, ERR_WRONG_STATE, "2 entries more");
    bring(s, JOURNAL_BRING, &replayed);
    assert_int_equal(replayed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        journal_test(test_committed_entries_are_in_the_file),
        journal_test(test_figures_of_the_journal),
        journal_test(test_long_journals_have_many_files),
        journal_test(test_what_the_file_lacks_is_caught_up),
        journal_test(test_pages_that_were_lost_within_the_last_group),
        journal_test(test_acknowledged_entries_that_are_missing),
        journal_test(test_a_changed_byte_is_told_with_its_place),
        journal_test(test_an_older_copy_is_refused),
        journal_test(test_an_older_copy_is_brought_up_to_date),
        journal_test(test_an_older_copy_is_accepted),
        journal_test(test_a_gap_in_the_epochs_that_nobody_explained),
        journal_test(test_journals_of_others),
        journal_test(test_a_file_in_the_middle_is_missing),
        journal_test(test_one_process_appends),
        journal_test(test_an_inventory_from_before_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
