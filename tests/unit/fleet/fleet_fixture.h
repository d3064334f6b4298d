/* A founded inventory in a folder of its own, for the tests of fleet/: a clock that stands still, real
 * randomness, the authorities of the tests of pki/ (made once per program: their keys are sealed by scrypt).
 */
#ifndef TESTS_FLEET_FIXTURE_H
#define TESTS_FLEET_FIXTURE_H

#include "tests/unit/inventory_template.h"
#include "tests/unit/pki/pki_fixture.h"

#include "firmware_store/store.h"
#include "fleet/access.h"
#include "fleet/internal.h"
#include "fleet/registry.h"

/* Within the validity of the authorities. */
static const int64_t fleet_now_ms = 1800000000000;
static const int64_t hour_ms = 3600 * 1000;
static const int64_t day_ms = 24LL * 3600 * 1000;
static const struct actor test_actor = {.name = "token:test", .request_id = "r-1"};
static const uint8_t test_salt_secret[SALT_SECRET_SIZE] = {1, 2, 3, 4};

struct fleet_fixture {
    struct test_house *house;
    struct test_folder folder;
    char path[96];
    struct manual_clock clock;
    struct db *db;
    struct blob_store *blobs; /* "firmware" in the folder */
    struct fleet_options options;
    struct fleet *fleet;
    struct first_token token;   /* of an administrator of "default" */
    struct tenant_row tenant;   /* "default" */
    struct trace_table *traces; /* NULL until a test puts one in, and opens again */
};

/* --- once per program: cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown) */

static inline int fleet_group_setup(void **state)
{
    struct test_house *house = calloc(1, sizeof *house);
    assert_non_null(house);
    test_house_init(house, KEY_ALG_P256);
    *state = house;
    return 0;
}

static inline int fleet_group_teardown(void **state)
{
    test_house_clear(*state);
    free(*state);
    return 0;
}

/* --- in each test: struct fleet_fixture f; fleet_fixture_init(&f, *state); … fleet_fixture_clear(&f); */

static inline void fleet_fixture_open(struct fleet_fixture *f)
{
    const struct db_options db_options = {.path = f->path,
                                          .node_name = "node-1",
                                          .clock = &f->clock.clock,
                                          .random = random_system(),
                                          .traces = f->traces,
                                          .read_connections = 4,
                                          .queue_limit = 1000};
    AUTO(char) *firmware = NULL;
    assert_ok(path_join(f->folder.path, "firmware", &firmware));
    assert_ok(blob_store_open_folder(firmware, &f->blobs));
    assert_ok(inventory_open(&db_options, &f->db));
    f->options = (struct fleet_options){.db = f->db,
                                        .root = f->house->root,
                                        .keystore = f->house->keystore,
                                        .device = f->house->device,
                                        .infrastructure = f->house->infrastructure,
                                        .clock = &f->clock.clock,
                                        .random = random_system(),
                                        .public_url = "http://pki.example:8080/",
                                        .salt_secret = BYTES_OF(test_salt_secret),
                                        .blobs = f->blobs,
                                        .image_max = 1 << 20,
                                        .scrub_days = 7,
                                        .challenge_ttl_ms = 120 * 1000,
                                        .crl_lifetime_ms = 24 * hour_ms,
                                        .supersede_overlap_ms = 24 * hour_ms};
    assert_ok(fleet_new(&f->options, &f->fleet));
}

/** As after a restart: nothing in memory survives. */
static inline void fleet_fixture_reopen(struct fleet_fixture *f)
{
    fleet_free(f->fleet);
    blob_store_free(f->blobs);
    db_close(f->db);
    fleet_fixture_open(f);
}

/** An inventory without its first rows. */
static inline void fleet_fixture_init_empty(struct fleet_fixture *f, void *house)
{
    *f = (struct fleet_fixture){.house = house};
    test_folder_init(&f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/whorl.db", f->folder.path);
    manual_clock_init(&f->clock, fleet_now_ms);
    fleet_fixture_open(f);
}

static inline void fleet_fixture_init(struct fleet_fixture *f, void *house)
{
    fleet_fixture_init_empty(f, house);
    assert_ok(fleet_found(f->fleet, NULL, &f->token));
    assert_ok(tenant_find(f->fleet, "default", &f->tenant));
}

static inline void fleet_fixture_clear(struct fleet_fixture *f)
{
    fleet_free(f->fleet);
    blob_store_free(f->blobs);
    db_close(f->db);
    test_folder_clear(&f->folder);
}

/* --- devices */

/** A made-up id: nobody has its key. */
static inline struct device_id device_id_of(int number)
{
    struct sha256 hash;
    assert_ok(sha256_of((struct bytes){(const uint8_t *)&number, sizeof number}, &hash));
    struct device_id id;
    memcpy(id.b, hash.b, sizeof id.b);
    return id;
}

/** The id of a key: the hash of its SPKI. */
static inline struct device_id device_id_of_spki(const struct buf *spki)
{
    struct sha256 hash;
    assert_ok(sha256_of(buf_view(spki), &hash));
    struct device_id id;
    memcpy(id.b, hash.b, sizeof id.b);
    return id;
}

/** Registers devices by id in a batch of their own. */
static inline void register_devices(struct fleet_fixture *f, struct uuid tenant, const char *batch,
                                    const struct device_id *ids, size_t count)
{
    struct batch_row row;
    struct batch_report report;
    struct device_entry *entries = calloc(count, sizeof *entries);
    assert_non_null(entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct device_entry){.has_id = true, .id = ids[i]};
    }
    const struct batch_order order = {
        .tenant = tenant, .name = bytes_str(batch), .devices = entries, .count = count};
    assert_ok(batch_register(f->fleet, &test_actor, &order, &row, &report));
    free(entries);
}

/* --- the audit log */

struct audit_count {
    const char *kind;
    int64_t count;
    char last_body[1024];
};

static const char fixture_sql_audit[] = "SELECT kind, body FROM audit ORDER BY epoch, lane, seq";

static inline err_t fixture_on_audit(const struct db_row *row, void *arg)
{
    struct audit_count *found = arg;
    if (!bytes_is(db_row_bytes(row, 0), found->kind)) {
        return OK;
    }
    found->count++;
    return db_row_text(row, 1, found->last_body, sizeof found->last_body);
}

static inline err_t fixture_read_audit(struct db_tx *tx, void *arg)
{
    return db_run(tx, fixture_sql_audit, NULL, 0, fixture_on_audit, arg);
}

/** How many records of a kind there are, and the body of the last one. */
static inline struct audit_count audit_of(struct fleet_fixture *f, const char *kind)
{
    struct audit_count found = {.kind = kind};
    assert_ok(db_read(f->db, fixture_read_audit, &found));
    return found;
}

static inline void assert_audit_verifies(struct fleet_fixture *f)
{
    struct audit_report report;
    assert_ok(audit_verify(f->db, &report));
    assert_string_equal(report.first_bad, "");
}

#endif
