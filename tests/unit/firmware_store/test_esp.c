/* ESP-IDF images with and without Secure Boot v2. */
#include "tests/unit/base/base_fixture.h"

#include "tests/unit/firmware_store/image_vectors.h"

enum { SECTOR = 4096, DESCRIPTOR = 32 };

static void good_ones_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t signatures, signature_size, digest_size;
    } rows[] = {
        {"esp_unsigned.bin", 0, 0, 0}, {"esp_no_hash.bin", 0, 0, 0}, {"esp_rsa3072.bin", 1, 384, 32},
        {"esp_p256.bin", 1, 64, 32},   {"esp_p384.bin", 1, 96, 48},  {"esp_two_keys.bin", 2, 384, 32},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        AUTO_VAL(image) image = {.facts = NULL};
        struct image_fault fault;
        vector_load(rows[i].file, &bytes);
        assert_ok(vector_read(buf_view(&bytes), IMAGE_ESP, &image, &fault));
        assert_string_equal(image.version, "2.1.0");
        assert_true(image.is_ordered);
        assert_int_equal(image.counter, 3);
        assert_string_equal(fact(&image, "chip"), "esp32c3");
        assert_string_equal(fact(&image, "project"), "meter");
        assert_string_equal(fact(&image, "idf_version"), "v5.3");
        assert_int_equal(image.signature_count, rows[i].signatures);
        assert_int_equal(image.signatures[0].bytes.n, rows[i].signature_size);
        assert_int_equal(image.signatures[0].digest.n, rows[i].digest_size);
    }
}

static void cut_ones_are_refused(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_cut_anywhere("esp_unsigned.bin", IMAGE_ESP);
    vector_load("esp_p256.bin", &bytes);
    for (size_t n = SECTOR + 1; n < bytes.n; n++) {
        vector_refused((struct bytes){bytes.p, n}, IMAGE_ESP, &fault);
    }
}

static void a_turned_bit_is_found(void **state)
{
    (void)state;
    vector_turn_bits("esp_unsigned.bin", IMAGE_ESP, 0, 640);
    vector_turn_bits("esp_p256.bin", IMAGE_ESP, 600, 900);
    /* the block with its CRC, and what is behind the 16 bytes that say nothing */
    vector_turn_bits("esp_p256.bin", IMAGE_ESP, SECTOR, SECTOR + 1200);
    vector_turn_bits("esp_p256.bin", IMAGE_ESP, SECTOR + 1216, 2 * SECTOR);
    vector_turn_bits("esp_rsa3072.bin", IMAGE_ESP, SECTOR, SECTOR + 1200);
}

static void numbers_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t at;
        uint8_t value;
        int64_t fault_at;
        const char *reason;
    } rows[] = {
        {"esp_unsigned.bin", 0, 0xea, 0, "no ESP-IDF image"},
        {"esp_unsigned.bin", 1, 0, 1, "1 to 16 are possible"},
        {"esp_unsigned.bin", 1, 17, 1, "1 to 16 are possible"},
        {"esp_unsigned.bin", 23, 2, 23, "by 0 or 1"},
        {"esp_unsigned.bin", 31, 0xff, 32, "the file ends within a segment"},
        {"esp_no_hash.bin", DESCRIPTOR + 40, 1, 607, "the checksum of the segments"},
        {"esp_p256.bin", SECTOR + 1, 4, SECTOR + 1, "version 4 is not known"},
        {"esp_p256.bin", SECTOR + 2, 2, SECTOR + 2, "names hash 2"},
        {"esp_p256.bin", SECTOR + 36, 1, SECTOR + 36, "P-192, which is too weak"},
        {"esp_p256.bin", SECTOR + 36, 3, SECTOR + 36, "does not go with its hash"},
        {"esp_p256.bin", SECTOR + 4, 0x77, SECTOR + 1196, "the CRC"},
        {"esp_p256.bin", SECTOR, 0, SECTOR, "neither padding"},
        {"esp_p256.bin", 700, 0, 700, "neither padding"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        struct image_fault fault;
        vector_load(rows[i].file, &bytes);
        bytes.p[rows[i].at] = rows[i].value;
        vector_refused(buf_view(&bytes), IMAGE_ESP, &fault);
        assert_reason(&fault, rows[i].fault_at, rows[i].reason);
    }
}

/* The digest of the block is right about other bytes: the CRC is made anew, as an attacker would. */
static void a_block_of_another_image_is_refused(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_load("esp_p256.bin", &bytes);
    bytes.p[SECTOR + 4] ^= 1;
    uint32_t crc = crc32_of((struct bytes){bytes.p + SECTOR, 1196});
    memcpy(bytes.p + SECTOR + 1196, &crc, sizeof crc);
    vector_refused(buf_view(&bytes), IMAGE_ESP, &fault);
    assert_reason(&fault, SECTOR + 4, "is not that of the 4096 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(cut_ones_are_refused),
        cmocka_unit_test(a_turned_bit_is_found),
        cmocka_unit_test(numbers_that_lie_are_refused),
        cmocka_unit_test(a_block_of_another_image_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
