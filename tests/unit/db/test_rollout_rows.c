/* rollout_rows.c, firmware_action_rows.c, device_firmware_rows.c: what goes in comes out, versions are held,
 * names and ids are taken once, lists are in order, reports do not grow. */
#include "db/device_firmware_rows.h"
#include "db/rollout_rows.h"
#include "tests/unit/db/db_fixture.h"

static const struct uuid TENANT = {{1}}, OTHER = {{2}}, PRODUCT = {{3}}, RELEASE = {{4}};
enum { MANY = 5 };

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fixture_make(f);
    fixture_open(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static struct firmware_owner owner_number(uint8_t n)
{
    return (struct firmware_owner){.device = {{n}}, .tenant = TENANT};
}

/* --- rollouts ------------------------------------------------------------------------------------------- */

static struct rollout_row rollout_number(uint8_t n)
{
    struct rollout_row row = {.id = {{n}},
                              .tenant = TENANT,
                              .product = PRODUCT,
                              .release = RELEASE,
                              .spec = "{}",
                              .created_by = "test",
                              .ver = 1};
    (void)snprintf(row.name, sizeof row.name, "r%d", n);
    return row;
}

static err_t count_rollout(const struct rollout_row *row, void *arg)
{
    assert_true(row->ver > 0);
    (*(int *)arg)++;
    return OK;
}

static err_t rollouts_in(struct db_tx *tx, void *arg)
{
    static const uint8_t first[1] = {0};
    const struct row_window window = {.after = {first, sizeof first}, .limit = MANY};
    const enum rollout_state running = ROLLOUT_RUNNING;
    struct rollout_row row = rollout_number(1), other = rollout_number(2), found;
    int64_t before = 0, after = 0;
    int count = 0;
    (void)arg;
    TRY(rollout_rows_version(tx, &before));
    TRY(rollout_rows_insert(tx, &row));
    TRY(rollout_rows_insert(tx, &other));
    row.id = (struct uuid){{9}};
    assert_int_equal(rollout_rows_insert(tx, &row).code, ERR_CONFLICT); /* its name is taken */
    row.id = (struct uuid){{1}};
    row.state = ROLLOUT_RUNNING;
    row.wave = 2;
    row.wave_at = row.started_at = 77;
    TRY(rollout_rows_update(tx, &row));
    row.ver--;
    assert_int_equal(rollout_rows_update(tx, &row).code, ERR_BUSY);
    TRY(rollout_rows_find(tx, TENANT, row.id, &found));
    assert_int_equal(found.wave, 2);
    assert_int_equal(found.started_at, 77);
    assert_int_equal(found.ended_at, 0);
    assert_string_equal(found.created_by, "test");
    assert_int_equal(rollout_rows_find(tx, OTHER, row.id, &found).code, ERR_NOT_FOUND);
    TRY(rollout_rows_list(tx, TENANT, NULL, &window, count_rollout, &count));
    assert_int_equal(count, 2);
    TRY(rollout_rows_list(tx, TENANT, &running, &window, count_rollout, &count));
    TRY(rollout_rows_running(tx, count_rollout, &count));
    assert_int_equal(count, 4);
    TRY(rollout_rows_version(tx, &after));
    assert_int_equal(after, before + 3);
    return OK;
}

static err_t tallies_in(struct db_tx *tx, void *arg)
{
    const struct rollout_row row = rollout_number(1);
    struct rollout_tally_row tally, again;
    (void)arg;
    TRY(rollout_rows_insert(tx, &row));
    TRY(rollout_tally_rows_find(tx, row.id, &tally));
    assert_int_equal(tally.offered, 0);
    tally = (struct rollout_tally_row){.rollout = row.id,
                                       .offered = 15,
                                       .waiting = 1,
                                       .succeeded = 2,
                                       .unverified = 3,
                                       .failed = 4,
                                       .cancelled = 5,
                                       .downloads = 6,
                                       .wave = 7,
                                       .wave_offered = 8,
                                       .wave_succeeded = 9,
                                       .wave_failed = 10,
                                       .last_at = 11,
                                       .window = {.slot = 12, .n = {13, [REKEY_RATE_SLOTS - 1] = 1U << 31}}};
    TRY(rollout_tally_rows_update(tx, &tally));
    TRY(rollout_tally_rows_find(tx, row.id, &again));
    assert_memory_equal(&tally, &again, sizeof tally);
    assert_int_equal(rollout_tally_rows_find(tx, RELEASE, &again).code, ERR_NOT_FOUND);
    return OK;
}

/* --- actions -------------------------------------------------------------------------------------------- */

static struct firmware_action_row action_number(uint8_t device, int64_t id, uint8_t rollout)
{
    return (struct firmware_action_row){.owner = owner_number(device),
                                        .id = id,
                                        .rollout = {{rollout}},
                                        .release = RELEASE,
                                        .offered_at = 5,
                                        .due_at = 100 - device};
}

struct seen {
    int count;
    int64_t numbers[MANY];
};

static err_t see_action(const struct firmware_action_row *row, void *arg)
{
    struct seen *seen = arg;
    seen->numbers[seen->count++] = row->owner.device.b[0] * 100 + row->id;
    return OK;
}

static err_t actions_in(struct db_tx *tx, void *arg)
{
    static const uint8_t first[1] = {0};
    const struct row_window window = {.after = {first, sizeof first}, .limit = MANY};
    const struct firmware_owner owner = owner_number(2);
    const int failed = 7;
    struct firmware_action_row row = action_number(1, 1, 1), found;
    struct seen seen = {0}, due = {0}, history = {0}, of_state = {0};
    (void)arg;
    TRY(firmware_action_rows_insert(tx, &row));
    row = action_number(2, 1, 1);
    TRY(firmware_action_rows_insert(tx, &row));
    row = action_number(2, 2, 2);
    TRY(firmware_action_rows_insert(tx, &row));
    row = action_number(2, 3, 2);
    assert_int_equal(firmware_action_rows_insert(tx, &row).code,
                     ERR_CONFLICT); /* offered once by a rollout */
    row = action_number(2, 2, 3);
    assert_int_equal(firmware_action_rows_insert(tx, &row).code, ERR_CONFLICT); /* an id is used once */
    TRY(firmware_action_rows_find(tx, &owner, 1, &row));
    row.fetched = 50;
    TRY(firmware_action_rows_fetched(tx, &row));
    row.state = failed;
    row.fetched = 0; /* an update says nothing of it */
    row.due_at = 0;
    TRY(firmware_action_rows_update(tx, &row));
    TRY(firmware_action_rows_of_rollout(tx, row.rollout, &owner.device, &found));
    assert_int_equal(found.fetched, 50);
    assert_int_equal(found.state, failed);
    TRY(firmware_action_rows_list(tx, row.rollout, NULL, &window, see_action, &seen));
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 101);
    TRY(firmware_action_rows_list(tx, row.rollout, &failed, &window, see_action, &of_state));
    assert_int_equal(of_state.count, 1);
    TRY(firmware_action_rows_due(tx, 99, MANY, see_action, &due));
    assert_int_equal(due.count, 2);
    assert_int_equal(due.numbers[0], 202); /* due at 98 */
    TRY(firmware_action_rows_of_device(tx, &owner, MANY, see_action, &history));
    assert_int_equal(history.count, 2);
    assert_int_equal(history.numbers[0], 202); /* the newest first */
    return OK;
}

static err_t count_report(const struct firmware_report_row *row, void *arg)
{
    struct seen *seen = arg;
    seen->numbers[seen->count == 0 ? 0 : 1] = row->n;
    seen->count++;
    return OK;
}

static err_t reports_in(struct db_tx *tx, void *arg)
{
    struct firmware_report_row row = {.owner = owner_number(1), .action = 3, .at = 1, .text = "x"};
    struct seen seen = {0};
    (void)arg;
    for (row.n = 1; row.n <= 2 * FIRMWARE_REPORTS_KEPT; row.n++) {
        TRY(firmware_report_rows_add(tx, &row));
    }
    TRY(firmware_report_rows_list(tx, &row.owner, 3, count_report, &seen));
    assert_int_equal(seen.count, FIRMWARE_REPORTS_KEPT);
    assert_int_equal(seen.numbers[0], FIRMWARE_REPORTS_KEPT + 1);
    assert_int_equal(seen.numbers[1], 2 * FIRMWARE_REPORTS_KEPT);
    return OK;
}

/* --- devices -------------------------------------------------------------------------------------------- */

static err_t devices_in(struct db_tx *tx, void *arg)
{
    const struct firmware_owner owner = owner_number(1), second = owner_number(2);
    struct device_firmware_row row, other, found;
    (void)arg;
    TRY(device_firmware_rows_read(tx, &owner, &row));
    assert_int_equal(row.ver, 0);
    assert_int_equal(row.counter, -1);
    (void)snprintf(row.controller, sizeof row.controller, "dev-1");
    row.last_action = row.open_action = 4;
    row.has_installed = row.has_target_token = true;
    row.installed_release = RELEASE;
    row.sequence = 8;
    TRY(device_firmware_rows_put(tx, &row));
    TRY(device_firmware_rows_polled(tx, &owner, 55)); /* raises no version */
    TRY(device_firmware_rows_put(tx, &row));
    TRY(device_firmware_rows_find_by_controller(tx, TENANT, "dev-1", &found));
    assert_int_equal(found.polled_at, 55);
    assert_int_equal(found.open_action, 4);
    assert_int_equal(found.ver, 2);
    assert_true(found.has_installed && uuid_equal(found.installed_release, RELEASE));
    assert_int_equal(device_firmware_rows_find_by_controller(tx, OTHER, "dev-1", &found).code, ERR_NOT_FOUND);
    assert_int_equal(device_firmware_rows_find_by_controller(tx, TENANT, "", &found).code, ERR_NOT_FOUND);
    TRY(device_firmware_rows_polled(tx, &second, 56)); /* its first word */
    TRY(device_firmware_rows_read(tx, &second, &other));
    assert_int_equal(other.ver, 1);
    (void)snprintf(other.controller, sizeof other.controller, "dev-1");
    assert_int_equal(device_firmware_rows_put(tx, &other).code, ERR_CONFLICT);
    row.ver--;
    assert_int_equal(device_firmware_rows_put(tx, &row).code, ERR_BUSY);
    TRY(device_firmware_rows_had_action(tx, &owner, 9));
    TRY(device_firmware_rows_had_action(tx, &owner, 7)); /* never back */
    TRY(device_firmware_rows_read(tx, &owner, &found));
    assert_int_equal(found.last_action, 9);
    assert_int_equal(found.sequence, 8);
    return OK;
}

#define TEST(name)                                                                                           \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        struct fixture *f = *state;                                                                          \
        assert_ok(db_write(f->db, name##_in, NULL));                                                         \
    }
TEST(rollouts)
TEST(tallies)
TEST(actions)
TEST(reports)
TEST(devices)
#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(rollouts), TEST(tallies), TEST(actions), TEST(reports),
                                       TEST(devices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
