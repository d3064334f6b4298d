/* Looking devices up: pages in order of id, filters, another tenant's, and the row functions under them. */
#include "tests/unit/fleet/registry_scene.h"

#include "db/device_rows.h"

enum { MANY = 25 };

struct page {
    struct device_id ids[64];
    size_t count;
};

static err_t on_device(const struct device_row *row, void *arg)
{
    struct page *page = arg;
    page->ids[page->count++] = row->id;
    return OK;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, DEVICE_ID_SIZE);
}

/** Registers devices first … first + MANY - 1 as one batch; @return its row */
static struct batch_row register_many(struct fleet_fixture *f, struct uuid tenant, const char *name,
                                      int first)
{
    struct batch_row made;
    struct batch_report report;
    struct device_entry *entries = entries_by_id(first, MANY);
    struct batch_order order = order_of(tenant, name, entries, MANY);
    assert_ok(batch_register(f->fleet, &test_actor, &order, &made, &report));
    free(entries);
    return made;
}

static void pages_give_each_device_once_and_in_order(void **state)
{
    struct fleet_fixture f;
    struct device_id wanted[MANY];
    fleet_fixture_init(&f, *state);
    struct tenant_row other = add_tenant(&f, "other");
    (void)register_many(&f, f.tenant.id, "lot-1", 0);
    (void)register_many(&f, other.id, "lot-1", 10);
    for (int i = 0; i < MANY; i++) {
        wanted[i] = device_id_of(i);
    }
    qsort(wanted, MANY, sizeof wanted[0], compare_ids);

    struct page page = {0};
    struct device_place last = {.at = 0};
    struct device_filter filter = {.tenant = f.tenant.id, .limit = 10};
    static const bool more[] = {true, true, false};
    for (size_t i = 0; i < 3; i++) {
        bool has_more = !more[i];
        assert_ok(device_list(f.fleet, &filter, on_device, &page, &has_more));
        assert_int_equal(has_more, more[i]);
        assert_int_equal(page.count, i < 2 ? (i + 1) * 10 : MANY);
        last.id = page.ids[page.count - 1];
        filter.after = &last;
    }
    assert_memory_equal(page.ids, wanted, sizeof wanted);
    fleet_fixture_clear(&f);
}

static void a_page_that_fits_exactly_has_no_more(void **state)
{
    struct fleet_fixture f;
    struct page page = {0};
    bool has_more = true;
    fleet_fixture_init(&f, *state);
    (void)register_many(&f, f.tenant.id, "lot-1", 0);
    struct device_filter filter = {.tenant = f.tenant.id, .limit = MANY};
    assert_ok(device_list(f.fleet, &filter, on_device, &page, &has_more));
    assert_int_equal(page.count, MANY);
    assert_false(has_more);
    fleet_fixture_clear(&f);
}

struct change {
    struct device_row row;
    struct bytes spki;
};

static err_t update_row(struct db_tx *tx, void *arg)
{
    struct change *change = arg;
    return device_rows_update(tx, &change->row, change->spki);
}

static void filters_meet(void **state)
{
    struct fleet_fixture f;
    struct change change = {0};
    fleet_fixture_init(&f, *state);
    struct tenant_row other = add_tenant(&f, "other");
    struct batch_row first = register_many(&f, f.tenant.id, "lot-1", 0);
    struct batch_row second = register_many(&f, f.tenant.id, "lot-2", 100);
    struct batch_row theirs = register_many(&f, other.id, "lot-1", 0);
    struct device_id id = device_id_of(103);
    assert_ok(device_find(f.fleet, f.tenant.id, &id, &change.row));
    change.row.state = DEVICE_ENROLLED;
    assert_ok(db_write(f.db, update_row, &change));

    const struct {
        bool has_batch, has_state;
        struct uuid batch;
        enum device_state state;
        size_t count;
    } rows[] = {
        {.count = 50},
        {.has_batch = true, .batch = first.id, .count = MANY},
        {.has_batch = true, .batch = theirs.id, .count = 0},
        {.has_state = true, .state = DEVICE_ENROLLED, .count = 1},
        {.has_state = true, .state = DEVICE_REVOKED, .count = 0},
        {.has_batch = true, .batch = first.id, .has_state = true, .state = DEVICE_ENROLLED, .count = 0},
        {.has_batch = true, .batch = second.id, .has_state = true, .state = DEVICE_ENROLLED, .count = 1},
        {.has_batch = true, .batch = second.id, .has_state = true, .state = DEVICE_REGISTERED, .count = 24},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page page = {0};
        bool has_more = true;
        struct device_filter filter = {.tenant = f.tenant.id,
                                       .has_batch = rows[i].has_batch,
                                       .batch = rows[i].batch,
                                       .has_state = rows[i].has_state,
                                       .state = rows[i].state,
                                       .limit = 60};
        assert_ok(device_list(f.fleet, &filter, on_device, &page, &has_more));
        assert_int_equal(page.count, rows[i].count);
        assert_false(has_more);
    }
    fleet_fixture_clear(&f);
}

static void a_page_has_limits(void **state)
{
    struct fleet_fixture f;
    struct page page = {0};
    bool has_more;
    fleet_fixture_init(&f, *state);
    struct device_filter filter = {.tenant = f.tenant.id, .limit = 0};
    assert_error(device_list(f.fleet, &filter, on_device, &page, &has_more), ERR_UNPROCESSABLE, "1000");
    filter.limit = 1001;
    assert_error(device_list(f.fleet, &filter, on_device, &page, &has_more), ERR_UNPROCESSABLE, "1000");
    fleet_fixture_clear(&f);
}

/* Two who read the same version: the second one's change is refused, not merged. */
static void a_change_of_an_old_version_is_refused(void **state)
{
    struct fleet_fixture f;
    static const uint8_t spki[] = {1, 2, 3};
    struct device_id id = device_id_of(1);
    fleet_fixture_init(&f, *state);
    register_devices(&f, f.tenant.id, "lot-1", &id, 1);
    struct change first = {.spki = BYTES_OF(spki)};
    assert_ok(device_find(f.fleet, f.tenant.id, &id, &first.row));
    struct change second = {.row = first.row};
    manual_clock_advance(&f.clock, 1000);
    first.row.state = DEVICE_ENROLLED;
    first.row.claim = CLAIM_PROVED;
    first.row.reenrol_allowed = true;
    first.row.generation = 3;
    first.row.enrolled_at = fleet_now_ms;
    assert_ok(db_write(f.db, update_row, &first));
    assert_int_equal(first.row.ver, 2);
    second.row.state = DEVICE_REVOKED;
    assert_error(db_write(f.db, update_row, &second), ERR_BUSY, "another request");

    struct device_row now;
    assert_ok(device_find(f.fleet, f.tenant.id, &id, &now));
    assert_int_equal(now.state, DEVICE_ENROLLED);
    assert_int_equal(now.claim, CLAIM_PROVED);
    assert_true(now.reenrol_allowed);
    assert_int_equal(now.generation, 3);
    assert_int_equal(now.enrolled_at, fleet_now_ms);
    assert_int_equal(now.updated_at, fleet_now_ms + 1000);
    assert_int_equal(now.ver, 2);
    fleet_fixture_clear(&f);
}

struct claims {
    struct device_id id;
    enum device_claim found[4];
    size_t count;
    bool is_identity;
};

static err_t on_claim(const struct device_row *row, void *arg)
{
    struct claims *claims = arg;
    claims->found[claims->count++] = row->claim;
    return OK;
}

static err_t read_claims(struct db_tx *tx, void *arg)
{
    struct claims *claims = arg;
    TRY(device_rows_find_claims(tx, &claims->id, on_claim, claims));
    return device_rows_is_identity(tx, claims->id.b, &claims->is_identity);
}

static void the_strongest_claim_comes_first(void **state)
{
    struct fleet_fixture f;
    struct change change = {0};
    struct claims claims = {.id = device_id_of(1)}, none = {.id = device_id_of(2)};
    fleet_fixture_init(&f, *state);
    struct tenant_row second = add_tenant(&f, "second"), third = add_tenant(&f, "third");
    register_devices(&f, f.tenant.id, "lot-1", &claims.id, 1);
    register_devices(&f, second.id, "lot-1", &claims.id, 1);
    register_devices(&f, third.id, "lot-1", &claims.id, 1);
    assert_ok(device_find(f.fleet, second.id, &claims.id, &change.row));
    change.row.claim = CLAIM_PROVED;
    assert_ok(db_write(f.db, update_row, &change));
    assert_ok(db_read(f.db, read_claims, &claims));
    assert_int_equal(claims.count, 3);
    assert_int_equal(claims.found[0], CLAIM_PROVED);
    assert_int_equal(claims.found[1], CLAIM_LISTED);
    assert_true(claims.is_identity);
    assert_ok(db_read(f.db, read_claims, &none));
    assert_int_equal(none.count, 0);
    assert_false(none.is_identity);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_give_each_device_once_and_in_order),
        cmocka_unit_test(a_page_that_fits_exactly_has_no_more),
        cmocka_unit_test(filters_meet),
        cmocka_unit_test(a_page_has_limits),
        cmocka_unit_test(a_change_of_an_old_version_is_refused),
        cmocka_unit_test(the_strongest_claim_comes_first),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
