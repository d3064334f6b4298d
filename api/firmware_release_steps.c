/* Steps of a release over REST (approve, publish, withdraw), its signed manifest and its SBOM. */
#include <stdio.h>
#include <string.h>

#include "api/firmware_release_views.h"
#include "api/guarded.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/release_sbom.h"

enum { STEP_BODY_LIMIT = 4096 };
static const char *const no_query[] = {NULL};

/* --- steps ---------------------------------------------------------------------------------------------- */

typedef err_t (*step_fn)(struct fleet *fleet, const struct terms *terms, struct uuid id, struct release *out);

/* Approving and publishing have nothing to say; an empty object is taken. */
static err_t read_nothing(const struct request *request, struct faults *faults)
{
    AUTO(json_t) *document = NULL;
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    return faults_error(faults);
}

static err_t post_step(struct api *api, const struct request *request, step_fn step,
                       struct response *response)
{
    struct uuid id;
    struct terms terms;
    struct release release;
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    TRY(request_uuid(request->params[0], "release", &id));
    TRY(request_terms(request, &faults, &terms));
    terms.guarded = &guarded;
    err_t error = read_nothing(request, &faults);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(step(api->options.fleet, &terms, id, &release));
    return guarded.is_waiting ? reply_waiting(api, request, &guarded, response)
                              : reply_release(request, 200, &release, response);
}

static err_t post_approve(struct api *api, const struct request *request, struct response *response)
{
    return post_step(api, request, release_approve, response);
}

static err_t post_publish(struct api *api, const struct request *request, struct response *response)
{
    return post_step(api, request, release_publish, response);
}

static err_t withdraw(struct api *api, const struct request *request, struct faults *faults,
                      struct release *out)
{
    struct raw {
        const char *reason;
    } raw = {NULL};
    static const struct json_field fields[] = {
        {"reason", JSON_KIND_TEXT, false, offsetof(struct raw, reason), 1, RELEASE_REASON_SIZE - 1,
         JSON_NO_HAS},
    };
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "release", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, 1, faults, &raw));
    request_need(document, "reason", faults);
    TRY(faults_error(faults));
    return release_withdraw(api->options.fleet, &terms, id, bytes_str(raw.reason), out);
}

static err_t post_withdraw(struct api *api, const struct request *request, struct response *response)
{
    struct release release;
    struct faults faults = {.count = 0};
    err_t error = withdraw(api, request, &faults, &release);
    return error.code == ERR_OK ? reply_release(request, 200, &release, response)
                                : reply_faults(request, error, &faults, response);
}

/* --- what belongs to it --------------------------------------------------------------------------------- */

static err_t get_manifest(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    int64_t ver = 0;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "release", &id));
    TRY(release_manifest(api->options.fleet, request->principal->tenant, id, &response->body, &ver));
    response->status = 200;
    response->content_type = "application/suit-envelope+cose";
    return OK;
}

static err_t get_sbom(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    enum sbom_type type = SBOM_CYCLONEDX;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "release", &id));
    TRY(release_sbom_get(api->options.fleet, request->principal->tenant, id, &response->body, &type));
    response->status = 200;
    response->content_type = sbom_media_type(type);
    return OK;
}

static err_t put_sbom(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct terms terms;
    struct release release;
    enum sbom_type type = SBOM_CYCLONEDX;
    struct faults faults = {.count = 0};
    TRY(request_uuid(request->params[0], "release", &id));
    TRY(request_terms(request, &faults, &terms));
    ENSURE(http_content_type_is(request, "application/json"), ERR_MEDIA_TYPE,
           "an SBOM comes as application/json");
    TRY(sbom_judge(request->body, &type));
    const struct sbom sbom = {.type = type, .document = request->body};
    TRY(release_sbom_put(api->options.fleet, &terms, id, &sbom, &release));
    return reply_release(request, 200, &release, response);
}

#define ROW(method_, word_, scopes_, limit_, handler_)                                                       \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/firmware/releases/{id}/" word_,                                \
        .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER, .scopes = (scopes_),                      \
        .body_limit = (limit_), .handler = (handler_)                                                        \
    }
const struct route release_step_routes[] = {
    ROW(HTTP_POST, "approve", SCOPE_FIRMWARE_RELEASE, STEP_BODY_LIMIT, post_approve),
    ROW(HTTP_POST, "publish", SCOPE_FIRMWARE_RELEASE, STEP_BODY_LIMIT, post_publish),
    ROW(HTTP_POST, "withdraw", SCOPE_FIRMWARE_RELEASE, STEP_BODY_LIMIT, post_withdraw),
    ROW(HTTP_GET, "manifest", SCOPE_FIRMWARE_READ, 0, get_manifest),
    ROW(HTTP_GET, "sbom", SCOPE_FIRMWARE_READ, 0, get_sbom),
    ROW(HTTP_PUT, "sbom", SCOPE_FIRMWARE_WRITE, SBOM_MAX, put_sbom),
};
