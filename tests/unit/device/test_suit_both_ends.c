/* What the server writes, the device takes; what another writer made, the server reads as the device does;
 * and both name products alike. */
#include "tests/unit/pki/suit_scene.h"

#include "device/core/suit.h"
#include "device/host/crypto_openssl.h"
#include "device/host/firmware_id.h"

static void a_manifest_of_the_server_is_taken(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct whorl_firmware_keys keys = {.sequence = 0};
    struct whorl_manifest manifest;
    suit_scene_init(&scene);
    suit_scene_envelope(&scene);
    memcpy(keys.point[0], scene.spki.p + scene.spki.n - WHORL_POINT_BYTES, WHORL_POINT_BYTES);
    struct whorl_bytes envelope = {scene.envelope.p, scene.envelope.n};
    assert_int_equal(whorl_suit_read(&host_crypto, &keys, envelope, &manifest), WHORL_VERDICT_GOOD);
    assert_int_equal(manifest.sequence, scene.manifest.sequence);
    assert_int_equal(manifest.count, scene.manifest.count);
    for (size_t i = 0; i < manifest.count; i++) {
        const struct whorl_component *theirs = &manifest.component[i];
        const struct suit_component *ours = &scene.manifest.components[i];
        assert_memory_equal(theirs->digest.data, ours->digest.b, SHA256_SIZE);
        assert_int_equal(theirs->size, ours->size);
        assert_int_equal(theirs->counter, ours->counter < 0 ? 0 : ours->counter);
        assert_int_equal(theirs->least_sequence, scene.manifest.min_sequence);
        assert_int_equal(theirs->part.size, strlen(ours->part));
        assert_memory_equal(theirs->part.data, ours->part, theirs->part.size);
    }
    suit_scene_clear(&scene);
}

static void products_have_one_name(void **state)
{
    (void)state;
    static const char key_file[] = "tests/vectors/suit-key.pem";
    const struct host_firmware_names names = {"default", "lamp", "rev-b", key_file, key_file};
    struct host_firmware_id id;
    const char *problem = "";
    struct uuid vendor, product, hardware;
    assert_ok(suit_vendor_of("default", &vendor));
    assert_ok(suit_class_of(vendor, "lamp", "", &product));
    assert_ok(suit_class_of(vendor, "lamp", "rev-b", &hardware));
    if (!host_firmware_id_make(&names, &id, &problem)) {
        fail_msg("%s", problem);
    }
    assert_int_equal(id.own.count, 2);
    assert_memory_equal(id.own.vendor, vendor.b, sizeof id.own.vendor);
    assert_memory_equal(id.own.id[0], product.b, sizeof id.own.id[0]);
    assert_memory_equal(id.own.id[1], hardware.b, sizeof id.own.id[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_of_the_server_is_taken),
        cmocka_unit_test(products_have_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
