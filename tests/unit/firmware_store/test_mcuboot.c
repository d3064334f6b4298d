/* MCUboot images: what is read of good ones, and that nothing else passes. */
#include "tests/unit/base/base_fixture.h"

#include "tests/unit/firmware_store/image_vectors.h"

/* Of mcuboot_p256.bin: header 32, payload 200, protected area 78, TLVs. */
enum {
    PAYLOAD_AT = 32,
    PROTECTED_AT = 232,
    PLAIN_AT = 310,
    HASH_AT = 314,
    KEYHASH_AT = 350,
    SIGNATURE_AT = 386
};

static void put16(struct buf *bytes, size_t at, unsigned value)
{
    bytes->p[at] = (uint8_t)value;
    bytes->p[at + 1] = (uint8_t)(value >> 8);
}

static void good_ones_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *file, *signature;
        enum signature_scheme scheme;
        size_t signature_size, digest_size, key_size;
    } rows[] = {
        {"mcuboot_p256.bin", "ecdsa_p256", SIGNATURE_ECDSA_P256, 0, 32, 32},
        {"mcuboot_p384.bin", "ecdsa_p384", SIGNATURE_ECDSA_P384, 0, 48, 48},
        {"mcuboot_rsa2048.bin", "rsa2048_pss", SIGNATURE_RSA_PSS, 256, 32, 32},
        {"mcuboot_rsa3072.bin", "rsa3072_pss", SIGNATURE_RSA_PSS, 384, 32, 32},
        {"mcuboot_ed25519.bin", "ed25519", SIGNATURE_ED25519, 64, 32, 32},
        {"mcuboot_pure.bin", "ed25519_pure", SIGNATURE_ED25519_PURE, 64, 0, 32},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        AUTO_VAL(image) image = {.facts = NULL};
        struct image_fault fault;
        vector_load(rows[i].file, &bytes);
        assert_ok(vector_read(buf_view(&bytes), IMAGE_MCUBOOT, &image, &fault));
        const struct image_signature *signature = &image.signatures[0];
        assert_string_equal(image.version, "1.4.2+7");
        assert_true(image.is_ordered && !image.is_encrypted && !image.is_padded);
        assert_int_equal(image.counter, 5);
        assert_int_equal(image.signature_count, 1);
        assert_int_equal(signature->scheme, rows[i].scheme);
        assert_int_equal(signature->size, PLAIN_AT);
        assert_true(rows[i].signature_size == 0 || signature->bytes.n == rows[i].signature_size);
        assert_int_equal(signature->digest.n, rows[i].digest_size);
        assert_int_equal(signature->key_digest.n, rows[i].key_size);
        assert_string_equal(fact(&image, "signature"), rows[i].signature);
        assert_string_equal(fact(&image, "vendor_uuid"), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_int_equal(json_array_size(json_object_get(image.facts, "dependencies")), 1);
    }
}

static void others_are_read(void **state)
{
    (void)state;
    struct image_fault fault;
    AUTO_VAL(buf) bytes = {0};
    AUTO_VAL(image) unsigned_one = {.facts = NULL};
    AUTO_VAL(image) plain = {.facts = NULL};
    AUTO_VAL(image) padded = {.facts = NULL};
    AUTO_VAL(image) encrypted = {.facts = NULL};
    vector_load("mcuboot_unsigned.bin", &bytes);
    assert_ok(vector_read(buf_view(&bytes), IMAGE_MCUBOOT, &unsigned_one, &fault));
    assert_int_equal(unsigned_one.signature_count, 0);
    vector_load("mcuboot_plain.bin", &bytes);
    assert_ok(vector_read(buf_view(&bytes), IMAGE_MCUBOOT, &plain, &fault));
    assert_string_equal(plain.version, "0.9.0+0");
    assert_int_equal(plain.counter, -1);
    vector_load("mcuboot_padded.bin", &bytes);
    assert_ok(vector_read(buf_view(&bytes), IMAGE_MCUBOOT, &padded, &fault));
    assert_true(padded.is_padded);
    vector_load("mcuboot_encrypted.bin", &bytes);
    assert_ok(vector_read(buf_view(&bytes), IMAGE_MCUBOOT, &encrypted, &fault));
    assert_true(encrypted.is_encrypted);
    assert_int_equal(encrypted.signature_count, 1);
}

static void cut_ones_are_refused(void **state)
{
    (void)state;
    vector_cut_anywhere("mcuboot_p256.bin", IMAGE_MCUBOOT);
    vector_cut_anywhere("mcuboot_plain.bin", IMAGE_MCUBOOT);
    vector_cut_anywhere("mcuboot_unsigned.bin", IMAGE_MCUBOOT);
    vector_cut_anywhere("mcuboot_encrypted.bin", IMAGE_MCUBOOT);
}

static void a_turned_bit_is_found(void **state)
{
    (void)state;
    vector_turn_bits("mcuboot_p256.bin", IMAGE_MCUBOOT, 0, KEYHASH_AT);
    vector_turn_bits("mcuboot_rsa3072.bin", IMAGE_MCUBOOT, 0, KEYHASH_AT);
}

struct change {
    const char *file;
    size_t at;
    unsigned value; /* of 16 bits */
    int64_t fault_at;
    const char *reason;
};

static void numbers_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct change rows[] = {
        {"mcuboot_p256.bin", 0, 0xb83c, 0, "first form"},
        {"mcuboot_p256.bin", 8, 31, 8, "at least 32"},
        {"mcuboot_p256.bin", 8, 0xffff, 0, "payload that the header declares"},
        {"mcuboot_p256.bin", 10, 85, PROTECTED_AT + 2, "the header says 85"},
        {"mcuboot_p256.bin", 10, 0, PROTECTED_AT, "of which the header knows nothing"},
        {"mcuboot_p256.bin", 14, 0xffff, 0, "payload that the header declares"},
        {"mcuboot_p256.bin", 16, 0x0c, 16, "two encryptions"},
        {"mcuboot_p256.bin", PROTECTED_AT, 0x6907, PROTECTED_AT, "do not begin with 0x6908"},
        {"mcuboot_p256.bin", PROTECTED_AT + 6, 0xffff, PROTECTED_AT + 6, "its area ends after"},
        {"mcuboot_p256.bin", PROTECTED_AT + 6, 3, PROTECTED_AT + 4, "the security counter has 3 bytes"},
        {"mcuboot_p256.bin", PROTECTED_AT + 4, 0x10, PROTECTED_AT + 4,
         "must not stand in the protected area"},
        {"mcuboot_p256.bin", PLAIN_AT, 0x6908, PLAIN_AT, "do not begin with 0x6907"},
        {"mcuboot_p256.bin", PLAIN_AT + 2, 3, PLAIN_AT + 2, "their header among them"},
        {"mcuboot_p256.bin", PLAIN_AT + 2, 0xffff, PLAIN_AT, "the file ends within the TLVs"},
        {"mcuboot_p256.bin", PLAIN_AT + 2, 6, PLAIN_AT + 4, "too few for another one"},
        {"mcuboot_p256.bin", PLAIN_AT + 2, 40, 350, "neither padding"},
        {"mcuboot_p256.bin", HASH_AT, 0x11, HASH_AT, "48 to 48 are possible"},
        {"mcuboot_p256.bin", HASH_AT, 0x50, HASH_AT, "must stand in the protected area"},
        {"mcuboot_p256.bin", HASH_AT, 0xa1, HASH_AT, "where no signature covers it"},
        {"mcuboot_p256.bin", HASH_AT + 2, 0xffff, HASH_AT + 2, "its area ends after"},
        {"mcuboot_p256.bin", KEYHASH_AT, 0x10, KEYHASH_AT, "a second hash of the image"},
        {"mcuboot_p256.bin", SIGNATURE_AT, 0x21, SIGNATURE_AT, "P-224"},
        {"mcuboot_p256.bin", SIGNATURE_AT, 0x20, SIGNATURE_AT, "256 to 256 are possible"},
        {"mcuboot_p256.bin", HASH_AT, 0x02, PROTECTED_AT, "no hash of the image"},
        {"mcuboot_ed25519.bin", KEYHASH_AT, 0x32, KEYHASH_AT + 4, "is not encrypted"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        struct image_fault fault;
        vector_load(rows[i].file, &bytes);
        put16(&bytes, rows[i].at, rows[i].value);
        vector_refused(buf_view(&bytes), IMAGE_MCUBOOT, &fault);
        assert_reason(&fault, rows[i].fault_at, rows[i].reason);
    }
}

static void add_tlv(struct buf *bytes, unsigned type, const void *value, size_t n)
{
    uint8_t head[4] = {(uint8_t)type, (uint8_t)(type >> 8), (uint8_t)n, (uint8_t)(n >> 8)};
    assert_ok(buf_append(bytes, head, sizeof head));
    assert_ok(buf_append(bytes, value, n));
    put16(bytes, PLAIN_AT + 2, (unsigned)(bytes->n - PLAIN_AT));
}

static void second_ones_are_refused(void **state)
{
    (void)state;
    static const uint8_t zeros[64] = {0};
    static const struct {
        unsigned type;
        size_t size;
        const char *reason;
    } rows[] = {
        {0x22, 64, "a second signature"},         {0x24, 64, "a second signature"},
        {0x10, 32, "a second hash of the image"}, {0x12, 64, "a second hash of the image"},
        {0x01, 32, "a second hash of the key"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        struct image_fault fault;
        vector_load("mcuboot_p256.bin", &bytes);
        int64_t at = (int64_t)bytes.n;
        add_tlv(&bytes, rows[i].type, zeros, rows[i].size);
        vector_refused(buf_view(&bytes), IMAGE_MCUBOOT, &fault);
        assert_reason(&fault, at, rows[i].reason);
    }
}

static void pure_signatures_are_of_ed25519(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_load("mcuboot_p256.bin", &bytes);
    int64_t at = (int64_t)bytes.n + 4;
    add_tlv(&bytes, 0x25, "\1", 1);
    vector_refused(buf_view(&bytes), IMAGE_MCUBOOT, &fault);
    assert_reason(&fault, at, "only an Ed25519 signature");
}

static void foreign_bytes_behind_are_refused(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_load("mcuboot_padded.bin", &bytes);
    for (size_t at = 460; at < bytes.n; at += 37) {
        uint8_t former = bytes.p[at];
        bytes.p[at] = 0x42;
        vector_refused(buf_view(&bytes), IMAGE_MCUBOOT, &fault);
        assert_true(fault.at <= (int64_t)at);
        bytes.p[at] = former;
    }
    bytes.p[1000] = 1; /* image_ok, but not in its place */
    vector_refused(buf_view(&bytes), IMAGE_MCUBOOT, &fault);
    assert_reason(&fault, 1000, "neither padding");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(others_are_read),
        cmocka_unit_test(cut_ones_are_refused),
        cmocka_unit_test(a_turned_bit_is_found),
        cmocka_unit_test(numbers_that_lie_are_refused),
        cmocka_unit_test(second_ones_are_refused),
        cmocka_unit_test(pure_signatures_are_of_ed25519),
        cmocka_unit_test(foreign_bytes_behind_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
