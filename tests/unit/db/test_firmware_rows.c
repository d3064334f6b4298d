/* firmware_blob_rows.c, firmware_upload_rows.c, firmware_image_rows.c: what goes in comes out, versions are
 * held, lists are in order and of one tenant. */
#include "db/firmware_blob_rows.h"
#include "db/firmware_image_rows.h"
#include "db/firmware_upload_rows.h"
#include "tests/unit/db/db_fixture.h"

static const struct uuid TENANT = {{1}}, OTHER = {{2}}, PRODUCT = {{3}}, SECOND = {{4}};
enum { MANY = 7 };

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

static struct sha256 hash_number(int n)
{
    struct sha256 hash = {{0}};
    hash.b[0] = (uint8_t)n;
    return hash;
}

struct seen {
    int count;
    int numbers[MANY];
};

/* --- blobs ------------------------------------------------------------------------------------------- */

static struct firmware_blob_row blob_number(int n)
{
    return (struct firmware_blob_row){.sha256 = hash_number(n),
                                      .sha1 = {1, 2},
                                      .md5 = {3, 4},
                                      .size = 1000 + n,
                                      .state = FIRMWARE_BLOB_GOOD,
                                      .uses = n,
                                      .created_at = 10,
                                      .checked_at = 100 - n,
                                      .ver = 1};
}

static err_t see_blob(const struct firmware_blob_row *row, void *arg)
{
    struct seen *seen = arg;
    seen->numbers[seen->count++] = row->sha256.b[0];
    return OK;
}

static err_t blobs_in(struct db_tx *tx, void *arg)
{
    (void)arg;
    struct firmware_blob_row row;
    bool is_gone = true;
    for (int i = 0; i < 3; i++) {
        struct firmware_blob_row made = blob_number(i);
        TRY(firmware_blob_rows_insert(tx, &made));
        assert_err(ERR_CONFLICT, firmware_blob_rows_insert(tx, &made));
    }
    struct sha256 name = hash_number(1);
    TRY(firmware_blob_rows_find(tx, &name, &row));
    assert_int_equal(row.size, 1001);
    assert_int_equal(row.sha1[1], 2);
    assert_int_equal(row.md5[1], 4);
    assert_int_equal(row.created_at, 10);
    struct seen due = {0};
    TRY(firmware_blob_rows_list_due(tx, 101, 2, see_blob, &due));
    assert_int_equal(due.count, 2);
    assert_int_equal(due.numbers[0], 2); /* the oldest check first */
    assert_int_equal(due.numbers[1], 1);
    row.state = FIRMWARE_BLOB_CORRUPT;
    row.checked_at = 5;
    TRY(firmware_blob_rows_update(tx, &row));
    row.ver = 1;
    assert_err(ERR_BUSY, firmware_blob_rows_update(tx, &row));
    struct seen good = {0};
    TRY(firmware_blob_rows_list_due(tx, 101, 9, see_blob, &good));
    assert_int_equal(good.count, 2); /* not the corrupt one */
    struct seen unused = {0};
    TRY(firmware_blob_rows_list_unused(tx, NULL, 9, see_blob, &unused));
    assert_int_equal(unused.count, 1);
    assert_int_equal(unused.numbers[0], 0);
    name = hash_number(0);
    TRY(firmware_blob_rows_delete(tx, &name, &is_gone));
    assert_false(is_gone); /* it is not being removed */
    TRY(firmware_blob_rows_find(tx, &name, &row));
    row.state = FIRMWARE_BLOB_REMOVED;
    TRY(firmware_blob_rows_update(tx, &row));
    TRY(firmware_blob_rows_delete(tx, &name, &is_gone));
    assert_true(is_gone);
    assert_err(ERR_NOT_FOUND, firmware_blob_rows_find(tx, &name, &row));
    struct seen all = {0};
    TRY(firmware_blob_rows_list(tx, NULL, 9, see_blob, &all));
    assert_int_equal(all.count, 2);
    name = hash_number(1);
    TRY(firmware_blob_rows_list(tx, &name, 9, see_blob, &all));
    assert_int_equal(all.count, 3);
    assert_int_equal(all.numbers[2], 2);
    return OK;
}

static void blobs(void **state)
{
    struct fixture *f = *state;
    assert_ok(db_write(f->db, blobs_in, NULL));
}

/* --- uploads ----------------------------------------------------------------------------------------- */

static err_t see_upload(const struct firmware_upload_row *row, void *arg)
{
    struct seen *seen = arg;
    seen->numbers[seen->count++] = row->id.b[0];
    return OK;
}

static err_t add_uploads(struct db_tx *tx)
{
    for (int i = 0; i < 3; i++) {
        struct firmware_upload_row made = {.id = {{(uint8_t)(10 + i)}},
                                           .tenant = i == 2 ? OTHER : TENANT,
                                           .product = PRODUCT,
                                           .size = 5,
                                           .request = "{}",
                                           .created_by = "user:1",
                                           .created_at = 1,
                                           .expires_at = 100 - i,
                                           .ver = 1};
        TRY(firmware_upload_rows_insert(tx, &made));
    }
    return OK;
}

static err_t uploads_in(struct db_tx *tx, void *arg)
{
    (void)arg;
    struct firmware_upload_row row;
    bool is_there = true;
    TRY(add_uploads(tx));
    assert_err(ERR_NOT_FOUND, firmware_upload_rows_find(tx, OTHER, (struct uuid){{10}}, &row));
    TRY(firmware_upload_rows_find(tx, TENANT, (struct uuid){{10}}, &row));
    assert_false(row.has_sha256);
    assert_string_equal(row.created_by, "user:1");
    assert_string_equal(row.product_name, "");
    row.received = 4;
    row.has_sha256 = true;
    row.sha256 = hash_number(9);
    row.expires_at = 200;
    TRY(firmware_upload_rows_update(tx, &row));
    row.ver = 1;
    assert_err(ERR_BUSY, firmware_upload_rows_update(tx, &row));
    TRY(firmware_upload_rows_find(tx, TENANT, (struct uuid){{10}}, &row));
    assert_true(row.has_sha256);
    assert_int_equal(row.sha256.b[0], 9);
    assert_int_equal(row.received, 4);
    struct seen mine = {0};
    TRY(firmware_upload_rows_list(tx, TENANT, &(struct row_window){.limit = 9}, see_upload, &mine));
    assert_int_equal(mine.count, 2);
    struct seen late = {0};
    TRY(firmware_upload_rows_list_expired(tx, 100, 9, see_upload, &late));
    assert_int_equal(late.count, 2);
    assert_int_equal(late.numbers[0], 12);
    assert_int_equal(late.numbers[1], 11);
    TRY(firmware_upload_rows_delete(tx, (struct uuid){{11}}));
    TRY(firmware_upload_rows_delete(tx, (struct uuid){{11}}));
    TRY(firmware_upload_rows_exists(tx, (struct uuid){{11}}, &is_there));
    assert_false(is_there);
    TRY(firmware_upload_rows_exists(tx, (struct uuid){{12}}, &is_there));
    assert_true(is_there);
    return OK;
}

static void uploads(void **state)
{
    struct fixture *f = *state;
    assert_ok(db_write(f->db, uploads_in, NULL));
}

/* --- images ------------------------------------------------------------------------------------------ */

static struct firmware_image_row image_number(int n)
{
    return (struct firmware_image_row){.id = {{(uint8_t)(20 + n)}},
                                       .tenant = n == 5 ? OTHER : TENANT,
                                       .product = n % 2 == 0 ? PRODUCT : SECOND,
                                       .sha256 = hash_number(n / 2),
                                       .size = n,
                                       .filename = "a.bin",
                                       .format = n % 3,
                                       .version = "1.2",
                                       .counter = -1,
                                       .facts = "{}",
                                       .state = n == 4 ? FIRMWARE_IMAGE_WITHDRAWN : FIRMWARE_IMAGE_READY,
                                       .is_derived = n == 3,
                                       .derived_from = {{20}},
                                       .signing_key = {{77}},
                                       .hold_reason = "",
                                       .created_by = "user:1",
                                       .created_at = 1,
                                       .updated_at = 2,
                                       .ver = 1};
}

static err_t see_image(const struct firmware_image_row *row, void *arg)
{
    struct seen *seen = arg;
    seen->numbers[seen->count++] = row->id.b[0] - 20;
    return OK;
}

static void assert_list(struct db_tx *tx, struct firmware_image_filter filter, int count, int first)
{
    struct seen seen = {0};
    assert_ok(
        firmware_image_rows_list(tx, TENANT, &filter, &(struct row_window){.limit = MANY}, see_image, &seen));
    assert_int_equal(seen.count, count);
    assert_int_equal(seen.numbers[0], first);
}

static err_t image_lists_in(struct db_tx *tx, void *arg)
{
    (void)arg;
    const int64_t format = 1;
    const enum firmware_image_state withdrawn = FIRMWARE_IMAGE_WITHDRAWN;
    for (int i = 0; i < 6; i++) {
        struct firmware_image_row made = image_number(i);
        TRY(firmware_image_rows_insert(tx, &made));
        made.id.b[1] = 1;
        assert_err(ERR_CONFLICT, firmware_image_rows_insert(tx, &made));
    }
    assert_list(tx, (struct firmware_image_filter){NULL, NULL, NULL}, 5, 0);
    assert_list(tx, (struct firmware_image_filter){&SECOND, NULL, NULL}, 2, 1);
    assert_list(tx, (struct firmware_image_filter){NULL, &format, NULL}, 2, 1);
    assert_list(tx, (struct firmware_image_filter){&PRODUCT, &format, NULL}, 1, 4);
    assert_list(tx, (struct firmware_image_filter){NULL, NULL, &withdrawn}, 1, 4);
    assert_list(tx, (struct firmware_image_filter){&PRODUCT, NULL, &withdrawn}, 1, 4);
    assert_list(tx, (struct firmware_image_filter){NULL, &format, &withdrawn}, 1, 4);
    assert_list(tx, (struct firmware_image_filter){&PRODUCT, &format, &withdrawn}, 1, 4);
    const struct sha256 name = hash_number(2);
    const struct uuid first = {{24}};
    struct seen same = {0};
    TRY(firmware_image_rows_list_bytes(tx, &name, NULL, MANY, see_image, &same));
    assert_int_equal(same.count, 2); /* of both tenants */
    TRY(firmware_image_rows_list_bytes(tx, &name, &first, MANY, see_image, &same));
    assert_int_equal(same.count, 3);
    struct seen derived = {0};
    TRY(firmware_image_rows_list_derived(tx, (struct uuid){{20}}, MANY, see_image, &derived));
    assert_int_equal(derived.count, 1);
    assert_int_equal(derived.numbers[0], 3);
    return OK;
}

static void image_lists(void **state)
{
    struct fixture *f = *state;
    assert_ok(db_write(f->db, image_lists_in, NULL));
}

static err_t one_image_in(struct db_tx *tx, void *arg)
{
    (void)arg;
    struct firmware_image_row row;
    bool has = true;
    struct firmware_image_row made = image_number(3);
    TRY(firmware_image_rows_insert(tx, &made));
    assert_err(ERR_NOT_FOUND, firmware_image_rows_find(tx, OTHER, made.id, &row));
    TRY(firmware_image_rows_find(tx, TENANT, made.id, &row));
    assert_true(row.is_derived);
    assert_int_equal(row.signing_key.b[0], 77);
    assert_int_equal(row.counter, -1);
    assert_string_equal(row.filename, "a.bin");
    row.releases = 2;
    row.hold_until = 99;
    memcpy(row.hold_reason, "law", 4);
    row.state = FIRMWARE_IMAGE_WITHDRAWN;
    TRY(firmware_image_rows_update(tx, &row));
    row.ver = 1;
    assert_err(ERR_BUSY, firmware_image_rows_update(tx, &row));
    TRY(firmware_image_rows_find_bytes(tx, TENANT, SECOND, &made.sha256, &row));
    assert_int_equal(row.releases, 2);
    assert_int_equal(row.hold_until, 99);
    assert_string_equal(row.hold_reason, "law");
    assert_int_equal(row.state, FIRMWARE_IMAGE_WITHDRAWN);
    assert_err(ERR_NOT_FOUND, firmware_image_rows_find_bytes(tx, TENANT, PRODUCT, &made.sha256, &row));
    struct firmware_image_row like = image_number(3);
    TRY(firmware_image_rows_has_version(tx, &like, &has));
    assert_false(has); /* itself does not count */
    struct firmware_image_row next = image_number(3);
    next.id.b[0]++;
    next.sha256.b[1]++;
    next.is_derived = false;
    TRY(firmware_image_rows_insert(tx, &next));
    TRY(firmware_image_rows_has_version(tx, &like, &has));
    assert_true(has);
    TRY(firmware_image_rows_has_version(tx, &next, &has));
    assert_false(has); /* what was derived does not count either */
    TRY(firmware_image_rows_delete(tx, OTHER, made.id));
    TRY(firmware_image_rows_find(tx, TENANT, made.id, &row));
    TRY(firmware_image_rows_delete(tx, TENANT, made.id));
    assert_err(ERR_NOT_FOUND, firmware_image_rows_find(tx, TENANT, made.id, &row));
    return OK;
}

static void one_image(void **state)
{
    struct fixture *f = *state;
    assert_ok(db_write(f->db, one_image_in, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(blobs), TEST(uploads), TEST(image_lists), TEST(one_image)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
