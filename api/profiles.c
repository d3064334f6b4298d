/* Certificate profiles over REST: list, look, make, change, delete, and their versions. The rules are in
 * fleet/certificate_profiles.c and fleet/profile_spec_read.c. */
#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/certificate_profiles.h"

enum { BODY_LIMIT = 8192 };
static const char *const no_query[] = {NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t render(const struct named_profile *profile, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *object = json_object();
    TRY(json_set_text(object, "name", profile->name));
    TRY(json_set_int(object, "version", profile->version));
    TRY(json_set_bool(object, "built_in", profile->is_built_in));
    TRY(profile_spec_write(&profile->spec, object));
    TRY(json_set_time_if(object, "created_at", profile->created_at));
    TRY(json_set_time_if(object, "updated_at", profile->updated_at));
    *out = TAKE(object);
    return OK;
}

static err_t reply(const struct request *request, int status, const struct named_profile *profile,
                   struct response *response)
{
    AUTO(json_t) *object = NULL;
    TRY(render(profile, &object));
    return reply_resource(request, response, status, object, profile->ver);
}

/* --- looked at -------------------------------------------------------------------------------------- */

static err_t add_profile(const struct named_profile *profile, void *arg)
{
    AUTO(json_t) *object = NULL;
    TRY(render(profile, &object));
    return page_add(arg, bytes_str(profile->name), TAKE(object));
}

static err_t get_profiles(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open(request, "profiles", &page));
    const struct row_window window = page_window(&page);
    TRY(certificate_profile_list(api->options.fleet, page.tenant, &window, add_profile, &page));
    return page_reply(&page, response);
}

static err_t get_profile(struct api *api, const struct request *request, struct response *response)
{
    struct named_profile profile;
    TRY(request_check_query(request, no_query));
    TRY(certificate_profile_get(api->options.fleet, request->principal->tenant, bytes_str(request->params[0]),
                                &profile));
    return reply(request, 200, &profile, response);
}

static err_t add_version(const struct named_profile *profile, void *arg)
{
    uint8_t key[8];
    AUTO(json_t) *object = NULL;
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)((uint64_t)profile->version >> (56 - 8 * i));
    }
    TRY(render(profile, &object));
    return page_add(arg, BYTES_OF(key), TAKE(object));
}

static err_t get_versions(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open(request, "versions", &page));
    const struct row_window window = page_window(&page);
    TRY(certificate_profile_list_versions(api->options.fleet, page.tenant, bytes_str(request->params[0]),
                                          &window, add_version, &page));
    return page_reply(&page, response);
}

static err_t read_version(const char *text, int64_t *out)
{
    *out = 0;
    size_t n = 0;
    while (text[n] >= '0' && text[n] <= '9' && n < 18) {
        *out = *out * 10 + (text[n] - '0');
        n++;
    }
    ENSURE(n > 0 && text[n] == '\0' && text[0] != '0', ERR_BAD_REQUEST,
           "a version is a number from 1 upwards");
    return OK;
}

static err_t get_version(struct api *api, const struct request *request, struct response *response)
{
    struct named_profile profile;
    int64_t version = 0;
    TRY(request_check_query(request, no_query));
    TRY(read_version(request->params[1], &version));
    TRY(certificate_profile_get_version(api->options.fleet, request->principal->tenant,
                                        bytes_str(request->params[0]), version, &profile));
    return reply(request, 200, &profile, response);
}

/* --- changed ---------------------------------------------------------------------------------------- */

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct named_profile *out)
{
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    return certificate_profile_add(api->options.fleet, &terms, document, out);
}

static err_t post_profile(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct named_profile profile = {.version = 0};
    AUTO_VAL(buf) path = {0};
    err_t error = create(api, request, &faults, &profile);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(buf_printf(&path, "/api/v1/profiles/%s", profile.name));
    TRY(response_header(response, "Location", buf_str(&path)));
    return reply(request, 201, &profile, response);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct named_profile *out)
{
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    return certificate_profile_change(api->options.fleet, &terms, bytes_str(request->params[0]), document,
                                      out);
}

static err_t patch_profile(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct named_profile profile = {.version = 0};
    err_t error = change(api, request, &faults, &profile);
    return error.code == ERR_OK ? reply(request, 200, &profile, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t delete_profile(struct api *api, const struct request *request, struct response *response)
{
    struct terms terms;
    struct faults faults = {.count = 0};
    TRY(request_terms(request, &faults, &terms));
    TRY(certificate_profile_delete(api->options.fleet, &terms, bytes_str(request->params[0])));
    response->status = 204;
    return OK;
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_),                                                                                  \
        .body_limit = (method_) == HTTP_POST || (method_) == HTTP_PATCH ? BODY_LIMIT : 0,                    \
        .handler = (handler_)                                                                                \
    }
const struct route profile_routes[] = {
    ROW(HTTP_GET, "/api/v1/profiles", SCOPE_CERTIFICATES_READ, get_profiles),
    ROW(HTTP_POST, "/api/v1/profiles", SCOPE_ADMIN, post_profile),
    ROW(HTTP_GET, "/api/v1/profiles/{name}", SCOPE_CERTIFICATES_READ, get_profile),
    ROW(HTTP_PATCH, "/api/v1/profiles/{name}", SCOPE_ADMIN, patch_profile),
    ROW(HTTP_DELETE, "/api/v1/profiles/{name}", SCOPE_ADMIN, delete_profile),
    ROW(HTTP_GET, "/api/v1/profiles/{name}/versions", SCOPE_CERTIFICATES_READ, get_versions),
    ROW(HTTP_GET, "/api/v1/profiles/{name}/versions/{version}", SCOPE_CERTIFICATES_READ, get_version),
};
#undef ROW
