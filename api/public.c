/* What anybody may fetch: CRLs and CA certificates (already signed, so plain HTTP will do), and whether this
 * node lives and is ready. CRLs and certificates come from memory, on the loop. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/reply.h"
#include "api/tables.h"
#include "fleet/publication.h"

/* A CRL in a cache hides a fresh revocation: five minutes, less when it is about to end. */
enum { CRL_CACHE_S = 300, CA_CACHE_S = 86400 };

static int64_t cache_seconds(const struct published *published, int64_t now_ms)
{
    if (published->next_update_ms == 0) {
        return CA_CACHE_S;
    }
    int64_t left_s = (published->next_update_ms - now_ms) / 1000;
    left_s = left_s < 0 ? 0 : left_s;
    return left_s < CRL_CACHE_S ? left_s : CRL_CACHE_S;
}

/* RFC 9110 §13.1.2: If-None-Match by tag; a 304 carries the headers that the 200 would (§15.4.5). */
static err_t add_cache_headers(const struct request *request, const struct published *published,
                               struct response *response)
{
    char text[64];
    TRY(response_header(response, "ETag", published->etag));
    snprintf(text, sizeof text, "public, max-age=%" PRId64, cache_seconds(published, request->now_ms));
    TRY(response_header(response, "Cache-Control", text));
    if (published->this_update_ms != 0) {
        time_format_http(published->this_update_ms, text);
        TRY(response_header(response, "Last-Modified", text));
        time_format_http(published->next_update_ms, text);
        TRY(response_header(response, "Expires", text));
    }
    return OK;
}

/* Takes the reference in `published`, always. */
static err_t reply_published(const struct request *request, struct published *published,
                             const char *content_type, struct response *response)
{
    AUTO_PTR(shared) *bytes = TAKE(published->bytes);
    TRY(add_cache_headers(request, published, response));
    const char *known = http_header(request, "If-None-Match");
    /* a 304 keeps the body of the 200: the server sends its length only, and the connection goes on */
    response->status = known != NULL && etag_list_has(known, published->etag, true) ? 304 : 200;
    response->content_type = content_type;
    response->shared = TAKE(bytes);
    return OK;
}

static err_t get_crl(struct api *api, const struct request *request, struct response *response)
{
    struct published published = {.bytes = NULL};
    TRY(publication_crl(api->options.fleet, bytes_str(request->params[0]), &published));
    return reply_published(request, &published, "application/pkix-crl", response);
}

static err_t get_shard(struct api *api, const struct request *request, struct response *response)
{
    struct published published = {.bytes = NULL};
    TRY(publication_shard(api->options.fleet, bytes_str(request->params[0]), bytes_str(request->params[1]),
                          &published));
    return reply_published(request, &published, "application/pkix-crl", response);
}

static err_t get_ca(struct api *api, const struct request *request, struct response *response)
{
    struct published published = {.bytes = NULL};
    TRY(publication_ca(api->options.fleet, bytes_str(request->params[0]), &published));
    return reply_published(request, &published, "application/pkix-cert", response);
}

static err_t reply_health(struct response *response, int status, const char *word, const char *reason)
{
    AUTO(json_t) *answer = json_object();
    TRY(json_set_text(answer, "status", word));
    if (reason[0] != '\0') {
        TRY(json_set_text(answer, "reason", reason));
    }
    TRY(response_header(response, "Cache-Control", "no-store"));
    return reply_json(response, status, answer);
}

static err_t get_healthz(struct api *api, const struct request *request, struct response *response)
{
    (void)api, (void)request;
    return reply_health(response, 200, "ok", "");
}

/* On a worker, so that a node whose workers hang is not ready. */
static err_t get_readyz(struct api *api, const struct request *request, struct response *response)
{
    (void)request;
    err_t error = api->options.ready == NULL ? OK : api->options.ready(api->options.ready_context);
    if (error.code == ERR_OK) {
        return reply_health(response, 200, "ready", error.detail);
    }
    TRY(response_header(response, "Retry-After", "5"));
    return reply_health(response, 503, "not_ready", error.detail);
}

#define PUBLIC(path_, listeners_, flags_, handler_)                                                          \
    {                                                                                                        \
        .method = HTTP_GET, .path = (path_), .listeners = (listeners_), .access = ACCESS_ANYONE,             \
        .flags = (flags_), .handler = (handler_)                                                             \
    }
const struct route public_routes[] = {
    PUBLIC("/crl/{authority}.crl", LISTENER_PUBLIC | LISTENER_DEVICE, ROUTE_ON_LOOP, get_crl),
    PUBLIC("/crl/{authority}/{shard}.crl", LISTENER_PUBLIC | LISTENER_DEVICE, ROUTE_ON_LOOP, get_shard),
    PUBLIC("/ca/{authority}.cer", LISTENER_PUBLIC | LISTENER_DEVICE | LISTENER_MANAGEMENT, ROUTE_ON_LOOP,
           get_ca),
    PUBLIC("/healthz", LISTENER_PUBLIC, ROUTE_ON_LOOP, get_healthz),
    PUBLIC("/readyz", LISTENER_PUBLIC | LISTENER_MANAGEMENT, 0, get_readyz),
};
