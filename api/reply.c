/* Shared habits of the REST interface: JSON bodies, entity tags, strict query strings. Knows no resource. */
#include "api/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

err_t request_json(const struct request *request, json_t **out)
{
    *out = NULL;
    ENSURE(http_content_type_is(request, "application/json"), ERR_MEDIA_TYPE, "send application/json");
    return json_parse(request->body, request->route->body_limit, out);
}

err_t request_check_query(const struct request *request, const char *const *known)
{
    for (size_t i = 0; i < request->query_count; i++) {
        const char *name = request->query[i].name;
        const char *const *k = known;
        while (*k != NULL && strcmp(*k, name) != 0) {
            k++;
        }
        ENSURE(*k != NULL, ERR_BAD_REQUEST, "the query parameter '%.64s' is not known", name);
        for (size_t j = 0; j < i; j++) {
            ENSURE(strcmp(request->query[j].name, name) != 0, ERR_BAD_REQUEST,
                   "the query parameter '%.64s' is repeated", name);
        }
    }
    return OK;
}

err_t request_device_id(const char *text, struct device_id *out)
{
    err_t error = hex_decode(bytes_str(text), out->b, sizeof out->b);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "a device id is 64 lower-case hexadecimal characters");
    return OK;
}

err_t request_uuid(const char *text, const char *what, struct uuid *out)
{
    err_t error = uuid_parse(bytes_str(text), out);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "the id of a %s is a UUID", what);
    return OK;
}

err_t reply_location(struct response *response, const char *path, struct uuid id)
{
    char text[UUID_TEXT_SIZE];
    char location[RESPONSE_VALUE_SIZE];
    uuid_format(id, text);
    (void)snprintf(location, sizeof location, "%.200s/%s", path, text);
    return response_header(response, "Location", location);
}

err_t reply_json(struct response *response, int status, const json_t *value)
{
    response->status = status;
    response->content_type = "application/json";
    return json_append(&response->body, value);
}

static void version_tag(int64_t ver, char out[32])
{
    snprintf(out, 32, "\"%" PRId64 "\"", ver);
}

err_t reply_resource(const struct request *request, struct response *response, int status,
                     const json_t *value, int64_t ver)
{
    char etag[32];
    version_tag(ver, etag);
    TRY(response_header(response, "ETag", etag));
    const char *known = http_header(request, "If-None-Match");
    bool is_read = request->method == HTTP_GET || request->method == HTTP_HEAD;
    bool is_known = is_read && known != NULL && etag_list_has(known, etag, true);
    /* a 304 keeps the body of the 200: the server sends its length only, and the connection goes on */
    return reply_json(response, is_known ? 304 : status, value);
}

err_t reply_counted(struct response *response, int status, const json_t *value, int64_t ver)
{
    char etag[32];
    version_tag(ver, etag);
    TRY(response_header(response, "ETag", etag));
    return reply_json(response, status, value);
}

bool etag_list_has(const char *list, const char *etag, bool is_weak_equal)
{
    size_t size = strlen(etag);
    const char *p = list + strspn(list, " \t");
    if (strcmp(p, "*") == 0) {
        return true;
    }
    while (*p != '\0') {
        bool is_weak = strncmp(p, "W/", 2) == 0;
        p += is_weak ? 2 : 0;
        bool is_end = strncmp(p, etag, size) == 0 && strchr(", \t", p[size]) != NULL;
        if (is_end && (!is_weak || is_weak_equal)) {
            return true;
        }
        /* our tags hold no comma, so cutting at commas finds each of ours whole */
        p += strcspn(p, ",");
        p += strspn(p, ", \t");
    }
    return false;
}

err_t request_check_match(const struct request *request, int64_t ver)
{
    char etag[32];
    version_tag(ver, etag);
    const char *wanted = http_header(request, "If-Match");
    ENSURE(wanted == NULL || etag_list_has(wanted, etag, false), ERR_PRECONDITION, "it is at version %s",
           etag);
    return OK;
}
