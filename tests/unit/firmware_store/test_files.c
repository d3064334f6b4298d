/* store.c, files*.c: bytes in and out of a folder; what is cut is gone on with; who comes second loses
 * nothing. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "firmware_store/store.h"
#include "tests/unit/base/base_fixture.h"

static const struct uuid ONE = {{1}}, TWO = {{2}};
static const char HELLO_SHA256[] = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

struct shop {
    char *folder;
    struct blob_store *store;
};

static int set_up(void **state)
{
    struct shop *shop = calloc(1, sizeof *shop);
    void *folder = NULL;
    if (shop == NULL || folder_setup(&folder) != 0) {
        return -1;
    }
    shop->folder = folder;
    *state = shop;
    return blob_store_open_folder(shop->folder, &shop->store).code == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct shop *shop = *state;
    blob_store_free(shop->store);
    void *folder = shop->folder;
    int code = folder_teardown(&folder);
    free(shop);
    return code;
}

static void write_text(struct shop *shop, struct uuid name, const char *text, struct blob_digests *out)
{
    AUTO_PTR(blob_writer) *writer = NULL;
    int64_t at = -1;
    assert_ok(blob_writer_open(shop->store, name, &at, &writer));
    assert_int_equal(at, 0);
    assert_ok(blob_writer_add(writer, bytes_str(text)));
    assert_ok(blob_writer_sync(writer));
    assert_ok(blob_writer_commit(writer, out));
}

static void assert_bytes(struct shop *shop, const struct sha256 *name, const char *text)
{
    AUTO_PTR(blob_reader) *reader = NULL;
    uint8_t all[64];
    size_t n = strlen(text);
    assert_ok(blob_open(shop->store, name, &reader));
    assert_int_equal(blob_size(reader), n);
    assert_ok(blob_read(reader, 0, all, n));
    assert_memory_equal(all, text, n);
}

static void assert_hex(const uint8_t *digest, size_t n, const char *expected)
{
    char hex[2 * SHA256_SIZE + 1];
    hex_encode((struct bytes){digest, n}, hex);
    assert_string_equal(hex, expected);
}

static void the_three_digests_are_right(void **state)
{
    struct shop *shop = *state;
    struct blob_digests digests;
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) expected = {0};
    write_text(shop, ONE, "hello world", &digests);
    assert_int_equal(digests.size, 11);
    assert_hex(digests.sha256.b, 32, HELLO_SHA256);
    assert_hex(digests.sha1, 20, "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed");
    assert_hex(digests.md5, 16, "5eb63bbbe01eeed093cb22bb8f5acdc3");
    assert_bytes(shop, &digests.sha256, "hello world");
    assert_ok(blob_path(shop->store, &digests.sha256, &path));
    assert_ok(buf_printf(&expected, "%s/blobs/b9/%s", shop->folder, HELLO_SHA256));
    assert_string_equal(buf_str(&path), buf_str(&expected));
}

static void nothing_is_a_blob_too(void **state)
{
    struct shop *shop = *state;
    struct blob_digests digests;
    write_text(shop, ONE, "", &digests);
    assert_int_equal(digests.size, 0);
    assert_bytes(shop, &digests.sha256, "");
}

static void a_reader_stops_at_the_end(void **state)
{
    struct shop *shop = *state;
    struct blob_digests digests;
    AUTO_PTR(blob_reader) *reader = NULL;
    uint8_t out[16];
    write_text(shop, ONE, "hello world", &digests);
    assert_ok(blob_open(shop->store, &digests.sha256, &reader));
    assert_ok(blob_read(reader, 6, out, 5));
    assert_memory_equal(out, "world", 5);
    assert_ok(blob_read(reader, 11, out, 0));
    assert_error(blob_read(reader, 6, out, 6), ERR_UNPROCESSABLE);
    assert_error(blob_read(reader, 12, out, 0), ERR_UNPROCESSABLE);
    assert_error(blob_read(reader, -1, out, 1), ERR_UNPROCESSABLE);
    assert_error(blob_read(reader, 0, out, SIZE_MAX), ERR_UNPROCESSABLE);
}

static void a_cut_writer_is_gone_on_with(void **state)
{
    struct shop *shop = *state;
    struct blob_writer *writer = NULL;
    struct blob_digests digests;
    int64_t at = -1;
    assert_ok(blob_writer_open(shop->store, ONE, &at, &writer));
    assert_ok(blob_writer_add(writer, bytes_str("hello ")));
    assert_ok(blob_writer_sync(writer));
    assert_ok(blob_writer_add(writer, bytes_str("there, not acknowledged")));
    blob_writer_free(writer);
    assert_ok(blob_writer_open(shop->store, ONE, &at, &writer));
    assert_int_equal(at, 29);
    assert_error(blob_writer_truncate(writer, 30), ERR_UNPROCESSABLE);
    assert_error(blob_writer_truncate(writer, -1), ERR_UNPROCESSABLE);
    assert_ok(blob_writer_truncate(writer, 6));
    assert_ok(blob_writer_add(writer, bytes_str("world")));
    assert_ok(blob_writer_digests(writer, &digests));
    assert_hex(digests.sha256.b, 32, HELLO_SHA256);
    assert_ok(blob_writer_truncate(writer, 5)); /* after it was hashed */
    assert_ok(blob_writer_add(writer, bytes_str(" world")));
    assert_ok(blob_writer_commit(writer, &digests));
    assert_hex(digests.sha256.b, 32, HELLO_SHA256);
    blob_writer_free(writer);
    assert_bytes(shop, &digests.sha256, "hello world");
    assert_ok(blob_writer_open(shop->store, ONE, &at, &writer)); /* nothing of it stayed */
    assert_int_equal(at, 0);
    blob_writer_free(writer);
    assert_ok(blob_writer_forget(shop->store, ONE));
    assert_ok(blob_writer_forget(shop->store, ONE));
}

static void a_writer_reads_what_it_has(void **state)
{
    struct shop *shop = *state;
    AUTO_PTR(blob_writer) *writer = NULL;
    struct blob_reader *reader = NULL;
    struct blob_digests digests;
    int64_t at = -1;
    uint8_t out[16];
    assert_ok(blob_writer_open(shop->store, ONE, &at, &writer));
    assert_ok(blob_writer_add(writer, bytes_str("hello")));
    assert_ok(blob_writer_reader(writer, &reader));
    assert_int_equal(blob_size(reader), 5);
    assert_ok(blob_writer_add(writer, bytes_str(" world")));
    assert_ok(blob_writer_reader(writer, &reader));
    assert_int_equal(blob_size(reader), 11);
    assert_ok(blob_read(reader, 3, out, 5));
    assert_memory_equal(out, "lo wo", 5);
    assert_ok(blob_writer_commit(writer, &digests));
    assert_ok(blob_writer_commit(writer, &digests)); /* is what it is */
    assert_hex(digests.sha256.b, 32, HELLO_SHA256);
}

static void two_writers_of_the_same_bytes_make_one_blob(void **state)
{
    struct shop *shop = *state;
    struct blob_writer *writers[2] = {NULL, NULL};
    struct blob_digests digests[2];
    const struct uuid names[2] = {ONE, TWO};
    int64_t at = -1;
    for (int i = 0; i < 2; i++) {
        assert_ok(blob_writer_open(shop->store, names[i], &at, &writers[i]));
        assert_ok(blob_writer_add(writers[i], bytes_str("hello world")));
        assert_ok(blob_writer_sync(writers[i]));
    }
    for (int i = 0; i < 2; i++) {
        assert_ok(blob_writer_commit(writers[i], &digests[i]));
        blob_writer_free(writers[i]);
    }
    assert_memory_equal(digests[0].sha256.b, digests[1].sha256.b, SHA256_SIZE);
    assert_bytes(shop, &digests[0].sha256, "hello world");
}

static err_t count(const struct sha256 *name, int64_t size, int64_t changed_at_ms, void *arg)
{
    assert_int_equal(size, 11);
    assert_true(changed_at_ms > 0);
    assert_int_equal(name->b[0], 0xb9);
    ++*(int *)arg;
    return OK;
}

static err_t count_writer(struct uuid name, int64_t changed_at_ms, void *arg)
{
    assert_true(uuid_equal(name, TWO));
    assert_true(changed_at_ms > 0);
    ++*(int *)arg;
    return OK;
}

static void what_is_there_is_listed(void **state)
{
    struct shop *shop = *state;
    struct blob_digests digests;
    AUTO_PTR(blob_writer) *writer = NULL;
    AUTO(char) *odd = NULL;
    int64_t at = -1;
    int blobs = 0;
    int writers = 0;
    write_text(shop, ONE, "hello world", &digests);
    assert_ok(blob_writer_open(shop->store, TWO, &at, &writer));
    assert_ok(path_join(shop->folder, "blobs/b9/README", &odd));
    assert_ok(file_write_durable(odd, bytes_str("x"), 0600));
    for (int i = 0; i < BLOB_SHARDS; i++) {
        assert_ok(blob_store_list(shop->store, i, count, &blobs));
    }
    assert_ok(blob_store_list_writers(shop->store, count_writer, &writers));
    assert_int_equal(blobs, 1);
    assert_int_equal(writers, 1);
    assert_error(blob_store_list(shop->store, BLOB_SHARDS, count, &blobs), ERR_INTERNAL);
}

static void flip(struct shop *shop, const struct sha256 *name)
{
    AUTO_VAL(buf) path = {0};
    char c = 0;
    assert_ok(blob_path(shop->store, name, &path));
    int fd = open(buf_str(&path), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, 4), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, 4), 1);
    (void)close(fd);
}

static void a_flipped_bit_is_found_and_a_removed_blob_is_gone(void **state)
{
    struct shop *shop = *state;
    struct blob_digests digests;
    AUTO_PTR(blob_reader) *reader = NULL;
    AUTO_VAL(buf) path = {0};
    bool is_same = false;
    write_text(shop, ONE, "hello world", &digests);
    assert_ok(blob_check(shop->store, &digests.sha256, NULL, &is_same));
    assert_true(is_same);
    flip(shop, &digests.sha256);
    assert_ok(blob_check(shop->store, &digests.sha256, NULL, &is_same));
    assert_false(is_same);
    assert_ok(blob_remove(shop->store, &digests.sha256));
    assert_ok(blob_remove(shop->store, &digests.sha256));
    assert_error(blob_check(shop->store, &digests.sha256, NULL, &is_same), ERR_NOT_FOUND);
    assert_error(blob_open(shop->store, &digests.sha256, &reader), ERR_NOT_FOUND);
    assert_error(blob_path(shop->store, &digests.sha256, &path), ERR_NOT_FOUND);
    write_text(shop, ONE, "hello world", &digests); /* and comes again */
    assert_bytes(shop, &digests.sha256, "hello world");
}

/* A blob that lost its end is no reason to drop good bytes. */
static void a_short_blob_is_replaced(void **state)
{
    struct shop *shop = *state;
    struct blob_digests digests;
    AUTO_VAL(buf) path = {0};
    write_text(shop, ONE, "hello world", &digests);
    assert_ok(blob_path(shop->store, &digests.sha256, &path));
    assert_int_equal(truncate(buf_str(&path), 3), 0);
    write_text(shop, TWO, "hello world", &digests);
    assert_bytes(shop, &digests.sha256, "hello world");
}

/* A limit on the size of files says "no" as a full disk does. */
static void a_full_disk_leaves_what_was_durable(void **state)
{
    struct shop *shop = *state;
    AUTO_PTR(blob_writer) *writer = NULL;
    struct blob_digests digests;
    struct rlimit former;
    int64_t at = -1;
    int64_t room = 0;
    static uint8_t piece[8192];
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_ok(blob_writer_open(shop->store, ONE, &at, &writer));
    assert_ok(blob_writer_add(writer, bytes_str("hello ")));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, former.rlim_max}), 0);
    err_t error = blob_writer_add(writer, BYTES_OF(piece));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_error(error, ERR_DISK_FULL);
    assert_ok(blob_writer_add(writer, bytes_str("world")));
    assert_ok(blob_writer_commit(writer, &digests));
    assert_hex(digests.sha256.b, 32, HELLO_SHA256);
    assert_bytes(shop, &digests.sha256, "hello world");
    assert_ok(blob_store_room(shop->store, &room));
    assert_true(room > 0);
}

static void a_store_opens_again_and_nowhere_is_told(void **state)
{
    struct shop *shop = *state;
    struct blob_digests digests;
    struct blob_store *none = NULL;
    write_text(shop, ONE, "hello world", &digests);
    blob_store_free(shop->store);
    shop->store = NULL;
    assert_ok(blob_store_open_folder(shop->folder, &shop->store));
    assert_bytes(shop, &digests.sha256, "hello world");
    assert_error(blob_store_open_folder("/nowhere/at/all", &none), ERR_NOT_FOUND);
    assert_null(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_three_digests_are_right),
        TEST(nothing_is_a_blob_too),
        TEST(a_reader_stops_at_the_end),
        TEST(a_cut_writer_is_gone_on_with),
        TEST(a_writer_reads_what_it_has),
        TEST(two_writers_of_the_same_bytes_make_one_blob),
        TEST(what_is_there_is_listed),
        TEST(a_flipped_bit_is_found_and_a_removed_blob_is_gone),
        TEST(a_short_blob_is_replaced),
        TEST(a_full_disk_leaves_what_was_durable),
        TEST(a_store_opens_again_and_nowhere_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
