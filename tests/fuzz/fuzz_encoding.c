/* base64, hex, times and UUIDs: what is accepted has one spelling, so writing it again gives the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool is_ok(err_t error)
{
    return error.code == ERR_OK;
}

static void try_base64(struct bytes in)
{
    AUTO_VAL(buf) strict = {0};
    AUTO_VAL(buf) lenient = {0};
    AUTO_VAL(buf) again = {0};
    bool is_strict = is_ok(base64_decode(in, &strict));
    bool is_lenient = is_ok(base64_decode_lenient(in, &lenient));
    must(is_lenient || !is_strict);
    if (is_strict) {
        must(bytes_equal(buf_view(&strict), buf_view(&lenient)));
        must(is_ok(base64_append(&again, buf_view(&strict))));
        must(bytes_equal(buf_view(&again), in));
    }
}

static void try_names(struct bytes in)
{
    struct uuid id;
    struct uuid back;
    char text[UUID_TEXT_SIZE];
    if (is_ok(uuid_parse(in, &id))) {
        uuid_format(id, text);
        must(is_ok(uuid_parse(bytes_str(text), &back)) && uuid_equal(id, back));
    }
    uint8_t bytes[32];
    char hex[65];
    if (is_ok(hex_decode(in, bytes, sizeof bytes))) {
        hex_encode(BYTES_OF(bytes), hex);
        must(bytes_is(in, hex));
    }
}

static void try_time(struct bytes in)
{
    int64_t at_ms = 0;
    int64_t back_ms = 0;
    char text[32];
    /* an offset may lead out of the four-digit years */
    if (is_ok(time_parse(in, &at_ms)) && at_ms >= -62167219200000 && at_ms <= 253402300799999) {
        time_format(at_ms, text);
        must(is_ok(time_parse(bytes_str(text), &back_ms)));
        must(at_ms - back_ms >= 0 && at_ms - back_ms < 1000);
    }
    time_format_http(at_ms, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, size};
    try_base64(in);
    try_names(in);
    try_time(in);
    (void)utf8_is_valid(in);
    return 0;
}
