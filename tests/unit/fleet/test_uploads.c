/* uploads.c, upload_write.c, upload_complete.c: bytes come in any number of requests, and what was
 * acknowledged stays. */
#include "tests/unit/fleet/firmware_scene.h"

#include "fleet/work_figures.h"

/* Whether the figures have this line. */
static bool figures_say(struct fleet_fixture *f, const char *line)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(work_figures_write(f->fleet, &text));
    return strstr(buf_str(&text), line) != NULL;
}

static void an_upload_in_parts_becomes_an_image(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload_outcome out;
    struct upload_order order = order_of(11);
    assert_ok(start_upload(f, &order, &row));
    assert_string_equal(row.product_name, "default");
    assert_ok(append_text(f, row.id, 0, "hello ", &out));
    assert_false(out.is_image);
    assert_int_equal(out.received, 6);
    fleet_fixture_reopen(f); /* nothing of it was in memory */
    assert_ok(upload_get(f->fleet, f->tenant.id, row.id, &row));
    assert_int_equal(row.received, 6);
    assert_ok(append_text(f, row.id, 6, "world", &out));
    assert_true(out.is_image);
    assert_true(out.is_new);
    assert_false(out.is_version_taken);
    assert_string_equal(out.image.version, "1.0");
    assert_string_equal(out.image.filename, "a.bin");
    assert_int_equal(out.image.size, 11);
    assert_int_equal(out.image.sha256.b[0], 0xb9);
    assert_code(upload_get(f->fleet, f->tenant.id, row.id, &row), ERR_NOT_FOUND);
    assert_int_equal(firmware_number(f, "SELECT uses FROM firmware_blob"), 1);
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM audit WHERE kind LIKE 'firmware.%'"), 2);
}

static void the_wrong_place_is_told_with_the_right_one(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload_outcome out;
    struct upload_order order = order_of(11);
    assert_ok(start_upload(f, &order, &row));
    assert_ok(append_text(f, row.id, 0, "hello ", &out));
    err_t error = append_text(f, row.id, 0, "hello ", &out);
    assert_code(error, ERR_CONFLICT);
    assert_non_null(strstr(error.detail, "at byte 6, not 0"));
    assert_code(append_text(f, row.id, 7, "x", &out), ERR_CONFLICT);
    assert_code(append_text(f, row.id, 6, "more than was said", &out), ERR_TOO_LARGE);
    assert_ok(append_text(f, row.id, 6, "", &out)); /* nothing is fine */
    assert_int_equal(out.received, 6);
    assert_ok(append_text(f, row.id, 6, "world", &out));
    assert_true(out.is_image);
}

static void what_came_before_a_cut_stays(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload *upload = NULL;
    struct upload *other = NULL;
    struct upload_order order = order_of(11);
    assert_ok(start_upload(f, &order, &row));
    struct upload_place place = {.tenant = f->tenant.id, .id = row.id, .actor = test_actor};
    assert_ok(upload_open(f->fleet, &place, &upload));
    assert_code(upload_open(f->fleet, &place, &other), ERR_CONFLICT); /* one at a time */
    assert_ok(upload_write(upload, bytes_str("hello ")));
    assert_true(figures_say(f, "\nwhorl_uploads_writing 1\n"));
    upload_free(upload);
    assert_true(figures_say(f, "\nwhorl_uploads_writing 0\n"));
    assert_ok(upload_get(f->fleet, f->tenant.id, row.id, &row));
    assert_int_equal(row.received, 6);
}

static void one_that_must_be_whole_leaves_nothing_when_it_is_cut(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload *upload = NULL;
    struct upload_order order = order_of(-1);
    assert_ok(start_upload(f, &order, &row));
    struct upload_place place = {.tenant = f->tenant.id, .id = row.id, .is_whole = true, .actor = test_actor};
    assert_ok(upload_open(f->fleet, &place, &upload));
    assert_ok(upload_write(upload, bytes_str("hello ")));
    upload_free(upload);
    assert_code(upload_get(f->fleet, f->tenant.id, row.id, &row), ERR_NOT_FOUND);
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_upload"), 0);
}

static err_t finish_with(struct fleet_fixture *f, const struct upload_order *order, const char *text,
                         struct faults *faults)
{
    struct firmware_upload_row row;
    struct upload_outcome out;
    AUTO_PTR(upload) *upload = NULL;
    TRY(start_upload(f, order, &row));
    const struct upload_place place = {.tenant = f->tenant.id, .id = row.id, .actor = test_actor};
    TRY(upload_open(f->fleet, &place, &upload));
    TRY(upload_write(upload, bytes_str(text)));
    return upload_finish(upload, faults, &out);
}

static void a_wrong_digest_is_refused_and_dropped(void **state)
{
    struct fleet_fixture *f = *state;
    struct faults faults = {.count = 0};
    struct upload_order order = order_of(5);
    order.has_sha256 = true;
    assert_code(finish_with(f, &order, "hello", &faults), ERR_UNPROCESSABLE);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, "/sha256");
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_upload"), 0);
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_blob"), 0);
}

/* A format that these bytes are not. */
static void what_does_not_parse_is_refused_with_its_place(void **state)
{
    struct fleet_fixture *f = *state;
    struct faults faults = {.count = 0};
    struct upload_order order = order_of(5);
    order.format = IMAGE_MCUBOOT;
    assert_code(finish_with(f, &order, "hello", &faults), ERR_UNPROCESSABLE);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, "");
    assert_memory_equal(faults.items[0].detail, "at byte ", 8);
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_image"), 0);
}

static void an_order_is_checked_as_a_whole(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct faults faults;
    struct terms terms = firmware_terms(f, &faults);
    struct upload_order order = order_of(0);
    order.filename = bytes_str("../a");
    order.version = bytes_str("a b");
    assert_code(upload_start(f->fleet, &terms, &order, &row), ERR_UNPROCESSABLE);
    assert_int_equal(faults.count, 3);
    order = order_of((1 << 20) + 1);
    assert_code(start_upload(f, &order, &row), ERR_TOO_LARGE);
    order = order_of(5);
    order.version = BYTES_NONE;
    assert_code(start_upload(f, &order, &row), ERR_UNPROCESSABLE);
    order = order_of(5);
    order.product = bytes_str("nothing");
    terms = firmware_terms(f, &faults);
    assert_code(upload_start(f->fleet, &terms, &order, &row), ERR_UNPROCESSABLE);
    assert_string_equal(faults.items[0].pointer, "/product");
    static const char *const bad[] = {"", ".", "..", "a/b", "a\\b", "a\nb", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_code(image_filename_check(bytes_str(bad[i])), ERR_UNPROCESSABLE);
    }
    assert_ok(image_filename_check(bytes_str("ünï.bin")));
}

static void the_reserve_of_the_disk_is_left(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload_outcome out;
    struct upload_order order = order_of(11);
    assert_ok(start_upload(f, &order, &row));
    fleet_free(f->fleet);
    f->options.disk_reserve = INT64_MAX / 2;
    assert_ok(fleet_new(&f->options, &f->fleet));
    assert_code(append_text(f, row.id, 0, "hello ", &out), ERR_DISK_FULL);
    struct firmware_upload_row other;
    assert_code(start_upload(f, &order, &other), ERR_DISK_FULL);
    fleet_fixture_reopen(f);
    assert_ok(append_text(f, row.id, 0, "hello world", &out)); /* and goes on when there is room */
    assert_true(out.is_image);
}

static void the_same_bytes_are_the_same_image(void **state)
{
    struct fleet_fixture *f = *state;
    struct upload_outcome first, second, third;
    add_image(f, "hello world", &first);
    add_image(f, "hello world", &second);
    assert_false(second.is_new);
    assert_true(uuid_equal(first.image.id, second.image.id));
    assert_int_equal(firmware_number(f, "SELECT uses FROM firmware_blob"), 1);
    add_image(f, "other bytes", &third);
    assert_true(third.is_new);
    assert_true(third.is_version_taken); /* the same version with other bytes is worth a word */
}

static void what_is_taken_back_or_expires_is_gone(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload_outcome out;
    struct faults faults;
    struct upload *upload = NULL;
    struct terms terms = firmware_terms(f, &faults);
    struct upload_order order = order_of(11);
    assert_ok(start_upload(f, &order, &row));
    struct upload_place place = {.tenant = f->tenant.id, .id = row.id, .actor = test_actor};
    assert_ok(upload_open(f->fleet, &place, &upload));
    assert_code(upload_drop(f->fleet, &terms, row.id), ERR_CONFLICT);
    upload_free(upload);
    assert_ok(upload_drop(f->fleet, &terms, row.id));
    assert_code(upload_drop(f->fleet, &terms, row.id), ERR_NOT_FOUND);
    assert_ok(start_upload(f, &order, &row));
    assert_ok(append_text(f, row.id, 0, "hello ", &out));
    f->clock.at_ms += 23 * hour_ms;
    assert_ok(uploads_expire(f->fleet, f->clock.at_ms));
    assert_ok(append_text(f, row.id, 6, "wor", &out)); /* which gives it another day */
    f->clock.at_ms += 23 * hour_ms;
    assert_ok(uploads_expire(f->fleet, f->clock.at_ms));
    assert_ok(upload_get(f->fleet, f->tenant.id, row.id, &row));
    f->clock.at_ms += 2 * hour_ms;
    assert_ok(uploads_expire(f->fleet, f->clock.at_ms));
    assert_code(upload_get(f->fleet, f->tenant.id, row.id, &row), ERR_NOT_FOUND);
}

static void uploads_of_one_tenant_are_bounded_and_its_own(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload_order order = order_of(11);
    const struct uuid nobody = {{9}};
    for (int i = 0; i < UPLOADS_MAX; i++) {
        assert_ok(start_upload(f, &order, &row));
    }
    struct upload *upload = NULL;
    struct firmware_upload_row other;
    assert_code(start_upload(f, &order, &other), ERR_CONFLICT);
    assert_code(upload_get(f->fleet, nobody, row.id, &other), ERR_NOT_FOUND);
    const struct upload_place place = {.tenant = nobody, .id = row.id, .actor = test_actor};
    assert_code(upload_open(f->fleet, &place, &upload), ERR_NOT_FOUND);
    assert_null(upload);
}

static err_t refuse(struct db_tx *tx, void *arg)
{
    (void)tx;
    (void)arg;
    return ERR(ERR_DB, "cut");
}

/* The bytes had become a blob when a crash came before the row. */
static void a_crash_between_bytes_and_row_loses_nothing(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload_outcome out;
    struct upload_order order = order_of(11);
    assert_ok(start_upload(f, &order, &row));
    assert_ok(append_text(f, row.id, 0, "hello worl", &out));
    AUTO_PTR(blob_writer) *writer = NULL;
    struct blob_digests digests;
    int64_t at = 0;
    assert_ok(blob_writer_open(f->blobs, row.id, &at, &writer));
    assert_ok(blob_writer_add(writer, bytes_str("d")));
    assert_code(blob_commit(f->fleet, writer, &digests, refuse, NULL), ERR_DB);
    firmware_sql(f, "UPDATE firmware_upload SET received = 11, sha256 = "
                    "x'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9'");
    fleet_fixture_reopen(f);
    assert_ok(append_text(f, row.id, 11, "", &out));
    assert_true(out.is_image);
    assert_true(has_bytes(f, &out.image.sha256));
}

/* A restored inventory may know of bytes that were in no backup. */
static void an_upload_whose_bytes_are_gone_begins_again(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_upload_row row;
    struct upload_outcome out;
    struct upload_order order = order_of(11);
    assert_ok(start_upload(f, &order, &row));
    assert_ok(append_text(f, row.id, 0, "hello ", &out));
    assert_ok(blob_writer_forget(f->blobs, row.id));
    assert_code(append_text(f, row.id, 6, "world", &out), ERR_CONFLICT);
    assert_ok(append_text(f, row.id, 0, "hello world", &out));
    assert_true(out.is_image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, firmware_setup, firmware_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upload_in_parts_becomes_an_image),
        TEST(the_wrong_place_is_told_with_the_right_one),
        TEST(what_came_before_a_cut_stays),
        TEST(one_that_must_be_whole_leaves_nothing_when_it_is_cut),
        TEST(a_wrong_digest_is_refused_and_dropped),
        TEST(what_does_not_parse_is_refused_with_its_place),
        TEST(an_order_is_checked_as_a_whole),
        TEST(the_reserve_of_the_disk_is_left),
        TEST(the_same_bytes_are_the_same_image),
        TEST(what_is_taken_back_or_expires_is_gone),
        TEST(uploads_of_one_tenant_are_bounded_and_its_own),
        TEST(a_crash_between_bytes_and_row_loses_nothing),
        TEST(an_upload_whose_bytes_are_gone_begins_again),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
