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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_any_pieces),
        cmocka_unit_test(what_is_not_an_answer_is_refused),
        cmocka_unit_test(silence_and_size_have_limits),
        cmocka_unit_test(deadline_survives_the_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
