/* DDI: the poll, and what a device tells of itself. Each poll may be the first that a rollout answers; it
 * costs one read where there is nothing new. */
#include "api/ddi.h"
#include "api/tables.h"

static err_t get_root(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    struct firmware_poll poll;
    AUTO(json_t) *root = NULL;
    TRY(ddi_open(api, request, &place));
    TRY(firmware_poll(api->options.fleet, place.contact, &poll));
    TRY(ddi_render_root(&poll, place.base, &root));
    return ddi_reply(request, response, root);
}

static err_t put_config_data(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    AUTO(json_t) *document = NULL;
    AUTO_VAL(ddi_attributes) attributes = {.data = NULL};
    TRY(ddi_open(api, request, &place));
    TRY(request_json(request, &document));
    TRY(ddi_attributes_read(document, &attributes));
    TRY(firmware_attributes_set(api->options.fleet, place.contact, attributes.mode, attributes.data));
    return ddi_reply_empty(response);
}

/* --- consent ----------------------------------------------------------------------------------------- */

/* Nobody at a device is asked here: what a rollout offers is agreed to, as under hawkBit's automatic
 * confirmation. So nothing ever waits, and turning that off would promise what is not done. */
static err_t get_confirmation(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *automatic = json_object();
    AUTO(json_t) *links = json_object();
    TRY(ddi_open(api, request, &place));
    TRY(json_set_bool(automatic, "active", true));
    TRY(json_take(answer, "autoConfirm", TAKE(automatic)));
    TRY(ddi_set_link(links, "activateAutoConfirm", place.base, "confirmationBase/activateAutoConfirm"));
    TRY(json_take(answer, "_links", TAKE(links)));
    return ddi_reply(request, response, answer);
}

static err_t activate_confirmation(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    TRY(ddi_open(api, request, &place));
    return ddi_reply_empty(response);
}

static err_t deactivate_confirmation(struct api *api, const struct request *request,
                                     struct response *response)
{
    struct ddi_place place;
    (void)response;
    TRY(ddi_open(api, request, &place));
    return ERR(ERR_WRONG_STATE, "what is offered is always confirmed here: there is nobody to ask");
}

static err_t get_confirmation_action(struct api *api, const struct request *request,
                                     struct response *response)
{
    struct ddi_place place;
    (void)response;
    TRY(ddi_open(api, request, &place));
    return ERR(ERR_NOT_FOUND, "no action waits for a confirmation");
}

static err_t post_confirmation(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    struct firmware_action action;
    int64_t id = 0;
    (void)response;
    TRY(ddi_open(api, request, &place));
    TRY(ddi_action_id(request->params[2], &id));
    TRY(firmware_action_get(api->options.fleet, place.contact, id, &action));
    return ERR(ERR_GONE, "the action does not wait for a confirmation");
}

#define BASE "/{tenant}/controller/v1/{controllerId}"
#define ROW(method_, tail_, limit_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = BASE tail_, .listeners = LISTENER_DEVICE, .access = ACCESS_DEVICE,      \
        .body_limit = (limit_), .handler = (handler_)                                                        \
    }
const struct route ddi_poll_routes[] = {
    ROW(HTTP_GET, "", 0, get_root),
    ROW(HTTP_PUT, "/configData", DDI_BODY_LIMIT, put_config_data),
    ROW(HTTP_GET, "/confirmationBase", 0, get_confirmation),
    ROW(HTTP_GET, "/confirmationBase/{actionId}", 0, get_confirmation_action),
    ROW(HTTP_POST, "/confirmationBase/{actionId}/feedback", DDI_BODY_LIMIT, post_confirmation),
    ROW(HTTP_POST, "/confirmationBase/activateAutoConfirm", DDI_BODY_LIMIT, activate_confirmation),
    ROW(HTTP_POST, "/confirmationBase/deactivateAutoConfirm", DDI_BODY_LIMIT, deactivate_confirmation),
};
#undef ROW
