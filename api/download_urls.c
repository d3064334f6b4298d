/* Signed addresses of images: made for a device that shows its certificate, and taken from whoever brings
 * one. They are in no log: requests are not logged by their targets. */
#include <stdlib.h>
#include <string.h>

#include "api/authn.h"
#include "api/device_firmware.h"
#include "api/download.h"
#include "api/reply.h"
#include "api/request_words.h"
#include "api/tables.h"
#include "fleet/firmware_urls.h"

enum { URLS_LIMIT = 4096 };

/* --- made ----------------------------------------------------------------------------------------------- */

struct urls_body {
    uint8_t sha256[SHA256_SIZE];
    int64_t expires_in;
};

static err_t body_read(const json_t *document, struct urls_body *out)
{
    static const struct json_field fields[] = {
        {"sha256", JSON_KIND_HEX32, true, offsetof(struct urls_body, sha256), 0, 0, JSON_NO_HAS},
        {"expires_in", JSON_KIND_INTEGER, false, offsetof(struct urls_body, expires_in), 1,
         FIRMWARE_URL_TTL_MAX_S, JSON_NO_HAS},
    };
    *out = (struct urls_body){.expires_in = FIRMWARE_URL_TTL_MAX_S};
    return json_read(document, fields, sizeof fields / sizeof fields[0], false, out);
}

static err_t post_urls(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    AUTO_VAL(buf) href = {0};
    struct urls_body body;
    struct sha256 digest;
    struct firmware_url url;
    TRY(request_json(request, &document));
    TRY(body_read(document, &body));
    memcpy(digest.b, body.sha256, sizeof digest.b);
    TRY(firmware_url_make(api->options.fleet, &request->principal->contact, &digest, body.expires_in, &url));
    TRY(words_signed_write(&url, &href));
    AUTO(json_t) *answer = json_object();
    TRY(json_set_text(answer, "href", buf_str(&href)));
    TRY(json_set_int(answer, "expires_in", body.expires_in));
    return reply_json(response, 200, answer);
}

/* --- used ----------------------------------------------------------------------------------------------- */

/* What was taken of a budget, until it is known how much of it left. */
struct spent {
    struct fleet *fleet;
    struct firmware_url url;
    struct contact contact;
    struct firmware_grant grant;
    int64_t bytes;
};

static void spent_settle(void *state, int64_t bytes)
{
    struct spent *spent = state;
    if (bytes > 0) {
        firmware_fetched(spent->fleet, &spent->contact, &spent->grant, bytes);
    }
    if (bytes < spent->bytes) {
        firmware_url_refund(spent->fleet, &spent->url, spent->bytes - bytes);
    }
    free(spent);
}

static err_t spend(const struct request *request, struct spent *spent, struct response *response)
{
    bool has_body = request->method == HTTP_GET && (response->status == 200 || response->status == 206);
    int64_t bytes = has_body ? response->file_size : 0;
    TRY(firmware_url_spend(spent->fleet, &spent->url, spent->grant.artifact.digests.size, bytes));
    spent->bytes = bytes;
    return OK;
}

static err_t answer_signed(struct api *api, const struct request *request, struct spent *spent,
                           struct response *response)
{
    const char *method = request->method == HTTP_GET ? "GET" : "HEAD";
    TRY(words_signed_read(request, &spent->url));
    TRY(firmware_url_check(spent->fleet, method, &spent->url, &spent->contact, &spent->grant));
    TRY(download_blob(api, request, &spent->grant.artifact.digests, spent->grant.artifact.filename,
                      response));
    return spend(request, spent, response);
}

static err_t get_signed(struct api *api, const struct request *request, struct response *response)
{
    struct spent *spent = calloc(1, sizeof *spent);
    ENSURE(spent != NULL, ERR_NO_MEMORY, "a download");
    spent->fleet = api->options.fleet;
    err_t error = answer_signed(api, request, spent, response);
    if (error.code != ERR_OK) {
        free(spent);
        return error;
    }
    response->sent = spent_settle; /* frees it, however this ends */
    response->sent_state = spent;
    return OK;
}

const struct route download_url_routes[] = {
    {.method = HTTP_POST,
     .path = "/device/v1/firmware/urls",
     .listeners = LISTENER_DEVICE,
     .access = ACCESS_DEVICE,
     .body_limit = URLS_LIMIT,
     .handler = post_urls},
    {.method = HTTP_GET,
     .path = "/device/v1/firmware/signed/{sha256}",
     .listeners = LISTENER_DEVICE,
     .access = ACCESS_ANYONE,
     .handler = get_signed},
};
