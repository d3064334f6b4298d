/* What a terminal may be shown, and how wide it is; streams of events; the line of an upload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/whorl/progress.h"
#include "cmd/whorl/sse.h"
#include "cmd/whorl/text.h"

static void orders_to_the_terminal_become_visible(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {{"plain", "plain"},
                {"Lübeck 漢字 🙂", "Lübeck 漢字 🙂"},
                {"\033[2J\033]0;title\a", "\\x1b[2J\\x1b]0;title\\x07"},
                {"a\nb\tc\r", "a\\x0ab\\x09c\\x0d"},
                {"\x7f", "\\x7f"},
                {"\xc2\x9b"
                 "31m",
                 "\\x9b31m"},          /* CSI as one character */
                {"\xc2\x85", "\\x85"}, /* next line */
                {"a\xe2\x80\xae"
                 "b",
                 "a\\u{202e}b"}, /* right to left */
                {"a\xe2\x81\xa6"
                 "b",
                 "a\\u{2066}b"},               /* isolate */
                {"\xe2\x80\xa8", "\\u{2028}"}, /* line separator */
                {"\xef\xbb\xbf", "\\u{feff}"},
                {"\xff\xc3", "\\xff\\xc3"},          /* no UTF-8 */
                {"\xc0\x9b", "\\xc0\\x9b"},          /* overlong */
                {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
                {"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) out = {0};
        assert_int_equal(cli_text_escape(bytes_str(rows[i].text), false, &out).code, ERR_OK);
        assert_string_equal(buf_str(&out), rows[i].shown);
    }
}

static void lines_stay_where_they_are_wanted(void **state)
{
    (void)state;
    AUTO_VAL(buf) out = {0};
    assert_int_equal(cli_text_escape(bytes_str("a\n\tb\r\033"), true, &out).code, ERR_OK);
    assert_string_equal(buf_str(&out), "a\n\tb\\x0d\\x1b");
}

static void columns(void **state)
{
    (void)state;
    assert_int_equal(cli_text_width(bytes_str("abc")), 3);
    assert_int_equal(cli_text_width(bytes_str("Lübeck")), 6);
    assert_int_equal(cli_text_width(bytes_str("漢字")), 4);
    assert_int_equal(cli_text_width(bytes_str("e\xcc\x81")), 1); /* with a combining acute */
    assert_int_equal(cli_text_width(bytes_str("🙂")), 2);
    assert_int_equal(cli_text_width(bytes_str("\xff\xff")), 2);
    assert_int_equal(cli_text_width(BYTES_NONE), 0);
}

/* --- streams ---------------------------------------------------------------------------------------- */

static err_t note_event(void *context, const struct cli_sse_event *event)
{
    struct buf *out = context;
    TRY(buf_printf(out, "[%s|%s|", event->type, event->id));
    TRY(buf_append_bytes(out, event->data));
    return buf_append_str(out, "]");
}

/* The events of a stream that comes in pieces of this size. */
static void read_stream(struct bytes stream, size_t size, struct buf *out, int64_t *retry_ms)
{
    AUTO_VAL(cli_sse) sse = {.fn = note_event, .context = out};
    for (size_t i = 0; i < stream.n; i += size) {
        size_t n = stream.n - i < size ? stream.n - i : size;
        assert_int_equal(cli_sse_feed(&sse, (struct bytes){stream.p + i, n}).code, ERR_OK);
    }
    *retry_ms = sse.retry_ms;
}

static void streams_are_read_in_any_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *events;
        int64_t retry_ms;
    } rows[] = {
        {"data: a\n\n", "[message||a]", 0},
        {"id: 7\nevent: device.enrolled\ndata: {}\n\n", "[device.enrolled|7|{}]", 0},
        {"data: a\r\n\r\ndata: b\r\rdata: c\n\n", "[message||a][message||b][message||c]", 0},
        {"data: a\ndata: b\ndata\n\n", "[message||a\nb\n]", 0},
        {"data:a\ndata:  b\n\n", "[message||a\n b]", 0},
        {": comment\n\n:\n\ndata: a\n\n", "[message||a]", 0},
        {"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "[message|1|a][message|1|b][message||c]", 0},
        {"event: x\n\ndata: a\n\n", "[message||a]", 0}, /* without data no event, nor its name later */
        {"retry: 2500\nretry: soon\nretry: 99999999999999999999\n\n", "", 2500},
        {"\xef\xbb\xbf"
         "data: a\n\n\xef\xbb\xbf"
         "data: b\n\n",
         "[message||a]", 0}, /* a mark at the start only */
        {"data: cut\n", "", 0},
        {"Data: a\ndat: b\nnonsense\n\n", "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t size = 1; size < 24; size++) {
            AUTO_VAL(buf) out = {0};
            int64_t retry_ms = 0;
            read_stream(bytes_str(rows[i].stream), size, &out, &retry_ms);
            assert_string_equal(buf_str(&out), rows[i].events);
            assert_int_equal(retry_ms, rows[i].retry_ms);
        }
    }
}

static void an_id_that_cannot_be_sent_back_is_none(void **state)
{
    (void)state;
    AUTO_VAL(buf) out = {0};
    AUTO_VAL(buf) text = {0};
    int64_t retry_ms = 0;
    static const char with_nul[] = "id: 1\ndata: a\n\nid: 2\0"
                                   "2\ndata: b\n\n";
    read_stream((struct bytes){(const uint8_t *)with_nul, sizeof with_nul - 1}, 5, &out, &retry_ms);
    assert_string_equal(buf_str(&out), "[message|1|a][message|1|b]");
    assert_int_equal(buf_printf(&text, "id: %0300d\ndata: c\n\n", 1).code, ERR_OK);
    buf_clear(&out);
    read_stream(buf_view(&text), 7, &out, &retry_ms);
    assert_string_equal(buf_str(&out), "[message||c]");
}

static void a_connection_that_was_cut_leaves_nothing_but_its_id(void **state)
{
    (void)state;
    AUTO_VAL(buf) out = {0};
    AUTO_VAL(cli_sse) sse = {.fn = note_event, .context = &out};
    assert_int_equal(cli_sse_feed(&sse, bytes_str("id: 1\ndata: a\n\nid: 2\nevent: x\ndata: lo")).code,
                     ERR_OK);
    assert_string_equal(sse.id, "2");
    cli_sse_restart(&sse);
    assert_int_equal(cli_sse_feed(&sse, bytes_str("st\n\ndata: b\n\n")).code, ERR_OK);
    assert_string_equal(buf_str(&out), "[message|1|a][message|2|b]");
}

static void a_stream_without_end_of_line_is_given_up(void **state)
{
    (void)state;
    char piece[4096];
    memset(piece, 'a', sizeof piece);
    AUTO_VAL(buf) out = {0};
    AUTO_VAL(cli_sse) sse = {.fn = note_event, .context = &out};
    err_t error = OK;
    for (size_t i = 0; error.code == ERR_OK && i < 1024; i++) {
        error = cli_sse_feed(&sse, BYTES_OF(piece));
    }
    assert_int_equal(error.code, ERR_TOO_LARGE);
    AUTO_VAL(cli_sse) lines = {.fn = note_event, .context = &out};
    memcpy(piece, "data: ", 6);
    piece[sizeof piece - 1] = '\n';
    error = OK;
    for (size_t i = 0; error.code == ERR_OK && i < 1024; i++) {
        error = cli_sse_feed(&lines, BYTES_OF(piece));
    }
    assert_int_equal(error.code, ERR_TOO_LARGE);
}

/* --- uploads ---------------------------------------------------------------------------------------- */

static void progress_lines(void **state)
{
    (void)state;
    static const struct {
        int64_t sent, size, elapsed_ms;
        const char *text;
    } rows[] = {{0, 1000000, 0, "0.0 kB of 1.0 MB, 0 %"},
                {45200000, 100000000, 2000, "45.2 MB of 100.0 MB, 45 %, 22.6 MB/s"},
                {5000, -1, 1000, "5.0 kB, 5.0 kB/s"},
                {100, 100, 1000, "0.1 kB of 0.1 kB, 100 %, the server is at work"},
                {0, 0, 10, "0.0 kB, the server is at work"},
                {INT64_C(9000000000000), INT64_C(18000000000000), 1000, "9.0 TB of 18.0 TB, 50 %, 9.0 TB/s"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_VAL(buf) out = {0};
        assert_int_equal(cli_progress_text(rows[i].sent, rows[i].size, rows[i].elapsed_ms, &out).code,
                         ERR_OK);
        assert_string_equal(buf_str(&out), rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_to_the_terminal_become_visible),
        cmocka_unit_test(lines_stay_where_they_are_wanted),
        cmocka_unit_test(columns),
        cmocka_unit_test(streams_are_read_in_any_pieces),
        cmocka_unit_test(an_id_that_cannot_be_sent_back_is_none),
        cmocka_unit_test(a_connection_that_was_cut_leaves_nothing_but_its_id),
        cmocka_unit_test(a_stream_without_end_of_line_is_given_up),
        cmocka_unit_test(progress_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
