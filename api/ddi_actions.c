/* DDI: one action, read and reported. Reading starts nothing, however often it is done; what a report means
 * is decided by fleet/firmware_offers.h. */
#include "api/ddi.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/request_words.h"
#include "api/tables.h"
#include "fleet/firmware_self.h"

static err_t open_action(struct api *api, const struct request *request, struct ddi_place *place,
                         struct firmware_action *out)
{
    int64_t id = 0;
    TRY(ddi_open(api, request, place));
    TRY(ddi_action_id(request->params[2], &id));
    return firmware_action_get(api->options.fleet, place->contact, id, out);
}

/* ?actionHistory=N: the last N of what the device said itself, all that is kept for a number below 0. */
static err_t add_history(struct api *api, const struct request *request, const struct ddi_place *place,
                         const struct firmware_action *action, json_t *answer)
{
    long most = words_history(http_query(request, "actionHistory"));
    if (most == 0) {
        return OK;
    }
    AUTO(json_t) *history = json_object();
    AUTO(json_t) *messages = json_array();
    TRY(firmware_said(api->options.fleet, place->contact, action->id, messages));
    while (most > 0 && json_array_size(messages) > (size_t)most) {
        (void)json_array_remove(messages, json_array_size(messages) - 1);
    }
    TRY(json_set_text(history, "status", ddi_status(action->state)));
    TRY(json_take(history, "messages", TAKE(messages)));
    return json_take(answer, "actionHistory", TAKE(history));
}

static err_t get_deployment(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    struct firmware_action action;
    AUTO(json_t) *answer = NULL;
    TRY(open_action(api, request, &place, &action));
    ENSURE(action.state != ACTION_CANCELLING, ERR_NOT_FOUND, "the action is being cancelled");
    ENSURE(firmware_action_is_open(action.state), ERR_GONE, "the action is ended");
    TRY(ddi_render_deployment(&action, place.base, "deployment", &answer));
    TRY(add_history(api, request, &place, &action, answer));
    return ddi_reply(request, response, answer);
}

static err_t get_installed(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    struct firmware_action action;
    AUTO(json_t) *answer = NULL;
    TRY(open_action(api, request, &place, &action));
    bool is_installed = action.state == ACTION_SUCCEEDED || action.state == ACTION_UNVERIFIED;
    ENSURE(is_installed, ERR_NOT_FOUND, "the action installed nothing");
    TRY(ddi_render_deployment(&action, place.base, "deployment", &answer));
    TRY(add_history(api, request, &place, &action, answer));
    return ddi_reply(request, response, answer);
}

static err_t get_cancel(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    struct firmware_action action;
    char id[24];
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *cancel = json_object();
    TRY(open_action(api, request, &place, &action));
    ENSURE(action.state == ACTION_CANCELLING, ERR_NOT_FOUND, "the action is not being cancelled");
    (void)snprintf(id, sizeof id, "%" PRId64, action.id);
    TRY(json_set_text(answer, "id", id));
    TRY(json_set_text(cancel, "stopId", id));
    TRY(json_take(answer, "cancelAction", TAKE(cancel)));
    return ddi_reply(request, response, answer);
}

/* What it was given beside this server: {"name", "version"}. */
static err_t put_installed(struct api *api, const struct request *request, struct response *response)
{
    struct ddi_place place;
    AUTO(json_t) *document = NULL;
    TRY(ddi_open(api, request, &place));
    TRY(request_json(request, &document));
    const char *name = json_string_value(json_object_get(document, "name"));
    const char *version = json_string_value(json_object_get(document, "version"));
    ENSURE(name != NULL && version != NULL, ERR_BAD_REQUEST, "name and version are needed, as texts");
    TRY(firmware_installed_offline(api->options.fleet, place.contact, version));
    return ddi_reply_empty(response);
}

/* --- feedback ---------------------------------------------------------------------------------------- */

static err_t report(struct api *api, const struct request *request, bool is_cancel)
{
    struct ddi_place place;
    struct ddi_feedback feedback;
    AUTO(json_t) *document = NULL;
    int64_t id = 0;
    TRY(ddi_open(api, request, &place));
    TRY(ddi_action_id(request->params[2], &id));
    TRY(request_json(request, &document));
    TRY(ddi_feedback_read(document, &feedback));
    const struct firmware_report said = {.action = id,
                                         .word = feedback.word,
                                         .finish = feedback.finish,
                                         .has_progress = feedback.has_progress,
                                         .done = feedback.done,
                                         .of = feedback.of,
                                         .has_code = feedback.has_code,
                                         .code = feedback.code,
                                         .is_cancel = is_cancel,
                                         .text = feedback.text};
    return firmware_report(api->options.fleet, place.contact, &said);
}

static err_t post_deployment_feedback(struct api *api, const struct request *request,
                                      struct response *response)
{
    TRY(report(api, request, false));
    return ddi_reply_empty(response);
}

static err_t post_cancel_feedback(struct api *api, const struct request *request, struct response *response)
{
    err_t error = report(api, request, true);
    if (error.code == ERR_WRONG_STATE) {
        return ERR(ERR_METHOD, "%s", error.detail); /* hawkBit's status for what cannot be cancelled */
    }
    TRY(error);
    return ddi_reply_empty(response);
}

#define BASE "/{tenant}/controller/v1/{controllerId}"
#define ROW(method_, tail_, limit_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = BASE tail_, .listeners = LISTENER_DEVICE, .access = ACCESS_DEVICE,      \
        .body_limit = (limit_), .handler = (handler_)                                                        \
    }
const struct route ddi_action_routes[] = {
    ROW(HTTP_GET, "/deploymentBase/{actionId}", 0, get_deployment),
    ROW(HTTP_POST, "/deploymentBase/{actionId}/feedback", DDI_BODY_LIMIT, post_deployment_feedback),
    ROW(HTTP_GET, "/cancelAction/{actionId}", 0, get_cancel),
    ROW(HTTP_POST, "/cancelAction/{actionId}/feedback", DDI_BODY_LIMIT, post_cancel_feedback),
    ROW(HTTP_GET, "/installedBase/{actionId}", 0, get_installed),
    ROW(HTTP_PUT, "/installedBase", DDI_BODY_LIMIT, put_installed),
};
#undef ROW
