/* A founded inventory with a store, and short words for uploads of raw images. */
#ifndef TESTS_FLEET_FIRMWARE_SCENE_H
#define TESTS_FLEET_FIRMWARE_SCENE_H

#include "tests/unit/fleet/fleet_fixture.h"

#include <fcntl.h>

#include "fleet/blobs.h"
#include "fleet/uploads.h"

static inline void assert_code(err_t error, err_code code)
{
    if (error.code != code) {
        print_error("%s: %s\n", err_slug(error.code), error.detail);
    }
    assert_int_equal(error.code, code);
}

static inline int firmware_setup(void **state)
{
    struct fleet_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fleet_fixture_init(f, *state);
    *state = f;
    return 0;
}

static inline int firmware_teardown(void **state)
{
    struct fleet_fixture *f = *state;
    void *house = f->house;
    fleet_fixture_clear(f);
    free(f);
    *state = house;
    return 0;
}

static inline struct terms firmware_terms(const struct fleet_fixture *f, struct faults *faults)
{
    *faults = (struct faults){.count = 0};
    return (struct terms){
        .tenant = f->tenant.id, .actor = test_actor, .faults = faults, .is_any_version = true};
}

static inline struct upload_order order_of(int64_t size)
{
    return (struct upload_order){.product = bytes_str("default"),
                                 .filename = bytes_str("a.bin"),
                                 .size = size,
                                 .has_format = true,
                                 .format = IMAGE_RAW,
                                 .version = bytes_str("1.0")};
}

static inline err_t start_upload(struct fleet_fixture *f, const struct upload_order *order,
                                 struct firmware_upload_row *out)
{
    struct faults faults;
    struct terms terms = firmware_terms(f, &faults);
    return upload_start(f->fleet, &terms, order, out);
}

/** One request that adds a text at `at`. */
static inline err_t append_text(struct fleet_fixture *f, struct uuid id, int64_t at, const char *text,
                                struct upload_outcome *out)
{
    struct faults faults = {.count = 0};
    AUTO_PTR(upload) *upload = NULL;
    const struct upload_place place = {.tenant = f->tenant.id, .id = id, .at = at, .actor = test_actor};
    TRY(upload_open(f->fleet, &place, &upload));
    TRY(upload_write(upload, bytes_str(text)));
    return upload_finish(upload, &faults, out);
}

/** A whole image in one request. */
static inline void add_image(struct fleet_fixture *f, const char *text, struct upload_outcome *out)
{
    struct firmware_upload_row row;
    struct upload_order order = order_of((int64_t)strlen(text));
    assert_ok(start_upload(f, &order, &row));
    assert_ok(append_text(f, row.id, 0, text, out));
    assert_true(out->is_image);
}

struct number_query {
    const char *sql;
    int64_t number;
};

static inline err_t take_number(const struct db_row *row, void *arg)
{
    ((struct number_query *)arg)->number = db_row_int(row, 0);
    return OK;
}

static inline err_t number_in(struct db_tx *tx, void *arg)
{
    return db_run(tx, ((struct number_query *)arg)->sql, NULL, 0, take_number, arg);
}

static inline int64_t firmware_number(struct fleet_fixture *f, const char *sql)
{
    struct number_query query = {.sql = sql};
    assert_ok(db_read(f->db, number_in, &query));
    return query.number;
}

static inline err_t statement_in(struct db_tx *tx, void *arg)
{
    return db_change(tx, arg, NULL, 0, NULL);
}

static inline void firmware_sql(struct fleet_fixture *f, const char *sql)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s", sql);
    assert_ok(db_write(f->db, statement_in, text));
}

static inline bool has_bytes(struct fleet_fixture *f, const struct sha256 *name)
{
    AUTO_VAL(buf) path = {0};
    return blob_path(f->blobs, name, &path).code == ERR_OK;
}

/** What a disk does that rots. */
static inline void flip_bit(struct fleet_fixture *f, const struct sha256 *name)
{
    AUTO_VAL(buf) path = {0};
    char c = 0;
    assert_ok(blob_path(f->blobs, name, &path));
    int fd = open(buf_str(&path), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, 2), 1);
    c ^= 4;
    assert_int_equal(pwrite(fd, &c, 1, 2), 1);
    (void)close(fd);
}

#endif
