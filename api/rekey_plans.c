/* Rekey plans over REST: list, look, draft, change, order. The rules are in fleet/rekey_plans.c and
 * fleet/rekey_orders.c, the form of a plan in JSON in fleet/rekey_spec_*.c. */
#include "fleet/rekey_plans.h"

#include <string.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 16384, ORDER_LIMIT = 4096 };
static const char PATH[] = "/api/v1/rekey-plans";
static const char *const no_query[] = {NULL};
static const char *const filters[] = {"state", NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t render_counts(const struct rekey_plan *plan, json_t *out)
{
    const struct rekey_tally_row *tally = &plan->tally;
    AUTO(json_t) *devices = json_object();
    TRY(json_set_int(devices, "told", tally->told));
    TRY(json_set_int(devices, "waiting", tally->waiting));
    TRY(json_set_int(devices, "confirmed", tally->confirmed));
    TRY(json_set_int(devices, "failed", tally->failed));
    TRY(json_set_int(devices, "skipped", tally->skipped));
    return json_take(out, "devices", TAKE(devices));
}

/* People count waves from 1. */
static err_t render_wave(const struct rekey_plan *plan, json_t *out)
{
    if (plan->row.started_at == 0) {
        return OK;
    }
    AUTO(json_t) *wave = json_object();
    TRY(json_set_int(wave, "number", plan->row.wave + 1));
    TRY(json_set_time(wave, "opened_at", plan->row.wave_at));
    TRY(json_set_int(wave, "told", plan->tally.wave_told));
    TRY(json_set_int(wave, "confirmed", plan->tally.wave_confirmed));
    return json_take(out, "wave", TAKE(wave));
}

static err_t render(const struct rekey_plan *plan, json_t **out)
{
    const struct rekey_plan_row *row = &plan->row;
    *out = NULL;
    AUTO(json_t) *object = json_object();
    TRY(json_set_uuid(object, "id", row->id));
    TRY(json_set_text(object, "kind", "campaign"));
    TRY(json_set_text(object, "name", row->name));
    TRY(json_set_text(object, "state", rekey_plan_state_name(row->state)));
    TRY(row->reason[0] != '\0' ? json_set_text(object, "reason", row->reason) : OK);
    TRY(rekey_spec_write(&plan->spec, object));
    TRY(render_wave(plan, object));
    TRY(render_counts(plan, object));
    TRY(json_set_time_if(object, "started_at", row->started_at));
    TRY(json_set_time_if(object, "ended_at", row->ended_at));
    TRY(json_set_time(object, "created_at", row->created_at));
    TRY(json_set_time(object, "updated_at", row->updated_at));
    *out = TAKE(object);
    return OK;
}

static err_t reply(int status, const struct rekey_plan *plan, struct response *response)
{
    AUTO(json_t) *object = NULL;
    TRY(render(plan, &object));
    return reply_counted(response, status, object, plan->row.ver);
}

/* --- looked at -------------------------------------------------------------------------------------- */

static err_t add_plan(const struct rekey_plan *plan, void *arg)
{
    AUTO(json_t) *object = NULL;
    TRY(render(plan, &object));
    return page_add(arg, BYTES_OF(plan->row.id.b), TAKE(object));
}

static err_t get_plans(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    enum rekey_plan_state state = REKEY_PLAN_DRAFT;
    TRY(page_open_filtered(request, "rekey_plans", filters, &page));
    const char *wanted = http_query(request, "state");
    TRY(wanted != NULL ? rekey_plan_state_parse(bytes_str(wanted), &state) : OK);
    const struct row_window window = page_window(&page);
    TRY(rekey_plan_list(api->options.fleet, page.tenant, wanted != NULL ? &state : NULL, &window, add_plan,
                        &page));
    return page_reply(&page, response);
}

static err_t get_plan(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct rekey_plan plan;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "rekey plan", &id));
    TRY(rekey_plan_get(api->options.fleet, request->principal->tenant, id, &plan));
    return reply(200, &plan, response);
}

/* --- drafted and changed ---------------------------------------------------------------------------- */

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct rekey_plan *out)
{
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    request_need(document, "name", faults);
    request_need(document, "filter", faults);
    return rekey_plan_add(api->options.fleet, &terms, document, out);
}

static err_t post_plan(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct rekey_plan plan;
    err_t error = create(api, request, &faults, &plan);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, PATH, plan.row.id));
    return reply(201, &plan, response);
}

/* What null cannot take away: a plan always has it. */
static void refuse_nulls(const json_t *document, struct faults *faults)
{
    static const char *const kept[] = {"name",         "filter",           "waves",
                                       "late_joiners", "confirm_within_s", "finish_after_quiet_s"};
    static const char *const pointers[] = {"/name",         "/filter",           "/waves",
                                           "/late_joiners", "/confirm_within_s", "/finish_after_quiet_s"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (json_is_null(json_object_get(document, kept[i]))) {
            faults_add(faults, pointers[i], "'%s' cannot be taken away", kept[i]);
        }
    }
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct rekey_plan *out)
{
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "rekey plan", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    refuse_nulls(document, faults);
    return rekey_plan_change(api->options.fleet, &terms, id, document, out);
}

static err_t patch_plan(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct rekey_plan plan;
    err_t error = change(api, request, &faults, &plan);
    return error.code == ERR_OK ? reply(200, &plan, response)
                                : reply_faults(request, error, &faults, response);
}

/* --- ordered ---------------------------------------------------------------------------------------- */

/* The last word of the path names the order. */
static err_t read_order(const struct request *request, enum rekey_order *out)
{
    const char *word = strrchr(request->route->path, '/') + 1;
    for (int order = 0; order < REKEY_ORDERS; order++) {
        if (strcmp(rekey_order_name((enum rekey_order)order), word) == 0) {
            *out = (enum rekey_order)order;
            return OK;
        }
    }
    return ERR(ERR_INTERNAL, "no order is named %s", word);
}

static err_t order(struct api *api, const struct request *request, struct faults *faults,
                   struct rekey_plan *out)
{
    struct uuid id;
    struct terms terms;
    enum rekey_order wanted = REKEY_ORDER_START;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "rekey plan", &id));
    TRY(read_order(request, &wanted));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    TRY(faults_error(faults));
    return rekey_plan_order(api->options.fleet, &terms, id, wanted, out);
}

static err_t post_order(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct rekey_plan plan;
    err_t error = order(api, request, &faults, &plan);
    return error.code == ERR_OK ? reply(200, &plan, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scope_, limit_, handler_)                                                        \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/rekey-plans" path_, .listeners = LISTENER_MANAGEMENT,          \
        .access = ACCESS_CALLER, .scopes = (scope_), .body_limit = (limit_), .handler = (handler_)           \
    }
const struct route rekey_plan_routes[] = {
    ROW(HTTP_GET, "", SCOPE_DEVICES_READ, 0, get_plans),
    ROW(HTTP_POST, "", SCOPE_DEVICES_WRITE, BODY_LIMIT, post_plan),
    ROW(HTTP_GET, "/{id}", SCOPE_DEVICES_READ, 0, get_plan),
    ROW(HTTP_PATCH, "/{id}", SCOPE_DEVICES_WRITE, BODY_LIMIT, patch_plan),
    ROW(HTTP_POST, "/{id}/start", SCOPE_DEVICES_WRITE, ORDER_LIMIT, post_order),
    ROW(HTTP_POST, "/{id}/pause", SCOPE_DEVICES_WRITE, ORDER_LIMIT, post_order),
    ROW(HTTP_POST, "/{id}/resume", SCOPE_DEVICES_WRITE, ORDER_LIMIT, post_order),
    ROW(HTTP_POST, "/{id}/next-wave", SCOPE_DEVICES_WRITE, ORDER_LIMIT, post_order),
    ROW(HTTP_POST, "/{id}/cancel", SCOPE_DEVICES_WRITE, ORDER_LIMIT, post_order),
};
#undef ROW
