/* Each operation of the joined document (docs/openapi/) against its route and against what a reader of it
 * needs: scopes, body, conditions, errors, examples. Every finding is printed with the place to mend before
 * the test fails. */
#include "tests/unit/pki/pki_fixture.h"

#include "api/api.h"
#include "api/openapi.h"
#include "base/json.h"
#include "fleet/access.h"

struct subject {
    json_t *document;
    const struct route *route;
    json_t *operation;
    const char *key; /* "get" */
    int found;
};

static const char *const method_keys[] = {
    [HTTP_GET] = "get",     [HTTP_HEAD] = "head",     [HTTP_POST] = "post",  [HTTP_PUT] = "put",
    [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete", [HTTP_OTHER] = "other"};

/* Notes a finding unless `holds`. */
static bool require(struct subject *s, bool holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool require(struct subject *s, bool holds, const char *format, ...)
{
    if (!holds) {
        va_list arguments;
        va_start(arguments, format);
        (void)fprintf(stderr, "docs/openapi/*.json: %s %s: ", s->key, s->route->path);
        (void)vfprintf(stderr, format, arguments);
        (void)fprintf(stderr, "\n");
        va_end(arguments);
        s->found++;
    }
    return holds;
}

/* The object itself, or what its $ref names. */
static json_t *resolve(const struct subject *s, json_t *object)
{
    const char *ref = json_string_value(json_object_get(object, "$ref"));
    if (ref == NULL || strncmp(ref, "#/", 2) != 0) {
        return object;
    }
    char part[128];
    json_t *at = s->document;
    for (const char *p = ref + 2; *p != '\0' && at != NULL; p += *p == '/' ? 1 : 0) {
        size_t n = strcspn(p, "/");
        assert_true(n < sizeof part);
        memcpy(part, p, n);
        part[n] = '\0';
        at = json_object_get(at, part);
        p += n;
    }
    return at;
}

static bool has_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL && text[0] != '\0';
}

static bool has_example(const json_t *object)
{
    return json_object_get(object, "example") != NULL ||
           json_object_size(json_object_get(object, "examples")) > 0;
}

/* A parameter of the operation by name, resolved; or NULL. */
static json_t *parameter(const struct subject *s, const char *name)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(s->operation, "parameters"), i, item)
    {
        json_t *at = resolve(s, item);
        const char *is = json_string_value(json_object_get(at, "name"));
        if (is != NULL && strcmp(is, name) == 0) {
            return at;
        }
    }
    return NULL;
}

static json_t *response(const struct subject *s, const char *status)
{
    return resolve(s, json_object_get(json_object_get(s->operation, "responses"), status));
}

/* Any one of the route's scopes opens it: as many alternatives of `security`, each with one scope. */
static void check_scopes(struct subject *s)
{
    uint32_t described = 0;
    char wanted[SCOPES_TEXT_SIZE];
    size_t bearers = 0;
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(s->operation, "security"), i, item)
    {
        json_t *scopes = json_object_get(item, "bearer");
        bearers += scopes != NULL ? 1U : 0U;
        require(s, json_array_size(scopes) <= 1,
                "one scope in each alternative of security (any one opens it)");
        const char *name = json_string_value(json_array_get(scopes, 0));
        uint32_t bit = 0;
        if (name != NULL &&
            require(s, scopes_parse(bytes_str(name), &bit).code == ERR_OK, "no such scope: %s", name)) {
            described |= bit;
        }
    }
    scopes_format(s->route->scopes, wanted);
    require(s, described == s->route->scopes,
            "security must name the scopes of the route, each as an alternative: %s",
            wanted[0] == '\0' ? "none" : wanted);
    require(s, (bearers > 0) == (s->route->access == ACCESS_CALLER),
            "bearer stands in security if the route asks for a caller");
}

static void check_head(struct subject *s)
{
    json_t *tags = json_object_get(s->operation, "tags");
    const char *tag = json_string_value(json_array_get(tags, 0));
    bool is_known = false;
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(s->document, "tags"), i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        is_known = is_known || (tag != NULL && name != NULL && strcmp(name, tag) == 0);
    }
    require(s, json_array_size(tags) == 1 && is_known,
            "one tag, of those in docs/openapi/openapi.json (the resource), is \"%s\"",
            tag == NULL ? "" : tag);
    require(s, has_text(s->operation, "operationId"), "operationId is missing");
    require(s, has_text(s->operation, "summary"), "summary is missing");
    require(s, has_text(s->operation, "description"),
            "description is missing: what it does, when it is refused");
}

static void check_parameters(struct subject *s)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(s->operation, "parameters"), i, item)
    {
        json_t *at = resolve(s, item);
        const char *name = json_string_value(json_object_get(at, "name"));
        if (!require(s, name != NULL, "parameter %zu leads nowhere", i)) {
            continue;
        }
        require(s, has_text(at, "description"), "parameter %s: description is missing", name);
        require(s, has_example(at), "parameter %s: example is missing", name);
    }
    char name[64];
    for (const char *p = strchr(s->route->path, '{'); p != NULL; p = strchr(p, '{')) {
        size_t n = strcspn(++p, "}");
        assert_true(n < sizeof name);
        memcpy(name, p, n);
        name[n] = '\0';
        json_t *at = parameter(s, name);
        require(s, at != NULL && json_is_true(json_object_get(at, "required")),
                "path parameter {%s} is not described", name);
    }
}

static void check_media(struct subject *s, const char *where, json_t *content)
{
    const char *type = NULL;
    json_t *media = NULL;
    json_object_foreach(content, type, media)
    {
        require(s, json_object_get(media, "schema") != NULL, "%s %s: schema is missing", where, type);
        require(s, has_example(media), "%s %s: example is missing", where, type);
    }
}

static void check_body(struct subject *s)
{
    json_t *body = json_object_get(s->operation, "requestBody");
    if (!require(s, (body != NULL) == (s->route->body_limit > 0),
                 "requestBody stands there if the route takes a body")) {
        return;
    }
    json_t *content = json_object_get(body, "content");
    if (body == NULL) {
        return;
    }
    check_media(s, "requestBody", content);
    require(s, json_integer_value(json_object_get(body, "x-max-bytes")) == (json_int_t)s->route->body_limit,
            "requestBody: \"x-max-bytes\": %zu is missing (the limit of the route)", s->route->body_limit);
    require(s, json_is_boolean(json_object_get(body, "required")), "requestBody: required is missing");
    if (s->route->sink == NULL) {
        bool is_patch = s->route->method == HTTP_PATCH;
        require(s, json_object_get(content, "application/json") != NULL,
                "requestBody: application/json is missing");
        require(s, (json_object_get(content, "application/merge-patch+json") != NULL) == is_patch,
                "requestBody: PATCH, and nothing else, takes application/merge-patch+json too");
        require(s, json_object_size(content) == (is_patch ? 2U : 1U),
                "requestBody: a media type that the route does not take");
    }
}

/* A PATCH that names the version it changes; one that appends names its place (Upload-Offset). */
static bool is_change(const struct subject *s)
{
    return s->route->method == HTTP_PATCH && s->route->sink == NULL;
}

/* What every route of a kind can answer. */
static void check_errors(struct subject *s)
{
    bool is_caller = s->route->access == ACCESS_CALLER;
    bool has_body = s->route->body_limit > 0;
    bool is_patch = is_change(s);
    const struct {
        const char *status;
        bool is_needed;
    } rows[] = {
        {"400", is_caller || has_body},
        {"401", is_caller || s->route->access == ACCESS_DEVICE},
        {"403", s->route->scopes != 0 || s->route->access == ACCESS_DEVICE},
        {"404", is_caller && strchr(s->route->path, '{') != NULL},
        {"412", is_patch},
        {"413", has_body},
        {"415", has_body},
        {"422", has_body},
        {"428", is_patch},
        {"429", true},
        {"500", true},
        {"503", is_caller || has_body},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        require(s, !rows[i].is_needed || response(s, rows[i].status) != NULL,
                "response %s is missing ({\"$ref\": \"#/components/responses/%s\"})", rows[i].status,
                rows[i].status);
    }
    require(s, is_patch || response(s, "428") == NULL, "428 is for PATCH");
    require(s, has_body || (response(s, "413") == NULL && response(s, "415") == NULL),
            "413 and 415 without a body");
    require(s, response(s, "412") == NULL || parameter(s, "If-Match") != NULL,
            "412 without the parameter If-Match");
}

static void check_responses(struct subject *s)
{
    const char *status = NULL;
    json_t *item = NULL;
    size_t good = 0;
    json_object_foreach(json_object_get(s->operation, "responses"), status, item)
    {
        json_t *at = resolve(s, item);
        if (!require(s, has_text(at, "description"), "response %s leads nowhere or has no description",
                     status)) {
            continue;
        }
        json_t *content = json_object_get(at, "content");
        good += status[0] == '2' ? 1U : 0U;
        check_media(s, status, content);
        require(s, status[0] < '4' || json_object_get(content, "application/problem+json") != NULL,
                "response %s is a problem (application/problem+json)", status);
        json_t *left = json_object_get(json_object_get(at, "headers"), "RateLimit");
        require(s, has_example(resolve(s, left)), "response %s: the header RateLimit is missing", status);
        const char *name = NULL;
        json_t *header = NULL;
        json_object_foreach(json_object_get(at, "headers"), name, header)
        {
            require(s, has_text(resolve(s, header), "description"),
                    "response %s: header %s: description is missing", status, name);
        }
    }
    require(s, good > 0, "no response of success");
    check_errors(s);
}

static void check_conditions(struct subject *s)
{
    json_t *match = parameter(s, "If-Match");
    bool makes = s->route->method == HTTP_POST && response(s, "201") != NULL && s->route->sink == NULL;
    require(s, !makes || parameter(s, "Idempotency-Key") != NULL,
            "a POST that makes something takes Idempotency-Key");
    require(s, !makes || response(s, "409") != NULL, "a POST that makes something answers 409 too");
    require(s, !makes || json_object_get(json_object_get(response(s, "201"), "headers"), "Location") != NULL,
            "201 without the header Location");
    if (is_change(s)) {
        require(s, match != NULL && json_is_true(json_object_get(match, "required")),
                "PATCH needs If-Match (IfMatchRequired)");
    }
    require(s, parameter(s, "cursor") == NULL || parameter(s, "limit") != NULL, "cursor without limit");
}

static int check_route(json_t *document, const struct route *route)
{
    const char *key = method_keys[route->method];
    json_t *item = json_object_get(json_object_get(document, "paths"), route->path);
    struct subject s = {document, route, json_object_get(item, key), key, 0};
    if (s.operation == NULL) {
        return 0; /* test_openapi.c says which must be there */
    }
    check_head(&s);
    check_scopes(&s);
    check_parameters(&s);
    check_body(&s);
    check_responses(&s);
    check_conditions(&s);
    return s.found;
}

static void each_operation_says_what_its_route_does(void **state)
{
    (void)state;
    AUTO(json_t) *document = json_loads(openapi_document, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    size_t tables = 0;
    int found = 0;
    const struct route_table *table = api_routes(&tables);
    for (size_t t = 0; t < tables; t++) {
        for (size_t i = 0; i < table[t].count; i++) {
            found += check_route(document, &table[t].routes[i]);
        }
    }
    if (found > 0) {
        fail_msg("%d places in docs/openapi/ to mend, named above", found);
    }
}

/* A tag that no operation carries is an empty chapter. */
static void each_tag_is_used(void **state)
{
    (void)state;
    AUTO(json_t) *document = json_loads(openapi_document, JSON_REJECT_DUPLICATES, NULL);
    size_t i = 0;
    json_t *tag = NULL;
    json_array_foreach(json_object_get(document, "tags"), i, tag)
    {
        const char *name = json_string_value(json_object_get(tag, "name"));
        const char *path = NULL;
        json_t *item = NULL;
        size_t uses = 0;
        json_object_foreach(json_object_get(document, "paths"), path, item)
        {
            const char *key = NULL;
            json_t *operation = NULL;
            json_object_foreach(item, key, operation)
            {
                const char *its = json_string_value(json_array_get(json_object_get(operation, "tags"), 0));
                uses += its != NULL && strcmp(its, name) == 0 ? 1U : 0U;
            }
        }
        if (uses == 0) {
            fail_msg("docs/openapi/openapi.json: no operation has the tag %s", name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_says_what_its_route_does),
        cmocka_unit_test(each_tag_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
