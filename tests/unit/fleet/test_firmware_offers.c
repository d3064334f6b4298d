/* One device and its firmware: offered once, told again, reported, fetched, taken back. */
#include "tests/unit/fleet/rollout_scene.h"

#include "fleet/journal_replay.h"

static const char PLAIN[] = "{\"name\":\"a\"}";

static void test_a_device_is_offered_what_runs_and_told_it_again(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, 2);
    release_make(scene, &release);
    struct firmware_poll poll = crowd_polls(scene, 0);
    assert_false(poll.has_action);
    assert_true(poll.wants_attributes);
    assert_int_equal(poll.poll_s, 300);
    start_rollout(scene, &release, PLAIN, &rollout);
    poll = crowd_polls(scene, 0);
    assert_true(poll.has_action);
    assert_int_equal(poll.action.id, 1);
    assert_int_equal(poll.action.state, ACTION_OFFERED);
    assert_string_equal(poll.action.version, "1.0.0");
    assert_string_equal(poll.action.name, "default");
    assert_int_equal(poll.action.artifact_count, 1);
    assert_string_equal(poll.action.artifacts[0].filename, "fw.bin");
    assert_memory_equal(poll.action.artifacts[0].digests.sha256.b, release.bytes.b, 32);
    assert_true(poll.action.is_forced && poll.action.is_in_window);
    assert_counts(scene, &rollout, COUNTS(1, 1, 0, 0, 0, 0));
    /* a storm of polls writes nothing */
    struct db_stats before, after;
    db_stats_read(scene->db, &before);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(crowd_polls(scene, 0).action.id, 1);
    }
    db_stats_read(scene->db, &after);
    assert_int_equal(after.closures, before.closures);
    /* and a restart of the server changes nothing */
    scene_stop(scene);
    scene_start(scene);
    assert_int_equal(crowd_polls(scene, 0).action.id, 1);
    assert_counts(scene, &rollout, COUNTS(1, 1, 0, 0, 0, 0));
}

static void test_the_end_counts_once(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = 4};
    struct rollout rollout;
    crowd_add(scene, 0, 4);
    release_make(scene, &release);
    start_rollout(scene, &release, PLAIN, &rollout);
    const struct firmware_report running = {
        .action = 1, .word = FIRMWARE_PROCEEDING, .has_progress = true, .done = 1, .of = 2};
    assert_err(crowd_reports(scene, 0, &running), ERR_NOT_FOUND); /* it was offered nothing yet */
    (void)crowd_polls(scene, 0);
    assert_ok(crowd_reports(scene, 0, &running));
    assert_int_equal(crowd_polls(scene, 0).action.state, ACTION_RUNNING);
    crowd_fetches(scene, 0);
    struct firmware_report done = {
        .action = 1, .word = FIRMWARE_CLOSED, .finish = FIRMWARE_SUCCESS, .has_digest = true};
    assert_err(crowd_reports(scene, 0, &done), ERR_CONFLICT); /* other bytes */
    done.digest = release.bytes;
    assert_ok(crowd_reports(scene, 0, &done));
    assert_ok(crowd_reports(scene, 0, &done)); /* its answer was lost */
    assert_err(crowd_closes(scene, 0, 1, FIRMWARE_FAILURE), ERR_GONE);
    assert_err(crowd_reports(scene, 0, &running), ERR_GONE);
    assert_err(crowd_closes(scene, 0, 2, FIRMWARE_SUCCESS), ERR_NOT_FOUND);
    assert_counts(scene, &rollout, COUNTS(1, 0, 1, 0, 0, 0));
    const struct firmware_poll poll = crowd_polls(scene, 0);
    assert_false(poll.has_action);
    assert_int_equal(poll.installed_action, 1);
    /* what it says without a download is one thing, a failure another */
    (void)crowd_polls(scene, 1);
    assert_ok(crowd_closes(scene, 1, 1, FIRMWARE_SUCCESS));
    assert_ok(crowd_closes(scene, 1, 1, FIRMWARE_SUCCESS));
    (void)crowd_polls(scene, 2);
    assert_ok(crowd_closes(scene, 2, 1, FIRMWARE_FAILURE));
    assert_counts(scene, &rollout, COUNTS(3, 0, 1, 1, 1, 0));
    assert_err(crowd_closes(scene, 3, 1, FIRMWARE_SUCCESS), ERR_NOT_FOUND); /* another device's */
    assert_ok(firmware_notes_flush(scene->fleet, 0));
    read_rollout(scene, &rollout);
    assert_int_equal(rollout.tally.downloads, 1);
    assert_int_equal(scene_number(scene, "SELECT MAX(fetched) FROM firmware_action"), 100);
    assert_audit_verifies(scene);
}

static void test_ids_are_never_used_again(void **state)
{
    struct scene *scene = *state;
    crowd_add(scene, 0, 1);
    int64_t last = 0;
    for (int i = 1; i <= 12; i++) {
        char version[16], text[32];
        struct rollout rollout;
        (void)snprintf(version, sizeof version, "1.0.%d", i);
        (void)snprintf(text, sizeof text, "{\"name\":\"r%d\"}", i);
        struct test_release release = {.version = version, .sequence = i, .counter = -1};
        release_make(scene, &release);
        start_rollout(scene, &release, text, &rollout);
        int64_t id = crowd_updates(scene, 0);
        assert_true(id > last && id % 10 != 0);
        last = id;
    }
    assert_int_equal(last, 13);
    assert_int_equal(firmware_next_id(FIRMWARE_ACTION_ID_MAX), 0);
    assert_int_equal(firmware_next_id(9), 11);
}

static void test_attributes_are_asked_for_until_they_are_told(void **state)
{
    struct scene *scene = *state;
    crowd_add(scene, 0, 1);
    const struct contact contact = crowd_contact(scene, 0);
    AUTO(json_t) *good = json_pack("{s:s,s:s}", "os", "linux", "rev", "2");
    AUTO(json_t) *more = json_pack("{s:s}", "rev", "3");
    AUTO(json_t) *bad = json_pack("{s:i}", "rev", 3);
    AUTO(json_t) *list = json_array();
    assert_err(firmware_attributes_set(scene->fleet, &contact, ATTRIBUTES_MERGE, bad), ERR_UNPROCESSABLE);
    assert_err(firmware_attributes_set(scene->fleet, &contact, ATTRIBUTES_MERGE, list), ERR_UNPROCESSABLE);
    assert_true(crowd_polls(scene, 0).wants_attributes);
    assert_ok(firmware_attributes_set(scene->fleet, &contact, ATTRIBUTES_MERGE, good));
    assert_false(crowd_polls(scene, 0).wants_attributes);
    assert_ok(firmware_attributes_set(scene->fleet, &contact, ATTRIBUTES_MERGE, more));
    assert_int_equal(
        scene_number(scene, "SELECT attributes = '{\"os\":\"linux\",\"rev\":\"3\"}' FROM device_firmware"),
        1);
    assert_ok(firmware_attributes_set(scene->fleet, &contact, ATTRIBUTES_REMOVE, more));
    assert_int_equal(scene_number(scene, "SELECT attributes = '{\"os\":\"linux\"}' FROM device_firmware"), 1);
    assert_ok(firmware_attributes_set(scene->fleet, &contact, ATTRIBUTES_REPLACE, more));
    assert_int_equal(scene_number(scene, "SELECT attributes = '{\"rev\":\"3\"}' FROM device_firmware"), 1);
    struct db_stats before, after;
    db_stats_read(scene->db, &before);
    assert_ok(firmware_attributes_set(scene->fleet, &contact, ATTRIBUTES_REPLACE, more));
    db_stats_read(scene->db, &after);
    assert_int_equal(after.closures, before.closures);
    AUTO(json_t) *huge = json_object();
    for (int i = 0; i < 20; i++) {
        char name[16], value[400];
        (void)snprintf(name, sizeof name, "n%d", i);
        memset(value, 'v', sizeof value - 1);
        value[sizeof value - 1] = '\0';
        assert_ok(json_set_text(huge, name, value));
    }
    assert_err(firmware_attributes_set(scene->fleet, &contact, ATTRIBUTES_MERGE, huge), ERR_TOO_LARGE);
}

static void test_only_what_was_offered_may_be_fetched(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    struct firmware_grant grant;
    crowd_add(scene, 0, 2);
    release_make(scene, &release);
    start_rollout(scene, &release, PLAIN, &rollout);
    struct contact contact = crowd_contact(scene, 0);
    assert_err(firmware_grant(scene->fleet, &contact, NULL, &release.bytes, &grant), ERR_NOT_FOUND);
    (void)crowd_polls(scene, 0);
    assert_ok(firmware_grant(scene->fleet, &contact, NULL, &release.bytes, &grant));
    assert_ok(firmware_grant(scene->fleet, &contact, &release.image, &release.bytes, &grant));
    assert_int_equal(grant.action, 1);
    assert_err(firmware_grant(scene->fleet, &contact, &release.id, &release.bytes, &grant), ERR_NOT_FOUND);
    const struct contact other = crowd_contact(scene, 1);
    assert_err(firmware_grant(scene->fleet, &other, NULL, &release.bytes, &grant), ERR_NOT_FOUND);
    /* corrupt bytes */
    scene_change(scene, "UPDATE firmware_blob SET state = 1");
    assert_err(firmware_grant(scene->fleet, &contact, NULL, &release.bytes, &grant), ERR_GONE);
    assert_false(crowd_polls(scene, 1).has_action);
    scene_change(scene, "UPDATE firmware_blob SET state = 0");
    /* what it installed it may have again */
    crowd_fetches(scene, 0);
    assert_ok(crowd_closes(scene, 0, 1, FIRMWARE_SUCCESS));
    assert_ok(firmware_grant(scene->fleet, &contact, NULL, &release.bytes, &grant));
    scene_change(scene, "UPDATE firmware_release SET state = 4");
    assert_err(firmware_grant(scene->fleet, &contact, NULL, &release.bytes, &grant), ERR_GONE);
    struct firmware_action action;
    assert_err(firmware_action_get(scene->fleet, &contact, 1, &action), ERR_GONE);
    /* a device that is out of the fleet has nothing */
    contact.device.state = DEVICE_QUARANTINED;
    struct firmware_poll poll;
    assert_err(firmware_poll(scene->fleet, &contact, &poll), ERR_FORBIDDEN);
    assert_err(firmware_grant(scene->fleet, &contact, NULL, &release.bytes, &grant), ERR_FORBIDDEN);
    assert_err(crowd_closes(scene, 1, 1, FIRMWARE_SUCCESS), ERR_NOT_FOUND);
    contact.device.state = DEVICE_ENROLLED;
    contact.proof = PROOF_IDENTITY;
    assert_err(firmware_poll(scene->fleet, &contact, &poll), ERR_FORBIDDEN);
}

static void test_a_cancel_ends_with_the_answer_of_the_device(void **state)
{
    struct scene *scene = *state;
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    crowd_add(scene, 0, 5);
    release_make(scene, &release);
    start_rollout(scene, &release, PLAIN, &rollout);
    for (int i = 0; i < 4; i++) {
        (void)crowd_polls(scene, i);
    }
    const struct firmware_report yes = {
        .action = 1, .word = FIRMWARE_CLOSED, .finish = FIRMWARE_SUCCESS, .is_cancel = true};
    const struct firmware_report no = {.action = 1, .word = FIRMWARE_REJECTED, .is_cancel = true};
    assert_err(crowd_reports(scene, 0, &yes), ERR_WRONG_STATE);
    assert_ok(order_rollout(scene, &rollout, ROLLOUT_ORDER_CANCEL));
    assert_int_equal(crowd_polls(scene, 0).action.state, ACTION_CANCELLING);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM firmware_action WHERE state = 4"), 1);
    struct firmware_grant grant;
    const struct contact contact = crowd_contact(scene, 0);
    assert_err(firmware_grant(scene->fleet, &contact, NULL, &release.bytes, &grant), ERR_GONE);
    assert_ok(crowd_reports(scene, 0, &yes));
    assert_ok(crowd_reports(scene, 0, &yes));
    assert_false(crowd_polls(scene, 0).has_action); /* and is not asked again */
    assert_ok(crowd_reports(scene, 1, &no));
    assert_int_equal(crowd_polls(scene, 1).action.state, ACTION_RUNNING); /* nor is this one */
    assert_ok(crowd_closes(scene, 1, 1, FIRMWARE_SUCCESS));
    assert_ok(crowd_closes(scene, 2, 1, FIRMWARE_SUCCESS)); /* it was done before it heard of it */
    assert_counts(scene, &rollout, COUNTS(4, 1, 0, 2, 0, 1));
    assert_false(crowd_polls(scene, 4).has_action);
    rollouts_later(scene, 8 * DAY_MS); /* one never answers */
    assert_counts(scene, &rollout, COUNTS(4, 0, 0, 2, 0, 2));
    assert_false(crowd_polls(scene, 3).has_action);
}

struct replayed {
    const struct journal_entry *entry;
    struct replay_tally *tally;
};

static err_t replay_in(struct db_tx *tx, void *arg)
{
    const struct replayed *run = arg;
    return journal_replay_entry(tx, run->entry, run->tally);
}

static void test_an_older_copy_does_not_tell_an_id_again(void **state)
{
    struct scene *scene = *state;
    crowd_add(scene, 0, 1);
    const struct firmware_owner owner = {crowd_id(0), scene->tenants[0].id};
    struct test_release release = {.version = "1.0.0", .sequence = 1, .counter = -1};
    struct rollout rollout;
    release_make(scene, &release);
    scene_change(scene, "UPDATE device_firmware SET last_action = 0");
    struct journal_entry entry = {
        .kind = JOURNAL_ACTION, .device = owner.device, .tenant = owner.tenant, .number = 41};
    struct replay_tally tally = {0};
    struct replayed run = {&entry, &tally};
    assert_ok(db_write(scene->db, replay_in, &run));
    entry.number = 17; /* not back */
    assert_ok(db_write(scene->db, replay_in, &run));
    start_rollout(scene, &release, PLAIN, &rollout);
    assert_int_equal(crowd_polls(scene, 0).action.id, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_a_device_is_offered_what_runs_and_told_it_again),
        scene_test(test_the_end_counts_once),
        scene_test(test_ids_are_never_used_again),
        scene_test(test_attributes_are_asked_for_until_they_are_told),
        scene_test(test_only_what_was_offered_may_be_fetched),
        scene_test(test_a_cancel_ends_with_the_answer_of_the_device),
        scene_test(test_an_older_copy_does_not_tell_an_id_again),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
