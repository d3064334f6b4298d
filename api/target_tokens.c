/* What an operator says of how one device polls: its target token, and the name of its own. */
#include "fleet/target_tokens.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/firmware_controller.h"

enum { BODY_LIMIT = 4096 };

static err_t read_order(const struct request *request, struct terms *terms, struct device_id *id)
{
    TRY(request_device_id(request->params[0], id));
    return request_terms(request, NULL, terms);
}

static err_t put_token(struct api *api, const struct request *request, struct response *response)
{
    struct terms terms;
    struct device_id id;
    char token[TARGET_TOKEN_SIZE];
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *document = NULL;
    struct faults faults = {.count = 0};
    TRY(read_order(request, &terms, &id));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, &faults, NULL));
    err_t wrong = faults_error(&faults);
    if (wrong.code != ERR_OK) {
        return reply_faults(request, wrong, &faults, response);
    }
    TRY(target_token_make(api->options.fleet, &terms, &id, token));
    err_t error = json_set_text(answer, "target_token", token);
    bytes_wipe(token, sizeof token);
    TRY(error);
    return reply_json(response, 200, answer);
}

static err_t delete_token(struct api *api, const struct request *request, struct response *response)
{
    struct terms terms;
    struct device_id id;
    TRY(read_order(request, &terms, &id));
    TRY(target_token_remove(api->options.fleet, &terms, &id));
    response->status = 204;
    return OK;
}

static err_t delete_controller(struct api *api, const struct request *request, struct response *response)
{
    struct terms terms;
    struct device_id id;
    TRY(read_order(request, &terms, &id));
    TRY(firmware_controller_clear(api->options.fleet, &terms, &id));
    response->status = 204;
    return OK;
}

#define ROW(method_, tail_, limit_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/devices/{id}/firmware/" tail_,                                 \
        .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER, .scopes = SCOPE_FIRMWARE_RELEASE,         \
        .body_limit = (limit_), .handler = (handler_)                                                        \
    }
const struct route target_token_routes[] = {
    ROW(HTTP_PUT, "target-token", BODY_LIMIT, put_token),
    ROW(HTTP_DELETE, "target-token", 0, delete_token),
    ROW(HTTP_DELETE, "controller", 0, delete_controller),
};
#undef ROW
