/* Pages: limits, cursors that come back only to their own list, and links that carry the filters. */
#include "tests/unit/api/api_fixture.h"

#include "api/page.h"

static const char *const filters[] = {"colour", "size", NULL};

struct list {
    struct principal principal;
    struct http_field query[4];
    struct request request;
};

static void list_init(struct list *list)
{
    *list = (struct list){.principal = {.kind = PRINCIPAL_TOKEN}};
    list->principal.tenant.b[0] = 1;
    list->request =
        (struct request){.path = "/api/v1/things", .query = list->query, .principal = &list->principal};
}

static void ask(struct list *list, const char *name, const char *value)
{
    list->query[list->request.query_count++] = (struct http_field){name, value};
}

/* The cursor of a page with three rows of which two are shown. @param[out] out 512 bytes */
static void first_page(struct list *list, char *out, char *link)
{
    AUTO_VAL(page) page = {.name = ""};
    AUTO_VAL(response) response = {.status = 0};
    assert_ok(page_open_filtered(&list->request, "things", filters, &page));
    assert_int_equal(page_window(&page).limit, page.limit + 1);
    for (uint8_t i = 0; i <= page.limit; i++) {
        const uint8_t key[2] = {7, i};
        assert_ok(page_add(&page, BYTES_OF(key), json_integer(i)));
    }
    assert_ok(page_reply(&page, &response));
    AUTO(json_t) *answer = json_loads(buf_str(&response.body), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(answer, "things")), page.limit);
    (void)snprintf(out, 512, "%s", json_string_value(json_object_get(answer, "next")));
    (void)snprintf(link, 512, "%s", response.header_count == 0 ? "" : response.headers[0].value);
}

static void a_cursor_comes_back(void **state)
{
    (void)state;
    struct list list;
    char cursor[512], link[512], want[1100];
    list_init(&list);
    ask(&list, "colour",
        "r\xc3\xa9"
        "d&x=1");
    ask(&list, "limit", "2");
    first_page(&list, cursor, link);
    (void)snprintf(want, sizeof want,
                   "</api/v1/things?limit=2&colour=r%%C3%%A9d%%26x%%3D1&cursor=%s>; rel=\"next\"", cursor);
    assert_string_equal(link, want);
    AUTO_VAL(page) page = {.name = ""};
    ask(&list, "cursor", cursor);
    list.query[1].value = "5"; /* another limit is no other list */
    assert_ok(page_open_filtered(&list.request, "things", filters, &page));
    const uint8_t key[2] = {7, 1};
    assert_true(bytes_equal(page_window(&page).after, BYTES_OF(key)));
}

static void another_list_refuses_it(void **state)
{
    (void)state;
    char cursor[512], link[512];
    for (int other = 0; other < 6; other++) {
        struct list list;
        list_init(&list);
        ask(&list, "colour", "red");
        ask(&list, "limit", "2");
        first_page(&list, cursor, link);
        ask(&list, "cursor", cursor);
        AUTO_VAL(page) page = {.name = ""};
        switch (other) {
        case 0:
            list.principal.tenant.b[0] = 2;
            break;
        case 1:
            list.query[0].value = "blue";
            break;
        case 2:
            list.query[0].name = "size";
            break;
        case 3:
            list.request.path = "/api/v1/other";
            break;
        case 4:
            cursor[3] = cursor[3] == '0' ? '1' : '0';
            break;
        default:
            cursor[2] = '\0';
            break;
        }
        assert_error(page_open_filtered(&list.request, "things", filters, &page), ERR_BAD_REQUEST, "cursor");
    }
}

static void what_is_no_filter_is_refused(void **state)
{
    (void)state;
    struct list list;
    AUTO_VAL(page) page = {.name = ""};
    list_init(&list);
    ask(&list, "weight", "7");
    assert_error(page_open_filtered(&list.request, "things", filters, &page), ERR_BAD_REQUEST, "weight");
    list.request.query_count = 0;
    ask(&list, "colour", "red");
    assert_error(page_open(&list.request, "things", &page), ERR_BAD_REQUEST, "colour");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_comes_back),
        cmocka_unit_test(another_list_refuses_it),
        cmocka_unit_test(what_is_no_filter_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
