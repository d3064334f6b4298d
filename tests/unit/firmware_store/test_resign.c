/* resign.c, resign_mcuboot.c, resign_swu.c: derived images are the image with something else in one place.
 * What the signature says is no matter here; the programs that verify it are in the tests of fleet/. */
#include "tests/unit/pki/pki_fixture.h"

#include "firmware_store/resign.h"
#include "tests/unit/firmware_store/image_vectors.h"

static const char FORGED[] = "a signature of odd length";

/* Writes the derived image of a vector into memory, through a store. */
static void derive(const char *name, enum image_format format, struct buf *original, struct buf *out)
{
    struct test_folder folder;
    AUTO_PTR(blob_store) *store = NULL;
    AUTO_PTR(blob_writer) *writer = NULL;
    struct blob_reader *made = NULL;
    AUTO_VAL(image) image = {.counter = -1};
    AUTO_VAL(resign_plan) plan = {.keep = 0};
    struct image_fault fault = {.at = 0};
    const struct uuid id = {{7}};
    uint8_t digest[32] = {1}, key[32] = {2};
    int64_t at = 0;
    test_folder_init(&folder);
    assert_ok(blob_store_open_folder(folder.path, &store));
    assert_ok(blob_writer_open(store, id, &at, &writer));
    vector_load(name, original);
    struct bytes bytes = buf_view(original);
    const struct byte_source source = byte_source_of(&bytes);
    assert_ok(image_read_source(&source, format, &image, &fault));
    assert_ok(resign_plan(&source, &image, &plan, &fault));
    const struct resign_signature signature = {.signature = bytes_str(FORGED),
                                               .digest = BYTES_OF(digest),
                                               .key_digest = BYTES_OF(key),
                                               .type = RESIGN_ECDSA};
    assert_ok(resign_write(&source, &plan, &signature, writer));
    assert_ok(blob_writer_reader(writer, &made));
    out->n = 0;
    assert_ok(buf_reserve(out, (size_t)blob_size(made)));
    assert_ok(blob_read(made, 0, out->p, (size_t)blob_size(made)));
    out->n = (size_t)blob_size(made);
    blob_writer_free(TAKE(writer));
    blob_store_free(TAKE(store));
    test_folder_clear(&folder);
}

static void an_mcuboot_image_keeps_all_that_is_signed(void **state)
{
    (void)state;
    AUTO_VAL(buf) original = {0};
    AUTO_VAL(buf) made = {0};
    AUTO_VAL(buf) again = {0};
    derive("mcuboot_p256.bin", IMAGE_MCUBOOT, &original, &made);
    size_t header = original.p[8] | (size_t)original.p[9] << 8,
           protected_size = original.p[10] | (size_t)original.p[11] << 8;
    size_t kept = header + (original.p[12] | (size_t)original.p[13] << 8) + protected_size;
    assert_memory_equal(made.p, original.p, kept);
    size_t area = 4 + 36 + 36 + 4 + strlen(FORGED);
    assert_int_equal(made.n, kept + area);
    const uint8_t magic[] = {0x07, 0x69, (uint8_t)area, 0, 0x10, 0, 32, 0};
    assert_memory_equal(made.p + kept, magic, sizeof magic);
    derive("mcuboot_unsigned.bin", IMAGE_MCUBOOT, &original, &again);
    assert_true(bytes_equal(buf_view(&made), buf_view(&again))); /* nothing of the former signature is left */
}

/* The sum that stands in the header of a crc archive. */
static uint32_t sum_of(const struct buf *archive, const char *name)
{
    char text[9] = {0};
    for (size_t at = 0; at + 130 < archive->n; at += 4) {
        if (memcmp(archive->p + at, "070702", 6) == 0 &&
            strcmp((const char *)archive->p + at + 110, name) == 0) {
            memcpy(text, archive->p + at + 6 + 12 * 8, 8);
            return (uint32_t)strtoul(text, NULL, 16);
        }
    }
    fail_msg("no entry %s", name);
    return 0;
}

static void an_archive_has_the_signature_second_and_once(void **state)
{
    (void)state;
    AUTO_VAL(buf) original = {0};
    AUTO_VAL(buf) from_signed = {0};
    AUTO_VAL(buf) from_unsigned = {0};
    AUTO_VAL(image) image = {.counter = -1};
    struct image_fault fault = {.at = 0};
    uint32_t sum = 0;
    derive("swu_signed.swu", IMAGE_SWU, &original, &from_signed);
    derive("swu_unsigned.swu", IMAGE_SWU, &original, &from_unsigned);
    assert_int_equal(from_signed.n % 512, 0);
    assert_ok(vector_read(buf_view(&from_signed), IMAGE_SWU, &image, &fault));
    assert_int_equal(image.signature_count, 1);
    assert_true(bytes_equal(buf_view(&image.signatures[0].bytes), bytes_str(FORGED)));
    for (size_t i = 0; FORGED[i] != '\0'; i++) {
        sum += (uint8_t)FORGED[i];
    }
    assert_int_equal(sum_of(&from_signed, "sw-description.sig"), sum);
    image_clear(&image);
    assert_ok(vector_read(buf_view(&from_unsigned), IMAGE_SWU, &image, &fault));
    assert_int_equal(image.signature_count, 1);
}

static void a_bundle_ends_with_the_signature_and_its_length(void **state)
{
    (void)state;
    static const char *const names[] = {"rauc_plain.raucb", "rauc_verity.raucb"};
    for (size_t i = 0; i < 2; i++) {
        AUTO_VAL(buf) original = {0};
        AUTO_VAL(buf) made = {0};
        derive(names[i], IMAGE_RAUC, &original, &made);
        size_t size = strlen(FORGED), payload = made.n - 8 - size;
        assert_memory_equal(made.p, original.p, payload);
        assert_memory_equal(made.p + payload, FORGED, size);
        assert_int_equal(made.p[made.n - 1], size);
        assert_int_equal(original.n - payload - 8,
                         original.p[original.n - 2] * 256 + original.p[original.n - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_mcuboot_image_keeps_all_that_is_signed),
        cmocka_unit_test(an_archive_has_the_signature_second_and_once),
        cmocka_unit_test(a_bundle_ends_with_the_signature_and_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
