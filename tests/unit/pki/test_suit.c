/* suit.c and suit_read.c: exact bytes, there and back, and nothing but the profile. */
#include "tests/unit/pki/suit_scene.h"

static void names_make_the_same_ids_everywhere(void **state)
{
    (void)state;
    char text[UUID_TEXT_SIZE];
    struct uuid vendor, class;
    assert_ok(suit_vendor_of("default", &vendor)); /* compared with Python's uuid.uuid5 */
    uuid_format(vendor, text);
    assert_string_equal(text, "916180a7-0b43-5c08-b3c8-c738826880bb");
    assert_ok(suit_class_of(vendor, "lamp", "", &class));
    uuid_format(class, text);
    assert_string_equal(text, "fb53dfcf-7053-56bf-a967-454d560ff49a");
    assert_ok(suit_class_of(vendor, "lamp", "rev-b", &class));
    uuid_format(class, text);
    assert_string_equal(text, "82121d22-cfd4-5b44-9c66-a7ede8cc9ab7");
}

/* The smallest manifest, byte by byte. */
static void bytes_are_those_of_the_profile(void **state)
{
    (void)state;
    char hex[1024];
    AUTO_VAL(buf) out = {0};
    struct suit_manifest manifest = {.sequence = 1, .count = 1};
    memset(manifest.vendor.b, 0x11, sizeof manifest.vendor.b);
    memset(manifest.class.b, 0x22, sizeof manifest.class.b);
    manifest.components[0] =
        (struct suit_component){.size = 300, .counter = -1, .version = "1", .format = "raw"};
    memset(manifest.components[0].digest.b, 0x33, 32);
    assert_ok(suit_manifest_write(&manifest, &out));
    hex_encode(buf_view(&out), hex);
    assert_string_equal(hex, "a50101020103" /* version 1, sequence 1, common */
                             "58c4a2028181413004"
                             "58bb"       /* [[h'30']], shared */
                             "880c0014a8" /* set component 0, override parameters */
                             "0150"
                             "11111111111111111111111111111111" /* vendor */
                             "0250"
                             "22222222222222222222222222222222" /* class */
                             "035824822f5820"
                             "3333333333333333333333333333333333333333333333333333333333333333"
                             "0e19012c" /* size */
                             "157850"
                             "6669726d776172652f696d616765732f" /* firmware/images/ and 64 times '3' */
                             "3333333333333333333333333333333333333333333333333333333333333333"
                             "3333333333333333333333333333333333333333333333333333333333333333"
                             "3901006131"
                             "39010263726177"
                             "39010460" /* version, format, part */
                             "010f020f" /* vendor and class hold */
                             "0745840c00030f"
                             "1447860c00150f030f");
}

static void an_envelope_there_and_back(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct suit_envelope back;
    suit_scene_init(&scene);
    assert_ok(suit_envelope_read(buf_view(&scene.envelope), &back));
    assert_int_equal(back.manifest.sequence, 12);
    assert_int_equal(back.manifest.min_sequence, 3);
    assert_int_equal(back.manifest.count, 2);
    assert_int_equal(back.manifest.components[0].counter, 7);
    assert_int_equal(back.manifest.components[1].counter, -1);
    assert_int_equal(back.manifest.components[0].size, 70000);
    assert_string_equal(back.manifest.components[0].part, "os");
    assert_string_equal(back.manifest.components[1].format, "raw");
    assert_memory_equal(&back.manifest.class, &scene.manifest.class, sizeof back.manifest.class);
    assert_ok(suit_envelope_verify(&back, buf_view(&scene.spki)));
    suit_scene_clear(&scene);
}

static void most_and_none(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct suit_envelope back;
    suit_scene_init(&scene);
    for (size_t i = 0; i < SUIT_COMPONENTS_MAX; i++) {
        scene.manifest.components[i] = scene.manifest.components[0];
        memset(scene.manifest.components[i].version, 'v', SUIT_VERSION_SIZE - 1);
        memset(scene.manifest.components[i].part, 'p', SUIT_PART_SIZE - 1);
        scene.manifest.components[i].counter = INT64_MAX;
    }
    scene.manifest.count = SUIT_COMPONENTS_MAX;
    suit_scene_envelope(&scene); /* fits */
    assert_ok(suit_envelope_read(buf_view(&scene.envelope), &back));
    assert_int_equal(back.manifest.count, SUIT_COMPONENTS_MAX);
    scene.manifest.count = 0;
    assert_error(suit_manifest_write(&scene.manifest, &scene.bytes), ERR_UNPROCESSABLE, "1 to 8");
    scene.manifest.count = SUIT_COMPONENTS_MAX + 1;
    assert_error(suit_manifest_write(&scene.manifest, &scene.bytes), ERR_UNPROCESSABLE, "1 to 8");
    scene.manifest.count = 1;
    suit_scene_clear(&scene);
}

/* Whatever bit is turned, it is refused, or the signature is not good any more. */
static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct suit_envelope back;
    suit_scene_init(&scene);
    for (size_t i = 0; i < scene.envelope.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            scene.envelope.p[i] ^= (uint8_t)(1 << bit);
            err_t error = suit_envelope_read(buf_view(&scene.envelope), &back);
            if (error.code == ERR_OK) {
                error = suit_envelope_verify(&back, buf_view(&scene.spki));
            }
            assert_int_not_equal(error.code, ERR_OK);
            scene.envelope.p[i] ^= (uint8_t)(1 << bit);
        }
    }
    suit_scene_clear(&scene);
}

static void cut_anywhere(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct suit_envelope back;
    suit_scene_init(&scene);
    for (size_t n = 0; n < scene.envelope.n; n++) {
        AUTO_VAL(buf) cut = {0};
        assert_ok(buf_append(&cut, scene.envelope.p, n));
        assert_int_equal(suit_envelope_read(buf_view(&cut), &back).code, ERR_BAD_ENCODING);
    }
    assert_ok(buf_append(&scene.envelope, "x", 1));
    assert_int_equal(suit_envelope_read(buf_view(&scene.envelope), &back).code, ERR_BAD_ENCODING);
    assert_error(suit_envelope_read((struct bytes){scene.envelope.p, SUIT_ENVELOPE_MAX + 1}, &back),
                 ERR_BAD_ENCODING, "4096");
    suit_scene_clear(&scene);
}

/* Signed, and not the profile: a second way to say the same is no way. */
static void signed_and_still_not_the_profile(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct suit_envelope back;
    uint8_t signature[COSE_SIGNATURE_SIZE];
    AUTO_VAL(buf) payload = {0};
    AUTO_VAL(buf) text = {0};
    suit_scene_init(&scene);
    scene.bytes.p[scene.bytes.n - 1] = 14; /* another reporting policy */
    assert_ok(suit_digest_write(buf_view(&scene.bytes), &payload));
    assert_ok(cose_to_be_signed(&scene.kid, buf_view(&payload), &text));
    sign_raw(scene.key, buf_view(&text), signature);
    scene.envelope.n = 0;
    assert_ok(suit_envelope_write(buf_view(&scene.bytes), &scene.kid, signature, &scene.envelope));
    assert_error(suit_envelope_read(buf_view(&scene.envelope), &back), ERR_BAD_ENCODING, "one form");
    suit_scene_clear(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_make_the_same_ids_everywhere),
        cmocka_unit_test(bytes_are_those_of_the_profile),
        cmocka_unit_test(an_envelope_there_and_back),
        cmocka_unit_test(most_and_none),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(signed_and_still_not_the_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
