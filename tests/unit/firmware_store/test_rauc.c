/* Bundles that rauc made, as they are and changed. */
#include "tests/unit/base/base_fixture.h"

#include "tests/unit/firmware_store/image_vectors.h"

static size_t payload_of(const struct buf *bytes)
{
    size_t size = 0;
    for (size_t i = bytes->n - 8; i < bytes->n; i++) {
        size = size << 8 | bytes->p[i];
    }
    return bytes->n - 8 - size;
}

static void good_ones_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *file, *form;
        enum signature_scheme scheme;
    } rows[] = {{"rauc_plain.raucb", "plain", SIGNATURE_CMS_DETACHED},
                {"rauc_verity.raucb", "verity", SIGNATURE_CMS}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        AUTO_VAL(image) image = {.facts = NULL};
        struct image_fault fault;
        vector_load(rows[i].file, &bytes);
        assert_ok(vector_read(buf_view(&bytes), IMAGE_RAUC, &image, &fault));
        assert_string_equal(image.version, "5.0.1");
        assert_true(image.is_ordered && image.counter == -1);
        assert_string_equal(fact(&image, "compatible"), "gateway");
        assert_string_equal(fact(&image, "build"), "20261125");
        assert_string_equal(fact(&image, "bundle_format"), rows[i].form);
        const json_t *first = json_array_get(json_object_get(image.facts, "images"), 0);
        assert_string_equal(json_string_value(json_object_get(first, "slot")), "rootfs");
        assert_int_equal(json_integer_value(json_object_get(first, "size")), 24576);
        assert_int_equal(image.signatures[0].scheme, rows[i].scheme);
        assert_int_equal(image.signatures[0].size, payload_of(&bytes));
    }
}

static void cut_ones_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"rauc_plain.raucb", "rauc_verity.raucb"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        AUTO_VAL(buf) bytes = {0};
        struct image_fault fault;
        vector_load(files[i], &bytes);
        for (size_t n = 0; n < bytes.n; n += n < payload_of(&bytes) ? 61 : 1) {
            vector_refused((struct bytes){bytes.p, n}, IMAGE_RAUC, &fault);
        }
    }
}

static void a_turned_bit_in_a_verity_payload_is_found(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_load("rauc_verity.raucb", &bytes);
    size_t payload = payload_of(&bytes), tree = payload - 4096;
    for (size_t at = 0; at < payload; at += 97) {
        bytes.p[at] ^= 4;
        vector_refused(buf_view(&bytes), IMAGE_RAUC, &fault);
        assert_int_equal(fault.at, at < 4 ? 0 : at - at % 4096);
        if (at >= 4) {
            assert_non_null(strstr(fault.reason, at < tree ? "another hash" : "root of the tree"));
        }
        bytes.p[at] ^= 4;
    }
}

static void replace(struct buf *bytes, const char *from, const char *to)
{
    uint8_t *at = memmem(bytes->p, bytes->n, from, strlen(from));
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
}

static void manifests_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *reason;
    } rows[] = {
        {"format=verity", "format=crypt ", "the bundle is encrypted (crypt)"},
        {"format=verity", "format=plain ", "another format than verity"},
        {"format=verity", "format=quiet ", "the bundle format \"quiet\""},
        {"verity-size=4096", "verity-size=8192", "it would have 4096"},
        {"verity-size=4096", "verity-size=4095", "does not fit"},
        {"verity-size=4096", "verity-size=0000", "does not fit"},
        {"verity-size=4096", "verity-size=-096", "is no size"},
        {"verity-size=4096", "verity-sizes=096", "lacks verity-hash"},
        {"verity-hash=", "verity-salt=", "the key \"verity-salt\" twice"},
        {"[image.rootfs]", "[image.rootfs=", "no name of a group"},
        {"[update]", "#update#", "before its first group"},
        {"compatible=", "compatibly=", "what it is compatible with"},
        {"build=20261125", "build:20261125", "neither a group nor key=value"},
        {"build=20261125",
         "build=2026\001"
         "125",
         "a control character"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        struct image_fault fault;
        vector_load("rauc_verity.raucb", &bytes);
        replace(&bytes, rows[i].from, rows[i].to);
        vector_refused(buf_view(&bytes), IMAGE_RAUC, &fault);
        if (strstr(fault.reason, rows[i].reason) == NULL) {
            fail_msg("%s; wanted: %s", fault.reason, rows[i].reason);
        }
    }
}

static void a_broken_squashfs_is_refused(void **state)
{
    (void)state;
    AUTO_VAL(buf) good = {0};
    vector_load("rauc_plain.raucb", &good);
    for (size_t at = 0; at < 96; at++) {
        AUTO_VAL(buf) bytes = {0};
        AUTO_VAL(image) image = {.facts = NULL};
        struct image_fault fault;
        assert_ok(buf_append_bytes(&bytes, buf_view(&good)));
        bytes.p[at] = 0xff;
        err_t error = vector_read(buf_view(&bytes), IMAGE_RAUC, &image, &fault);
        assert_true(error.code == ERR_OK || (error.code == ERR_UNPROCESSABLE && fault.reason[0] != '\0'));
    }
}

static void sizes_at_the_end_are_judged(void **state)
{
    (void)state;
    static const uint8_t sizes[][8] = {
        {0}, {0, 0, 0, 0, 0, 0, 0x20, 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x80}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        AUTO_VAL(buf) bytes = {0};
        struct image_fault fault;
        vector_load("rauc_plain.raucb", &bytes);
        memcpy(bytes.p + bytes.n - 8, sizes[i], 8);
        vector_refused(buf_view(&bytes), IMAGE_RAUC, &fault);
    }
    struct image_fault fault;
    vector_refused(bytes_str("hsqs\0\0\0\0"), IMAGE_RAUC, &fault);
    assert_reason(&fault, 4, "too short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(cut_ones_are_refused),
        cmocka_unit_test(a_turned_bit_in_a_verity_payload_is_found),
        cmocka_unit_test(manifests_that_lie_are_refused),
        cmocka_unit_test(a_broken_squashfs_is_refused),
        cmocka_unit_test(sizes_at_the_end_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
