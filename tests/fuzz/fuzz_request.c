/* A request behind the HTTP library: the target is routed and decoded, then every reader of its query and of
 * its header fields sees it. Input: "METHOD target", then "Name: value" lines; what the library would have
 * cut out is not here. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/authn_kinds.h"
#include "api/basic.h"
#include "api/event_query.h"
#include "api/page.h"
#include "api/terms.h"
#include "base/utf8.h"
#include "server/exchange.h"
#include "server/internal.h"
#include "tests/fuzz/fuzz.h"

enum { FIELDS_MAX = 16, ARENA_MOST = 1 << 18 };

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static size_t read_fields(char *text, struct http_field fields[FIELDS_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *mark = strstr(line, ": ");
        if (mark != NULL && count < FIELDS_MAX) {
            *mark = '\0';
            fields[count++] = (struct http_field){line, mark + 2};
        }
    }
    return count;
}

static const char *const filters[] = {"type", "device", "sort", NULL};
static const char *const sorts[] = {"id", "name", NULL};
static const struct page_form form = {.name = "things", .filters = filters, .sorts = sorts};

/* The cursor opens the next page of the same list, behind the last row that was shown. */
static void check_cursor(const struct request *request, struct bytes key, const char *cursor)
{
    struct http_field query[FIELDS_MAX];
    struct request next = *request;
    AUTO_VAL(page) page = {.name = ""};
    next.query_count = 0;
    next.query = query;
    for (size_t i = 0; i < request->query_count; i++) {
        if (strcmp(request->query[i].name, "cursor") != 0) {
            query[next.query_count++] = request->query[i];
        }
    }
    query[next.query_count++] = (struct http_field){"cursor", cursor};
    must(page_open_sorted(&next, &form, &page).code == ERR_OK);
    must(bytes_equal(page_window(&page).after, key));
}

static void check_page(const struct request *request)
{
    AUTO_VAL(page) page = {.name = ""};
    AUTO_VAL(response) response = {.status = 0};
    AUTO(json_t) *answer = NULL;
    if (page_open_sorted(request, &form, &page).code != ERR_OK) {
        return;
    }
    must(page.limit >= 1 && page.limit <= 1000 && page.order < 2 && page.after_size <= PAGE_KEY_MAX);
    const struct bytes after = page_window(&page).after;
    const struct bytes key = after.n > 0 ? after : bytes_str("k");
    for (int i = 0; page.limit <= 2 && i <= page.limit; i++) {
        must(page_add(&page, key, json_integer(i)).code == ERR_OK);
    }
    if (page_reply(&page, &response).code == ERR_OK && page.has_more) { /* a link may be too long */
        must(json_parse(buf_view(&response.body), response.body.n, &answer).code == ERR_OK);
        check_cursor(request, key, json_string_value(json_object_get(answer, "next")));
    }
}

static void check_terms(const struct request *request)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct bytes key;
    AUTO(json_t) *body = NULL;
    AUTO_VAL(buf) password = {0};
    const char *authorization = NULL;
    struct event_filter filter;
    if (request_terms(request, &faults, &terms).code == ERR_OK) {
        must(terms.version_count <= TERMS_VERSIONS_MAX && terms.idempotency.key.n <= IDEMPOTENCY_KEY_MAX);
    }
    if (request_idempotency_key(request, &key).code == ERR_OK) {
        must(key.n <= IDEMPOTENCY_KEY_MAX);
    }
    err_ignore(request_check_match(request, 7)); /* any verdict will do */
    err_ignore(event_query_filter(request, &filter));
    if (authn_authorization(request, &authorization).code == ERR_OK && authorization != NULL) {
        err_ignore(basic_password(bytes_str(authorization), &password));
    }
    if (request->route != NULL) {
        err_ignore(request_body(request, true, &body));
    }
    (void)http_request_is_last(request, "HTTP/1.1");
}

static void check_route(struct exchange *x)
{
    err_t error = http_request_route(x);
    must(error.code == ERR_OK || error.code == ERR_BAD_REQUEST || error.code == ERR_NOT_FOUND ||
         error.code == ERR_METHOD);
    must(x->request.path != NULL && (error.code != ERR_OK || x->request.route != NULL));
    for (size_t i = 0; i < HTTP_PARAMS_MAX; i++) {
        must(x->request.params[i] != NULL && utf8_is_valid(bytes_str(x->request.params[i])));
    }
}

static void check(struct exchange *x, char *head, char *fields_text)
{
    size_t count = 0;
    const struct route_table *tables = api_routes(&count);
    AUTO_PTR(router) *router = NULL;
    AUTO_PTR(arena) *arena = NULL;
    struct server *server = calloc(1, sizeof *server);
    struct http_field fields[FIELDS_MAX];
    const struct principal principal = {.kind = PRINCIPAL_TOKEN};
    must(server != NULL && arena_new(ARENA_MOST, &arena).code == ERR_OK);
    must(router_new(tables, count, &router).code == ERR_OK);
    server->router = router;
    x->server = server;
    x->request = (struct request){.listener = LISTENER_MANAGEMENT,
                                  .method = http_method_of(head),
                                  .headers = fields,
                                  .header_count = read_fields(fields_text, fields),
                                  .body = bytes_str("{\"a\":1}"),
                                  .principal = &principal,
                                  .arena = arena};
    check_route(x);
    check_page(&x->request);
    check_terms(&x->request);
    free(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_VAL(buf) text = {0};
    must(buf_append(&text, data, size).code == ERR_OK);
    char *head = (char *)text.p;
    if (size == 0 || memchr(data, '\0', size) != NULL || buf_str(&text) == NULL) {
        return 0; /* the filter in front lets none by */
    }
    char *fields = strchr(head, '\n');
    char *target = strchr(head, ' ');
    if (fields == NULL || target == NULL || target > fields) {
        return 0;
    }
    *fields = *target = '\0';
    struct exchange *x = calloc(1, sizeof *x + strlen(target + 1) + 1);
    must(x != NULL);
    memcpy(x->target, target + 1, strlen(target + 1) + 1);
    check(x, head, fields + 1);
    free(x);
    return 0;
}
