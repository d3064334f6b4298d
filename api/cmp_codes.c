/* A device's code for CMP over REST: made, looked at, revoked. Its text is in one answer, never in another.
 * The rules are in fleet/cmp_codes.c. */
#include "fleet/cmp_codes.h"

#include <stddef.h>
#include <stdio.h>

#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"

enum { BODY_LIMIT = 4096 };
static const char *const no_query[] = {NULL};

static err_t render(const struct cmp_code *code, json_t **out)
{
    const struct cmp_code_row *row = &code->row;
    char reference[CMP_REFERENCE_TEXT_SIZE];
    *out = NULL;
    cmp_reference_format(row->reference, reference);
    AUTO(json_t) *object = json_object();
    TRY(json_set_hex(object, "device_id", BYTES_OF(row->device.b)));
    TRY(json_set_text(object, "reference", reference));
    TRY(json_set_text(object, "state", cmp_code_state_name(code->state)));
    if (row->is_bound) {
        TRY(json_set_hex(object, "key_sha256", BYTES_OF(row->spki_sha256)));
    }
    TRY(json_set_time_if(object, "bound_at", row->bound_at));
    TRY(json_set_time(object, "not_after", row->not_after));
    TRY(json_set_time(object, "created_at", row->created_at));
    TRY(json_set_time_if(object, "used_at", row->used_at));
    TRY(json_set_time_if(object, "revoked_at", row->revoked_at));
    TRY(json_set_int(object, "failed_attempts", row->failed_attempts));
    TRY(json_set_time_if(object, "failed_at", row->failed_at));
    *out = TAKE(object);
    return OK;
}

/* Never 304: the state changes with the time. */
static err_t get_code(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *object = NULL;
    struct device_id id;
    struct cmp_code code;
    TRY(request_check_query(request, no_query));
    TRY(request_device_id(request->params[0], &id));
    TRY(cmp_code_get(api->options.fleet, request->principal->tenant, &id, &code));
    TRY(render(&code, &object));
    return reply_counted(response, 200, object, code.row.ver);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct new_cmp_code *out)
{
    static const struct json_field fields[] = {
        {"not_after", JSON_KIND_TIME, false, offsetof(struct cmp_code_wish, not_after), 0, 0, JSON_NO_HAS}};
    AUTO(json_t) *document = NULL;
    struct terms terms;
    struct cmp_code_wish wish = {.not_after = 0};
    TRY(request_device_id(request->params[0], &wish.device));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, fields, 1, faults, &wish));
    TRY(faults_error(faults));
    return cmp_code_make(api->options.fleet, &terms, &wish, out);
}

static err_t post_code(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    char location[128];
    AUTO(json_t) *object = NULL;
    AUTO_VAL(new_cmp_code) made = {.text = ""};
    err_t error = create(api, request, &faults, &made);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    (void)snprintf(location, sizeof location, "/api/v1/devices/%s/cmp-code", request->params[0]);
    TRY(response_header(response, "Location", location));
    TRY(response_header(response, "Cache-Control", "no-store"));
    TRY(render(&made.code, &object));
    TRY(json_set_text(object, "code", made.text));
    return reply_counted(response, 201, object, made.code.row.ver);
}

static err_t delete_code(struct api *api, const struct request *request, struct response *response)
{
    struct terms terms;
    struct device_id id;
    struct cmp_code code;
    TRY(request_device_id(request->params[0], &id));
    TRY(request_terms(request, NULL, &terms));
    TRY(cmp_code_revoke(api->options.fleet, &terms, &id, &code));
    response->status = 204;
    return OK;
}

#define ROW(method_, scope_, handler_)                                                                       \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/devices/{id}/cmp-code", .listeners = LISTENER_MANAGEMENT,      \
        .access = ACCESS_CALLER, .scopes = (scope_), .body_limit = (method_) == HTTP_POST ? BODY_LIMIT : 0,  \
        .handler = (handler_)                                                                                \
    }
const struct route cmp_code_routes[] = {
    ROW(HTTP_GET, SCOPE_CODES_READ, get_code),
    ROW(HTTP_POST, SCOPE_CODES_WRITE, post_code),
    ROW(HTTP_DELETE, SCOPE_CODES_WRITE, delete_code),
};
#undef ROW
