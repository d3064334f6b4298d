/* cose.c and cbor_items.c: bytes of RFC 9052's form, signatures by OpenSSL alone, one form and no other. */
#include "tests/unit/pki/suit_scene.h"

#include "pki/cbor_items.h"

static const uint8_t PAYLOAD[] = "what is said";

static void sign_message(const struct suit_scene *scene, struct cose_sign1 *out)
{
    AUTO_VAL(buf) text = {0};
    *out = (struct cose_sign1){.kid = scene->kid, .payload = BYTES_OF(PAYLOAD)};
    assert_ok(cose_to_be_signed(&scene->kid, out->payload, &text));
    sign_raw(scene->key, buf_view(&text), out->signature);
}

static void bytes_are_those_of_the_profile(void **state)
{
    (void)state;
    struct sha256 kid = {{0}};
    struct cose_sign1 message = {.payload = BYTES_OF(((uint8_t[]){0x2a}))};
    char hex[512];
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) out = {0};
    memset(kid.b, 0x11, sizeof kid.b);
    message.kid = kid;
    memset(message.signature, 0x22, sizeof message.signature);
    assert_ok(cose_to_be_signed(&kid, message.payload, &text));
    hex_encode(buf_view(&text), hex);
    assert_string_equal(hex, "846a5369676e61747572653158"
                             "26a201280458201111111111111111111111111111111111111111111111111111111111111111"
                             "40412a");
    assert_ok(cose_sign1_write(&message, &out));
    hex_encode(buf_view(&out), hex);
    assert_string_equal(hex,
                        "d2845826a201280458201111111111111111111111111111111111111111111111111111111111111111"
                        "a0412a58402222222222222222222222222222222222222222222222222222222222222222"
                        "2222222222222222222222222222222222222222222222222222222222222222");
}

static void a_message_there_and_back(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct cose_sign1 message, back;
    AUTO_VAL(buf) out = {0};
    suit_scene_init(&scene);
    sign_message(&scene, &message);
    assert_ok(cose_sign1_write(&message, &out));
    assert_ok(cose_sign1_read(buf_view(&out), &back));
    assert_false(back.is_detached);
    assert_true(bytes_equal(back.payload, BYTES_OF(PAYLOAD)));
    assert_ok(cose_sign1_verify(&back, back.payload, buf_view(&scene.spki)));
    suit_scene_clear(&scene);
}

/* r or s that begin with zeros make shorter integers in DER. */
static void any_signature_verifies(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct cose_sign1 message;
    bool has_short = false;
    suit_scene_init(&scene);
    for (int i = 0; i < 400 && !has_short; i++) {
        sign_message(&scene, &message);
        has_short = message.signature[0] == 0 || message.signature[32] == 0;
        assert_ok(cose_sign1_verify(&message, BYTES_OF(PAYLOAD), buf_view(&scene.spki)));
    }
    suit_scene_clear(&scene);
}

static void what_is_not_signed_is_refused(void **state)
{
    (void)state;
    struct suit_scene scene, other;
    struct cose_sign1 message;
    suit_scene_init(&scene);
    suit_scene_init(&other);
    sign_message(&scene, &message);
    struct bytes spki = buf_view(&scene.spki);
    assert_error(cose_sign1_verify(&message, bytes_str("other words"), spki), ERR_FORBIDDEN, "not good");
    assert_error(cose_sign1_verify(&message, BYTES_OF(PAYLOAD), buf_view(&other.spki)), ERR_FORBIDDEN,
                 "another key");
    message.signature[40] ^= 1;
    assert_error(cose_sign1_verify(&message, BYTES_OF(PAYLOAD), spki), ERR_FORBIDDEN, "not good");
    memset(message.signature, 0, sizeof message.signature);
    assert_error(cose_sign1_verify(&message, BYTES_OF(PAYLOAD), spki), ERR_FORBIDDEN, "not good");
    AUTO(EVP_PKEY) *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    AUTO_VAL(buf) ed_spki = {0};
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(ed, &der); /* first: the order of arguments is nobody's promise */
    bytes_of_i2d(size, der, &ed_spki);
    assert_error(cose_sign1_verify(&message, BYTES_OF(PAYLOAD), buf_view(&ed_spki)), ERR_UNPROCESSABLE,
                 "P-256 only");
    suit_scene_clear(&scene);
    suit_scene_clear(&other);
}

/* Cut anywhere, one byte more, or any head in another form: refused, never read past the end. */
static void one_form_only(void **state)
{
    (void)state;
    struct suit_scene scene;
    struct cose_sign1 message, back;
    AUTO_VAL(buf) out = {0};
    suit_scene_init(&scene);
    sign_message(&scene, &message);
    assert_ok(cose_sign1_write(&message, &out));
    for (size_t n = 0; n < out.n; n++) {
        AUTO_VAL(buf) cut = {0};
        assert_ok(buf_append(&cut, out.p, n));
        assert_int_equal(cose_sign1_read(buf_view(&cut), &back).code, ERR_BAD_ENCODING);
    }
    assert_ok(buf_append(&out, "", 1));
    assert_error(cose_sign1_read(buf_view(&out), &back), ERR_BAD_ENCODING, "deterministic");
    /* the array's head in two bytes */
    AUTO_VAL(buf) longer = {0};
    assert_ok(buf_append(&longer, "\xd2\x98\x04", 3));
    assert_ok(buf_append(&longer, out.p + 2, out.n - 3));
    assert_error(cose_sign1_read(buf_view(&longer), &back), ERR_BAD_ENCODING, "deterministic");
    longer.p[1] = 0x9f; /* indefinite */
    assert_error(cose_sign1_read(buf_view(&longer), &back), ERR_BAD_ENCODING, "not a COSE_Sign1");
    suit_scene_clear(&scene);
}

static void numbers_of_every_size(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,         23, 24,  255, 256,  65535, 65536,  4294967295, 4294967296,
                                      INT64_MAX, -1, -24, -25, -256, -257,  -65537, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        AUTO_VAL(buf) out = {0};
        int64_t back = 0;
        struct cbor_writer w = cbor_writer(&out);
        cbor_put_int(&w, numbers[i]);
        assert_ok(cbor_finish(&w));
        struct bytes in = buf_view(&out);
        assert_true(cbor_take_int(&in, &back));
        assert_int_equal(in.n, 0);
        assert_true(back == numbers[i]);
    }
    static const uint8_t beyond[] = {0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0};
    struct bytes in = BYTES_OF(beyond);
    int64_t back = 0;
    assert_false(cbor_take_int(&in, &back));
    assert_int_equal(in.n, sizeof beyond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_those_of_the_profile),
        cmocka_unit_test(a_message_there_and_back),
        cmocka_unit_test(any_signature_verifies),
        cmocka_unit_test(what_is_not_signed_is_refused),
        cmocka_unit_test(one_form_only),
        cmocka_unit_test(numbers_of_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
