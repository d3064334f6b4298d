/* Tests of what is published: the first empty list, a revocation that shows, numbers that rise over restarts
 * and lost clocks, CA certificates, and OpenSSL's own opinion of the list. */
#include "tests/unit/fleet/scene.h"

#include "db/milestone_rows.h"

struct list {
    struct published published;
    X509_CRL *crl;
};

static void list_take(struct scene *scene, const char *authority, struct list *out)
{
    assert_ok(publication_crl(scene->fleet, bytes_str(authority), &out->published));
    struct bytes der = shared_view(out->published.bytes);
    const unsigned char *at = der.p;
    out->crl = d2i_X509_CRL(NULL, &at, (long)der.n);
    assert_non_null(out->crl);
}

static void list_clear(struct list *list)
{
    shared_unref(list->published.bytes);
    X509_CRL_free(list->crl);
}
DEFINE_AUTO_VAL(list, list_clear);

static int64_t number_of(const struct list *list)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(list->crl, NID_crl_number, NULL, NULL);
    int64_t value = 0;
    assert_int_equal(ASN1_INTEGER_get_int64(&value, number), 1);
    ASN1_INTEGER_free(number);
    return value;
}

static bool lists(const struct list *list, const struct enrolment *enrolment)
{
    const uint8_t *serial = enrolment->certificate.serial;
    BIGNUM *number = BN_bin2bn(serial, CERTIFICATE_SERIAL_SIZE, NULL);
    ASN1_INTEGER *integer = BN_to_ASN1_INTEGER(number, NULL);
    X509_REVOKED *entry = NULL;
    bool found = X509_CRL_get0_by_serial(list->crl, &entry, integer) == 1;
    ASN1_INTEGER_free(integer);
    BN_free(number);
    return found;
}

static void refresh(struct scene *scene)
{
    assert_ok(publication_refresh(scene->fleet, scene->clock.at_ms));
}

static void test_nothing_before_the_first_refresh(void **state)
{
    struct scene *scene = *state;
    struct published out;
    assert_int_equal(publication_crl(scene->fleet, bytes_str("device"), &out).code, ERR_NOT_FOUND);
    assert_int_equal(publication_ca(scene->fleet, bytes_str("device"), &out).code, ERR_NOT_FOUND);
    refresh(scene);
    assert_int_equal(publication_crl(scene->fleet, bytes_str("nobody"), &out).code, ERR_NOT_FOUND);
    assert_ok(publication_ca(scene->fleet, bytes_str("root"), &out));
    assert_true(bytes_equal(shared_view(out.bytes), authority_borrow_der(scene->house.root)));
    assert_int_equal(strlen(out.etag), 66);
    shared_unref(out.bytes);
}

static void test_empty_lists_from_the_first_day(void **state)
{
    static const char *const AUTHORITIES[] = {"root", "device", "infrastructure"};
    struct scene *scene = *state;
    refresh(scene);
    for (size_t i = 0; i < 3; i++) {
        AUTO_VAL(list) list;
        list_take(scene, AUTHORITIES[i], &list);
        assert_true(number_of(&list) > 0);
        assert_int_equal(list.published.this_update_ms, SCENE_AT_MS);
        assert_int_equal(list.published.next_update_ms, SCENE_AT_MS + DAY_MS);
        assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list.crl)), -1);
    }
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'crl.published'"), 3);
}

/* Revoked: on the list at the next refresh, only of its authority; gone one list after its end. */
static void test_a_revocation_shows(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(certificate_row) row = {0};
    AUTO_VAL(list) before;
    AUTO_VAL(list) after;
    AUTO_VAL(list) still;
    AUTO_VAL(list) late;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    refresh(scene);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    list_take(scene, "device", &before);
    assert_ok(revoke_in(scene, 0, first.certificate.serial, 1, &row));
    refresh(scene); /* within the same second */
    list_take(scene, "device", &after);
    assert_false(lists(&before, &first));
    assert_true(lists(&after, &first));
    assert_true(number_of(&after) > number_of(&before));
    assert_string_not_equal(before.published.etag, after.published.etag);
    refresh(scene);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'crl.published'"), 4);
    manual_clock_advance(&scene->clock, 90 * DAY_MS + DAY_MS / 2);
    refresh(scene);
    list_take(scene, "device", &still);
    assert_true(lists(&still, &first));
    manual_clock_advance(&scene->clock, DAY_MS);
    refresh(scene);
    list_take(scene, "device", &late);
    assert_false(lists(&late, &first));
}

static void test_half_of_its_life(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(list) first;
    AUTO_VAL(list) same;
    AUTO_VAL(list) next;
    refresh(scene);
    list_take(scene, "root", &first);
    manual_clock_advance(&scene->clock, DAY_MS / 2 - 1);
    refresh(scene);
    list_take(scene, "root", &same);
    manual_clock_advance(&scene->clock, 1);
    refresh(scene);
    list_take(scene, "root", &next);
    assert_int_equal(number_of(&same), number_of(&first));
    assert_true(number_of(&next) > number_of(&first));
}

/* A clock that ran a year ahead and was set right: the list must hold today, under a higher number. */
static void test_a_list_from_the_future_is_replaced(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(list) ahead;
    AUTO_VAL(list) right;
    AUTO_VAL(list) same;
    manual_clock_advance(&scene->clock, 365 * DAY_MS);
    refresh(scene);
    list_take(scene, "device", &ahead);
    manual_clock_advance(&scene->clock, -365 * DAY_MS);
    refresh(scene);
    list_take(scene, "device", &right);
    assert_true(right.published.this_update_ms <= SCENE_AT_MS);
    assert_true(number_of(&right) > number_of(&ahead));
    manual_clock_advance(&scene->clock, -10 * 1000); /* a small step is no reason */
    refresh(scene);
    list_take(scene, "device", &same);
    assert_int_equal(number_of(&same), number_of(&right));
}

/* After a restart the stored list is shown as it is; a clock that was set back lowers no number. */
static void test_restarts(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(list) before;
    AUTO_VAL(list) after;
    AUTO_VAL(list) later;
    refresh(scene);
    list_take(scene, "device", &before);
    scene_stop(scene);
    scene_start(scene);
    refresh(scene);
    list_take(scene, "device", &after);
    assert_true(bytes_equal(shared_view(before.published.bytes), shared_view(after.published.bytes)));
    assert_string_equal(before.published.etag, after.published.etag);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'crl.published'"), 3);
    manual_clock_advance(&scene->clock, -30 * DAY_MS);
    scene_change(scene, "UPDATE crl SET is_stale = 1, ver = ver + 1");
    refresh(scene);
    list_take(scene, "device", &later);
    assert_int_equal(number_of(&later), number_of(&after) + 1);
}

static void start(struct scene *scene)
{
    scene_stop(scene);
    scene_start(scene);
    assert_ok(publication_start(scene->fleet, scene->clock.at_ms));
}

/* A long list is not signed before the first request: neither for a revocation whose list was to be made when
 * the process ended, nor for its age. The next refresh does it. */
static void test_a_start_signs_only_what_it_must(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(certificate_row) row = {0};
    AUTO_VAL(list) made;
    AUTO_VAL(list) kept;
    AUTO_VAL(list) whole;
    AUTO_VAL(list) aged;
    AUTO_VAL(list) renewed;
    AUTO_VAL(list) jumped;
    AUTO_VAL(list) ended;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    start(scene);
    list_take(scene, "device", &made); /* there was none */
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(revoke_in(scene, 0, first.certificate.serial, 1, &row));
    start(scene);
    list_take(scene, "device", &kept);
    assert_int_equal(number_of(&kept), number_of(&made));
    refresh(scene);
    list_take(scene, "device", &whole);
    assert_true(lists(&whole, &first));
    manual_clock_advance(&scene->clock, DAY_MS - 1);
    start(scene);
    list_take(scene, "device", &aged);
    assert_int_equal(number_of(&aged), number_of(&whole));
    refresh(scene);
    list_take(scene, "device", &renewed);
    assert_true(number_of(&renewed) > number_of(&aged));
    scene_change(
        scene,
        "INSERT INTO crl_floor (authority, shard, number) SELECT 'device', 0, number + 10 FROM crl WHERE "
        "authority = 'device'");
    scene_change(scene, "UPDATE crl SET is_stale = 1, ver = ver + 1");
    start(scene); /* an older copy: others have seen greater numbers */
    list_take(scene, "device", &jumped);
    assert_true(number_of(&jumped) > number_of(&renewed) + 10);
    manual_clock_advance(&scene->clock, DAY_MS); /* nobody would take it any more */
    start(scene);
    list_take(scene, "device", &ended);
    assert_true(number_of(&ended) > number_of(&jumped));
    assert_true(lists(&ended, &first));
}

static err_t reach_backup(struct db_tx *tx, void *arg)
{
    (void)arg;
    return milestone_rows_reach(tx, MILESTONE_BACKUP);
}

static void test_metrics(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) line = {0};
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) again = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &again));
    refresh(scene);
    assert_ok(fleet_write_metrics(scene->fleet, &text));
    assert_has(buf_str(&text), "# TYPE whorl_enrolments counter\n");
    assert_has(buf_str(&text), "whorl_enrolments_total{result=\"enrolled\"} 1\n");
    assert_has(buf_str(&text), "whorl_enrolments_total{result=\"repeated\"} 1\n");
    assert_has(buf_str(&text), "whorl_enrolments_total{result=\"renewed\"} 0\n");
    assert_has(buf_str(&text), "whorl_crl_next_update_seconds{authority=\"device\"} 1780358400\n");
    assert_has(buf_str(&text), "whorl_crl_this_update_seconds{authority=\"device\"} ");
    assert_ok(
        buf_printf(&line, "\nwhorl_crl_number{authority=\"device\"} %lld\n",
                   (long long)scene_number(scene, "SELECT number FROM crl WHERE authority = 'device'")));
    assert_has(buf_str(&text), buf_str(&line));
    line.n = 0;
    assert_has(buf_str(&text), "\nwhorl_clock_held 0\n");
    assert_has(buf_str(&text), "\nwhorl_backup_timestamp_seconds 0\n"); /* there never was one */
    assert_has(buf_str(&text), "\nwhorl_audit_anchor_timestamp_seconds 0\n");
    assert_ok(db_write(scene->db, reach_backup, NULL));
    assert_ok(db_write(scene->db, reach_backup, NULL));
    buf_clear(&text);
    assert_ok(fleet_write_metrics(scene->fleet, &text));
    assert_ok(
        buf_printf(&line, "\nwhorl_backup_timestamp_seconds %lld\n", (long long)(scene->clock.at_ms / 1000)));
    assert_has(buf_str(&text), buf_str(&line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_nothing_before_the_first_refresh),
        scene_test(test_empty_lists_from_the_first_day),
        scene_test(test_a_revocation_shows),
        scene_test(test_half_of_its_life),
        scene_test(test_a_list_from_the_future_is_replaced),
        scene_test(test_restarts),
        scene_test(test_a_start_signs_only_what_it_must),
        scene_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
