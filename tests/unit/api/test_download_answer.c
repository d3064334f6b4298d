/* The HTTP of a download: ranges in every shape, preconditions in their order, what each answer says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/download.h"
#include "api/range.h"

#define SHA256_TAG "\"sha256-0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\""
#define SHA1_TAG   "2122232425262728292a2b2c2d2e2f3031323334"

struct place {
    char path[64];
    struct shared_file *file;
    struct blob_digests digests;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    strcpy(place->path, "/tmp/whorl-download.XXXXXX");
    int fd = mkstemp(place->path);
    assert_int_equal(ftruncate(fd, 1000), 0);
    close(fd);
    assert_int_equal(shared_file_open(place->path, &place->file).code, ERR_OK);
    for (uint8_t i = 0; i < SHA256_SIZE; i++) {
        place->digests.sha256.b[i] = (uint8_t)(i + 1);
    }
    for (uint8_t i = 0; i < SHA1_SIZE; i++) {
        place->digests.sha1[i] = (uint8_t)(i + 0x21);
    }
    place->digests.size = 1000;
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    shared_file_unref(place->file);
    unlink(place->path);
    free(place);
    return 0;
}

static err_t answer(struct place *place, enum http_method method, const struct http_field *headers,
                    size_t count, struct response *out)
{
    const struct request request = {.method = method, .headers = headers, .header_count = count};
    const struct download download = {&place->digests, "os.bin", place->file};
    return download_answer(&request, &download, out);
}

static const char *header_of(const struct response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcasecmp(response->headers[i].name, name) == 0) {
            return response->headers[i].value;
        }
    }
    return NULL;
}

static void test_ranges(void **state)
{
    static const struct {
        const char *text;
        int status;
        int64_t at, size;
        const char *told;
    } rows[] = {
        {"bytes=0-0", 206, 0, 1, "bytes 0-0/1000"},
        {"bytes=0-999", 206, 0, 1000, "bytes 0-999/1000"},
        {"bytes=10-19", 206, 10, 10, "bytes 10-19/1000"},
        {"bytes=990-", 206, 990, 10, "bytes 990-999/1000"},
        {"bytes=-1", 206, 999, 1, "bytes 999-999/1000"},
        {"bytes=-5000", 206, 0, 1000, "bytes 0-999/1000"},
        {"bytes=999-5000", 206, 999, 1, "bytes 999-999/1000"},
        {"bytes=5-99999999999999999999999999", 206, 5, 995, "bytes 5-999/1000"},
        {"BYTES= 1-2 ", 206, 1, 2, "bytes 1-2/1000"},
        {"bytes=1000-", 416, 0, 0, "bytes */1000"},
        {"bytes=1000-2000", 416, 0, 0, "bytes */1000"},
        {"bytes=99999999999999999999999999-", 416, 0, 0, "bytes */1000"},
        {"bytes=-0", 416, 0, 0, "bytes */1000"},
        {"bytes=5-4", 200, 0, 1000, NULL},
        {"bytes=-", 200, 0, 1000, NULL},
        {"bytes=", 200, 0, 1000, NULL},
        {"bytes", 200, 0, 1000, NULL},
        {"", 200, 0, 1000, NULL},
        {"bytes=a-b", 200, 0, 1000, NULL},
        {"bytes=0x1-2", 200, 0, 1000, NULL},
        {"bytes=1--2", 200, 0, 1000, NULL},
        {"bytes=+1-2", 200, 0, 1000, NULL},
        {"bytes=1-2x", 200, 0, 1000, NULL},
        {"bytes=1 -2", 200, 0, 1000, NULL},
        {"items=1-2", 200, 0, 1000, NULL},
        {"bytes=0-0,2-3", 200, 0, 1000, NULL},
        {"bytes=,", 200, 0, 1000, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct http_field field = {"Range", rows[i].text};
        AUTO_VAL(response) response = {.status = 0};
        assert_int_equal(answer(*state, HTTP_GET, &field, 1, &response).code, ERR_OK);
        const char *told = header_of(&response, "Content-Range");
        bool is_told = rows[i].told == NULL ? told == NULL : told != NULL && strcmp(told, rows[i].told) == 0;
        if (response.status != rows[i].status || !is_told) {
            fail_msg("%s got %d %s", rows[i].text, response.status, told == NULL ? "" : told);
        }
        if (rows[i].status == 416) {
            assert_null(response.file);
        } else {
            assert_non_null(response.file);
            assert_int_equal(response.file_at, rows[i].at);
            assert_int_equal(response.file_size, rows[i].size);
        }
    }
}

static void test_a_thousand_ranges_are_the_whole(void **state)
{
    AUTO_VAL(buf) text = {0};
    assert_int_equal(buf_append_str(&text, "bytes=0-0").code, ERR_OK);
    for (int i = 1; i < 1000; i++) {
        assert_int_equal(buf_printf(&text, ",%d-%d", i, i).code, ERR_OK);
    }
    const struct http_field field = {"Range", buf_str(&text)};
    AUTO_VAL(response) response = {.status = 0};
    assert_int_equal(answer(*state, HTTP_GET, &field, 1, &response).code, ERR_OK);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.file_size, 1000);
}

static void test_of_an_empty_file(void **state)
{
    (void)state;
    assert_int_equal(range_parse("bytes=0-", 0).kind, RANGE_NONE);
    assert_int_equal(range_parse("bytes=-1", 0).kind, RANGE_NONE);
    assert_int_equal(range_parse("bytes=0-0", 0).kind, RANGE_NONE);
    assert_int_equal(range_parse(NULL, 0).kind, RANGE_WHOLE);
}

static void test_conditions(void **state)
{
    static const struct {
        enum http_method method;
        const char *name, *value;
        int status; /* with Range: bytes=0-9 */
    } rows[] = {
        {HTTP_GET, "If-Range", SHA256_TAG, 206},
        {HTTP_GET, "If-Range", "\"" SHA1_TAG "\"", 206},
        {HTTP_GET, "If-Range", "W/" SHA256_TAG, 200},
        {HTTP_GET, "If-Range", "\"sha256-00\"", 200},
        {HTTP_GET, "If-Range", "*", 200},
        {HTTP_GET, "If-Range", SHA256_TAG ", \"a\"", 200},
        {HTTP_GET, "If-Range", "Tue, 24 Nov 2026 00:00:00 GMT", 200},
        {HTTP_GET, "If-Range", "", 200},
        {HTTP_GET, "If-Match", SHA256_TAG, 206},
        {HTTP_GET, "If-Match", "\"a\", " SHA256_TAG, 206},
        {HTTP_GET, "If-Match", "*", 206},
        {HTTP_GET, "If-Match", SHA1_TAG, 206},
        {HTTP_GET, "If-Match", "\"" SHA1_TAG "\"", 206},
        {HTTP_GET, "If-Match", "W/" SHA256_TAG, 412},
        {HTTP_GET, "If-Match", "\"other\"", 412},
        {HTTP_GET, "If-Match", "", 412},
        {HTTP_HEAD, "If-Match", "\"other\"", 412},
        {HTTP_GET, "If-None-Match", SHA256_TAG, 304},
        {HTTP_GET, "If-None-Match", "W/" SHA256_TAG, 304},
        {HTTP_GET, "If-None-Match", "*", 304},
        {HTTP_HEAD, "If-None-Match", SHA256_TAG, 304},
        {HTTP_GET, "If-None-Match", "\"other\"", 206},
        {HTTP_HEAD, "X-Other", "", 200}, /* a range is of GET alone */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct http_field fields[] = {{"Range", "bytes=0-9"}, {rows[i].name, rows[i].value}};
        AUTO_VAL(response) response = {.status = 0};
        err_t error = answer(*state, rows[i].method, fields, 2, &response);
        int status = error.code == ERR_OK ? response.status : err_status(error.code);
        if (status != rows[i].status) {
            fail_msg("%s: %s got %d", rows[i].name, rows[i].value, status);
        }
        assert_true(status == 412 ? response.file == NULL : response.file != NULL);
        assert_true(status != 304 || header_of(&response, "Content-Range") == NULL);
    }
}

static void test_what_is_told(void **state)
{
    AUTO_VAL(response) response = {.status = 0};
    assert_int_equal(answer(*state, HTTP_GET, NULL, 0, &response).code, ERR_OK);
    assert_string_equal(header_of(&response, "ETag"), SHA256_TAG);
    assert_string_equal(header_of(&response, "Accept-Ranges"), "bytes");
    assert_string_equal(header_of(&response, "Repr-Digest"),
                        "sha-256=:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=:");
    assert_string_equal(header_of(&response, "Cache-Control"), "private, immutable, max-age=86400");
    assert_string_equal(header_of(&response, "Content-Disposition"), "attachment; filename=\"os.bin\"");
    assert_null(header_of(&response, "Content-Encoding"));
    assert_string_equal(response.content_type, "application/octet-stream");
    static const char *const strange[] = {"a\"b", "a\\b", "a\nb", "\xc3\xa4", ""};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        struct place *place = *state;
        const struct request request = {.method = HTTP_GET};
        const struct download download = {&place->digests, strange[i], place->file};
        AUTO_VAL(response) other = {.status = 0};
        assert_int_equal(download_answer(&request, &download, &other).code, ERR_OK);
        assert_null(header_of(&other, "Content-Disposition"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),           cmocka_unit_test(test_a_thousand_ranges_are_the_whole),
        cmocka_unit_test(test_of_an_empty_file), cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_what_is_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
