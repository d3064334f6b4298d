/* Readers take lists while two threads renew them and others revoke: whole lists, numbers that never fall,
 * none stored twice. */
#include "tests/unit/fleet/fleet_fixture.h"

#include <pthread.h>

#include "db/crl_rows.h"
#include "fleet/publication.h"

enum { READERS = 3, REFRESHERS = 2, ROUNDS = 30, SHARDS = 16 };

struct worker {
    struct fleet_fixture *f;
    pthread_t thread;
    atomic_bool *is_over;
    int64_t taken;
};

static err_t update_in(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_run(tx, "UPDATE authority SET crl_shards = 16 WHERE id = 'device'", NULL, 0, NULL, NULL);
}

static void init(struct fleet_fixture *f, void *house)
{
    fleet_fixture_init(f, house);
    assert_ok(db_write(f->db, update_in, NULL));
    f->options.crl_shards = SHARDS;
    f->options.crl_base = "http://crl.example";
    fleet_free(f->fleet);
    assert_ok(fleet_new(&f->options, &f->fleet));
}

static int64_t number_of(struct published *list)
{
    struct bytes der = shared_view(list->bytes);
    const unsigned char *at = der.p;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.n);
    int64_t value = -1;
    ASN1_INTEGER *number = crl == NULL ? NULL : X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    if (number != NULL) {
        (void)ASN1_INTEGER_get_int64(&value, number);
    }
    ASN1_INTEGER_free(number);
    X509_CRL_free(crl);
    shared_unref(list->bytes);
    return value;
}

static void *read_lists(void *arg)
{
    struct worker *worker = arg;
    int64_t last = 0;
    int64_t last_shard = 0;
    while (!atomic_load(worker->is_over)) {
        struct published list;
        int64_t from = 0;
        int64_t to = 0;
        assert_ok(publication_crl(worker->f->fleet, bytes_str("device"), &list));
        int64_t number = number_of(&list);
        assert_true(number >= last);
        last = number;
        assert_ok(publication_shard(worker->f->fleet, bytes_str("device"), bytes_str("5"), &list));
        number = number_of(&list);
        assert_true(number >= last_shard);
        last_shard = number;
        assert_ok(publication_span(worker->f->fleet, bytes_str("device"), &from, &to));
        worker->taken++;
    }
    return NULL;
}

static err_t mark_in(struct db_tx *tx, void *arg)
{
    return crl_rows_mark_stale(tx, "device", arg);
}

static void *renew(void *arg)
{
    struct worker *worker = arg;
    for (uint8_t i = 0; i < ROUNDS; i++) {
        uint8_t serial[CERTIFICATE_SERIAL_SIZE] = {1, [CERTIFICATE_SERIAL_SIZE - 1] = i % 8};
        assert_ok(db_write(worker->f->db, mark_in, serial));
        assert_ok(publication_refresh(worker->f->fleet, worker->f->clock.at_ms));
    }
    return NULL;
}

static err_t take_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

static err_t stale_in(struct db_tx *tx, void *arg)
{
    return db_run(tx, "SELECT COUNT(*) FROM crl WHERE is_stale = 1", NULL, 0, take_number, arg);
}

static void test_readers_beside_renewals(void **state)
{
    struct fleet_fixture f;
    struct worker workers[READERS + REFRESHERS];
    atomic_bool is_over;
    int64_t stale = -1;
    init(&f, *state);
    atomic_init(&is_over, false);
    assert_ok(publication_refresh(f.fleet, f.clock.at_ms));
    for (size_t i = 0; i < READERS + REFRESHERS; i++) {
        workers[i] = (struct worker){.f = &f, .is_over = &is_over};
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, i < READERS ? read_lists : renew, &workers[i]), 0);
    }
    for (size_t i = READERS; i < READERS + REFRESHERS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    }
    atomic_store(&is_over, true);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_true(workers[i].taken > 0);
    }
    assert_ok(publication_refresh(f.fleet, f.clock.at_ms));
    assert_ok(db_read(f.db, stale_in, &stale));
    assert_int_equal(stale, 0);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers_beside_renewals)};
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
