/* SWUpdate's general purpose HTTP server (suricatta -S general): its interface is status codes. The client
 * certificate names the device, so there is neither tenant nor id in the path: 302 to the image when
 * something is offered, 404 when nothing is, 403 for a device or a certificate that gets none, 503 when it
 * must wait; Retry-After, which the client takes for its polling interval, with each of them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/ddi.h"
#include "api/tables.h"
#include "fleet/firmware_self.h"

enum { LOG_LIMIT = 4096, IDENTIFY_MAX = 32 };

/* This client knows 403 for a certificate that is not good, and not 401. */
static err_t admit(struct api *api, const struct request *request, const struct principal **out)
{
    err_t error = authn_device_by_tls(api, request, BYTES_NONE, out);
    ENSURE(err_status(error.code) != 401, ERR_FORBIDDEN, "%s", error.detail);
    TRY(error);
    const struct contact *contact = &(*out)->contact;
    ENSURE(contact->is_known && contact->proof == PROOF_OPERATIONAL, ERR_FORBIDDEN,
           "firmware is for devices with a certificate that is honoured");
    return OK;
}

/* What its configuration calls "identify", told as a query: kept as the device's attributes, once they are
 * wanted. */
static err_t take_identify(struct api *api, const struct request *request, const struct contact *contact)
{
    AUTO(json_t) *attributes = json_object();
    for (size_t i = 0; i < request->query_count && i < IDENTIFY_MAX; i++) {
        TRY(json_set_text(attributes, request->query[i].name, request->query[i].value));
    }
    return firmware_attributes_set(api->options.fleet, contact, ATTRIBUTES_REPLACE, attributes);
}

static err_t tell_when(struct response *response, int64_t seconds)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, seconds);
    return response_header(response, "Retry-After", text);
}

/* The one .swu among several images; otherwise the first. */
static const struct firmware_artifact *choose(const struct firmware_action *action)
{
    for (size_t i = 0; i < action->artifact_count; i++) {
        const char *name = action->artifacts[i].filename;
        size_t n = strlen(name);
        if (n > 4 && strcmp(name + n - 4, ".swu") == 0) {
            return &action->artifacts[i];
        }
    }
    return action->artifact_count > 0 ? &action->artifacts[0] : NULL;
}

static err_t point_to(const struct request *request, const struct firmware_artifact *artifact,
                      struct response *response)
{
    AUTO_VAL(buf) location = {0};
    AUTO_VAL(buf) md5 = {0};
    char hash[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(artifact->digests.sha256.b), hash);
    TRY(ddi_origin(request, &location));
    TRY(buf_printf(&location, "/device/v1/firmware/images/%s", hash));
    TRY(base64_append(&md5, BYTES_OF(artifact->digests.md5))); /* RFC 1864 */
    response->status = 302;
    TRY(response_header(response, "Location", buf_str(&location)));
    return response_header(response, "Content-MD5", buf_str(&md5));
}

static err_t get_update(struct api *api, const struct request *request, struct response *response)
{
    const struct principal *device = NULL;
    struct firmware_poll poll;
    TRY(admit(api, request, &device));
    TRY(firmware_poll(api->options.fleet, &device->contact, &poll));
    if (poll.wants_attributes) {
        TRY(take_identify(api, request, &device->contact));
    }
    TRY(tell_when(response, poll.poll_s));
    bool is_offered = poll.has_action && poll.action.is_in_window && poll.action.state != ACTION_CANCELLING;
    const struct firmware_artifact *artifact = is_offered ? choose(&poll.action) : NULL;
    if (artifact == NULL) {
        response->status = 404;
        return OK;
    }
    return point_to(request, artifact, response);
}

/* --- the log ----------------------------------------------------------------------------------------- */

/* A line of comma-separated words of the client's own configuration; the first tells what happened. */
static void read_log(struct bytes body, struct firmware_report *out, char text[FIRMWARE_REPORT_TEXT_SIZE])
{
    static const struct {
        const char *word;
        enum firmware_word says;
        enum firmware_finish finish;
    } known[] = {{"success", FIRMWARE_CLOSED, FIRMWARE_SUCCESS},
                 {"fail", FIRMWARE_CLOSED, FIRMWARE_FAILURE},
                 {"started", FIRMWARE_DOWNLOAD, FIRMWARE_NONE}};
    size_t n = 0;
    while (n < body.n && n + 1 < FIRMWARE_REPORT_TEXT_SIZE) {
        text[n] = (char)(body.p[n] < 0x20 || body.p[n] >= 0x7f ? ' ' : body.p[n]);
        n++;
    }
    text[n] = '\0';
    size_t first = strcspn(text, ", ");
    *out = (struct firmware_report){.word = FIRMWARE_PROCEEDING, .text = text};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i].word) == first && strncmp(text, known[i].word, first) == 0) {
            out->word = known[i].says;
            out->finish = known[i].finish;
        }
    }
}

static err_t put_log(struct api *api, const struct request *request, struct response *response)
{
    const struct principal *device = NULL;
    struct firmware_report report;
    char text[FIRMWARE_REPORT_TEXT_SIZE];
    TRY(admit(api, request, &device));
    ENSURE(request->body.n <= LOG_LIMIT, ERR_TOO_LARGE, "a log line has at most %d bytes", LOG_LIMIT);
    read_log(request->body, &report, text);
    TRY(firmware_open_action(api->options.fleet, &device->contact, &report.action));
    TRY(firmware_report(api->options.fleet, &device->contact, &report));
    return ddi_reply_empty(response);
}

#define ROW(method_, path_, limit_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_DEVICE, .access = ACCESS_ANYONE,         \
        .body_limit = (limit_), .handler = (handler_)                                                        \
    }
const struct route swupdate_routes[] = {
    ROW(HTTP_GET, "/swupdate/v1/update", 0, get_update),
    ROW(HTTP_PUT, "/swupdate/v1/log", LOG_LIMIT, put_log),
};
#undef ROW
