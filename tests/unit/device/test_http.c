/* The HTTP client: answers in pieces of every size, chunked bodies, interim answers; and what it must refuse.
 */
#include "device/core/http_parse.h"
#include "tests/unit/device/device_fixture.h"

/* A transport that gives `text` in pieces, then what `after` says (0 again, -1 closed), and keeps what was
 * sent. */
struct script {
    const char *text;
    size_t at;
    size_t piece;
    int after;
    char sent[1024];
    size_t sent_size;
    uint32_t now_ms;
};

static int script_send(void *context, struct whorl_bytes data)
{
    struct script *script = context;
    size_t size = data.size < script->piece ? data.size : script->piece;
    assert_true(script->sent_size + size < sizeof script->sent);
    memcpy(script->sent + script->sent_size, data.data, size);
    script->sent_size += size;
    return (int)size;
}

static int script_recv(void *context, struct whorl_space into)
{
    struct script *script = context;
    size_t left = strlen(script->text) - script->at;
    size_t size = left < script->piece ? left : script->piece;
    size = size < into.size ? size : into.size;
    memcpy(into.data, script->text + script->at, size);
    script->at += size;
    return size == 0 ? script->after : (int)size;
}

static uint32_t script_ms(void *context)
{
    struct script *script = context;
    return script->now_ms += 1000;
}

static enum whorl_result exchange(struct script *script, struct whorl_space buffer,
                                  struct whorl_http_answer *answer)
{
    static const struct whorl_endpoint server = {"host.example", 8443};
    const struct whorl_transport transport = {.context = script, .send = script_send, .recv = script_recv};
    const struct whorl_clock clock = {.context = script, .monotonic_ms = script_ms};
    const struct whorl_http http = {&transport, &clock, &server};
    const struct whorl_http_request request = {"POST", "/p", whorl_bytes_of("{}")};
    return whorl_http_exchange(&http, &request, buffer, answer);
}

static void answers_come_in_any_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned status;
        const char *body;
        bool is_kept;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
        {"HTTP/1.1 200\r\ncontent-length:0 \r\n\r\n", 200, "", true},
        {"HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 403, "{}", false},
        {"HTTP/1.1 204 None\r\n\r\n", 204, "", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
         200, "hello world", true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t piece = 1; piece < 90; piece++) {
            uint8_t room[256];
            struct whorl_space buffer = {room, sizeof room};
            struct script script = {.text = rows[i].text, .piece = piece, .after = -1};
            struct whorl_http_answer answer;
            assert_int_equal(exchange(&script, buffer, &answer), WHORL_OK);
            assert_int_equal(answer.status, rows[i].status);
            assert_int_equal(answer.is_kept, rows[i].is_kept);
            assert_bytes(answer.body, rows[i].body);
            assert_string_equal(script.sent, "POST /p HTTP/1.1\r\nHost: host.example:8443\r\nContent-Type: "
                                             "application/json\r\nContent-Length: 2\r\n\r\n{}");
        }
    }
}

static void what_is_not_an_answer_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxxx\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t room[256];
        struct whorl_space buffer = {room, sizeof room};
        struct script script = {.text = rows[i], .piece = 1000, .after = -1};
        struct whorl_http_answer answer;
        if (exchange(&script, buffer, &answer) != WHORL_ERROR_ANSWER) {
            fail_msg("not refused: %s", rows[i]);
        }
    }
}

static void silence_and_size_have_limits(void **state)
{
    (void)state;
    uint8_t room[64];
    struct whorl_space buffer = {room, sizeof room};
    struct whorl_http_answer answer;
    struct script silent = {.text = "HTTP/1.1 200 OK\r\n", .piece = 1000, .after = 0};
    assert_int_equal(exchange(&silent, buffer, &answer), WHORL_ERROR_COMMUNICATION);
    assert_in_range(silent.now_ms, WHORL_HTTP_TIMEOUT_MS, WHORL_HTTP_TIMEOUT_MS + 5000);
    struct script closed = {
        .text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nx", .piece = 1000, .after = -1};
    assert_int_equal(exchange(&closed, buffer, &answer), WHORL_ERROR_COMMUNICATION);
    struct script large = {
        .text = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789",
        .piece = 1000,
        .after = -1};
    assert_int_equal(exchange(&large, buffer, &answer), WHORL_ERROR_SPACE);
}

/* The counter of milliseconds wraps after 49 days. */
static void deadline_survives_the_wrap(void **state)
{
    (void)state;
    uint8_t room[64];
    struct whorl_space buffer = {room, sizeof room};
    struct whorl_http_answer answer;
    struct script script = {.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                            .piece = 3,
                            .after = -1,
                            .now_ms = UINT32_MAX - 500};
    assert_int_equal(exchange(&script, buffer, &answer), WHORL_OK);
}

/* What came of a part. */
struct taken {
    char bytes[256];
    size_t size;
};

static enum whorl_result take_piece(void *context, struct whorl_bytes piece)
{
    struct taken *taken = context;
    assert_true(taken->size + piece.size <= sizeof taken->bytes);
    memcpy(taken->bytes + taken->size, piece.data, piece.size);
    taken->size += piece.size;
    return WHORL_OK;
}

/* Bytes 10 … 15 of 40, through a buffer that is smaller than head and body. */
static enum whorl_result fetch(struct script *script, struct taken *taken, struct whorl_http_answer *answer)
{
    static const struct whorl_endpoint server = {"host.example", 8443};
    const struct whorl_transport transport = {.context = script, .send = script_send, .recv = script_recv};
    const struct whorl_clock clock = {.context = script, .monotonic_ms = script_ms};
    const struct whorl_http http = {&transport, &clock, &server};
    uint8_t room[96];
    struct whorl_space buffer = {room, sizeof room};
    const struct whorl_http_part part = {"/i", 10, 15, 40, take_piece, taken};
    return whorl_http_fetch(&http, &part, buffer, answer);
}

static void a_part_is_given_on_piece_by_piece(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 100; piece++) {
        struct script script = {
            .text = "HTTP/1.1 206 P\r\nContent-Range: bytes 10-15/40\r\nContent-Length: 6\r\n\r\nabcdef",
            .piece = piece,
            .after = -1};
        struct taken taken = {.size = 0};
        struct whorl_http_answer answer;
        assert_int_equal(fetch(&script, &taken, &answer), WHORL_OK);
        assert_int_equal(answer.status, 206);
        assert_int_equal(taken.size, 6);
        assert_memory_equal(taken.bytes, "abcdef", 6);
        assert_string_equal(script.sent,
                            "GET /i HTTP/1.1\r\nHost: host.example:8443\r\nRange: bytes=10-15\r\n\r\n");
    }
}

static void other_parts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum whorl_result wanted;
    } rows[] = {
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 10-15/41\r\nContent-Length: 6\r\n\r\nabcdef",
         WHORL_ERROR_SIZE},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 9-14/40\r\nContent-Length: 6\r\n\r\nabcdef",
         WHORL_ERROR_ANSWER},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 10-14/40\r\nContent-Length: 5\r\n\r\nabcde",
         WHORL_ERROR_ANSWER},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 10-15/40\r\nContent-Length: 5\r\n\r\nabcde",
         WHORL_ERROR_ANSWER},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 10-15/40\r\nContent-Length: 6\r\n\r\nabcdefg",
         WHORL_ERROR_ANSWER},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 10-15/40\r\nContent-Length: 6\r\n\r\nabc",
         WHORL_ERROR_COMMUNICATION},
        {"HTTP/1.1 206 P\r\nContent-Length: 6\r\n\r\nabcdef", WHORL_ERROR_ANSWER},
        {"HTTP/1.1 206 P\r\nContent-Range: bytes 10-15/*\r\nContent-Length: 6\r\n\r\nabcdef",
         WHORL_ERROR_ANSWER},
        {"HTTP/1.1 206 P\r\nContent-Range: items 10-15/40\r\nContent-Length: 6\r\n\r\nabcdef",
         WHORL_ERROR_ANSWER},
        {"HTTP/1.1 206 P\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 10-15/40\r\n\r\n0\r\n\r\n",
         WHORL_ERROR_ANSWER},
        {"HTTP/1.1 200 P\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789",
         WHORL_ERROR_ANSWER},
        {"HTTP/1.1 200 P\r\nContent-Length: 39\r\n\r\n012345678901234567890123456789012345678",
         WHORL_ERROR_SIZE},
        {"HTTP/1.1 416 P\r\nContent-Range: bytes */8\r\nContent-Length: 0\r\n\r\n", WHORL_ERROR_SIZE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t piece = 40; piece < 100; piece += 40) {
            struct script script = {.text = rows[i].text, .piece = piece, .after = -1};
            struct taken taken = {.size = 0};
            struct whorl_http_answer answer;
            enum whorl_result result = fetch(&script, &taken, &answer);
            if (result != rows[i].wanted || taken.size > 6) {
                fail_msg("row %zu: %d", i, (int)result);
            }
        }
    }
}

static void a_refusal_of_a_part_comes_with_its_words(void **state)
{
    (void)state;
    struct script script = {
        .text = "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}", .piece = 100, .after = -1};
    struct taken taken = {.size = 0};
    struct whorl_http_answer answer;
    assert_int_equal(fetch(&script, &taken, &answer), WHORL_OK);
    assert_int_equal(answer.status, 404);
    assert_int_equal(taken.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_any_pieces),
        cmocka_unit_test(what_is_not_an_answer_is_refused),
        cmocka_unit_test(silence_and_size_have_limits),
        cmocka_unit_test(deadline_survives_the_wrap),
        cmocka_unit_test(a_part_is_given_on_piece_by_piece),
        cmocka_unit_test(other_parts_are_refused),
        cmocka_unit_test(a_refusal_of_a_part_comes_with_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
