/* The keys of a signer process: who may be asked for what, how often, and that what is gone is gone. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/signer_keys.h"

struct scene {
    struct test_folder folder;
    struct keystore *keystore;
    struct memory_keys *inside;
    struct signer_keys *keys;
};

static int64_t still(void)
{
    return 1000000;
}

static void scene_init(struct scene *s)
{
    *s = (struct scene){.keystore = NULL};
    test_folder_init(&s->folder);
    assert_ok(keystore_open_memory(&s->keystore, &s->inside));
    const struct signer_keys_options options = {
        .keystore = s->keystore,
        .folder = s->folder.path,
        .rates = {.certificates_per_s = 1, .firmware_per_s = 1, .authorities_per_h = 2},
        .now_ms = still};
    assert_ok(signer_keys_new(&options, &s->keys));
}

static void scene_clear(struct scene *s)
{
    signer_keys_free(s->keys);
    keystore_free(s->keystore);
    test_folder_clear(&s->folder);
}
DEFINE_AUTO_VAL(scene, scene_clear);

static void a_firmware_key_signs_at_its_rate(void **state)
{
    AUTO_VAL(scene) s;
    AUTO_VAL(buf) out = {0};
    const uint8_t digest[32] = {1};
    struct signer_question question = {
        .op = SIGNER_SIGN_DIGEST, .argument = SIGNER_ECDSA, .label = "fw-1", .data = BYTES_OF(digest)};
    (void)state;
    scene_init(&s);
    assert_ok(signer_keys_generate(s.keys, "fw-1", KEY_ALG_P256, &out));
    for (int i = 0; i < 5; i++) { /* ten at once */
        assert_ok(signer_keys_sign_text(s.keys, "fw-1", bytes_str("a text"), &out));
        assert_ok(signer_keys_sign_digest(s.keys, &question, &out));
    }
    err_t busy = signer_keys_sign_text(s.keys, "fw-1", bytes_str("a text"), &out);
    assert_error(busy, ERR_BUSY, "signer_rate_firmware");
    assert_int_equal(busy.retry_after_s, 1);
    assert_error(signer_keys_sign_digest(s.keys, &question, &out), ERR_BUSY, "refuses key fw-1");
    question.argument = SIGNER_RSA_PKCS1_SHA256;
    assert_ok(signer_keys_generate(s.keys, "fw-2", KEY_ALG_P256, &out));
    memcpy(question.label, "fw-2", 5);
    assert_error(signer_keys_sign_digest(s.keys, &question, &out), ERR_SIGNER_REFUSED, "suit the key");
}

static void only_keys_of_authorities_and_firmware_are_known(void **state)
{
    AUTO_VAL(scene) s;
    AUTO_VAL(buf) out = {0};
    AUTO_PTR(private_key) *own = NULL;
    bool has = false;
    (void)state;
    scene_init(&s);
    assert_ok(keystore_generate(s.keystore, "tls-server", KEY_ALG_P256, &own));
    assert_error(signer_keys_load(s.keys, "tls-server", &out), ERR_SIGNER_REFUSED, "neither");
    assert_error(signer_keys_has(s.keys, "tls-server", &has), ERR_SIGNER_REFUSED, "neither");
    assert_error(signer_keys_sign_text(s.keys, "tls-server", bytes_str("x"), &out), ERR_SIGNER_REFUSED,
                 "neither");
    assert_error(signer_keys_forget(s.keys, "tls-server"), ERR_SIGNER_REFUSED, "neither");
    assert_error(signer_keys_bind(s.keys, "fw-1", bytes_str("x")), ERR_SIGNER_REFUSED, "no authority's");
    assert_error(signer_keys_load(s.keys, "ca-none", &out), ERR_NOT_FOUND, "");
    assert_error(signer_keys_generate(s.keys, "ca-x", (enum key_alg)7, &out), ERR_UNPROCESSABLE, "kind");
    assert_int_equal(out.n, 0);
}

static void keys_of_before_are_not_destroyed(void **state)
{
    AUTO_VAL(scene) s;
    AUTO_VAL(buf) out = {0};
    AUTO_PTR(private_key) *former = NULL;
    bool has = false;
    (void)state;
    scene_init(&s);
    assert_ok(keystore_generate(s.keystore, "ca-device", KEY_ALG_P256, &former));
    assert_error(signer_keys_forget(s.keys, "ca-device"), ERR_FORBIDDEN, "not destroyed");
    assert_error(signer_keys_generate(s.keys, "ca-device", KEY_ALG_P256, &out), ERR_CONFLICT, "exists");
    assert_error(signer_keys_forget(s.keys, "ca-device"), ERR_FORBIDDEN, "not destroyed");
    assert_ok(signer_keys_has(s.keys, "ca-device", &has));
    assert_true(has);
    assert_ok(signer_keys_forget(s.keys, "ca-never")); /* gone is gone */
}

/* A root that was taken offline beside the running server. */
static void what_the_keystore_has_no_more_is_wiped(void **state)
{
    AUTO_VAL(scene) s;
    AUTO_VAL(buf) out = {0};
    (void)state;
    scene_init(&s);
    assert_ok(signer_keys_generate(s.keys, "fw-1", KEY_ALG_P256, &out));
    assert_ok(signer_keys_generate(s.keys, "fw-2", KEY_ALG_P256, &out));
    assert_ok(keystore_forget(s.keystore, "fw-1"));
    assert_ok(signer_keys_sign_text(s.keys, "fw-1", bytes_str("a text"), &out));
    signer_keys_sweep(s.keys);
    assert_error(signer_keys_sign_text(s.keys, "fw-1", bytes_str("a text"), &out), ERR_NOT_FOUND, "");
    assert_ok(signer_keys_sign_text(s.keys, "fw-2", bytes_str("a text"), &out));
}

static void more_keys_than_have_room_take_turns(void **state)
{
    AUTO_VAL(scene) s;
    (void)state;
    scene_init(&s);
    for (int i = 0; i < 300; i++) {
        char label[16];
        AUTO_VAL(buf) out = {0};
        (void)snprintf(label, sizeof label, "fw-%d", i);
        assert_ok(signer_keys_generate(s.keys, label, KEY_ALG_ED25519, &out));
    }
    for (int i = 0; i < 300; i += 50) {
        char label[16];
        AUTO_VAL(buf) out = {0};
        (void)snprintf(label, sizeof label, "fw-%d", i);
        assert_ok(signer_keys_sign_text(s.keys, label, bytes_str("a text"), &out));
        assert_int_equal(out.n, 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_firmware_key_signs_at_its_rate),
        cmocka_unit_test(only_keys_of_authorities_and_firmware_are_known),
        cmocka_unit_test(keys_of_before_are_not_destroyed),
        cmocka_unit_test(what_the_keystore_has_no_more_is_wiped),
        cmocka_unit_test(more_keys_than_have_room_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
