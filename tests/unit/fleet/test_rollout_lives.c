/* Random lives: devices that poll, fetch, report in any order, lose power, answer late; operators that start,
 * pause, widen, cancel and withdraw; time that passes; the server that is cut off in between. The kept counts
 * are always those that a count gives, a device has one open action at most, and no id comes twice. */
#include "tests/unit/fleet/rollout_scene.h"

enum { DEVICES = 12, STEPS = 220, ROLLOUTS = 4, HOUR_MS = 3600 * 1000 };

struct life {
    struct scene *scene;
    uint64_t random;
    struct rollout rollouts[ROLLOUTS];
    struct test_release releases[ROLLOUTS];
    size_t count;
    int64_t told[DEVICES]; /* the highest id of each */
};

static uint64_t draw(struct life *life, uint64_t below)
{
    life->random = life->random * 6364136223846793005U + 1442695040888963407U;
    return (life->random >> 33) % below;
}

/* --- what must always hold ------------------------------------------------------------------------------ */

struct sums {
    struct rollout_tally_row counted;
    struct rollout_row row;
};

static err_t count_action(const struct firmware_action_row *row, void *arg)
{
    struct sums *sums = arg;
    sums->counted.wave = sums->row.wave;
    rollout_tally_add(&sums->counted, (enum firmware_action_state)row->state, row->wave, 1);
    sums->counted.downloads += row->fetched > 0 ? 1 : 0;
    return OK;
}

static void check_counts(struct life *life, struct rollout *rollout)
{
    static const uint8_t first[1] = {0};
    const struct row_window window = {.after = {first, sizeof first}, .limit = 1000};
    read_rollout(life->scene, rollout);
    struct sums sums = {.row = rollout->row};
    const struct rollout_device_range range = {life->scene->tenants[0].id, rollout->row.id, NULL, &window};
    assert_ok(rollout_devices(life->scene->fleet, &range, count_action, &sums));
    const struct rollout_tally_row *kept = &rollout->tally, *counted = &sums.counted;
    assert_int_equal(kept->offered, counted->offered);
    assert_int_equal(kept->waiting, counted->waiting);
    assert_int_equal(kept->succeeded, counted->succeeded);
    assert_int_equal(kept->unverified, counted->unverified);
    assert_int_equal(kept->failed, counted->failed);
    assert_int_equal(kept->cancelled, counted->cancelled);
    assert_int_equal(kept->downloads, counted->downloads);
    assert_int_equal(kept->wave_offered, counted->wave_offered);
    assert_int_equal(kept->wave_succeeded, counted->wave_succeeded);
    assert_int_equal(kept->wave_failed, counted->wave_failed);
    assert_int_equal(kept->offered,
                     kept->waiting + kept->succeeded + kept->unverified + kept->failed + kept->cancelled);
}

static const char two_open[] = "SELECT COUNT(*) FROM (SELECT device FROM firmware_action WHERE state <= 4 "
                               "GROUP BY device HAVING COUNT(*) > 1)";
static const char lost_open[] =
    "SELECT COUNT(*) FROM device_firmware AS f WHERE (f.open_action IS NOT NULL) <> EXISTS (SELECT 1 FROM "
    "firmware_action AS a WHERE a.device = f.device AND a.id = f.open_action AND a.state <= 4)";
static const char lost_ids[] =
    "SELECT COUNT(*) FROM device_firmware AS f WHERE f.last_action <> COALESCE((SELECT MAX(id) FROM "
    "firmware_action AS a WHERE a.device = f.device), 0)";
static const char gone_back[] = "SELECT COUNT(*) FROM device_firmware AS f JOIN firmware_release AS r ON "
                                "r.id = f.installed_release WHERE "
                                "r.sequence <> f.sequence";

static void check(struct life *life)
{
    for (size_t i = 0; i < life->count; i++) {
        check_counts(life, &life->rollouts[i]);
    }
    assert_int_equal(scene_number(life->scene, two_open), 0);
    assert_int_equal(scene_number(life->scene, lost_open), 0);
    assert_int_equal(scene_number(life->scene, lost_ids), 0);
    assert_int_equal(scene_number(life->scene, gone_back), 0);
}

/* --- devices -------------------------------------------------------------------------------------------- */

static void poll_one(struct life *life, int number)
{
    struct firmware_poll poll;
    const struct contact contact = crowd_contact(life->scene, number);
    err_t error = firmware_poll(life->scene->fleet, &contact, &poll);
    if (contact.device.state != DEVICE_ENROLLED) {
        assert_err(error, ERR_FORBIDDEN);
        return;
    }
    assert_ok(error);
    if (poll.has_action) {
        assert_true(poll.action.id >= life->told[number] && poll.action.id % 10 != 0);
        life->told[number] = poll.action.id;
    }
}

static void report_one(struct life *life, int number)
{
    static const int codes[] = {ERR_OK, ERR_NOT_FOUND, ERR_GONE, ERR_WRONG_STATE, ERR_FORBIDDEN};
    const int64_t id = life->told[number] - (int64_t)draw(life, 2);
    const struct firmware_report report = {.action = id,
                                           .word = (enum firmware_word)draw(life, 8),
                                           .finish = (enum firmware_finish)draw(life, 3),
                                           .is_cancel = draw(life, 3) == 0,
                                           .has_progress = draw(life, 2) == 0,
                                           .done = 1,
                                           .of = 2,
                                           .text = "x"};
    err_t error = crowd_reports(life->scene, number, &report);
    bool is_known = false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        is_known = is_known || (int)error.code == codes[i];
    }
    assert_true(is_known);
    if (error.code == ERR_OK) { /* its answer was lost: the same again is taken, or it is ended since */
        err_t again = crowd_reports(life->scene, number, &report);
        assert_true(again.code == ERR_OK || again.code == ERR_GONE || again.code == ERR_WRONG_STATE);
    }
}

static void fetch_one(struct life *life, int number)
{
    struct firmware_grant grant;
    const struct contact contact = crowd_contact(life->scene, number);
    const struct test_release *release = &life->releases[draw(life, ROLLOUTS)];
    if (life->count > 0 &&
        firmware_grant(life->scene->fleet, &contact, NULL, &release->bytes, &grant).code == ERR_OK) {
        firmware_fetched(life->scene->fleet, &contact, &grant, 10);
    }
}

/* --- operators, time, power ----------------------------------------------------------------------------- */

static void order_something(struct life *life)
{
    static const char *const courses[] = {
        "\"waves\":[{\"count\":3},{\"percent\":50},{\"percent\":100}]",
        "\"silent_after_s\":7200,\"stop_on_failure\":{\"percent\":60,\"min_devices\":3}",
        ("\"waves\":[{\"percent\":30},{\"percent\":100}],\"advance\":{\"soak_s\":3600,"
         "\"success_percent\":50}")};
    if (life->count < ROLLOUTS && draw(life, 3) == 0) {
        char name[16], text[256], version[16];
        struct test_release *release = &life->releases[life->count];
        (void)snprintf(name, sizeof name, "r%zu", life->count);
        (void)snprintf(version, sizeof version, "1.%zu.0", life->count);
        (void)snprintf(text, sizeof text, "{\"name\":\"%s\",%s}", name, courses[draw(life, 3)]);
        *release =
            (struct test_release){.version = version, .sequence = (int64_t)life->count + 1, .counter = -1};
        release_make(life->scene, release);
        start_rollout(life->scene, release, text, &life->rollouts[life->count]);
        life->count++;
    } else if (life->count > 0) {
        enum rollout_order order = (enum rollout_order)draw(life, ROLLOUT_ORDERS);
        bool is_rare = order == ROLLOUT_ORDER_CANCEL && draw(life, 4) != 0;
        (void)order_rollout(life->scene, &life->rollouts[draw(life, life->count)],
                            is_rare ? ROLLOUT_ORDER_RESUME : order);
    }
}

static void step(struct life *life)
{
    int number = (int)draw(life, DEVICES);
    switch (draw(life, 12)) {
    case 0:
        order_something(life);
        break;
    case 1:
        rollouts_later(life->scene, (int64_t)draw(life, 3) * HOUR_MS);
        break;
    case 2: /* somebody takes a device out, or lets it in again */
        scene_change(life->scene, draw(life, 3) == 0
                                      ? "UPDATE device SET state = 2 WHERE id = (SELECT MAX(id) FROM device)"
                                      : "UPDATE device SET state = 1");
        break;
    case 3:
        assert_ok(firmware_notes_flush(life->scene->fleet, 0));
        break;
    case 4:
        if (draw(life, 6) == 0) { /* the server is cut off: what memory holds is gone */
            scene_stop(life->scene);
            scene_start(life->scene);
        }
        break;
    case 5:
    case 6:
        fetch_one(life, number);
        break;
    case 7:
    case 8:
        report_one(life, number);
        break;
    default:
        poll_one(life, number);
        break;
    }
}

static void live(struct scene *scene, uint64_t seed)
{
    struct life *life = calloc(1, sizeof *life);
    assert_non_null(life);
    *life = (struct life){.scene = scene, .random = seed};
    crowd_add(scene, 0, DEVICES);
    for (int i = 0; i < STEPS; i++) {
        step(life);
        if (i % 10 == 0) {
            check(life);
        }
    }
    check(life);
    assert_true(life->count > 1);
    assert_audit_verifies(scene);
    free(life);
}

static void test_counts_are_those_of_the_rows(void **state)
{
    live(*state, 7919);
}

static void test_and_of_another_life(void **state)
{
    live(*state, 104729);
}

static void test_and_of_a_third(void **state)
{
    live(*state, 1299709);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_counts_are_those_of_the_rows),
        scene_test(test_and_of_another_life),
        scene_test(test_and_of_a_third),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
