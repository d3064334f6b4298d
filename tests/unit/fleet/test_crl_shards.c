/* Shards of a CRL: what stands where, which list is signed again, what a quiet run costs, and numbers that
 * rise. */
#include "tests/unit/fleet/fleet_fixture.h"

#include "db/certificate_rows.h"
#include "fleet/crl_shards.h"
#include "fleet/publication.h"

enum { SHARDS = 16, MANY = 100 };
#define BASE "http://crl.example"

static err_t run_sql(struct db_tx *tx, void *arg)
{
    return db_run(tx, arg, NULL, 0, NULL, NULL);
}

static void change(struct fleet_fixture *f, const char *sql)
{
    assert_ok(db_write(f->db, run_sql, (void *)(uintptr_t)sql));
}

static err_t take_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

struct question {
    const char *sql;
    int64_t answer;
};

static err_t ask_in(struct db_tx *tx, void *arg)
{
    struct question *question = arg;
    return db_run(tx, question->sql, NULL, 0, take_number, &question->answer);
}

static int64_t ask(struct fleet_fixture *f, const char *sql)
{
    struct question question = {.sql = sql};
    assert_ok(db_read(f->db, ask_in, &question));
    return question.answer;
}

static int64_t published(struct fleet_fixture *f)
{
    return ask(f, "SELECT COUNT(*) FROM audit WHERE kind = 'crl.published'");
}

/* A fleet whose device authority was made with shards. */
static void start(struct fleet_fixture *f)
{
    f->options.crl_shards = SHARDS;
    f->options.crl_base = BASE;
    fleet_free(f->fleet);
    assert_ok(fleet_new(&f->options, &f->fleet));
}

static void init(struct fleet_fixture *f, void *house)
{
    fleet_fixture_init(f, house);
    change(f, "UPDATE authority SET crl_shards = 16, crl_base = 'http://crl.example' WHERE id = 'device'");
    start(f);
}

static void refresh(struct fleet_fixture *f)
{
    assert_ok(publication_refresh(f->fleet, f->clock.at_ms));
}

/* --- certificates that are revoked ------------------------------------------------------------------ */

static err_t revoke_in(struct db_tx *tx, void *arg)
{
    struct certificate_row *row = arg;
    TRY(certificate_rows_insert(tx, row, NULL));
    return crl_rows_mark_stale(tx, row->authority, row->serial);
}

static void revoke_one(struct fleet_fixture *f, uint8_t first, uint8_t last)
{
    struct certificate_row row = {.serial = {1, first, [CERTIFICATE_SERIAL_SIZE - 1] = last},
                                  .authority = "device",
                                  .tenant = f->tenant.id,
                                  .state = CERTIFICATE_REVOKED,
                                  .not_after = f->clock.at_ms + 90 * day_ms,
                                  .revoked_at = f->clock.at_ms,
                                  .revocation_reason = 1};
    assert_ok(db_write(f->db, revoke_in, &row));
}

/* --- lists ------------------------------------------------------------------------------------------ */

static X509_CRL *list_of(struct published *published)
{
    struct bytes der = shared_view(published->bytes);
    const unsigned char *at = der.p;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.n);
    assert_non_null(crl);
    shared_unref(published->bytes);
    return crl;
}

static X509_CRL *shard(struct fleet_fixture *f, int number)
{
    char name[8];
    struct published list;
    (void)snprintf(name, sizeof name, "%d", number);
    assert_ok(publication_shard(f->fleet, bytes_str("device"), bytes_str(name), &list));
    return list_of(&list);
}

static X509_CRL *complete(struct fleet_fixture *f)
{
    struct published list;
    assert_ok(publication_crl(f->fleet, bytes_str("device"), &list));
    return list_of(&list);
}

static int entries(const X509_CRL *crl)
{
    STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED((X509_CRL *)(uintptr_t)crl);
    return list == NULL ? 0 : sk_X509_REVOKED_num(list);
}

static int64_t number_of(const X509_CRL *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    int64_t value = 0;
    assert_int_equal(ASN1_INTEGER_get_int64(&value, number), 1);
    ASN1_INTEGER_free(number);
    return value;
}

/* Every entry belongs into the shard, and the extension names the address that its certificates show. */
static void assert_is_shard(struct fleet_fixture *f, X509_CRL *crl, int number)
{
    char url[CRL_URL_SIZE];
    int is_critical = 0;
    AUTO_PTR(authority_set) *set = authority_set_take(f->fleet);
    assert_ok(crl_shard_url(authority_set_find(set, bytes_str("device")), number, url));
    ISSUING_DIST_POINT *point = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &is_critical, NULL);
    assert_non_null(point);
    assert_int_equal(is_critical, 1);
    assert_true(point->onlyuser > 0);
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(point->distpoint->name.fullname, 0);
    const ASN1_IA5STRING *text = name->d.uniformResourceIdentifier;
    assert_int_equal((size_t)ASN1_STRING_length(text), strlen(url));
    assert_memory_equal(ASN1_STRING_get0_data(text), url, strlen(url));
    ISSUING_DIST_POINT_free(point);
    for (int i = 0; i < entries(crl); i++) {
        const ASN1_INTEGER *serial =
            X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), i));
        const uint8_t *bytes = ASN1_STRING_get0_data(serial);
        assert_int_equal(bytes[ASN1_STRING_length(serial) - 1] & (SHARDS - 1), number);
    }
}

static void test_each_certificate_on_its_shard(void **state)
{
    struct fleet_fixture f;
    init(&f, *state);
    for (int i = 0; i < MANY; i++) {
        revoke_one(&f, (uint8_t)i, (uint8_t)(i * 7));
    }
    refresh(&f);
    int sum = 0;
    for (int i = 0; i < SHARDS; i++) {
        X509_CRL *crl = shard(&f, i);
        assert_is_shard(&f, crl, i);
        sum += entries(crl);
        X509_CRL_free(crl);
    }
    assert_int_equal(sum, MANY);
    X509_CRL *all = complete(&f);
    assert_int_equal(entries(all), MANY);
    assert_null(X509_CRL_get_ext_d2i(all, NID_issuing_distribution_point, NULL, NULL));
    X509_CRL_free(all);
    assert_int_equal(published(&f), 3 + SHARDS);
    fleet_fixture_clear(&f);
}

static void test_only_the_stale_shard_is_signed_again(void **state)
{
    struct fleet_fixture f;
    init(&f, *state);
    refresh(&f);
    X509_CRL *third = shard(&f, 3);
    X509_CRL *fourth = shard(&f, 4);
    manual_clock_advance(&f.clock, 1000);
    revoke_one(&f, 9, 0x53);
    refresh(&f);
    assert_int_equal(published(&f), 3 + SHARDS + 2); /* its shard, and the complete list */
    X509_CRL *third_after = shard(&f, 3);
    X509_CRL *fourth_after = shard(&f, 4);
    assert_int_equal(entries(third_after), 1);
    assert_true(number_of(third_after) > number_of(third));
    assert_int_equal(number_of(fourth_after), number_of(fourth));
    refresh(&f);
    refresh(&f);
    assert_int_equal(published(&f), 3 + SHARDS + 2);
    X509_CRL_free(third);
    X509_CRL_free(fourth);
    X509_CRL_free(third_after);
    X509_CRL_free(fourth_after);
    fleet_fixture_clear(&f);
}

/* A quiet run reads one number: what was changed without raising it is not seen. */
static void test_a_quiet_run_reads_no_list(void **state)
{
    struct fleet_fixture f;
    init(&f, *state);
    refresh(&f);
    refresh(&f);
    change(&f, "UPDATE crl SET is_stale = 1, ver = ver + 1 WHERE shard = 5");
    refresh(&f);
    assert_int_equal(published(&f), 3 + SHARDS);
    change(&f, "UPDATE crl_change SET ver = ver + 1");
    refresh(&f);
    assert_int_equal(published(&f), 3 + SHARDS + 1);
    refresh(&f);
    manual_clock_advance(&f.clock, 12 * hour_ms); /* half of their life */
    refresh(&f);
    assert_int_equal(published(&f), 2 * (3 + SHARDS) + 1);
    fleet_fixture_clear(&f);
}

static err_t mark_all_in(struct db_tx *tx, void *arg)
{
    (void)arg;
    return crl_rows_mark_all_stale(tx);
}

/* Over a restart what was stored is shown; anew by order, with greater numbers even when the clock went back.
 */
static void test_numbers_rise(void **state)
{
    struct fleet_fixture f;
    init(&f, *state);
    refresh(&f);
    X509_CRL *before = shard(&f, 7);
    fleet_fixture_reopen(&f);
    start(&f);
    refresh(&f);
    X509_CRL *shown = shard(&f, 7);
    assert_int_equal(number_of(shown), number_of(before));
    assert_int_equal(published(&f), 3 + SHARDS);
    manual_clock_advance(&f.clock, -hour_ms / 120);
    assert_ok(db_write(f.db, mark_all_in, NULL));
    refresh(&f);
    X509_CRL *anew = shard(&f, 7);
    assert_int_equal(number_of(anew), number_of(before) + 1);
    assert_int_equal(published(&f), 2 * (3 + SHARDS));
    X509_CRL_free(before);
    X509_CRL_free(shown);
    X509_CRL_free(anew);
    fleet_fixture_clear(&f);
}

static void test_names_of_shards(void **state)
{
    static const char *const bad[] = {
        "16", "256", "01", "00", "-1", "+1", "1x", "", "1000000000000000000000"};
    struct fleet_fixture f;
    struct published list;
    init(&f, *state);
    assert_int_equal(publication_shard(f.fleet, bytes_str("device"), bytes_str("0"), &list).code,
                     ERR_NOT_FOUND); /* not yet */
    refresh(&f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(publication_shard(f.fleet, bytes_str("device"), bytes_str(bad[i]), &list).code,
                         ERR_NOT_FOUND);
    }
    assert_int_equal(publication_shard(f.fleet, bytes_str("root"), bytes_str("0"), &list).code,
                     ERR_NOT_FOUND);
    assert_int_equal(publication_shard(f.fleet, bytes_str("x"), bytes_str("0"), &list).code, ERR_NOT_FOUND);
    assert_ok(publication_shard(f.fleet, bytes_str("device"), bytes_str("15"), &list));
    shared_unref(list.bytes);
    fleet_fixture_clear(&f);
}

static void test_counts_of_shards(void **state)
{
    struct fleet_fixture f;
    (void)state;
    static const int64_t bad[] = {-16, 1, 8, 15, 17, 24, 255, 257, 512, INT64_MAX, INT64_MIN};
    static const int64_t good[] = {0, 16, 32, 64, 128, 256};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(crl_shards_are_valid(bad[i]));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(crl_shards_are_valid(good[i]));
    }
    fleet_fixture_init(&f, *state);
    struct fleet *fleet = NULL;
    f.options.crl_shards = 17;
    assert_int_equal(fleet_new(&f.options, &fleet).code, ERR_UNPROCESSABLE);
    f.options.crl_shards = 16;
    assert_int_equal(fleet_new(&f.options, &fleet).code, ERR_UNPROCESSABLE); /* no address */
    fleet_fixture_clear(&f);
}

/* --- rows ------------------------------------------------------------------------------------------- */

struct replacing {
    struct crl_row row;
    int64_t number;
};

static err_t replace_in(struct db_tx *tx, void *arg)
{
    struct replacing *run = arg;
    return crl_rows_replace(tx, &run->row, run->number);
}

/* Revoked while the list was being signed: it is stored, and stays stale. Signed by two: the second is
 * dropped. */
static void test_what_happens_meanwhile(void **state)
{
    struct fleet_fixture f;
    init(&f, *state);
    refresh(&f);
    int64_t number = ask(&f, "SELECT number FROM crl WHERE authority = 'device' AND shard = 0");
    struct replacing run = {.row = {.authority = "device", .number = number + 1, .ver = 1}, .number = number};
    revoke_one(&f, 1, 1);
    assert_ok(db_write(f.db, replace_in, &run));
    assert_int_equal(ask(&f, "SELECT is_stale FROM crl WHERE authority = 'device' AND shard = 0"), 1);
    run.row.number = number + 2;
    assert_int_equal(db_write(f.db, replace_in, &run).code, ERR_BUSY);
    run.number = number + 1;
    run.row.number = number + 1; /* does not rise */
    assert_int_equal(db_write(f.db, replace_in, &run).code, ERR_BUSY);
    run.row.number = number + 2;
    run.row.ver = ask(&f, "SELECT ver FROM crl WHERE authority = 'device' AND shard = 0");
    assert_ok(db_write(f.db, replace_in, &run));
    assert_int_equal(ask(&f, "SELECT is_stale FROM crl WHERE authority = 'device' AND shard = 0"), 0);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_certificate_on_its_shard),
        cmocka_unit_test(test_only_the_stale_shard_is_signed_again),
        cmocka_unit_test(test_a_quiet_run_reads_no_list),
        cmocka_unit_test(test_numbers_rise),
        cmocka_unit_test(test_names_of_shards),
        cmocka_unit_test(test_counts_of_shards),
        cmocka_unit_test(test_what_happens_meanwhile),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
