/* Requests and responses as values: headers without case, media types with parameters, nothing cut and
 * nothing injected. */
#include "tests/unit/pki/pki_fixture.h"

#include "api/http.h"
#include "api/problem.h"

static struct request with_type(struct http_field *field, const char *value)
{
    *field = (struct http_field){"Content-TYPE", value};
    return (struct request){.headers = field, .header_count = 1};
}

static void headers_have_no_case(void **state)
{
    (void)state;
    struct http_field field;
    struct request request = with_type(&field, "a/b");
    assert_string_equal(http_header(&request, "content-type"), "a/b");
    assert_null(http_header(&request, "content-typ"));
}

static void query_has_case(void **state)
{
    (void)state;
    const struct http_field query[] = {{"limit", "5"}, {"limit", "6"}};
    struct request request = {.query = query, .query_count = 2};
    assert_string_equal(http_query(&request, "limit"), "5");
    assert_null(http_query(&request, "Limit"));
}

static void media_types(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool is_equal;
    } table[] = {{"application/json", true},        {"Application/JSON; charset=utf-8", true},
                 {" application/json ;x=y", true},  {"application/jsonp", false},
                 {"application/json+x", false},     {"application", false},
                 {"application/json-patch", false}, {"", false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct http_field field;
        struct request request = with_type(&field, table[i].value);
        assert_int_equal(http_content_type_is(&request, "application/json"), table[i].is_equal);
    }
    struct request none = {.header_count = 0};
    assert_false(http_content_type_is(&none, "application/json"));
}

static void header_values_are_whole_or_refused(void **state)
{
    (void)state;
    AUTO_VAL(response) response = {.status = 0};
    char longest[RESPONSE_VALUE_SIZE + 1];
    memset(longest, 'a', sizeof longest);
    longest[RESPONSE_VALUE_SIZE] = '\0';
    assert_error(response_header(&response, "X", longest), ERR_INTERNAL, "too long");
    longest[RESPONSE_VALUE_SIZE - 1] = '\0';
    assert_ok(response_header(&response, "X", longest));
    assert_string_equal(response.headers[0].value, longest);
    assert_error(response_header(&response, "X", "a\r\nSet-Cookie: b"), ERR_INTERNAL, "line end");
    assert_error(response_header(&response, "X", "a\nb"), ERR_INTERNAL, "line end");
    for (size_t i = 1; i < RESPONSE_HEADERS_MAX; i++) {
        assert_ok(response_header(&response, "Y", "v"));
    }
    assert_error(response_header(&response, "Z", "v"), ERR_INTERNAL, "too many");
}

static void problems_tell_the_trace(void **state)
{
    (void)state;
    struct request request = {.request_id = "r-1"};
    const err_t error = ERR(ERR_NOT_FOUND, "no such thing");
    AUTO_VAL(response) plain = {.status = 0};
    assert_ok(problem_render(&request, &error, NULL, 0, &plain));
    assert_null(strstr(buf_str(&plain.body), "trace_id"));
    assert_null(http_origin(&request).trace_id);
    assert_null(http_origin(&request).parent_id);
    assert_true(trace_parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &request.trace));
    AUTO_VAL(response) traced = {.status = 0};
    assert_ok(problem_render(&request, &error, NULL, 0, &traced));
    assert_non_null(strstr(buf_str(&traced.body), "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""));
    assert_non_null(strstr(buf_str(&traced.body), "\"request_id\":\"r-1\""));
    assert_string_equal(http_origin(&request).request_id, "r-1");
    assert_string_equal(http_origin(&request).trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_string_equal(http_origin(&request).parent_id, "00f067aa0ba902b7");
}

static void count_free(void *state)
{
    ++*(int *)state;
}

static void clearing_frees_everything_once(void **state)
{
    (void)state;
    int freed = 0;
    struct response response = {.status = 200, .file_at = 1};
    response.source = calloc(1, sizeof *response.source);
    assert_non_null(response.source);
    response.source->state = &freed;
    response.source->free = count_free;
    assert_ok(buf_append_str(&response.body, "text"));
    assert_ok(shared_new(bytes_str("crl"), &response.shared));
    response_clear(&response);
    response_clear(&response);
    assert_int_equal(freed, 1);
    assert_int_equal(response.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_have_no_case),
        cmocka_unit_test(query_has_case),
        cmocka_unit_test(media_types),
        cmocka_unit_test(header_values_are_whole_or_refused),
        cmocka_unit_test(problems_tell_the_trace),
        cmocka_unit_test(clearing_frees_everything_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
