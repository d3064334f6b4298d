/* Batches: all devices or none, each line with its reason. */
#include "tests/unit/fleet/registry_scene.h"

#include "db/device_key_rows.h"
#include "db/device_rows.h"

static void a_batch_registers_every_device(void **state)
{
    struct fleet_fixture f;
    struct batch_row made, found;
    struct batch_report report;
    struct device_row device;
    fleet_fixture_init(&f, *state);
    struct device_entry entries[2] = {{.has_id = true,
                                       .id = device_id_of(1),
                                       .serial = bytes_str("SN-1"),
                                       .model = bytes_str("gw-2"),
                                       .attributes = bytes_str("{\"line\":7}")},
                                      {.has_id = true, .id = device_id_of(2)}};
    struct batch_order order = order_of(f.tenant.id, "lot-1", entries, 2);
    assert_ok(batch_register(f.fleet, &test_actor, &order, &made, &report));
    assert_int_equal(report.refused, 0);
    assert_ok(batch_find(f.fleet, f.tenant.id, made.id, &found));
    assert_string_equal(found.name, "lot-1");
    assert_int_equal(found.device_count, 2);

    assert_ok(device_find(f.fleet, f.tenant.id, &entries[0].id, &device));
    assert_true(uuid_equal(device.batch, made.id) && uuid_equal(device.product, made.product));
    assert_int_equal(device.state, DEVICE_REGISTERED);
    assert_int_equal(device.claim, CLAIM_LISTED);
    assert_int_equal(device.generation, 0);
    assert_string_equal(device.serial, "SN-1");
    assert_string_equal(device.model, "gw-2");
    assert_string_equal(device.attributes, "{\"line\":7}");
    assert_int_equal(device.registered_at, fleet_now_ms);
    assert_int_equal(device.enrolled_at, 0);
    assert_ok(device_find(f.fleet, f.tenant.id, &entries[1].id, &device));
    assert_string_equal(device.attributes, "{}");
    assert_int_equal(f.fleet->counters.registered, 2);
    fleet_fixture_clear(&f);
}

/* The record commits to the list: SHA-256 over the ids in ascending order, whatever the order given. */
static void the_record_commits_to_the_ids(void **state)
{
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    struct device_entry entries[2] = {{.has_id = true}, {.has_id = true}};
    uint8_t sorted[64] = {0};
    struct sha256 hash;
    char hex[65], wanted[128];
    fleet_fixture_init(&f, *state);
    entries[0].id.b[0] = 9;
    entries[1].id.b[0] = 3;
    sorted[0] = 3;
    sorted[32] = 9;
    struct batch_order order = order_of(f.tenant.id, "lot-1", entries, 2);
    assert_ok(batch_register(f.fleet, &test_actor, &order, &made, &report));
    assert_ok(sha256_of(BYTES_OF(sorted), &hash));
    hex_encode(BYTES_OF(hash.b), hex);
    (void)snprintf(wanted, sizeof wanted, "\"count\":2,\"ids_sha256\":\"%s\"", hex);
    struct audit_count audit = audit_of(&f, "batch.registered");
    assert_int_equal(audit.count, 1);
    assert_non_null(strstr(audit.last_body, wanted));
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

struct spki_read {
    struct uuid tenant;
    struct device_id id;
    struct buf *out;
};

static err_t read_spki(struct db_tx *tx, void *arg)
{
    const struct spki_read *run = arg;
    return device_rows_read_spki(tx, run->tenant, &run->id, run->out);
}

static void a_key_names_its_device(void **state)
{
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    struct device_row device;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) stored = {0};
    fleet_fixture_init(&f, *state);
    spki_of(key, &spki);
    struct device_entry entry = {.spki = buf_view(&spki)};
    struct batch_order order = order_of(f.tenant.id, "lot-1", &entry, 1);
    assert_ok(batch_register(f.fleet, &test_actor, &order, &made, &report));
    struct spki_read run = {.tenant = f.tenant.id, .id = device_id_of_spki(&spki), .out = &stored};
    assert_ok(device_find(f.fleet, f.tenant.id, &run.id, &device));
    assert_int_equal(device.claim, CLAIM_SPKI);
    assert_ok(db_read(f.db, read_spki, &run));
    assert_true(bytes_equal(buf_view(&stored), buf_view(&spki)));
    fleet_fixture_clear(&f);
}

/* The issue's own case: one bad line among 10,000. */
static void one_bad_line_among_many_imports_nothing(void **state)
{
    enum { COUNT = 10000, BAD = 7777 };
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct device_entry *entries = entries_by_id(0, COUNT);
    entries[BAD].serial = bytes_str("two\nlines");
    struct batch_order order = order_of(f.tenant.id, "lot-1", entries, COUNT);
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_UNPROCESSABLE,
                 "devices[7777]: serial");
    assert_int_equal(report.refused, 1);
    assert_int_equal(report.listed, 1);
    assert_int_equal(report.lines[0].index, BAD);
    assert_non_null(strstr(report.lines[0].reason, "control character"));
    assert_false(is_registered(&f, f.tenant.id, 0));
    assert_int_equal(audit_of(&f, "batch.registered").count, 0);

    entries[BAD].serial = BYTES_NONE;
    assert_ok(batch_register(f.fleet, &test_actor, &order, &made, &report));
    assert_true(is_registered(&f, f.tenant.id, BAD));
    free(entries);
    fleet_fixture_clear(&f);
}

static void every_kind_of_bad_line_is_named(void **state)
{
    static const uint8_t junk[] = {0x30, 0x03, 0x01, 0x02, 0x03};
    static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890123456";
    struct device_id id = device_id_of(1);
    const struct {
        struct device_entry entry;
        const char *word;
    } rows[] = {{{.has_id = false}, "either id or spki"},
                {{.has_id = true, .id = id, .spki = BYTES_OF(junk)}, "either id or spki"},
                {{.spki = BYTES_OF(junk)}, ""},
                {{.has_id = true, .id = id, .serial = bytes_str(long_text)}, "serial has more"},
                {{.has_id = true, .id = id, .model = bytes_str("\xff")}, "model is not UTF-8"},
                {{.has_id = true, .id = id, .attributes = bytes_str("[1]")}, "JSON"},
                {{.has_id = true, .id = id, .attributes = bytes_str("{")}, ""}};
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct device_entry entries[2] = {{.has_id = true, .id = device_id_of(2)}, rows[i].entry};
        struct batch_order order = order_of(f.tenant.id, "lot-1", entries, 2);
        assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_UNPROCESSABLE,
                     "devices[1]: ");
        assert_int_equal(report.listed, 1);
        assert_int_equal(report.lines[0].index, 1);
        assert_non_null(strstr(report.lines[0].reason, rows[i].word));
    }
    assert_false(is_registered(&f, f.tenant.id, 2));
    fleet_fixture_clear(&f);
}

/* The report lists the first hundred in the order of the request and counts the rest. */
static void many_bad_lines_are_counted_and_the_first_listed(void **state)
{
    enum { COUNT = 500 };
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct device_entry *entries = entries_by_id(0, COUNT);
    struct batch_order first = order_of(f.tenant.id, "lot-1", entries, COUNT);
    assert_ok(batch_register(f.fleet, &test_actor, &first, &made, &report));
    struct batch_order second = order_of(f.tenant.id, "lot-2", entries, COUNT);
    assert_error(batch_register(f.fleet, &test_actor, &second, &made, &report), ERR_CONFLICT,
                 "500 of 500 devices refused");
    assert_int_equal(report.refused, COUNT);
    assert_int_equal(report.listed, BATCH_REPORT_MAX);
    for (size_t i = 0; i < BATCH_REPORT_MAX; i++) {
        assert_int_equal(report.lines[i].index, i);
        assert_int_equal(report.lines[i].code, ERR_CONFLICT);
    }
    free(entries);
    fleet_fixture_clear(&f);
}

static void an_id_twice_in_one_request_is_refused(void **state)
{
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct device_entry *entries = entries_by_id(0, 5);
    entries[3].id = entries[1].id;
    struct batch_order order = order_of(f.tenant.id, "lot-1", entries, 5);
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_UNPROCESSABLE,
                 "devices[3]: the same id as devices[1]");
    assert_int_equal(report.refused, 1);
    assert_false(is_registered(&f, f.tenant.id, 0));
    free(entries);
    fleet_fixture_clear(&f);
}

static void an_id_registered_before_is_refused_and_nothing_imported(void **state)
{
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct device_id known = device_id_of(2);
    register_devices(&f, f.tenant.id, "lot-1", &known, 1);
    struct device_entry *entries = entries_by_id(0, 5);
    struct batch_order order = order_of(f.tenant.id, "lot-2", entries, 5);
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_CONFLICT,
                 "devices[2]: registered already");
    assert_int_equal(report.refused, 1);
    assert_int_equal(report.lines[0].index, 2);
    assert_int_equal(report.lines[0].code, ERR_CONFLICT);
    assert_false(is_registered(&f, f.tenant.id, 0));
    free(entries);
    fleet_fixture_clear(&f);
}

struct retire {
    struct uuid tenant;
    struct device_id id;
    enum device_state state;
};

static err_t set_state(struct db_tx *tx, void *arg)
{
    const struct retire *run = arg;
    struct device_row row;
    TRY(device_rows_find(tx, run->tenant, &run->id, &row));
    row.state = run->state;
    return device_rows_update(tx, &row, BYTES_NONE);
}

static void a_tombstone_is_for_ever(void **state)
{
    static const struct {
        enum device_state state;
        const char *word;
    } rows[] = {{DEVICE_RETIRED, "is retired: it can never"},
                {DEVICE_COMPROMISED, "is compromised: it can never"}};
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct retire run = {.tenant = f.tenant.id, .id = device_id_of(1)};
    register_devices(&f, f.tenant.id, "lot-1", &run.id, 1);
    struct device_entry entry = {.has_id = true, .id = run.id};
    struct batch_order order = order_of(f.tenant.id, "lot-2", &entry, 1);
    for (size_t i = 0; i < 2; i++) {
        run.state = rows[i].state;
        assert_ok(db_write(f.db, set_state, &run));
        assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_CONFLICT,
                     rows[i].word);
    }
    fleet_fixture_clear(&f);
}

/* Identity rule 6: another tenant's claim never shows. */
static void two_tenants_may_claim_one_id(void **state)
{
    struct fleet_fixture f;
    struct device_row mine, theirs;
    struct batch_row found;
    fleet_fixture_init(&f, *state);
    struct tenant_row other = add_tenant(&f, "other");
    struct device_id id = device_id_of(1);
    register_devices(&f, f.tenant.id, "lot-1", &id, 1);
    assert_error(device_find(f.fleet, other.id, &id, &theirs), ERR_NOT_FOUND, "device");
    register_devices(&f, other.id, "lot-1", &id, 1);
    assert_ok(device_find(f.fleet, f.tenant.id, &id, &mine));
    assert_ok(device_find(f.fleet, other.id, &id, &theirs));
    assert_false(uuid_equal(mine.batch, theirs.batch));
    assert_ok(batch_find(f.fleet, f.tenant.id, mine.batch, &found));
    assert_error(batch_find(f.fleet, other.id, mine.batch, &found), ERR_NOT_FOUND, "batch");
    fleet_fixture_clear(&f);
}

static err_t claim_key(struct db_tx *tx, void *arg)
{
    return device_key_rows_claim(tx, arg);
}

/* Invariant I4: what was certified for one device is no other device's identity. */
static void another_devices_operational_key_is_refused(void **state)
{
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct device_id key = device_id_of(1);
    struct device_key_row row = {.device = device_id_of(2), .generation = 1, .first_seen_at = fleet_now_ms};
    memcpy(row.spki_sha256, key.b, sizeof row.spki_sha256);
    assert_ok(db_write(f.db, claim_key, &row));
    struct device_entry entry = {.has_id = true, .id = key};
    struct batch_order order = order_of(f.tenant.id, "lot-1", &entry, 1);
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_CONFLICT,
                 "operational key");
    assert_false(is_registered(&f, f.tenant.id, 1));
    fleet_fixture_clear(&f);
}

static void bad_orders_are_refused(void **state)
{
    struct fleet_fixture f;
    struct batch_row made;
    struct batch_report report;
    fleet_fixture_init(&f, *state);
    struct device_entry *entries = entries_by_id(0, 1);
    struct batch_order good = order_of(f.tenant.id, "lot-1", entries, 1), order = good;
    order.name = bytes_str("a b");
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_UNPROCESSABLE,
                 "batch name");
    order = good;
    order.count = 0;
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_UNPROCESSABLE,
                 "at least one");
    order.count = BATCH_DEVICES_MAX + 1;
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_TOO_LARGE, "200000");
    order = good;
    order.product = bytes_str("no-such");
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_UNPROCESSABLE, "product");
    assert_ok(batch_register(f.fleet, &test_actor, &good, &made, &report));
    order = good;
    entries[0].id = device_id_of(9);
    assert_error(batch_register(f.fleet, &test_actor, &order, &made, &report), ERR_CONFLICT, "lot-1");
    assert_false(is_registered(&f, f.tenant.id, 9));
    free(entries);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_registers_every_device),
        cmocka_unit_test(the_record_commits_to_the_ids),
        cmocka_unit_test(a_key_names_its_device),
        cmocka_unit_test(one_bad_line_among_many_imports_nothing),
        cmocka_unit_test(every_kind_of_bad_line_is_named),
        cmocka_unit_test(many_bad_lines_are_counted_and_the_first_listed),
        cmocka_unit_test(an_id_twice_in_one_request_is_refused),
        cmocka_unit_test(an_id_registered_before_is_refused_and_nothing_imported),
        cmocka_unit_test(a_tombstone_is_for_ever),
        cmocka_unit_test(two_tenants_may_claim_one_id),
        cmocka_unit_test(another_devices_operational_key_is_refused),
        cmocka_unit_test(bad_orders_are_refused),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
