/* One key and several threads that sign with it at once: each use is counted once, none beyond the bound, and
 * an end of the key in between lets nobody fall over a handle that is gone. */
#include "tests/unit/fleet/fleet_fixture.h"

#include <pthread.h>

#include "fleet/firmware_keys.h"
#include "fleet/firmware_signing.h"
#include "pki/digest_sign.h"

enum { THREADS = 6, EACH = 20, BOUND = 50 };

struct signer {
    struct fleet_fixture *f;
    const struct firmware_key_row *key;
    pthread_t thread;
    int signed_count, refused, broken;
};

static void *sign_often(void *arg)
{
    struct signer *signer = arg;
    const struct manifest_order order = {
        .tenant = signer->f->tenant.id, .key = signer->key->id, .to_be_signed = bytes_str("a manifest")};
    const struct bytes spki = {signer->key->spki, signer->key->spki_size};
    for (int i = 0; i < EACH; i++) {
        struct manifest_signature signature;
        err_t error = firmware_key_sign_manifest(signer->f->fleet, &order, &signature);
        signer->signed_count += error.code == ERR_OK ? 1 : 0;
        signer->refused += error.code == ERR_WRONG_STATE ? 1 : 0;
        bool is_good =
            error.code != ERR_OK || text_verify_raw(spki, order.to_be_signed, signature.bytes).code == ERR_OK;
        signer->broken += is_good ? 0 : 1;
    }
    return NULL;
}

static void uses_are_counted_once_and_bounded(void **state)
{
    struct fleet_fixture f;
    struct faults faults = {.count = 0};
    struct signer signers[THREADS];
    struct firmware_key_row key, after;
    int made = 0, refused = 0, broken = 0;
    fleet_fixture_init(&f, *state);
    const struct terms terms = {
        .tenant = f.tenant.id, .actor = test_actor, .faults = &faults, .is_any_version = true};
    const struct firmware_key_order order = {
        .name = bytes_str("k"), .has_role = true, .role = FIRMWARE_KEY_MANIFEST, .uses_max = BOUND};
    assert_ok(firmware_key_add(f.fleet, &terms, &order, &key));
    for (int i = 0; i < THREADS; i++) {
        signers[i] = (struct signer){.f = &f, .key = &key};
        assert_int_equal(pthread_create(&signers[i].thread, NULL, sign_often, &signers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(signers[i].thread, NULL), 0);
        made += signers[i].signed_count;
        refused += signers[i].refused;
        broken += signers[i].broken;
    }
    assert_int_equal(made, BOUND);
    assert_int_equal(made + refused, THREADS * EACH);
    assert_int_equal(broken, 0);
    assert_ok(firmware_key_get(f.fleet, f.tenant.id, key.id, &after));
    assert_int_equal(after.uses, BOUND);
    fleet_fixture_clear(&f);
}

static void a_key_ends_while_it_signs(void **state)
{
    struct fleet_fixture f;
    struct faults faults = {.count = 0};
    struct signer signers[THREADS];
    struct firmware_key_row key, ended;
    int made = 0, refused = 0;
    fleet_fixture_init(&f, *state);
    const struct terms terms = {
        .tenant = f.tenant.id, .actor = test_actor, .faults = &faults, .is_any_version = true};
    const struct firmware_key_order order = {
        .name = bytes_str("k"), .has_role = true, .role = FIRMWARE_KEY_MANIFEST};
    assert_ok(firmware_key_add(f.fleet, &terms, &order, &key));
    for (int i = 0; i < THREADS; i++) {
        signers[i] = (struct signer){.f = &f, .key = &key};
        assert_int_equal(pthread_create(&signers[i].thread, NULL, sign_often, &signers[i]), 0);
    }
    assert_ok(firmware_key_compromised(f.fleet, &terms, key.id, &ended));
    int64_t uses = ended.uses;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(signers[i].thread, NULL), 0);
        made += signers[i].signed_count;
        refused += signers[i].refused;
        assert_int_equal(signers[i].broken, 0);
    }
    assert_int_equal(made, uses); /* not one after it */
    assert_int_equal(made + refused, THREADS * EACH);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uses_are_counted_once_and_bounded),
        cmocka_unit_test(a_key_ends_while_it_signs),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
