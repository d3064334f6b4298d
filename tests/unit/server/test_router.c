/* Which row a path finds, what its parameters are, and which tables are refused at the start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/router.h"

static err_t nothing(struct api *api, const struct request *request, struct response *response)
{
    (void)api;
    (void)request;
    (void)response;
    return OK;
}

#define ROUTE(method_, path_, listeners_)                                                                    \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = (listeners_), .handler = nothing                  \
    }

static const struct route first_rows[] = {
    ROUTE(HTTP_GET, "/{tenant}/controller/v1/{id}", LISTENER_DEVICE),
    ROUTE(HTTP_GET, "/api/v1/devices/{id}", LISTENER_MANAGEMENT),
    ROUTE(HTTP_POST, "/api/v1/devices/{id}", LISTENER_MANAGEMENT),
    ROUTE(HTTP_GET, "/api/v1/devices/all", LISTENER_MANAGEMENT),
    ROUTE(HTTP_GET, "/crl/{name}", LISTENER_PUBLIC),
    ROUTE(HTTP_GET, "/crl/{name}.crl", LISTENER_PUBLIC),
};
static const struct route second_rows[] = {
    ROUTE(HTTP_GET, "/healthz", LISTENER_PUBLIC | LISTENER_MANAGEMENT),
    ROUTE(HTTP_GET, "/", LISTENER_PUBLIC),
    ROUTE(HTTP_GET, "/device/controller/v1/{id}", LISTENER_DEVICE),
    ROUTE(HTTP_POST, "/shared", LISTENER_DEVICE),
    ROUTE(HTTP_POST, "/ocsp", LISTENER_PUBLIC),
    ROUTE(HTTP_GET, "/ocsp/{request...}", LISTENER_PUBLIC),
    ROUTE(HTTP_GET, "/ocsp/about", LISTENER_PUBLIC),
    ROUTE(HTTP_GET, "/shared", LISTENER_PUBLIC),
};
static const struct route_table tables[] = {{first_rows, 6}, {second_rows, 8}};

static const struct {
    enum listener listener;
    enum http_method method;
    const char *path;
    const char *route; /* NULL: none */
    const char *param; /* the last one */
    const char *allow;
} rows[] = {
    {LISTENER_PUBLIC, HTTP_GET, "/healthz", "/healthz", NULL, ""},
    {LISTENER_PUBLIC, HTTP_HEAD, "/healthz", "/healthz", NULL, ""},
    {LISTENER_MANAGEMENT, HTTP_GET, "/healthz", "/healthz", NULL, ""},
    {LISTENER_DEVICE, HTTP_GET, "/healthz", NULL, NULL, ""},
    {LISTENER_PUBLIC, HTTP_POST, "/healthz", NULL, NULL, "GET, HEAD"},
    {LISTENER_PUBLIC, HTTP_OTHER, "/healthz", NULL, NULL, "GET, HEAD"},
    {LISTENER_PUBLIC, HTTP_GET, "/healthz/", NULL, NULL, ""},
    {LISTENER_PUBLIC, HTTP_GET, "//healthz", NULL, NULL, ""},
    {LISTENER_PUBLIC, HTTP_GET, "/", "/", NULL, ""},
    {LISTENER_MANAGEMENT, HTTP_GET, "/api/v1/devices/all", "/api/v1/devices/all", NULL, ""},
    {LISTENER_MANAGEMENT, HTTP_GET, "/api/v1/devices/abc", "/api/v1/devices/{id}", "abc", ""},
    {LISTENER_MANAGEMENT, HTTP_GET, "/api/v1/devices/a%2Fb", "/api/v1/devices/{id}", "a%2Fb", ""},
    {LISTENER_MANAGEMENT, HTTP_POST, "/api/v1/devices/all", "/api/v1/devices/{id}", "all", ""},
    {LISTENER_MANAGEMENT, HTTP_DELETE, "/api/v1/devices/abc", NULL, NULL, "GET, HEAD, POST"},
    {LISTENER_MANAGEMENT, HTTP_GET, "/api/v1/devices/", NULL, NULL, ""},
    {LISTENER_MANAGEMENT, HTTP_GET, "/api/v1/devices/..", NULL, NULL, ""},
    {LISTENER_MANAGEMENT, HTTP_GET, "/api/v1/devices/abc/x", NULL, NULL, ""},
    {LISTENER_PUBLIC, HTTP_GET, "/crl/device.crl", "/crl/{name}.crl", "device", ""},
    {LISTENER_PUBLIC, HTTP_GET, "/crl/device.cer", "/crl/{name}", "device.cer", ""},
    {LISTENER_PUBLIC, HTTP_GET, "/crl/.crl", "/crl/{name}", ".crl", ""},
    {LISTENER_DEVICE, HTTP_GET, "/device/controller/v1/x", "/device/controller/v1/{id}", "x", ""},
    {LISTENER_DEVICE, HTTP_GET, "/acme/controller/v1/x", "/{tenant}/controller/v1/{id}", "x", ""},
    {LISTENER_DEVICE, HTTP_GET, "/shared", NULL, NULL, "POST"},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp/MFEw", "/ocsp/{request...}", "MFEw", ""},
    {LISTENER_PUBLIC, HTTP_HEAD, "/ocsp/MFEw//a/b%2F/", "/ocsp/{request...}", "MFEw//a/b%2F/", ""},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp//", "/ocsp/{request...}", "/", ""},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6//", "/ocsp/{request...}",
     "1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6//", ""},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp/", NULL, NULL, ""},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp", NULL, NULL, "POST"},
    {LISTENER_PUBLIC, HTTP_POST, "/ocsp", "/ocsp", NULL, ""},
    {LISTENER_PUBLIC, HTTP_POST, "/ocsp/a/b", NULL, NULL, "GET, HEAD"},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp/about", "/ocsp/about", NULL, ""},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp/about/", "/ocsp/{request...}", "about/", ""},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp/a/../b", NULL, NULL, ""},
    {LISTENER_PUBLIC, HTTP_GET, "/ocsp/a/.", NULL, NULL, ""},
    {LISTENER_PUBLIC, HTTP_GET, "//ocsp/a", NULL, NULL, ""},
    {LISTENER_DEVICE, HTTP_GET, "/ocsp/a", NULL, NULL, ""},
    {LISTENER_PUBLIC, HTTP_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14", NULL, NULL, ""},
};

static void test_paths(void **state)
{
    (void)state;
    AUTO_PTR(router) *router = NULL;
    assert_int_equal(router_new(tables, 2, &router).code, ERR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct route_match match;
        router_find(router, rows[i].listener, rows[i].method, bytes_str(rows[i].path), &match);
        const char *found = match.route != NULL ? match.route->path : NULL;
        if ((found == NULL) != (rows[i].route == NULL) ||
            (found != NULL && strcmp(found, rows[i].route) != 0)) {
            fail_msg("%s found %s", rows[i].path, found != NULL ? found : "nothing");
        }
        assert_string_equal(match.allow, rows[i].allow);
        if (found != NULL) {
            assert_ptr_equal(router_route(router, match.index), match.route);
        }
        if (rows[i].param != NULL) {
            assert_true(bytes_is(match.params[match.param_count - 1], rows[i].param));
        } else if (found != NULL) {
            assert_int_equal(match.param_count, 0);
        }
    }
}

static void test_bad_tables(void **state)
{
    (void)state;
    static const struct route bad[][2] = {
        {ROUTE(HTTP_GET, "/a", LISTENER_PUBLIC), ROUTE(HTTP_GET, "/a", LISTENER_PUBLIC | LISTENER_DEVICE)},
        {ROUTE(HTTP_GET, "/{a}", LISTENER_PUBLIC), ROUTE(HTTP_GET, "/{b}", LISTENER_PUBLIC)},
        {ROUTE(HTTP_GET, "a", LISTENER_PUBLIC), ROUTE(HTTP_GET, "/b", LISTENER_PUBLIC)},
        {ROUTE(HTTP_GET, "/{a", LISTENER_PUBLIC), ROUTE(HTTP_GET, "/b", LISTENER_PUBLIC)},
        {ROUTE(HTTP_GET, "/{a}/{b}/{c}/{d}/{e}", LISTENER_PUBLIC), ROUTE(HTTP_GET, "/b", LISTENER_PUBLIC)},
        {ROUTE(HTTP_GET, "/a/{b...}/c", LISTENER_PUBLIC), ROUTE(HTTP_GET, "/b", LISTENER_PUBLIC)},
        {ROUTE(HTTP_GET, "/a/{b...}.c", LISTENER_PUBLIC), ROUTE(HTTP_GET, "/b", LISTENER_PUBLIC)},
        {ROUTE(HTTP_GET, "/a/{b...}", LISTENER_PUBLIC), ROUTE(HTTP_GET, "/a/{c...}", LISTENER_PUBLIC)},
        {{.method = HTTP_GET,
          .path = "/a",
          .listeners = LISTENER_PUBLIC,
          .access = ACCESS_CALLER,
          .handler = nothing,
          .quick = nothing},
         ROUTE(HTTP_GET, "/b", LISTENER_PUBLIC)},
        {{.method = HTTP_GET, .path = "/a", .listeners = LISTENER_PUBLIC},
         ROUTE(HTTP_GET, "/b", LISTENER_PUBLIC)},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct route_table table = {bad[i], 2};
        struct router *router = NULL;
        assert_int_equal(router_new(&table, 1, &router).code, ERR_INTERNAL);
        assert_null(router);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths), cmocka_unit_test(test_bad_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
