/* docs/openapi/ says what the routes say: the same paths and methods, both ways. Standards' own endpoints
 * (EST, OCSP, CRLs, CA certificates) and health are not described there. */
#include "tests/unit/pki/pki_fixture.h"

#include "api/api.h"
#include "api/openapi.h"
#include "base/json.h"

static bool is_described(const char *path)
{
    return strncmp(path, "/api/", 5) == 0 || strncmp(path, "/device/", 8) == 0 ||
           strcmp(path, "/metrics") == 0 || strcmp(path, "/openapi.json") == 0;
}

static const char *method_key(enum http_method method)
{
    static const char *const keys[] = {[HTTP_GET] = "get",     [HTTP_POST] = "post",     [HTTP_PUT] = "put",
                                       [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete", [HTTP_OTHER] = NULL};
    assert_non_null(keys[method]);
    return keys[method];
}

static void routes_and_document_agree(void **state)
{
    (void)state;
    AUTO(json_t) *document = json_loads(openapi_document, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    json_t *paths = json_object_get(document, "paths");
    assert_true(json_object_size(paths) > 0);
    size_t tables = 0;
    size_t routes = 0;
    const struct route_table *table = api_routes(&tables);
    for (size_t t = 0; t < tables; t++) {
        for (size_t i = 0; i < table[t].count; i++) {
            const struct route *route = &table[t].routes[i];
            if (!is_described(route->path)) {
                continue;
            }
            routes++;
            if (json_object_get(json_object_get(paths, route->path), method_key(route->method)) == NULL) {
                fail_msg("%s %s is not described", method_key(route->method), route->path);
            }
        }
    }
    size_t described = 0;
    const char *path = NULL;
    json_t *item = NULL;
    json_object_foreach(paths, path, item)
    {
        const char *key = NULL;
        json_t *operation = NULL;
        json_object_foreach(item, key, operation)
        {
            described += json_object_get(operation, "operationId") != NULL ? 1U : 0U;
        }
    }
    assert_int_equal(described, routes);
}

/* On management without a credential, and why that is right. */
static bool is_open(const char *path)
{
    static const char *const open[] = {
        "/openapi.json", /* describes, holds no data */
        /* the handler judges the proof: a password, an invitation */
        "/api/v1/login",
        "/api/v1/invitations/accept",
        "/api/v1/invitations/confirm",
    };
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        if (strcmp(path, open[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_public(const struct route *route)
{
    return (route->listeners & LISTENER_PUBLIC) != 0;
}

/* Which listener offers what: the walls between devices, back ends and everybody. */
static void each_route_is_where_it_belongs(void **state)
{
    (void)state;
    size_t tables = 0;
    const struct route_table *table = api_routes(&tables);
    for (size_t t = 0; t < tables; t++) {
        for (size_t i = 0; i < table[t].count; i++) {
            const struct route *route = &table[t].routes[i];
            bool is_management = strncmp(route->path, "/api/", 5) == 0 ||
                                 strcmp(route->path, "/metrics") == 0 || is_open(route->path);
            assert_int_equal(is_management, route->listeners == LISTENER_MANAGEMENT);
            assert_int_equal(is_management && !is_open(route->path), route->access == ACCESS_CALLER);
            assert_true(is_management || is_public(route) || route->listeners == LISTENER_DEVICE);
            assert_true(!is_public(route) || route->access == ACCESS_ANYONE);
            bool takes_body = route->method != HTTP_GET && route->method != HTTP_DELETE;
            assert_true(takes_body == (route->body_limit > 0));
            bool is_standard = strncmp(route->path, "/.well-known/est/", 17) == 0 ||
                               strncmp(route->path, "/.well-known/cmp", 16) == 0;
            assert_int_equal(is_standard, route->errors == ERRORS_TEXT);
            bool proves_key = strstr(route->path, "enrol") != NULL && !is_management;
            assert_true(!proves_key || (route->flags & ROUTE_FULL_HANDSHAKE) != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_and_document_agree),
        cmocka_unit_test(each_route_is_where_it_belongs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
