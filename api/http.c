/* Reading requests and building responses, as values: what every handler and the server share. Knows no
 * socket; server/ calls response_clear() after a response was sent or dropped. */
#include "api/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *http_header(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0) {
            return request->headers[i].value;
        }
    }
    return NULL;
}

const char *http_query(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++) {
        if (strcmp(request->query[i].name, name) == 0) {
            return request->query[i].value;
        }
    }
    return NULL;
}

struct log_origin http_origin(const struct request *request)
{
    bool is_traced = request->trace.id[0] != '\0';
    return (struct log_origin){.request_id = request->request_id,
                               .trace_id = is_traced ? request->trace.id : NULL,
                               .parent_id = is_traced ? request->trace.parent : NULL};
}

bool http_content_type_is(const struct request *request, const char *type)
{
    const char *value = http_header(request, "Content-Type");
    if (value == NULL) {
        return false;
    }
    value += strspn(value, " \t");
    size_t size = strlen(type);
    return strncasecmp(value, type, size) == 0 && strchr("; \t", value[size]) != NULL;
}

void response_clear(struct response *response)
{
    buf_clear(&response->body);
    shared_unref(response->shared);
    shared_file_unref(response->file);
    if (response->sent != NULL) {
        response->sent(response->sent_state, 0);
    }
    if (response->source != NULL) {
        response->source->free(response->source->state);
        free(response->source);
    }
    *response = (struct response){0};
}

err_t response_header(struct response *response, const char *name, const char *value)
{
    /* Header injection and cut values are bugs of ours; neither may reach the wire. */
    size_t size = strlen(value);
    ENSURE(size < RESPONSE_VALUE_SIZE, ERR_INTERNAL, "the value of %s is too long", name);
    ENSURE(strpbrk(value, "\r\n") == NULL, ERR_INTERNAL, "the value of %s has a line end", name);
    ENSURE(response->header_count < RESPONSE_HEADERS_MAX, ERR_INTERNAL, "too many headers: %s", name);
    response->headers[response->header_count].name = name;
    memcpy(response->headers[response->header_count].value, value, size + 1);
    response->header_count++;
    return OK;
}
