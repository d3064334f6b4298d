/* Orders about one device over REST, all by one handler: the last word of the path names the order. An
 * optional body says why; If-Match is compared inside of the transaction. */
#include <string.h>

#include "api/device_views.h"
#include "api/guarded.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/device_actions.h"
#include "fleet/revocation.h"

enum { ACTION_BODY_LIMIT = 4096, CAUSE_MAX = 128, NOTE_MAX = 512 };

static err_t read_action(const struct request *request, enum device_action *out)
{
    const char *word = strrchr(request->route->path, '/') + 1;
    for (int action = ACTION_QUARANTINE; action <= ACTION_COMPROMISED; action++) {
        if (strcmp(device_action_name((enum device_action)action), word) == 0) {
            *out = (enum device_action)action;
            return OK;
        }
    }
    return ERR(ERR_INTERNAL, "no order is named %s", word);
}

/* The reason of a revocation is RFC 5280's; every other one is what a person says. */
static err_t take_reason(const char *reason, struct device_order *order, struct faults *faults)
{
    if (order->action != ACTION_REVOKE || reason == NULL) {
        order->cause = reason;
        return OK;
    }
    return faults_note(faults, "/reason", revocation_reason_parse(bytes_str(reason), &order->reason));
}

/** @param[out] document keeps the texts of the order */
static err_t read_body(const struct request *request, struct device_order *order, json_t **document,
                       struct faults *faults)
{
    struct raw {
        const char *reason, *note;
        int64_t valid_for_s;
    } raw = {.valid_for_s = RECOVERY_ALLOWED_S};
    static const struct json_field fields[] = {
        {"reason", JSON_KIND_TEXT, false, offsetof(struct raw, reason), 1, CAUSE_MAX, JSON_NO_HAS},
        {"note", JSON_KIND_TEXT, false, offsetof(struct raw, note), 1, NOTE_MAX, JSON_NO_HAS},
        {"valid_for_s", JSON_KIND_INTEGER, false, offsetof(struct raw, valid_for_s), RECOVERY_ALLOWED_MIN_S,
         RECOVERY_ALLOWED_MAX_S, JSON_NO_HAS},
    };
    /* the last field is of one order only: to the others it is unknown */
    const size_t field_count =
        sizeof fields / sizeof fields[0] - (order->action == ACTION_ALLOW_RECOVERY ? 0 : 1);
    TRY(request_body(request, true, document));
    TRY(json_read_all(*document, fields, field_count, faults, &raw));
    order->note = raw.note;
    order->valid_for_s = raw.valid_for_s;
    TRY(take_reason(raw.reason, order, faults));
    return faults_error(faults);
}

static err_t post_action(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    struct faults faults = {.count = 0};
    struct device_order order = {.cause = NULL};
    struct guarded guarded = {.is_waiting = false};
    struct terms terms;
    struct device_row row;
    TRY(request_device_id(request->params[0], &order.id));
    TRY(request_terms(request, &faults, &terms));
    terms.guarded = &guarded;
    TRY(read_action(request, &order.action));
    err_t error = read_body(request, &order, &document, &faults);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(device_act(api->options.fleet, &terms, &order, &row));
    return guarded.is_waiting ? reply_waiting(api, request, &guarded, response)
                              : reply_device(api, &row, response);
}

#define ORDER(word, scope)                                                                                   \
    {                                                                                                        \
        .method = HTTP_POST, .path = "/api/v1/devices/{id}/" word, .listeners = LISTENER_MANAGEMENT,         \
        .access = ACCESS_CALLER, .scopes = (scope), .body_limit = ACTION_BODY_LIMIT, .handler = post_action  \
    }

const struct route device_action_routes[] = {
    ORDER("quarantine", SCOPE_DEVICES_WRITE),    ORDER("release", SCOPE_DEVICES_WRITE),
    ORDER("allow-reenrol", SCOPE_DEVICES_WRITE), ORDER("allow-recovery", SCOPE_DEVICES_WRITE),
    ORDER("rekey", SCOPE_DEVICES_WRITE),         ORDER("revoke", SCOPE_CERTIFICATES_REVOKE),
    ORDER("retire", SCOPE_CERTIFICATES_REVOKE),  ORDER("compromised", SCOPE_CERTIFICATES_REVOKE),
};
