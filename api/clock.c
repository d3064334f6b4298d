/* The clock of this node over REST: whether it is in doubt, and the word of somebody who knows the time. */
#include "fleet/clock_guard.h"

#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 4096 };

static const char *const no_query[] = {NULL};

static err_t reply_clock(const struct clock_view *view, struct response *response)
{
    AUTO(json_t) *answer = json_object();
    TRY(json_set_time(answer, "time", view->now_ms));
    TRY(json_set_bool(answer, "is_held", view->is_held));
    TRY(json_set_int(answer, "step_limit_s", view->limit_ms / 1000));
    if (view->is_held) {
        TRY(json_set_text(answer, "reason", clock_reason_name(view->reason)));
        TRY(json_set_int(answer, "step_s", view->step_ms / 1000));
        TRY(json_set_time(answer, "held_since", view->since_ms));
    }
    return reply_json(response, 200, answer);
}

static err_t get_clock(struct api *api, const struct request *request, struct response *response)
{
    struct clock_view view;
    TRY(request_check_query(request, no_query));
    clock_guard_view(api->options.fleet, &view);
    return reply_clock(&view, response);
}

static err_t confirm(struct api *api, const struct request *request, struct faults *faults,
                     struct clock_view *out)
{
    struct raw {
        int64_t time_ms;
    } raw = {0};
    static const struct json_field fields[] = {
        {"time", JSON_KIND_TIME, true, offsetof(struct raw, time_ms), 0, 0, JSON_NO_HAS},
    };
    AUTO(json_t) *document = NULL;
    TRY(request_check_query(request, no_query));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, 1, faults, &raw));
    TRY(faults_error(faults));
    return clock_guard_confirm(api->options.fleet, &request->principal->actor, raw.time_ms, out);
}

static err_t post_confirm(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct clock_view view;
    err_t error = confirm(api, request, &faults, &view);
    return error.code == ERR_OK ? reply_clock(&view, response)
                                : reply_faults(request, error, &faults, response);
}

const struct route clock_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/clock",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_METRICS_READ,
     .handler = get_clock},
    {.method = HTTP_POST,
     .path = "/api/v1/clock/confirm",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_INSTALLATION,
     .body_limit = BODY_LIMIT,
     .handler = post_confirm},
};
