/* Several bring in certificates of one authority at once: one of them is taken, once, and who brought the
 * same is told that it is here. */
#include "tests/unit/fleet/fleet_fixture.h"
#include "tests/unit/pki/company_fixture.h"

#include <pthread.h>

#include "fleet/authority_import_order.h"
#include "fleet/authority_request.h"
#include "fleet/authority_set.h"
#include "pki/certificate.h"

enum { RACERS = 6 };

struct racer {
    struct fleet_fixture *f;
    const char *file;
    pthread_barrier_t *start;
    err_t result;
    bool is_new;
};

static void *race(void *arg)
{
    static const struct authority_caller caller = {.may_installation = true, .may_tenant = true};
    struct racer *racer = arg;
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    struct import_plan plan = {.count = 0};
    const struct terms terms = {
        .tenant = racer->f->tenant.id, .actor = test_actor, .faults = &faults, .guarded = &guarded};
    const struct import_order order = {
        .what = IMPORT_THE_CERTIFICATE, .authority = "device-2", .file = racer->file};
    (void)pthread_barrier_wait(racer->start);
    racer->result = authority_import_order(racer->f->fleet, &terms, &caller, &order, &plan);
    for (size_t i = 0; racer->result.code == ERR_OK && i < plan.count; i++) {
        racer->is_new = racer->is_new || plan.steps[i].kind == IMPORT_ISSUED;
    }
    return NULL;
}

static EVP_PKEY *make_request(struct fleet_fixture *f)
{
    AUTO_VAL(buf) der = {0};
    const struct authority_wish wish = {.id = "device-2",
                                        .role = AUTHORITY_DEVICE,
                                        .issuer = "",
                                        .organisation = "Test Works",
                                        .key_alg = KEY_ALG_P256};
    assert_ok(authority_request(f->fleet, &test_actor, &wish, &der));
    const unsigned char *p = der.p;
    X509_REQ *request = d2i_X509_REQ(NULL, &p, (long)der.n);
    EVP_PKEY *key = X509_REQ_get_pubkey(request);
    assert_non_null(key);
    X509_REQ_free(request);
    return key;
}

static void sign(const struct company_ca chain[2], EVP_PKEY *key, int serial, struct buf *out)
{
    struct company_spec spec = good_device_ca(&chain[1]);
    struct company_ca ca;
    spec.key = key;
    spec.serial = serial;
    company_make(&spec, &ca);
    assert_ok(certificate_to_pem(buf_view(&ca.der), out));
    assert_ok(certificate_to_pem(buf_view(&chain[1].der), out));
    assert_ok(certificate_to_pem(buf_view(&chain[0].der), out));
    company_clear(&ca);
}

static void run(struct fleet_fixture *f, const struct buf files[2], struct racer racers[RACERS])
{
    pthread_barrier_t start;
    pthread_t threads[RACERS];
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.f = f, .file = buf_str(&files[i % 2]), .start = &start};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&start);
}

static void one_certificate_is_taken_once(void **state)
{
    struct fleet_fixture f;
    struct company_ca chain[2];
    struct buf files[2] = {{0}, {0}};
    struct racer racers[RACERS];
    size_t winner = RACERS, count = 0;
    fleet_fixture_init(&f, *state);
    company_root(&chain[0]);
    company_policy(&chain[0], &chain[1]);
    EVP_PKEY *key = make_request(&f);
    sign(chain, key, 601, &files[0]);
    sign(chain, key, 602, &files[1]);
    run(&f, files, racers);
    for (size_t i = 0; i < RACERS; i++) {
        winner = racers[i].is_new ? i : winner;
        count += racers[i].is_new ? 1 : 0;
    }
    assert_int_equal(count, 1);
    for (size_t i = 0; i < RACERS; i++) { /* the other file came too late, and the same is known */
        assert_int_equal(racers[i].result.code, i % 2 == winner % 2 ? ERR_OK : ERR_WRONG_STATE);
    }
    assert_int_equal(audit_of(&f, "authority.imported").count, 3);
    AUTO_PTR(authority_set) *set = authority_set_take(f.fleet);
    const struct authority_member *member = authority_set_find(set, bytes_str("device-2"));
    assert_non_null(member);
    assert_int_equal(member->state, AUTHORITY_STANDBY);
    assert_audit_verifies(&f);
    EVP_PKEY_free(key);
    for (size_t i = 0; i < 2; i++) {
        buf_clear(&files[i]);
        company_clear(&chain[i]);
    }
    assert_ok(keystore_forget(f.house->keystore, "ca-device-2"));
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_certificate_is_taken_once)};
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
