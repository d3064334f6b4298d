/* SWUpdate archives, made by cpio and openssl, and made wrong here. */
#include "tests/unit/base/base_fixture.h"

#include "tests/unit/firmware_store/image_vectors.h"

struct file {
    const char *name, *text;
    unsigned mode; /* 0: a plain file */
};

static void add_file(struct buf *out, const struct file *file)
{
    size_t n = strlen(file->text), name = strlen(file->name) + 1;
    assert_ok(buf_printf(out, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1U,
                         file->mode == 0 ? 0100644U : file->mode, 0U, 0U, 1U, 0U, n, 0U, 0U, 0U, 0U, name,
                         0U));
    assert_ok(buf_append(out, file->name, name));
    assert_ok(buf_append(out, "\0\0\0", (4 - out->n % 4) % 4));
    assert_ok(buf_append(out, file->text, n));
    assert_ok(buf_append(out, "\0\0\0", (4 - out->n % 4) % 4));
}

static void pack(const struct file *files, size_t count, struct buf *out)
{
    static const struct file trailer = {"TRAILER!!!", "", 0};
    out->n = 0;
    for (size_t i = 0; i < count; i++) {
        add_file(out, &files[i]);
    }
    add_file(out, &trailer);
}

static void good_ones_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *file, *version, *signature;
        enum signature_scheme scheme;
    } rows[] = {
        {"swu_signed.swu", "3.1.4", "cms", SIGNATURE_CMS_DETACHED},
        {"swu_newc.swu", "3.1.4", "cms", SIGNATURE_CMS_DETACHED},
        {"swu_rsa.swu", "3.1.4", "bare", SIGNATURE_BARE},
        {"swu_json.swu", "3.2.0", "cms", SIGNATURE_CMS_DETACHED},
        {"swu_unsigned.swu", "3.1.4", "", SIGNATURE_BARE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        AUTO_VAL(image) image = {.facts = NULL};
        struct image_fault fault;
        vector_load(rows[i].file, &bytes);
        assert_ok(vector_read(buf_view(&bytes), IMAGE_SWU, &image, &fault));
        assert_string_equal(image.version, rows[i].version);
        assert_true(image.is_ordered && image.counter == -1 && !image.is_encrypted);
        assert_string_equal(fact(&image, "signature"), rows[i].signature);
        assert_int_equal(image.signature_count, rows[i].signature[0] == '\0' ? 0 : 1);
        if (image.signature_count == 1) {
            assert_int_equal(image.signatures[0].scheme, rows[i].scheme);
            assert_memory_equal(bytes.p + image.signatures[0].from + image.signatures[0].size - 2,
                                i == 3 ? "}}" : "}\n", 2);
        }
        const json_t *files = json_object_get(image.facts, "files");
        assert_true(json_is_true(json_object_get(json_object_get(files, "rootfs.img"), "listed")));
    }
}

static void cut_ones_are_refused(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_load("swu_signed.swu", &bytes);
    size_t end = bytes.n;
    while (bytes.p[end - 1] == 0) {
        end--; /* padding behind the trailer */
    }
    for (size_t n = 0; n < end; n++) {
        vector_refused((struct bytes){bytes.p, n}, IMAGE_SWU, &fault);
    }
}

static void what_the_signature_covers_is_checked(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    vector_load("swu_newc.swu", &bytes);
    const uint8_t *image = memmem(bytes.p, bytes.n, "\3\12\21\30", 4);
    assert_non_null(image);
    int64_t at = image - bytes.p;
    bytes.p[at + 5] ^= 1;
    vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
    assert_reason(&fault, at, "\"rootfs.img\" are not those whose sha256");
    vector_load("swu_signed.swu", &bytes);
    bytes.p[at + 5] ^= 1;
    vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
    assert_reason(&fault, at, "\"rootfs.img\" add up to");
    bytes.p[bytes.n - 1] = 1;
    bytes.p[at + 5] ^= 1;
    vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
    assert_reason(&fault, (int64_t)bytes.n - 1, "behind the end of the archive");
}

#define SIGNED                                                                                               \
    {                                                                                                        \
        "sw-description.sig", "signature", 0                                                                 \
    }
#define TEXT(x)                                                                                              \
    {                                                                                                        \
        "sw-description", "software = { version = \"1.0\"; images: ( { filename = \"a\"; " x "} ); };", 0    \
    }
#define WITH_SHA TEXT("sha256 = \"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\"; ")

static void archives_made_wrong_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        struct file files[4];
    } rows[] = {
        {"not sw-description", {{"a", "x", 0}, WITH_SHA}},
        {"second, once", {WITH_SHA, {"a", "x", 0}, SIGNED}},
        {"second, once", {WITH_SHA, SIGNED, SIGNED, {"a", "x", 0}}},
        {"second, once", {WITH_SHA, WITH_SHA, {"a", "x", 0}}},
        {"a second file named \"a\"", {WITH_SHA, {"a", "x", 0}, {"a", "x", 0}}},
        {"which is not in the archive", {WITH_SHA, {"b", "x", 0}}},
        {"not those whose sha256", {WITH_SHA, {"a", "y", 0}}},
        {"the signature does not cover it", {TEXT(""), SIGNED, {"a", "x", 0}}},
        {"64 lower-case hex digits", {TEXT("sha256 = \"$swupdate_get_sha256(a)\"; "), {"a", "x", 0}}},
        {"is no text", {TEXT("sha256 = 5; "), {"a", "x", 0}}},
        {"no name of a file within", {WITH_SHA, {"../a", "x", 0}}},
        {"no name of a file within", {WITH_SHA, {"/etc/passwd", "x", 0}}},
        {"no name of a file within", {WITH_SHA, {"..", "x", 0}}},
        {"a control character", {WITH_SHA, {"a\nb", "x", 0}}},
        {"is no plain file", {WITH_SHA, {"a", "x", 0120777}}},
        {"is no plain file", {WITH_SHA, {"a", "x", 0040755}}},
        {"includes another file", {{"sw-description", "@include \"/etc/passwd\"\n", 0}}},
        {"within a text in quotes", {{"sw-description", "software = { version = \"1.0; };", 0}}},
        {"within a text in quotes",
         {{"sw-description", "# \"\nsoftware = { a = \"\\\\\"; b = \"\\\"; };", 0}}},
        {"a name or a value must stand", {{"sw-description", "/* \" */ // \"\n= \"1\";", 0}}},
        {"= or : must stand", {{"sw-description", "software = { version \"1.0\"; };", 0}}},
        {"a comma or the end", {{"sw-description", "software = { a = ( \"x\" 1 ); };", 0}}},
        {"here a name", {{"sw-description", "software = { a = 1; \"x\" };", 0}}},
        {"here a name", {{"sw-description", "software = { a = [ 1, ", 0}}},
        {"line 1 of sw-description", {{"sw-description", "software = { a = [ 1, \"x\" ]; };", 0}}},
        {"line 1 of sw-description", {{"sw-description", "software = { a = 1x; };", 0}}},
        {"no group \"software\"", {{"sw-description", "version = \"1\";", 0}}},
        {"no version", {{"sw-description", "software = { };", 0}}},
        {"a name or a value must stand", {{"sw-description", "software = { version = ; };", 0}}},
        {"line 1 of sw-description", {{"sw-description", "a = 1; a = 2;", 0}}},
        {"sw-description: ",
         {{"sw-description", "{\"software\": {\"version\": \"1\", \"version\": \"2\"}}", 0}}},
        {"no text (an encrypted one", {{"sw-description", "Salted__\1\2\3", 0}}},
        {"1 to 262144 are possible", {{"sw-description", "", 0}}},
        {"64 are possible",
         {{"sw-description",
           "software = { version = "
           "\"0123456789012345678901234567890123456789012345678901234567890123456789\"; };",
           0}}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VAL(buf) bytes = {0};
        struct image_fault fault;
        size_t count = 0;
        while (count < 4 && rows[i].files[count].name != NULL) {
            count++;
        }
        pack(rows[i].files, count, &bytes);
        vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
        if (strstr(fault.reason, rows[i].reason) == NULL) {
            fail_msg("%s; wanted: %s", fault.reason, rows[i].reason);
        }
    }
}

static void deep_and_many_are_refused(void **state)
{
    (void)state;
    AUTO_VAL(buf) deep = {0};
    AUTO_VAL(buf) many = {0};
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    assert_ok(buf_append_str(&deep, "software = { version = \"1\"; "));
    for (int i = 0; i < 100; i++) {
        assert_ok(buf_append_str(&deep, "a = { "));
    }
    for (int i = 0; i < 100; i++) {
        assert_ok(buf_append_str(&deep, "}; "));
    }
    assert_ok(buf_append_str(&deep, "};"));
    const struct file one = {"sw-description", buf_str(&deep), 0};
    pack(&one, 1, &bytes);
    vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
    assert_non_null(strstr(fault.reason, "nested deeper"));
    assert_ok(buf_append_str(&many, "software = { version = \"1\"; images: ( "));
    for (int i = 0; i < 257; i++) {
        assert_ok(buf_append_str(&many, i == 0 ? "{ filename = \"a\"; }" : ", { filename = \"a\"; }"));
    }
    assert_ok(buf_append_str(&many, "); };"));
    const struct file two = {"sw-description", buf_str(&many), 0};
    pack(&two, 1, &bytes);
    vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
    assert_non_null(strstr(fault.reason, "more than 256 files"));
}

static void encrypted_ones_are_named(void **state)
{
    (void)state;
    static const struct file files[] = {{"sw-description",
                                         "software = { version = \"1.0\"; board: { stable: { images: ( { "
                                         "filename = \"a\"; encrypted = true; } ); }; }; };",
                                         0},
                                        {"a", "x", 0},
                                        {"unlisted", "y", 0}};
    AUTO_VAL(buf) bytes = {0};
    AUTO_VAL(image) image = {.facts = NULL};
    struct image_fault fault;
    pack(files, COUNT_OF(files), &bytes);
    assert_ok(vector_read(buf_view(&bytes), IMAGE_SWU, &image, &fault));
    assert_true(image.is_encrypted);
    const json_t *listed =
        json_object_get(json_object_get(json_object_get(image.facts, "files"), "unlisted"), "listed");
    assert_true(json_is_false(listed));
}

/* A length that is not there, and one that no memory would hold. */
static void huge_sizes_are_refused(void **state)
{
    (void)state;
    AUTO_VAL(buf) bytes = {0};
    struct image_fault fault;
    static const struct file one = {"sw-description", "software = { version = \"1\"; };", 0};
    pack(&one, 1, &bytes);
    memcpy(bytes.p + 54, "ffffffff", 8);
    vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
    assert_non_null(strstr(fault.reason, "ends within a file of the archive"));
    pack(&one, 1, &bytes);
    memcpy(bytes.p + 94, "ffffffff", 8);
    vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
    assert_reason(&fault, 110, "2 to 256 are possible");
    memcpy(bytes.p + 94, "0000000g", 8);
    vector_refused(buf_view(&bytes), IMAGE_SWU, &fault);
    assert_reason(&fault, 101, "not hexadecimal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(cut_ones_are_refused),
        cmocka_unit_test(what_the_signature_covers_is_checked),
        cmocka_unit_test(archives_made_wrong_are_refused),
        cmocka_unit_test(deep_and_many_are_refused),
        cmocka_unit_test(encrypted_ones_are_named),
        cmocka_unit_test(huge_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
