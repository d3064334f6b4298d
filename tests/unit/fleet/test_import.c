/* Imports as a service: what comes into the inventory, what does not, and that both are told line by line. */
#include "tests/unit/fleet/registry_scene.h"

#include "fleet/import.h"

struct outcome {
    err_t error; /* of the import as a whole */
    struct import_result result;
    size_t listed;
    struct import_refusal lines[32];
};

static void hex_of(int number, char out[65])
{
    struct device_id id = device_id_of(number);
    hex_encode(BYTES_OF(id.b), out);
}

/* A CSV of made-up ids. */
static void csv_of(const int *numbers, size_t count, struct buf *out)
{
    assert_ok(buf_append_str(out, "id,serial\n"));
    for (size_t i = 0; i < count; i++) {
        char id[65];
        hex_of(numbers[i], id);
        assert_ok(buf_printf(out, "%s,SN-%d\n", id, numbers[i]));
    }
}

static struct import_order csv_order(const struct fleet_fixture *f, const char *name)
{
    return (struct import_order){.tenant = f->tenant.id, .name = bytes_str(name), .format = HANDOVER_CSV};
}

static err_t import_body(struct fleet_fixture *f, const struct import_order *order, struct bytes body,
                         struct outcome *out)
{
    AUTO_PTR(import) *import = NULL;
    bool is_end = false;
    TRY(import_open(f->fleet, &test_actor, order, &import));
    TRY(import_write(import, body));
    TRY(import_finish(import, &out->result));
    while (true) {
        assert_true(out->listed < 32);
        TRY(import_next_refusal(import, &out->lines[out->listed], &is_end));
        if (is_end) {
            return OK;
        }
        out->listed++;
    }
}

static void import_text(struct fleet_fixture *f, const struct import_order *order, const char *body,
                        struct outcome *out)
{
    *out = (struct outcome){.listed = 0};
    out->error = import_body(f, order, bytes_str(body), out);
}

static void a_list_becomes_a_batch(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    struct batch_row batch;
    struct device_row device;
    AUTO_VAL(buf) body = {0};
    fleet_fixture_init(&f, *state);
    csv_of((const int[]){1, 2, 3}, 3, &body);
    struct import_order order = csv_order(&f, "lot");
    import_text(&f, &order, buf_str(&body), &o);
    assert_ok(o.error);
    assert_ok(o.result.refusal);
    assert_true(o.result.is_registered);
    assert_int_equal(o.result.accepted, 3);
    assert_int_equal(o.listed, 0);
    assert_ok(batch_find(f.fleet, f.tenant.id, o.result.batch.id, &batch));
    assert_string_equal(batch.name, "lot");
    assert_int_equal(batch.device_count, 3);
    assert_int_equal(batch.ver, o.result.batch.ver);
    struct device_id id = device_id_of(2);
    assert_ok(device_find(f.fleet, f.tenant.id, &id, &device));
    assert_string_equal(device.serial, "SN-2");
    assert_string_equal(device.attributes, "{}");
    assert_int_equal(device.claim, CLAIM_LISTED);
    assert_int_equal(device.state, DEVICE_REGISTERED);
    assert_true(uuid_equal(device.batch, batch.id) && uuid_equal(device.product, batch.product));
    assert_int_equal(f.fleet->counters.registered, 3);
    struct audit_count audit = audit_of(&f, "batch.imported");
    assert_int_equal(audit.count, 1);
    assert_has(audit.last_body, "\"count\":3,");
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

static void a_key_makes_a_stronger_claim(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    struct device_row device;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) body = {0};
    fleet_fixture_init(&f, *state);
    spki_of(key, &spki);
    assert_ok(buf_append_str(&body, "spki\n"));
    assert_ok(base64_append(&body, buf_view(&spki)));
    struct import_order order = csv_order(&f, "lot");
    import_text(&f, &order, buf_str(&body), &o);
    assert_ok(o.result.refusal);
    struct device_id id = device_id_of_spki(&spki);
    assert_ok(device_find(f.fleet, f.tenant.id, &id, &device));
    assert_int_equal(device.claim, CLAIM_SPKI);
    fleet_fixture_clear(&f);
}

static const char bad_lines[] = "id,spki,serial\nnonsense,,S\n,AAAA,T\n";

/* The body of the three modes: two bad lines, a repeat, an id that is there already, two good ones. */
static void mixed_body(struct buf *out)
{
    char a[65], b[65], known[65];
    hex_of(1, a);
    hex_of(2, b);
    hex_of(7, known);
    assert_ok(buf_printf(out, "%s%s,,A\n%s,,K\n%s,,A\n%s,,\n", bad_lines, a, known, a, b));
}

static void assert_mixed_report(const struct outcome *o)
{
    static const struct {
        uint64_t line;
        err_code code;
        const char *word, *serial;
    } wanted[] = {
        {2, ERR_UNPROCESSABLE, "64 lower-case", "S"},
        {3, ERR_BAD_ENCODING, "", "T"},
        {5, ERR_CONFLICT, "registered already", "K"},
        {6, ERR_CONFLICT, "earlier in this list", "A"},
    };
    assert_ok(o->error);
    assert_int_equal(o->result.refused, 4);
    assert_int_equal(o->listed, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(o->lines[i].line, wanted[i].line);
        assert_int_equal(o->lines[i].code != ERR_OK, 1);
        assert_true(o->lines[i].code == wanted[i].code || wanted[i].code == ERR_BAD_ENCODING);
        assert_has(o->lines[i].reason, wanted[i].word);
        assert_string_equal(o->lines[i].serial, wanted[i].serial);
    }
}

static void one_bad_line_and_nothing_comes_in(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    AUTO_VAL(buf) body = {0};
    fleet_fixture_init(&f, *state);
    struct device_id known = device_id_of(7);
    register_devices(&f, f.tenant.id, "before", &known, 1);
    mixed_body(&body);
    struct import_order order = csv_order(&f, "lot");
    import_text(&f, &order, buf_str(&body), &o);
    assert_mixed_report(&o);
    assert_error(o.result.refusal, ERR_UNPROCESSABLE, "4 of 6");
    assert_false(o.result.is_registered);
    assert_int_equal(o.result.accepted, 0);
    assert_false(is_registered(&f, f.tenant.id, 1));
    assert_int_equal(audit_of(&f, "batch.imported").count, 0);
    assert_int_equal(f.fleet->counters.registered, 1);
    fleet_fixture_clear(&f);
}

static void by_line_the_good_ones_come_in(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    AUTO_VAL(buf) body = {0};
    fleet_fixture_init(&f, *state);
    struct device_id known = device_id_of(7);
    register_devices(&f, f.tenant.id, "before", &known, 1);
    mixed_body(&body);
    struct import_order order = csv_order(&f, "lot");
    order.is_dry_run = order.by_line = true;
    import_text(&f, &order, buf_str(&body), &o);
    assert_mixed_report(&o);
    assert_int_equal(o.result.accepted, 2);
    assert_false(o.result.is_registered);
    assert_false(is_registered(&f, f.tenant.id, 1));
    order.is_dry_run = false;
    import_text(&f, &order, buf_str(&body), &o);
    assert_mixed_report(&o);
    assert_ok(o.result.refusal);
    assert_int_equal(o.result.accepted, 2);
    assert_int_equal(o.result.batch.device_count, 2);
    assert_true(is_registered(&f, f.tenant.id, 1) && is_registered(&f, f.tenant.id, 2));
    import_text(&f, &order, buf_str(&body), &o);
    assert_error(o.error, ERR_CONFLICT, "lot");
    order.name = bytes_str("lot-2");
    import_text(&f, &order, buf_str(&body), &o);
    assert_error(o.result.refusal, ERR_UNPROCESSABLE, "6 of 6");
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

static void several_transactions_make_one_batch(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    struct batch_row batch;
    AUTO_VAL(buf) body = {0};
    enum { COUNT = 12001 };
    fleet_fixture_init(&f, *state);
    int *numbers = calloc(COUNT, sizeof *numbers);
    assert_non_null(numbers);
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = i == 6000 ? 5 : i; /* a repeat across transactions */
    }
    csv_of(numbers, COUNT, &body);
    free(numbers);
    struct import_order order = csv_order(&f, "lot");
    order.by_line = true;
    import_text(&f, &order, buf_str(&body), &o);
    assert_ok(o.error);
    assert_int_equal(o.result.accepted, COUNT - 1);
    assert_int_equal(o.listed, 1);
    assert_int_equal(o.lines[0].line, 6002);
    assert_has(o.lines[0].reason, "earlier in this list");
    assert_ok(batch_find(f.fleet, f.tenant.id, o.result.batch.id, &batch));
    assert_int_equal(batch.device_count, COUNT - 1);
    assert_int_equal(audit_of(&f, "batch.imported").count, 3);
    assert_audit_verifies(&f);
    fleet_fixture_clear(&f);
}

static void an_all_known_list_is_a_conflict(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    AUTO_VAL(buf) body = {0};
    fleet_fixture_init(&f, *state);
    csv_of((const int[]){1, 2}, 2, &body);
    struct import_order order = csv_order(&f, "lot");
    import_text(&f, &order, buf_str(&body), &o);
    assert_ok(o.result.refusal);
    for (int by_line = 0; by_line < 2; by_line++) {
        order.name = bytes_str("again");
        order.by_line = by_line == 1;
        import_text(&f, &order, buf_str(&body), &o);
        assert_error(o.result.refusal, ERR_CONFLICT, "2 of 2");
        assert_false(o.result.is_registered);
    }
    struct tenant_row other = add_tenant(&f, "other");
    order.tenant = other.id;
    import_text(&f, &order, buf_str(&body), &o);
    assert_ok(o.result.refusal); /* another tenant's claim never shows */
    fleet_fixture_clear(&f);
}

static void the_product_decides_about_keys(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    AUTO(EVP_PKEY) *key = EVP_RSA_gen(2048);
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) body = {0};
    fleet_fixture_init(&f, *state);
    spki_of(key, &spki);
    assert_ok(buf_append_str(&body, "spki\n"));
    assert_ok(base64_append(&body, buf_view(&spki)));
    struct import_order order = csv_order(&f, "lot");
    import_text(&f, &order, buf_str(&body), &o);
    assert_error(o.result.refusal, ERR_UNPROCESSABLE, "1 of 1");
    assert_has(o.lines[0].reason, "2048");
    fleet_fixture_clear(&f);
}

/* Signed by nobody that is known: the report tells it, no mode takes anything. */
static void a_manifest_that_cannot_be_trusted_imports_nothing(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    fleet_fixture_init(&f, *state);
    static const char body[] =
        "[{\"payload\":\"e30\",\"protected\":\"e30\",\"signature\":\"AA\",\"header\":{\"uniqueId\":\"77\"}}]";
    struct import_order order = csv_order(&f, "lot");
    order.format = HANDOVER_MICROCHIP;
    order.by_line = true;
    import_text(&f, &order, body, &o);
    assert_ok(o.error);
    assert_error(o.result.refusal, ERR_UNPROCESSABLE, "can be trusted");
    assert_false(o.result.is_registered);
    assert_int_equal(o.listed, 1);
    assert_string_equal(o.lines[0].serial, "77");
    fleet_fixture_clear(&f);
}

static void what_cannot_begin_is_refused_at_once(void **state)
{
    struct fleet_fixture f;
    struct outcome o;
    fleet_fixture_init(&f, *state);
    struct import_order order = csv_order(&f, "a name");
    import_text(&f, &order, "id\n", &o);
    assert_error(o.error, ERR_UNPROCESSABLE, "name");
    order = csv_order(&f, "lot");
    order.product = bytes_str("none");
    import_text(&f, &order, "id\n", &o);
    assert_error(o.error, ERR_UNPROCESSABLE, "no such product");
    order = csv_order(&f, "lot");
    import_text(&f, &order, "id\n", &o);
    assert_error(o.error, ERR_UNPROCESSABLE, "no device");
    import_text(&f, &order, "id\n\"", &o);
    assert_error(o.error, ERR_UNPROCESSABLE, "never closed");
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_becomes_a_batch),
        cmocka_unit_test(a_key_makes_a_stronger_claim),
        cmocka_unit_test(one_bad_line_and_nothing_comes_in),
        cmocka_unit_test(by_line_the_good_ones_come_in),
        cmocka_unit_test(several_transactions_make_one_batch),
        cmocka_unit_test(an_all_known_list_is_a_conflict),
        cmocka_unit_test(the_product_decides_about_keys),
        cmocka_unit_test(a_manifest_that_cannot_be_trusted_imports_nothing),
        cmocka_unit_test(what_cannot_begin_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
