/* Reads the conditions of a request. The versions themselves are compared in the transaction (fleet/terms.c).
 * Called by the handlers of resources that can be made and changed. */
#include "api/terms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/problem.h"
#include "api/reply.h"

static const char *const no_query[] = {NULL};

/* Printable ASCII without quotes, as an opaque name of one attempt. */
err_t request_idempotency_key(const struct request *request, struct bytes *out)
{
    *out = BYTES_NONE;
    const char *value = http_header(request, "Idempotency-Key");
    if (value == NULL) {
        return OK;
    }
    struct bytes key = bytes_str(value);
    if (key.n >= 2 && key.p[0] == '"' && key.p[key.n - 1] == '"') {
        key = (struct bytes){key.p + 1, key.n - 2};
    }
    ENSURE(key.n >= 1 && key.n <= IDEMPOTENCY_KEY_MAX, ERR_BAD_REQUEST,
           "Idempotency-Key has 1 to %d characters", IDEMPOTENCY_KEY_MAX);
    for (size_t i = 0; i < key.n; i++) {
        ENSURE(key.p[i] > 0x20 && key.p[i] < 0x7f && key.p[i] != '"', ERR_BAD_REQUEST,
               "Idempotency-Key holds a character that is not allowed");
    }
    *out = key;
    return OK;
}

err_t request_idempotency(const struct request *request, struct idempotency *out)
{
    out->tenant = request->principal->tenant;
    TRY(request_idempotency_key(request, &out->key));
    const struct bytes parts[] = {bytes_str(request->path), bytes_str("\n"), request->body};
    return sha256_of_parts(parts, sizeof parts / sizeof parts[0], &out->fingerprint);
}

/* "<ver>", …; what is not one of our tags matches nothing, as RFC 9110 wants it of unknown ones. */
static void read_versions(const char *text, struct terms *out)
{
    const char *p = text + strspn(text, " \t");
    out->has_versions = true;
    out->is_any_version = strcmp(p, "*") == 0;
    while (*p != '\0' && out->version_count < TERMS_VERSIONS_MAX) {
        char *end = NULL;
        errno = 0;
        long long ver = p[0] == '"' && p[1] >= '0' && p[1] <= '9' ? strtoll(p + 1, &end, 10) : -1;
        if (ver >= 0 && errno == 0 && *end == '"' && strchr(", \t", end[1]) != NULL) {
            out->versions[out->version_count++] = ver;
        }
        p += strcspn(p, ",");
        p += strspn(p, ", \t");
    }
}

err_t request_terms(const struct request *request, struct faults *faults, struct terms *out)
{
    *out = (struct terms){
        .tenant = request->principal->tenant, .actor = request->principal->actor, .faults = faults};
    TRY(request_check_query(request, no_query));
    const char *versions = http_header(request, "If-Match");
    ENSURE(versions != NULL || request->method != HTTP_PATCH, ERR_PRECONDITION_REQUIRED,
           "send If-Match with the ETag of what you have read");
    if (versions != NULL) {
        read_versions(versions, out);
    }
    return request->method == HTTP_POST ? request_idempotency(request, &out->idempotency) : OK;
}

err_t request_body(const struct request *request, bool may_be_empty, json_t **out)
{
    *out = NULL;
    if (may_be_empty && request->body.n == 0) {
        *out = json_object();
        ENSURE(*out != NULL, ERR_NO_MEMORY, "an empty body");
        return OK;
    }
    bool is_merge =
        request->method == HTTP_PATCH && http_content_type_is(request, "application/merge-patch+json");
    return is_merge ? json_parse(request->body, request->route->body_limit, out) : request_json(request, out);
}

void request_need(const json_t *document, const char *name, struct faults *faults)
{
    const json_t *value = json_object_get(document, name);
    char pointer[FAULT_POINTER_SIZE];
    if (value == NULL || json_is_null(value)) {
        (void)snprintf(pointer, sizeof pointer, "/%s", name);
        faults_add(faults, pointer, "'%s' is missing", name);
    }
}

/* One of the words of a list. */
static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = strstr(list, name); at != NULL; at = strstr(at + 1, name)) {
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

void request_refuse_nulls(const json_t *document, const char *except, struct faults *faults)
{
    union {
        const json_t *borrowed;
        json_t *iterated; /* jansson's iterators take a json_t *, but only read */
    } o = {.borrowed = document};
    char pointer[FAULT_POINTER_SIZE];
    for (void *i = json_object_iter(o.iterated); i != NULL; i = json_object_iter_next(o.iterated, i)) {
        const char *name = json_object_iter_key(i);
        bool is_free = except != NULL && name[0] != '\0' && is_listed(except, name);
        if (json_is_null(json_object_iter_value(i)) && !is_free) {
            (void)snprintf(pointer, sizeof pointer, "/%.90s", name);
            faults_add(faults, pointer, "'%.64s' cannot be null", name);
        }
    }
}

err_t reply_faults(const struct request *request, err_t error, const struct faults *faults,
                   struct response *response)
{
    if (error.code != ERR_UNPROCESSABLE || faults->count == 0) {
        return error;
    }
    return problem_render(request, &error, faults->items, faults->count, response);
}
