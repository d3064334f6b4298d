/* Whorl-Rekey-After: what is an order, what is none, and that it comes through the HTTP parser once only. */
#include "device/core/http_parse.h"
#include "tests/unit/device/device_fixture.h"

static void orders(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t delay_s;
        bool is_new_key;
    } cases[] = {
        {"0", 0, false},
        {"0;key=new", 0, true},
        {"86400; key=new", 86400, true},
        {"3600;  key=new", 3600, true},
        {"007", 7, false},
        {"-0", 0, false},
        {"999999999999999", 999999999999999, false},
        {"5;key=old", 5, false},
        {"5;key", 5, false},
        {"5;key=\"new\";key=new", 5, true}, /* the last one counts */
        {"5;key=new;key=same", 5, false},
        {"5;later=1;key=new", 5, true},
        {"5;a=\"x;\\\"y\\\\\";b=?1;c=:aGk=:;d=-1.250;e=*t/o:k;f=@1700000000;key=new", 5, true},
        {"5;*a=1", 5, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct whorl_rekey_after order;
        if (!whorl_rekey_after_parse(whorl_bytes_of(cases[i].text), &order)) {
            fail_msg("\"%s\" was not read", cases[i].text);
        }
        assert_int_equal(order.delay_s, cases[i].delay_s);
        assert_int_equal(order.is_new_key, cases[i].is_new_key);
    }
}

static void no_orders(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "-",
        "-1",
        "+1",
        "1.5",
        "1 ;key=new",
        "1;key= new",
        "1;",
        "1; ",
        "1;Key=new",
        "1;=new",
        "now",
        "1,2",
        "1;key=new,",
        "\"1\"",
        "1;\tkey=new",
        "1;a=",
        "1;a=\"",
        "1;a=\"\\",
        "1;a=\"\\n\"",
        "1;a=:x",
        "1;a=?2",
        "1;a=?",
        "1;a=1.",
        "1;a=1.2345",
        "1;a=1234567890123.1",
        "1;a=-",
        "1;a=@",
        "1;a=@x",
        "1;a=(1 2)",
        "1;a=\"\x7f\"",
        "0x10",
        "1000000000000000",
        " 1",
        "1 ",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct whorl_rekey_after order;
        if (whorl_rekey_after_parse(whorl_bytes_of(texts[i]), &order)) {
            fail_msg("\"%s\" was taken for an order", texts[i]);
        }
    }
}

static struct whorl_http_hints hints_of(const char *head)
{
    struct whorl_http_parse parse;
    uint8_t data[512];
    size_t used =
        (size_t)snprintf((char *)data, sizeof data, "HTTP/1.1 200 X\r\n%sContent-Length: 0\r\n\r\n", head);
    whorl_http_parse_begin(&parse);
    assert_int_equal(whorl_http_parse_more(&parse, data, &used), WHORL_HTTP_COMPLETE);
    return parse.hints;
}

static void in_an_answer(void **state)
{
    (void)state;
    struct whorl_http_hints hints = hints_of("whorl-rekey-AFTER:  60;key=new \r\n");
    assert_true(hints.has_rekey_after && hints.rekey_after.is_new_key);
    assert_int_equal(hints.rekey_after.delay_s, 60);
    assert_int_equal(hints.retry_after_s, 0);
    assert_false(hints_of("").has_rekey_after);
    assert_false(hints_of("Whorl-Rekey-After: soon\r\n").has_rekey_after);
    assert_false(hints_of("Whorl-Rekey-After: 1\r\nWhorl-Rekey-After: 1\r\n").has_rekey_after);
    assert_false(hints_of("Whorl-Rekey-After: x\r\nWhorl-Rekey-After: 1\r\n").has_rekey_after);
    assert_int_equal(hints_of("Retry-After: 120\r\n").retry_after_s, 120);
    assert_int_equal(hints_of("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n").retry_after_s, 0);
    assert_false(hints_of("X-Whorl-Rekey-After: 1\r\n").has_rekey_after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders),
        cmocka_unit_test(no_orders),
        cmocka_unit_test(in_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
