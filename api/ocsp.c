/* OCSP over HTTP (RFC 6960 appendix A, RFC 9919 §5 and §6). What is kept in memory is answered on the loop;
 * what has to be signed goes to a worker. A request that cannot be understood gets an OCSP answer that says
 * so, with status 200, as clients expect it. */
#include <inttypes.h>
#include <stdio.h>

#include "api/reply.h"
#include "api/tables.h"
#include "fleet/ocsp.h"

enum { CACHE_S = 600 /* what a cache holds hides a fresh revocation for so long */ };

/* RFC 9919 §6.2: caches may keep it, and must ask again in time. A half of what is left at most. */
static err_t add_cache_headers(const struct ocsp_answer *answer, struct response *response)
{
    char text[96];
    int64_t half_s = (answer->next_update_ms - answer->asked_at_ms) / 2000;
    half_s = half_s < 0 ? 0 : half_s;
    TRY(response_header(response, "ETag", answer->etag));
    snprintf(text, sizeof text, "max-age=%" PRId64 ", public, no-transform, must-revalidate",
             half_s < CACHE_S ? half_s : (int64_t)CACHE_S);
    TRY(response_header(response, "Cache-Control", text));
    time_format_http(answer->this_update_ms, text);
    TRY(response_header(response, "Last-Modified", text));
    time_format_http(answer->next_update_ms, text);
    return response_header(response, "Expires", text);
}

/* Takes the reference in `answer`, always. What answers a nonce is for who asked alone. */
static err_t reply(const struct request *request, struct ocsp_answer *answer, struct response *response)
{
    AUTO_PTR(shared) *bytes = TAKE(answer->bytes);
    bool is_get = request->method != HTTP_POST;
    response->content_type = "application/ocsp-response";
    response->status = 200;
    if (bytes == NULL) {
        return buf_append_bytes(&response->body, answer->error);
    }
    if (is_get && answer->is_storable) {
        const char *known = http_header(request, "If-None-Match");
        TRY(add_cache_headers(answer, response));
        /* a 304 keeps the body of the 200: the server sends its length only, and the connection goes on */
        response->status = known != NULL && etag_list_has(known, answer->etag, true) ? 304 : 200;
    }
    response->shared = TAKE(bytes);
    return OK;
}

typedef void (*ask_fn)(struct fleet *fleet, const struct ocsp_question *question, struct ocsp_answer *out);

static err_t ask(struct api *api, const struct request *request, struct bytes der, ask_fn how,
                 struct response *response)
{
    struct ocsp_answer answer;
    const struct ocsp_question question = {.der = der, .address = request->address};
    how(api->options.fleet, &question, &answer);
    return ocsp_is_answered(&answer) ? reply(request, &answer, response) : OK;
}

/* The path's rest is base64, whose '/' and '+' may come as they are or escaped. What is none is no request.
 */
static err_t ask_path(struct api *api, const struct request *request, ask_fn how, struct response *response)
{
    AUTO_VAL(buf) der = {0};
    err_t decoded = base64_decode(bytes_str(request->params[0]), &der);
    ENSURE(decoded.code == ERR_OK || decoded.code == ERR_BAD_ENCODING, decoded.code, "%s", decoded.detail);
    return ask(api, request, buf_view(&der), how, response); /* nothing decoded reads as malformed */
}

static err_t ask_body(struct api *api, const struct request *request, ask_fn how, struct response *response)
{
    ENSURE(http_content_type_is(request, "application/ocsp-request"), ERR_MEDIA_TYPE,
           "send application/ocsp-request");
    return ask(api, request, request->body, how, response);
}

static err_t recall_get(struct api *api, const struct request *request, struct response *response)
{
    return ask_path(api, request, ocsp_recall, response);
}

static err_t get_ocsp(struct api *api, const struct request *request, struct response *response)
{
    return ask_path(api, request, ocsp_answer, response);
}

static err_t recall_post(struct api *api, const struct request *request, struct response *response)
{
    return ask_body(api, request, ocsp_recall, response);
}

static err_t post_ocsp(struct api *api, const struct request *request, struct response *response)
{
    return ask_body(api, request, ocsp_answer, response);
}

const struct route ocsp_routes[] = {
    {.method = HTTP_GET,
     .path = "/ocsp/{request...}",
     .listeners = LISTENER_PUBLIC,
     .access = ACCESS_ANYONE,
     .quick = recall_get,
     .handler = get_ocsp},
    {.method = HTTP_POST,
     .path = "/ocsp",
     .listeners = LISTENER_PUBLIC,
     .access = ACCESS_ANYONE,
     .body_limit = OCSP_REQUEST_MAX,
     .quick = recall_post,
     .handler = post_ocsp},
};
