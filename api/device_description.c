/* PATCH of one device: its labels, attributes and note, as a merge patch (RFC 7396) under If-Match. */
#include "fleet/device_description.h"
#include "api/device_views.h"
#include "api/tables.h"
#include "api/terms.h"

enum { DESCRIPTION_BODY_LIMIT = 16 * 1024 };

/* The form of the patch; what a label may be is for the service. */
static err_t read_patch(const struct request *request, struct faults *faults, json_t **out)
{
    struct raw {
        json_t *labels, *attributes;
        const char *note;
    } raw;
    static const struct json_field fields[] = {
        {"labels", JSON_KIND_OBJECT, false, offsetof(struct raw, labels), 0, 0, JSON_NO_HAS},
        {"attributes", JSON_KIND_OBJECT, false, offsetof(struct raw, attributes), 0, 0, JSON_NO_HAS},
        {"note", JSON_KIND_TEXT, false, offsetof(struct raw, note), 0, DEVICE_NOTE_SIZE - 1, JSON_NO_HAS},
    };
    TRY(request_body(request, false, out));
    TRY(json_read_all(*out, fields, sizeof fields / sizeof fields[0], faults, &raw));
    return faults_error(faults);
}

static err_t patch_device(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *patch = NULL;
    struct faults faults = {.count = 0};
    struct terms terms;
    struct device_id id;
    struct device_row row;
    TRY(request_device_id(request->params[0], &id));
    TRY(request_terms(request, &faults, &terms));
    err_t error = read_patch(request, &faults, &patch);
    if (error.code == ERR_OK) {
        error = device_describe(api->options.fleet, &terms, &id, patch, &row);
    }
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    return reply_device(api, &row, response);
}

const struct route device_description_routes[] = {
    {.method = HTTP_PATCH,
     .path = "/api/v1/devices/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_WRITE,
     .body_limit = DESCRIPTION_BODY_LIMIT,
     .handler = patch_device},
};
