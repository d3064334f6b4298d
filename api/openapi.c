/* GET /openapi.json: the description of this very server, for whoever asks; it holds no secret and no data.
 */
#include "api/openapi.h"

#include <stdio.h>

#include "api/reply.h"
#include "api/tables.h"

static err_t get_openapi(struct api *api, const struct request *request, struct response *response)
{
    static const char *const no_query[] = {NULL};
    const struct bytes document = {(const uint8_t *)openapi_document, openapi_document_size};
    char etag[2 * SHA256_SIZE + 3];
    char hex[2 * SHA256_SIZE + 1];
    struct sha256 hash;
    (void)api;
    TRY(request_check_query(request, no_query));
    TRY(sha256_of(document, &hash));
    hex_encode(BYTES_OF(hash.b), hex);
    (void)snprintf(etag, sizeof etag, "\"%s\"", hex);
    TRY(response_header(response, "ETag", etag));
    TRY(response_header(response, "Cache-Control", "no-cache"));
    const char *known = http_header(request, "If-None-Match");
    response->status = known != NULL && etag_list_has(known, etag, true) ? 304 : 200;
    response->content_type = "application/json";
    return buf_append(&response->body, document.p, document.n);
}

const struct route openapi_routes[] = {
    {.method = HTTP_GET,
     .path = "/openapi.json",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_ANYONE,
     .handler = get_openapi},
};
