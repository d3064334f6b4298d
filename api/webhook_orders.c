/* What is ordered of a webhook over REST, and its deliveries: a test, a replay, a list, a retry. The rules
 * are in fleet/webhook_orders.c. */
#include <string.h>

#include "api/page.h"
#include "api/tables.h"
#include "api/webhook_views.h"

enum { BODY_LIMIT = 4096 };

static const char *const state_names[] = {
    [DELIVERY_WAITING] = "waiting", [DELIVERY_DELIVERED] = "delivered", [DELIVERY_FAILED] = "failed"};
enum { STATES = sizeof state_names / sizeof state_names[0] };

/* --- out -------------------------------------------------------------------------------------------- */

static err_t render(const struct delivery_row *row, json_t **out)
{
    char id[UUID_TEXT_SIZE];
    *out = NULL;
    uuid_format(row->id, id);
    AUTO(json_t) *delivery = json_object();
    TRY(json_set_text(delivery, "id", id));
    TRY(json_set_text(delivery, "event_id", row->event));
    TRY(json_set_text(delivery, "type", row->type));
    TRY(json_set_text(delivery, "state", state_names[row->state]));
    TRY(json_set_int(delivery, "attempts", row->attempts));
    if (row->status > 0) {
        TRY(json_set_int(delivery, "response_status", row->status));
    }
    if (row->error[0] != '\0') {
        TRY(json_set_text(delivery, "error", row->error));
    }
    TRY(webhook_set_time_if(delivery, "last_attempt_at", row->last_at));
    TRY(webhook_set_time_if(delivery, "next_attempt_at", row->next_at));
    TRY(webhook_set_time_if(delivery, "ended_at", row->ended_at));
    TRY(json_set_time(delivery, "created_at", row->created_at));
    *out = TAKE(delivery);
    return OK;
}

static err_t reply(int status, const struct delivery_row *row, struct response *response)
{
    AUTO(json_t) *delivery = NULL;
    TRY(render(row, &delivery));
    return reply_json(response, status, delivery);
}

/* --- the list --------------------------------------------------------------------------------------- */

static err_t add_delivery(const struct delivery_row *row, void *arg)
{
    AUTO(json_t) *delivery = NULL;
    TRY(render(row, &delivery));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(delivery));
}

static err_t read_state(const char *text, struct delivery_window *out)
{
    for (size_t i = 0; i < STATES; i++) {
        if (strcmp(text, state_names[i]) == 0) {
            out->has_state = true;
            out->state = (enum delivery_state)i;
            return OK;
        }
    }
    return ERR(ERR_BAD_REQUEST, "a delivery is waiting, delivered or failed");
}

static err_t get_deliveries(struct api *api, const struct request *request, struct response *response)
{
    static const char *const filters[] = {"state", NULL};
    AUTO_VAL(page) page = {.name = ""};
    struct delivery_window window = {.has_state = false};
    TRY(request_uuid(request->params[0], "webhook", &window.webhook));
    TRY(page_open_filtered(request, "deliveries", filters, &page));
    const char *state = http_query(request, "state");
    TRY(state == NULL ? OK : read_state(state, &window));
    const struct row_window rows = page_window(&page);
    window.before = rows.after;
    window.limit = rows.limit;
    TRY(webhook_deliveries(api->options.fleet, page.tenant, &window, add_delivery, &page));
    return page_reply(&page, response);
}

/* --- orders ----------------------------------------------------------------------------------------- */

static err_t post_test(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct uuid id;
    struct delivery_row row = {.attempts = 0};
    err_t error = webhook_read_order(request, &faults, &terms, &id);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(webhook_test(api->options.fleet, &terms, id, &row));
    return reply(202, &row, response);
}

static err_t post_retry(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct delivery_name name;
    struct delivery_row row = {.attempts = 0};
    TRY(request_uuid(request->params[1], "delivery", &name.id));
    err_t error = webhook_read_order(request, &faults, &terms, &name.webhook);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(webhook_retry(api->options.fleet, &terms, &name, &row));
    return reply(202, &row, response);
}

struct raw {
    const char *after;
    int64_t since;
    bool has_since;
};
static const struct json_field fields[] = {
    {"after", JSON_KIND_TEXT, false, offsetof(struct raw, after), 1, EVENT_ID_SIZE, JSON_NO_HAS},
    {"since", JSON_KIND_TIME, false, offsetof(struct raw, since), 0, 0, offsetof(struct raw, has_since)},
};

static err_t order_replay(struct api *api, const struct request *request, struct faults *faults,
                          struct webhook_row *out)
{
    struct raw raw = {.after = NULL};
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "webhook", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    TRY(faults_error(faults));
    const struct webhook_replay replay = {.has_since = raw.has_since,
                                          .since_ms = raw.since,
                                          .after = raw.after == NULL ? BYTES_NONE : bytes_str(raw.after)};
    return webhook_replay(api->options.fleet, &terms, id, &replay, out);
}

static err_t post_replay(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct webhook_row row = {.ver = 0};
    err_t error = order_replay(api, request, &faults, &row);
    return error.code == ERR_OK ? reply_webhook(&row, 202, NULL, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scope_, limit_, handler_)                                                        \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (limit_), .handler = (handler_)                                    \
    }
const struct route webhook_order_routes[] = {
    ROW(HTTP_POST, "/api/v1/webhooks/{id}/test", SCOPE_WEBHOOKS_WRITE, BODY_LIMIT, post_test),
    ROW(HTTP_POST, "/api/v1/webhooks/{id}/replay", SCOPE_WEBHOOKS_WRITE, BODY_LIMIT, post_replay),
    ROW(HTTP_GET, "/api/v1/webhooks/{id}/deliveries", SCOPE_WEBHOOKS_READ, 0, get_deliveries),
    ROW(HTTP_POST, "/api/v1/webhooks/{id}/deliveries/{delivery}/retry", SCOPE_WEBHOOKS_WRITE, BODY_LIMIT,
        post_retry),
};
#undef ROW
