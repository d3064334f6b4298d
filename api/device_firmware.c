/* Firmware in our own small JSON (docs/device-protocol.md): what to install, its signed manifest and its
 * bytes, and what the device says of it. The rules are the fleet's; DDI tells the same in other words. */
#include "api/device_firmware.h"

#include "api/authn.h"
#include "api/download.h"
#include "api/reply.h"
#include "api/tables.h"
#include "fleet/firmware_documents.h"

enum { REPORT_LIMIT = 4096, ATTRIBUTES_LIMIT = 64 * 1024 };

static const struct contact *caller(const struct request *request)
{
    return &request->principal->contact;
}

static err_t get_firmware(struct api *api, const struct request *request, struct response *response)
{
    struct fleet *fleet = api->options.fleet;
    struct firmware_poll poll;
    int64_t anchors = 0;
    TRY(firmware_poll(fleet, caller(request), &poll));
    TRY(firmware_anchors_sequence(fleet, caller(request), &anchors));
    AUTO(json_t) *answer = json_object();
    TRY(json_set_int(answer, "poll_after_s", poll.poll_s));
    if (poll.has_action) {
        json_t *action = NULL;
        TRY(firmware_action_render(&poll.action, &action));
        TRY(json_take(answer, "action", action));
    }
    if (poll.wants_attributes) {
        TRY(json_set_bool(answer, "wants_attributes", true));
    }
    TRY(json_set_int(answer, "anchors_sequence", anchors));
    return reply_json(response, 200, answer);
}

static err_t get_manifest(struct api *api, const struct request *request, struct response *response)
{
    int64_t id = 0;
    struct firmware_action action;
    ENSURE(firmware_action_id_read(request->params[0], &id).code == ERR_OK, ERR_NOT_FOUND, "no such action");
    TRY(firmware_action_get(api->options.fleet, caller(request), id, &action));
    TRY(firmware_manifest_read(api->options.fleet, action.release, &response->body));
    response->status = 200;
    response->content_type = "application/suit-envelope+cose";
    return OK;
}

static err_t get_anchors(struct api *api, const struct request *request, struct response *response)
{
    TRY(firmware_anchors_read(api->options.fleet, caller(request), &response->body));
    response->status = 200;
    response->content_type = "application/cose; cose-type=\"cose-sign1\"";
    return OK;
}

static bool digest_read(const struct request *request, struct sha256 *out)
{
    return hex_decode(bytes_str(request->params[0]), out->b, SHA256_SIZE).code == ERR_OK;
}

static err_t get_image(struct api *api, const struct request *request, struct response *response)
{
    struct sha256 digest;
    ENSURE(digest_read(request, &digest), ERR_NOT_FOUND, "no such image");
    return download_send(api, request, NULL, &digest, response);
}

static err_t recall_image(struct api *api, const struct request *request, struct response *response)
{
    struct sha256 digest;
    return digest_read(request, &digest) ? download_recall(api, request, NULL, &digest, response) : OK;
}

static err_t post_report(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    struct firmware_report report;
    TRY(request_json(request, &document));
    TRY(firmware_report_body_read(document, &report));
    TRY(firmware_report(api->options.fleet, caller(request), &report));
    response->status = 204;
    return OK;
}

static err_t put_attributes(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    TRY(request_json(request, &document));
    TRY(firmware_attributes_set(api->options.fleet, caller(request), ATTRIBUTES_REPLACE, document));
    response->status = 204;
    return OK;
}

#define FIRMWARE(method_, path_, limit_, handler_)                                                           \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_DEVICE, .access = ACCESS_DEVICE,         \
        .body_limit = (limit_), .handler = (handler_)                                                        \
    }
const struct route device_firmware_routes[] = {
    FIRMWARE(HTTP_GET, "/device/v1/firmware", 0, get_firmware),
    FIRMWARE(HTTP_GET, "/device/v1/firmware/manifest/{action}", 0, get_manifest),
    FIRMWARE(HTTP_GET, "/device/v1/firmware/anchors", 0, get_anchors),
    FIRMWARE(HTTP_POST, "/device/v1/firmware/report", REPORT_LIMIT, post_report),
    FIRMWARE(HTTP_PUT, "/device/v1/firmware/attributes", ATTRIBUTES_LIMIT, put_attributes),
    {.method = HTTP_GET,
     .path = "/device/v1/firmware/images/{sha256}",
     .listeners = LISTENER_DEVICE,
     .access = ACCESS_DEVICE,
     .handler = get_image,
     .quick = recall_image},
};
