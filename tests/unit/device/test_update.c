/* Updates of a device: from an offer to running firmware that the server knows of, whatever is cut short on
 * the way; and what a device does not install. */
#include "tests/unit/device/update_fixture.h"

static void assert_reports(const struct update_bench *u, const char *wanted)
{
    char all[REPORTS_MAX * 24] = "";
    for (size_t i = 0; i < u->report_count; i++) {
        strcat(all, i == 0 ? "" : " ");
        strcat(all, u->reports[i]);
    }
    assert_string_equal(all, wanted);
}

static void from_offer_to_success(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.step, WHORL_UPDATE_INSTALLED);
    assert_true(news.is_restart_wanted);
    assert_int_equal(news.loaded, IMAGE_SIZE);
    assert_int_equal(u->ranges, (IMAGE_SIZE + 1023) / 1024);
    assert_int_equal(installed_sequence(u), 0); /* not before it runs */
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_true(news.is_restart_wanted); /* still */
    power_cycle(u);
    assert_true(runs(u, 0));
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.step, WHORL_UPDATE_SUCCEEDED);
    assert_int_equal(installed_sequence(u), 7);
    assert_reports(u, "downloading downloaded installed success");
    assert_non_null(strstr(u->last_report, "\"sha256\":\""));
    assert_int_equal(u->b->storage.size[WHORL_RECORD_UPDATE], 0);
    power_cycle(u);
    assert_true(runs(u, 0)); /* it was confirmed */
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.action, 0);
    assert_in_range(news.wait_s, 15, 30); /* no two devices at the same time */
}

static void it_says_what_it_runs_where_asked(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    carry_through(u);
    assert_string_equal(u->attributes, "");
    u->wants_attributes = true;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_string_equal(u->attributes, "{\"version\":\"1.2.3\",\"sequence\":\"7\"}");
}

static void several_parts(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    new_release(u, 9, 2);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.whole, IMAGE_SIZE + IMAGE_SIZE - 1000);
    power_cycle(u);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.step, WHORL_UPDATE_SUCCEEDED);
    assert_true(runs(u, 0) && runs(u, 1));
    u->paper.component[1].part = "none such";
    u->paper.sequence = 10;
    offer(u);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.verdict, WHORL_VERDICT_PART);
}

static void power_fails_at_every_change(void **state)
{
    struct update_bench *u = *state;
    unsigned cuts = 0;
    for (int n = 0; cuts == (unsigned)n; n++) {
        new_release(u, 100 + (uint64_t)n, 2);
        u->b->storage.changes_left = n;
        struct whorl_update_news news;
        enum whorl_result result = visit_once(u, &news);
        if (result ==
            WHORL_OK) { /* the first half is through: the rest of the changes come after the restart */
            int left = u->b->storage.changes_left;
            power_cycle(u);
            u->b->storage.changes_left = left;
            result = visit_once(u, &news);
        }
        cuts += result != WHORL_OK ? 1 : 0;
        power_cycle(u);
        carry_through(u);
        if (installed_sequence(u) != 100 + (uint64_t)n || !runs(u, 0) || !runs(u, 1) ||
            strcmp(u->reports[u->report_count - 1], "success") != 0) {
            fail_msg("cut at change %d: %s", n, u->last_report);
        }
    }
    assert_in_range(cuts, 30, 60);
}

static void every_answer_is_lost_once(void **state)
{
    struct update_bench *u = *state;
    for (unsigned n = 1; n < 20; n++) {
        new_release(u, 100 + n, 1);
        u->b->server.lost_answer = u->b->server.answers + n;
        carry_through(u);
        u->b->server.lost_answer = 0;
        if (installed_sequence(u) != 100 + n || !runs(u, 0)) {
            fail_msg("answer %u: %s", n, u->last_report);
        }
    }
}

/* What was fetched before the power failed is not fetched again. */
static void a_download_goes_on(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    u->b->storage.changes_left = 1 + 1 + 3 * 3 + 1; /* record, erase, three steps, and into the fourth */
    assert_int_equal(visit_once(u, &news), WHORL_ERROR_STORAGE);
    power_cycle(u);
    unsigned before = u->ranges;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_in_range(u->ranges - before, 1, 3);
    assert_int_equal(u->manifests, 1);
    power_cycle(u);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_true(runs(u, 0));
}

static void a_failed_boot_goes_back(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    carry_through(u);
    uint8_t former[IMAGE_SIZE];
    memcpy(former, u->image[0], sizeof former);
    new_release(u, 8, 1);
    u->boots = false;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    power_cycle(u);
    assert_int_equal(visit_once(u, &news), WHORL_OK); /* it may have been the power: once more */
    assert_int_equal(news.step, WHORL_UPDATE_INSTALLED);
    assert_true(news.is_restart_wanted);
    power_cycle(u);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.step, WHORL_UPDATE_FAILED);
    assert_int_equal(news.fault, WHORL_FAULT_BOOT);
    assert_memory_equal(sim_flash_borrow_active(&u->flash, 0), former, sizeof former);
    assert_int_equal(installed_sequence(u), 7);
    assert_reports(u, "downloading downloaded installed installed failure");
    u->boots = true;
    u->paper.sequence = 8; /* the same release again: it never ran, so it may */
    offer(u);
    carry_through(u);
    assert_int_equal(installed_sequence(u), 8);
}

/* New firmware that comes up and never reaches its server is given up at the next restart. */
static void unconfirmed_goes_back(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    power_cycle(u);
    assert_true(runs(u, 0));
    u->b->server.busy = 503;
    assert_int_equal(visit_once(u, &news), WHORL_ERROR_REFUSED);
    power_cycle(u);
    assert_false(runs(u, 0));
    u->b->server.busy = 0;
    assert_int_equal(visit_once(u, &news), WHORL_OK); /* a second try */
    power_cycle(u);
    assert_true(runs(u, 0));
    power_cycle(u);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.fault, WHORL_FAULT_BOOT);
}

static void assert_rejected(struct update_bench *u, enum whorl_verdict wanted)
{
    struct whorl_update_news news;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.verdict, wanted);
    assert_reports(u, "rejected");
    assert_non_null(strstr(u->last_report, whorl_verdict_words(wanted)));
    assert_int_equal(u->ranges, 0); /* not one byte was fetched */
    assert_int_equal(u->b->storage.size[WHORL_RECORD_UPDATE], 0);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.action, 0);
}

static void what_is_refused(void **state)
{
    struct update_bench *u = *state;
    u->paper.component[0].has_counter = true;
    u->paper.component[0].counter = 5;
    offer(u);
    carry_through(u);
    offer(u); /* the same sequence again */
    assert_rejected(u, WHORL_VERDICT_SEQUENCE);
    new_release(u, 6, 1);
    assert_rejected(u, WHORL_VERDICT_SEQUENCE);
    new_release(u, 8, 1);
    u->paper.component[0].has_counter = true;
    u->paper.component[0].counter = 4;
    offer(u);
    assert_rejected(u, WHORL_VERDICT_COUNTER);
    new_release(u, 8, 1);
    u->paper.component[0].class_id[3] ^= 1;
    offer(u);
    assert_rejected(u, WHORL_VERDICT_CLASS);
    new_release(u, 8, 1);
    u->paper.component[0].vendor[3] ^= 1;
    offer(u);
    assert_rejected(u, WHORL_VERDICT_VENDOR);
    new_release(u, 8, 1);
    u->paper.key = NEXT_KEY;
    offer(u);
    assert_rejected(u, WHORL_VERDICT_KEY);
    new_release(u, 8, 1);
    u->paper.bytes[u->paper.size - 30] ^= 4;
    assert_rejected(u, WHORL_VERDICT_DIGEST);
    new_release(u, 8, 1);
    u->paper.component[0].size = SLOT_BYTES + 1;
    u->paper.component[0].has_counter = true;
    u->paper.component[0].counter = 5;
    (void)write_envelope(&u->paper);
    assert_rejected(u, WHORL_VERDICT_SIZE);
}

static void other_bytes_than_signed(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    u->image[0][4321] ^= 1;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.fault, WHORL_FAULT_DIGEST);
    assert_reports(u, "downloading failure");
    new_release(u, 8, 1);
    u->longer = 10;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.fault, WHORL_FAULT_SIZE);
    assert_int_equal(news.wait_s, 1); /* the connection is gone: told at the next call */
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_reports(u, "downloading failure");
    u->longer = 0;
    new_release(u, 8, 1);
    u->is_out_of_window = true;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_true(news.is_window_awaited);
    u->memory[SLOT_BYTES + 17] ^= 1; /* somebody at the flash, between verification and installation */
    u->is_out_of_window = false;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.fault, WHORL_FAULT_DIGEST);
    assert_int_equal(u->flash.port.boot(&u->flash), WHORL_BOOT_SETTLED);
}

static void the_server_changes_its_mind(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    u->is_out_of_window = true;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.step, WHORL_UPDATE_LOADED);
    u->is_cancelling = true;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_true(news.is_cancelled);
    assert_reports(u, "downloading downloaded cancelled");
    assert_int_equal(u->b->storage.size[WHORL_RECORD_UPDATE], 0);
    u->is_cancelling = false;
    offer(u);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    u->has_action = false; /* withdrawn without a word */
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(u->b->storage.size[WHORL_RECORD_UPDATE], 0);
    offer(u);
    u->is_gone = true; /* closed: 410 */
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(u->ranges, 0);
}

/* A second release while the first one waits for its window. */
static void another_action_takes_its_place(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    u->is_out_of_window = true;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    new_release(u, 8, 1);
    u->is_out_of_window = false;
    carry_through(u);
    assert_int_equal(installed_sequence(u), 8);
    assert_true(runs(u, 0));
}

static void without_flash_nothing_is_asked(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    unsigned before = u->b->server.answers;
    u->b->ports.flash = NULL;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(u->b->server.answers, before);
}

static void records_come_back_whole(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    struct whorl_update update, again;
    const struct sim_storage *storage = &u->b->storage;
    new_release(u, 9, 2);
    u->is_out_of_window = true;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(whorl_update_load(&storage->port, &update), WHORL_OK);
    assert_int_equal(update.step, WHORL_UPDATE_LOADED);
    assert_int_equal(update.load_count, 2);
    assert_int_equal(update.target.part[1].size, IMAGE_SIZE - 1000);
    assert_int_equal(whorl_update_save(&storage->port, &update), WHORL_OK);
    assert_int_equal(whorl_update_load(&storage->port, &again), WHORL_OK);
    assert_memory_equal(&update, &again, sizeof update);
    for (size_t size = u->b->storage.size[WHORL_RECORD_UPDATE]; --size > 0;) {
        u->b->storage.size[WHORL_RECORD_UPDATE] = size;
        assert_int_equal(whorl_update_load(&storage->port, &again), WHORL_OK);
        assert_int_equal(again.step, WHORL_UPDATE_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPDATE(from_offer_to_success),
        UPDATE(it_says_what_it_runs_where_asked),
        UPDATE(several_parts),
        UPDATE(power_fails_at_every_change),
        UPDATE(every_answer_is_lost_once),
        UPDATE(a_download_goes_on),
        UPDATE(a_failed_boot_goes_back),
        UPDATE(unconfirmed_goes_back),
        UPDATE(what_is_refused),
        UPDATE(other_bytes_than_signed),
        UPDATE(the_server_changes_its_mind),
        UPDATE(another_action_takes_its_place),
        UPDATE(without_flash_nothing_is_asked),
        UPDATE(records_come_back_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
