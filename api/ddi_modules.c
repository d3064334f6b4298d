/* DDI: the bytes. A software module is an image, named by its id, with one artifact; a device gets those of
 * its open action and of the one that it installed last. Ranges and conditions are download.h's. */
#include <string.h>

#include "api/ddi.h"
#include "api/download.h"
#include "api/tables.h"

/* @errors ERR_NOT_FOUND it was not offered this image, or the image has another name */
static err_t open_artifact(struct api *api, const struct request *request, const char *filename,
                           struct ddi_place *place, struct firmware_grant *out)
{
    struct uuid image;
    TRY(ddi_open(api, request, place));
    err_t parsed = uuid_parse(bytes_str(request->params[2]), &image);
    ENSURE(parsed.code == ERR_OK, ERR_NOT_FOUND, "no such software module");
    TRY(firmware_grant(api->options.fleet, place->contact, &image, NULL, out));
    ENSURE(filename == NULL || strcmp(filename, out->artifact.filename) == 0, ERR_NOT_FOUND,
           "the software module has no such artifact");
    return OK;
}

static err_t get_artifacts(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    struct firmware_grant grant;
    json_t *artifact = NULL;
    AUTO(json_t) *list = json_array();
    TRY(open_artifact(api, request, NULL, &place, &grant));
    TRY(ddi_render_artifact(&grant.artifact, place.base, &artifact));
    ENSURE(json_array_append_new(list, artifact) == 0, ERR_NO_MEMORY, "a list of artifacts");
    return ddi_reply(request, response, list);
}

static err_t get_artifact(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    struct firmware_grant grant;
    TRY(open_artifact(api, request, request->params[3], &place, &grant));
    struct request plain = *request;
    if (place.contact->proof == PROOF_TARGET_TOKEN) {
        plain.memo = NULL; /* the connection proves nothing: each request shows its token */
    }
    return download_send(api, &plain, &grant.artifact.image, NULL, response);
}

static err_t recall_artifact(struct api *api, const struct request *request, struct response *response)
{
    struct uuid image;
    err_t parsed = uuid_parse(bytes_str(request->params[2]), &image);
    return parsed.code != ERR_OK ? OK : download_recall(api, request, &image, NULL, response);
}

static err_t get_md5sum(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    struct firmware_grant grant;
    char hex[2 * MD5_SIZE + 1];
    TRY(open_artifact(api, request, request->params[3], &place, &grant));
    hex_encode(BYTES_OF(grant.artifact.digests.md5), hex);
    response->status = 200;
    response->content_type = "text/plain";
    return buf_printf(&response->body, "%s  %s", hex, grant.artifact.filename);
}

#define MODULE "/{tenant}/controller/v1/{controllerId}/softwaremodules/{moduleId}/artifacts"
#define ROW(tail_, handler_, quick_)                                                                         \
    {                                                                                                        \
        .method = HTTP_GET, .path = MODULE tail_, .listeners = LISTENER_DEVICE, .access = ACCESS_DEVICE,     \
        .handler = (handler_), .quick = (quick_)                                                             \
    }
const struct route ddi_module_routes[] = {
    ROW("", get_artifacts, NULL),
    ROW("/{fileName}", get_artifact, recall_artifact),
    ROW("/{fileName}.MD5SUM", get_md5sum, NULL),
};
#undef ROW
