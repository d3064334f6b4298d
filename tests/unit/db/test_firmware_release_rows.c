/* firmware_release_rows.c and firmware_line_rows.c: every column there and back, versions and sequences given
 * once, lines that only rise. */
#include "tests/unit/db/db_fixture.h"

#include "db/firmware_line_rows.h"

static const struct uuid TENANT = {{1}}, OTHER = {{2}}, PRODUCT = {{3}};

static struct firmware_release_row release_of(uint8_t number, const char *version, int64_t sequence)
{
    struct firmware_release_row row = {.id = {{number}},
                                       .tenant = TENANT,
                                       .product = PRODUCT,
                                       .class = "rev-b",
                                       .kind = RELEASE_SECURITY,
                                       .sequence = sequence,
                                       .counter = -1,
                                       .support_until = 5,
                                       .csaf_url = "https://csaf.example/1.json",
                                       .notes = "a note",
                                       .created_by = "token:a",
                                       .created_at = 6,
                                       .updated_at = 7,
                                       .ver = 1};
    (void)snprintf(row.version, sizeof row.version, "%s", version);
    return row;
}

struct run {
    struct firmware_release_row row;
    struct firmware_release_images images;
    struct firmware_release_filter filter;
    struct firmware_line_row line;
    struct buf manifest;
    int count;
    int64_t number;
};

static err_t insert(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    TRY(firmware_release_rows_insert(tx, &run->row));
    return firmware_release_rows_set_images(tx, run->row.id, &run->images);
}

static err_t update(struct db_tx *tx, void *arg)
{
    return firmware_release_rows_update(tx, &((struct run *)arg)->row);
}

static err_t remove_release(struct db_tx *tx, void *arg)
{
    return firmware_release_rows_delete(tx, TENANT, ((struct run *)arg)->row.id);
}

static err_t manifest(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    TRY(firmware_release_rows_set_manifest(tx, run->row.id, bytes_str("envelope")));
    return firmware_release_rows_manifest(tx, TENANT, run->row.id, &run->manifest);
}

static err_t count(const struct firmware_release_row *row, void *arg)
{
    struct run *run = arg;
    run->count++;
    run->row = *row;
    return OK;
}

static err_t list(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    const struct row_window window = {.limit = 10};
    run->count = 0;
    return firmware_release_rows_list(tx, &run->filter, &window, count, run);
}

static err_t signing(struct db_tx *tx, void *arg)
{
    ((struct run *)arg)->count = 0;
    return firmware_release_rows_signing(tx, 10, count, arg);
}

static err_t find(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    struct uuid id = run->row.id;
    run->row = (struct firmware_release_row){.ver = 0};
    TRY(firmware_release_rows_highest(tx, TENANT, PRODUCT, &run->number));
    TRY(firmware_release_rows_images(tx, id, &run->images));
    return firmware_release_rows_find(tx, run->filter.tenant, id, &run->row);
}

static err_t count_release(struct uuid id, void *arg)
{
    (void)id;
    ((struct run *)arg)->count++;
    return OK;
}

static err_t of_image(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    run->count = 0;
    return firmware_release_rows_of_image(tx, run->images.rows[0].signed_image, 10, count_release, run);
}

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    fixture_make(f);
    fixture_open(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static void there_and_back(void **state)
{
    struct fixture *f = *state;
    struct run run = {.row = release_of(9, "1.4.2", 12), .filter = {.tenant = TENANT}};
    run.images.count = 1;
    run.images.rows[0] = (struct firmware_release_image_row){
        .image = {{5}}, .has_signed = true, .signed_image = {{6}}, .part = "os", .recipe = "{}"};
    assert_ok(db_write(f->db, insert, &run));
    struct firmware_release_row before = run.row;
    run.images.count = 0;
    assert_ok(db_read(f->db, find, &run));
    assert_memory_equal(&run.row.product, &before.product, sizeof before.product);
    assert_string_equal(run.row.class, "rev-b");
    assert_string_equal(run.row.version, "1.4.2");
    assert_string_equal(run.row.csaf_url, "https://csaf.example/1.json");
    assert_string_equal(run.row.notes, "a note");
    assert_string_equal(run.row.created_by, "token:a");
    assert_int_equal(run.row.kind, RELEASE_SECURITY);
    assert_int_equal(run.row.counter, -1);
    assert_int_equal(run.row.support_until, 5);
    assert_false(run.row.has_rollback_of || run.row.has_manifest_key || run.row.has_manifest);
    assert_int_equal(run.number, 12);
    assert_int_equal(run.images.count, 1);
    assert_string_equal(run.images.rows[0].part, "os");
    assert_true(run.images.rows[0].has_signed);
    assert_ok(db_read(f->db, of_image, &run));
    assert_int_equal(run.count, 1);
    run.row.state = RELEASE_SIGNING;
    run.row.has_manifest = true;
    run.row.manifest_sha256.b[0] = 1;
    assert_ok(db_write(f->db, update, &run));
    assert_int_equal(run.row.ver, 2);
    run.row.ver = 1; /* an older look */
    assert_err(ERR_BUSY, db_write(f->db, update, &run));
    assert_ok(db_read(f->db, signing, &run));
    assert_int_equal(run.count, 1);
    assert_true(run.row.has_manifest);
    assert_ok(db_write(f->db, manifest, &run));
    assert_string_equal(buf_str(&run.manifest), "envelope");
    buf_clear(&run.manifest);
    run.filter.tenant = OTHER;
    run.row.id = before.id;
    assert_err(ERR_NOT_FOUND, db_read(f->db, find, &run));
    run.row.id = before.id;
    assert_ok(db_write(f->db, remove_release, &run));
    run.filter.tenant = TENANT;
    run.row.id = before.id;
    assert_err(ERR_NOT_FOUND, db_read(f->db, find, &run));
    assert_int_equal(run.images.count, 0);
}

static void version_and_sequence_are_given_once(void **state)
{
    struct fixture *f = *state;
    struct run run = {.row = release_of(1, "1.4.2", 12)};
    assert_ok(db_write(f->db, insert, &run));
    run.row = release_of(2, "1.4.2", 13);
    assert_err(ERR_CONFLICT, db_write(f->db, insert, &run));
    run.row = release_of(2, "1.4.3", 12);
    assert_err(ERR_CONFLICT, db_write(f->db, insert, &run));
    run.row = release_of(2, "1.4.2", 13); /* going back to it */
    run.row.has_rollback_of = true;
    assert_ok(db_write(f->db, insert, &run));
    run.row.sequence = 12;
    assert_err(ERR_CONFLICT, db_write(f->db, update, &run));
}

static void lists_by_product_and_state(void **state)
{
    struct fixture *f = *state;
    struct run run = {.row = release_of(1, "1", 1)};
    assert_ok(db_write(f->db, insert, &run));
    run.row = release_of(2, "2", 2);
    run.row.state = RELEASE_PUBLISHED;
    assert_ok(db_write(f->db, insert, &run));
    static const int expected[4] = {2, 1, 2, 1};
    for (int i = 0; i < 4; i++) {
        run.filter = (struct firmware_release_filter){.tenant = TENANT,
                                                      .has_state = (i & 1) != 0,
                                                      .state = RELEASE_PUBLISHED,
                                                      .has_product = (i & 2) != 0,
                                                      .product = PRODUCT};
        assert_ok(db_read(f->db, list, &run));
        assert_int_equal(run.count, expected[i]);
    }
    run.filter.product.b[0] = 77;
    assert_ok(db_read(f->db, list, &run));
    assert_int_equal(run.count, 0);
}

static err_t raise_line(struct db_tx *tx, void *arg)
{
    return firmware_line_rows_raise(tx, &((struct run *)arg)->line);
}

static err_t find_line(struct db_tx *tx, void *arg)
{
    return firmware_line_rows_find(tx, PRODUCT, "", &((struct run *)arg)->line);
}

static void lines_only_rise(void **state)
{
    struct fixture *f = *state;
    struct run run = {
        .line = {.product = PRODUCT, .tenant = TENANT, .version = "2", .sequence = 5, .counter = 3}};
    struct firmware_line_row lower = run.line;
    assert_err(ERR_NOT_FOUND, db_read(f->db, find_line, &run));
    assert_ok(db_write(f->db, raise_line, &run));
    (void)snprintf(lower.version, sizeof lower.version, "1");
    lower.sequence = 6;
    lower.counter = 2;
    run.line = lower;
    assert_ok(db_write(f->db, raise_line, &run));
    lower.sequence = 1;
    lower.counter = -1;
    (void)snprintf(lower.version, sizeof lower.version, "0");
    run.line = lower;
    assert_ok(db_write(f->db, raise_line, &run));
    assert_ok(db_read(f->db, find_line, &run));
    assert_int_equal(run.line.sequence, 6);
    assert_int_equal(run.line.counter, 3);
    assert_string_equal(run.line.version, "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(version_and_sequence_are_given_once, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_by_product_and_state, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_only_rise, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
