/* blobs.c, blob_ready.c, blob_jobs.c, images.c, image_keep.c: bytes that rot are found and not given out,
 * bytes that nobody names go, and images are held. */
#include <time.h>

#include "tests/unit/fleet/firmware_scene.h"

#include "fleet/yield.h"

static int64_t alarms(struct fleet_fixture *f)
{
    return firmware_number(f, "SELECT COUNT(*) FROM alarm WHERE kind = 'firmware.corrupt'");
}

static void corrupt_bytes_are_withdrawn_and_healed(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome out;
    AUTO_VAL(buf) path = {0};
    add_image(f, "hello world", &out);
    assert_ok(blob_ready(f->fleet, &out.image.sha256, &path));
    flip_bit(f, &out.image.sha256);
    assert_ok(blob_ready(f->fleet, &out.image.sha256, NULL)); /* it was good since the start */
    int64_t version = firmware_number(f, "SELECT n FROM rollout_version");
    assert_code(blob_check_now(f->fleet, &out.image.sha256), ERR_GONE); /* as publish asks */
    assert_code(blob_ready(f->fleet, &out.image.sha256, NULL), ERR_GONE);
    assert_ok(image_get(f->fleet, f->tenant.id, out.image.id, &out.image));
    assert_int_equal(out.image.state, FIRMWARE_IMAGE_WITHDRAWN);
    assert_int_equal(alarms(f), 1);
    assert_true(firmware_number(f, "SELECT n FROM rollout_version") > version);
    add_image(f, "hello world", &out); /* heals it */
    assert_false(out.is_new);
    assert_int_equal(out.image.state, FIRMWARE_IMAGE_READY);
    assert_ok(blob_ready(f->fleet, &out.image.sha256, NULL));
    assert_ok(blob_check_now(f->fleet, &out.image.sha256));
    assert_int_equal(alarms(f), 0);
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM audit WHERE kind = 'firmware.image_restored'"),
                     1);
}

static void the_first_use_after_a_start_reads_all(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome out;
    const struct sha256 nothing = {{1}};
    add_image(f, "hello world", &out);
    flip_bit(f, &out.image.sha256);
    fleet_fixture_reopen(f);
    assert_code(blob_ready(f->fleet, &out.image.sha256, NULL), ERR_GONE);
    assert_code(blob_ready(f->fleet, &nothing, NULL), ERR_NOT_FOUND);
    assert_code(blob_check_now(f->fleet, &nothing), ERR_NOT_FOUND);
}

struct rest {
    struct fleet_fixture *f;
    int64_t slept_ms;
    bool is_busy, ends;
};

static bool is_busy(void *context)
{
    return ((struct rest *)context)->is_busy;
}

static void sleep_of(void *context, int64_t ms)
{
    struct rest *rest = context;
    rest->slept_ms += ms;
    manual_clock_advance(&rest->f->clock, ms);
    if (rest->ends) {
        yield_end(rest->f->fleet);
    }
}

/* A megabyte takes a thirty-second of a second, whatever the disk can; and at the end of the server it is
 * left for another time, neither good nor bad. */
static void the_scrub_keeps_to_its_rate(void **state)
{
    struct fleet_fixture *f = *state;
    struct rest rest = {.f = f};
    struct upload_outcome out;
    AUTO(char) *text = malloc(1 << 20);
    assert_non_null(text);
    memset(text, 'x', (1 << 20) - 1);
    text[(1 << 20) - 1] = '\0';
    add_image(f, text, &out);
    const struct yield_port port = {.is_busy = is_busy, .sleep = sleep_of, .context = &rest};
    yield_ask(f->fleet, &port);
    manual_clock_advance(&f->clock, 7 * day_ms + 1);
    assert_ok(blobs_scrub(f->fleet, f->clock.at_ms));
    assert_in_range(rest.slept_ms, 28, 32);
    assert_true(firmware_number(f, "SELECT MIN(checked_at) FROM firmware_blob") >= f->clock.at_ms - 32);
    manual_clock_advance(&f->clock, 7 * day_ms + 1);
    rest = (struct rest){.f = f, .is_busy = true}; /* and it lets requests go first, but not for ever */
    assert_ok(blobs_scrub(f->fleet, f->clock.at_ms));
    assert_in_range(rest.slept_ms, YIELD_STEP_MS + 28, YIELD_STEP_MS + 32);
    int64_t checked_at = firmware_number(f, "SELECT MIN(checked_at) FROM firmware_blob");
    assert_true(checked_at >= f->clock.at_ms - 32);
    rest = (struct rest){.f = f};
    manual_clock_advance(&f->clock, 7 * day_ms + 1);
    rest.ends = true;
    flip_bit(f, &out.image.sha256);
    assert_ok(blobs_scrub(f->fleet, f->clock.at_ms));
    assert_int_equal(firmware_number(f, "SELECT MIN(checked_at) FROM firmware_blob"), checked_at);
    assert_int_equal(alarms(f), 0);
}

static void the_scrub_finds_what_rots_in_its_time(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome one, two;
    add_image(f, "hello world", &one);
    add_image(f, "other bytes", &two);
    flip_bit(f, &one.image.sha256);
    assert_ok(blobs_scrub(f->fleet, f->clock.at_ms + 6 * day_ms));
    assert_int_equal(alarms(f), 0); /* not due yet */
    f->clock.at_ms += 7 * day_ms + 1;
    assert_ok(blobs_scrub(f->fleet, f->clock.at_ms));
    assert_int_equal(alarms(f), 1);
    assert_ok(image_get(f->fleet, f->tenant.id, one.image.id, &one.image));
    assert_int_equal(one.image.state, FIRMWARE_IMAGE_WITHDRAWN);
    assert_ok(image_get(f->fleet, f->tenant.id, two.image.id, &two.image));
    assert_int_equal(two.image.state, FIRMWARE_IMAGE_READY);
    assert_int_equal(firmware_number(f, "SELECT MIN(checked_at) FROM firmware_blob"), f->clock.at_ms);
    assert_ok(blob_remove(f->blobs, &two.image.sha256)); /* a file that is gone is no better */
    f->clock.at_ms += 8 * day_ms;
    assert_ok(blobs_scrub(f->fleet, f->clock.at_ms));
    assert_int_equal(alarms(f), 2);
}

static err_t drop_image(struct fleet_fixture *f, struct uuid id)
{
    struct faults faults;
    struct terms terms = firmware_terms(f, &faults);
    return image_delete(f->fleet, &terms, id);
}

static void bytes_go_when_nobody_names_them(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome out;
    add_image(f, "hello world", &out);
    assert_ok(blobs_remove_unused(f->fleet, f->clock.at_ms));
    assert_true(has_bytes(f, &out.image.sha256));
    assert_ok(drop_image(f, out.image.id));
    assert_true(has_bytes(f, &out.image.sha256));
    assert_ok(blobs_remove_unused(f->fleet, f->clock.at_ms));
    assert_false(has_bytes(f, &out.image.sha256));
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_blob"), 0);
    assert_code(drop_image(f, out.image.id), ERR_NOT_FOUND);
}

/* A crash within the removal: the row says that they go, and they may be gone. */
static void bytes_that_come_while_they_go_stay(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome out;
    add_image(f, "hello world", &out);
    assert_ok(drop_image(f, out.image.id));
    firmware_sql(f, "UPDATE firmware_blob SET state = 2");
    assert_ok(blob_remove(f->blobs, &out.image.sha256));
    add_image(f, "hello world", &out);
    assert_ok(blobs_remove_unused(f->fleet, f->clock.at_ms));
    assert_true(has_bytes(f, &out.image.sha256));
    assert_ok(blob_ready(f->fleet, &out.image.sha256, NULL));
    assert_int_equal(firmware_number(f, "SELECT state FROM firmware_blob"), 0);
    assert_ok(drop_image(f, out.image.id));
    firmware_sql(f, "UPDATE firmware_blob SET state = 2");
    assert_ok(blobs_remove_unused(f->fleet, f->clock.at_ms)); /* goes on where the crash was */
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_blob"), 0);
}

static void leftovers_of_crashes_are_swept_up(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome kept;
    struct blob_digests left;
    int64_t at = 0;
    const struct uuid name = {{7}};
    add_image(f, "other bytes", &kept);
    AUTO_PTR(blob_writer) *writer = NULL;
    assert_ok(blob_writer_open(f->blobs, name, &at, &writer));
    assert_ok(blob_writer_add(writer, bytes_str("hello world")));
    assert_ok(blob_writer_commit(writer, &left));
    int64_t later = (int64_t)time(NULL) * 1000 + 3 * day_ms;
    for (int i = 0; i < BLOB_SHARDS; i++) {
        assert_ok(blobs_sweep(f->fleet, (int64_t)time(NULL) * 1000)); /* too young */
    }
    assert_true(has_bytes(f, &left.sha256));
    for (int i = 0; i < BLOB_SHARDS; i++) {
        assert_ok(blobs_sweep(f->fleet, later));
    }
    assert_false(has_bytes(f, &left.sha256));
    assert_true(has_bytes(f, &kept.image.sha256));
}

static void a_held_image_stays(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome out;
    struct faults faults;
    struct terms terms = firmware_terms(f, &faults);
    add_image(f, "hello world", &out);
    struct image_change hold = {
        .has_hold_until = true, .hold_until = f->clock.at_ms + day_ms, .hold_reason = "law"};
    assert_ok(image_change(f->fleet, &terms, out.image.id, &hold, &out.image));
    assert_string_equal(out.image.hold_reason, "law");
    assert_code(drop_image(f, out.image.id), ERR_WRONG_STATE);
    hold.hold_until = 0;
    assert_code(image_change(f->fleet, &terms, out.image.id, &hold, &out.image), ERR_FORBIDDEN);
    hold.may_shorten = true;
    assert_ok(image_change(f->fleet, &terms, out.image.id, &hold, &out.image));
    firmware_sql(f, "UPDATE firmware_image SET releases = 1");
    assert_code(drop_image(f, out.image.id), ERR_WRONG_STATE);
    firmware_sql(f, "UPDATE firmware_image SET releases = 0");
    assert_ok(drop_image(f, out.image.id));
}

static void derived_images_are_added_once(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome out;
    struct uuid ids[2];
    AUTO(json_t) *facts = json_object();
    add_image(f, "hello world", &out);
    for (int i = 0; i < 2; i++) {
        AUTO_PTR(blob_writer) *writer = NULL;
        int64_t at = 0;
        const struct uuid name = {{(uint8_t)(i + 1)}};
        const struct image_new wanted = {.tenant = f->tenant.id,
                                         .product = out.image.product,
                                         .filename = "a.signed.bin",
                                         .format = IMAGE_RAW,
                                         .version = "1.0",
                                         .counter = -1,
                                         .facts = facts,
                                         .is_derived = true,
                                         .derived_from = out.image.id,
                                         .signing_key = {{5}},
                                         .actor = &test_actor};
        assert_ok(blob_writer_open(f->blobs, name, &at, &writer));
        assert_ok(blob_writer_add(writer, bytes_str("hello world, signed")));
        assert_ok(image_add_derived(f->fleet, &wanted, writer, &ids[i]));
    }
    assert_true(uuid_equal(ids[0], ids[1]));
    assert_code(drop_image(f, out.image.id), ERR_WRONG_STATE); /* while one was made of it */
    assert_ok(drop_image(f, ids[0]));
    assert_ok(drop_image(f, out.image.id));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, firmware_setup, firmware_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(corrupt_bytes_are_withdrawn_and_healed), TEST(the_first_use_after_a_start_reads_all),
        TEST(the_scrub_finds_what_rots_in_its_time),  TEST(the_scrub_keeps_to_its_rate),
        TEST(bytes_go_when_nobody_names_them),        TEST(bytes_that_come_while_they_go_stay),
        TEST(leftovers_of_crashes_are_swept_up),      TEST(a_held_image_stays),
        TEST(derived_images_are_added_once),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
