/* Rollouts over REST: list, look, draft, change, order. The rules are in fleet/rollouts.c and
 * fleet/rollout_orders.c, the form of a rollout in JSON in fleet/rollout_spec_*.c. */
#include "fleet/rollouts.h"

#include <string.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 16384, ORDER_LIMIT = 4096 };
static const char PATH[] = "/api/v1/rollouts";
static const char *const no_query[] = {NULL};
static const char *const filters[] = {"state", NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t render_counts(const struct rollout *rollout, json_t *out)
{
    const struct rollout_tally_row *tally = &rollout->tally;
    AUTO(json_t) *devices = json_object();
    TRY(json_set_int(devices, "offered", tally->offered));
    TRY(json_set_int(devices, "waiting", tally->waiting));
    TRY(json_set_int(devices, "succeeded", tally->succeeded));
    TRY(json_set_int(devices, "unverified", tally->unverified));
    TRY(json_set_int(devices, "failed", tally->failed));
    TRY(json_set_int(devices, "cancelled", tally->cancelled));
    TRY(json_set_int(devices, "fetching", tally->downloads));
    return json_take(out, "devices", TAKE(devices));
}

/* People count waves from 1. */
static err_t render_wave(const struct rollout *rollout, json_t *out)
{
    if (rollout->row.started_at == 0) {
        return OK;
    }
    AUTO(json_t) *wave = json_object();
    TRY(json_set_int(wave, "number", rollout->row.wave + 1));
    TRY(json_set_time(wave, "opened_at", rollout->row.wave_at));
    TRY(json_set_int(wave, "offered", rollout->tally.wave_offered));
    TRY(json_set_int(wave, "succeeded", rollout->tally.wave_succeeded));
    TRY(json_set_int(wave, "failed", rollout->tally.wave_failed));
    return json_take(out, "wave", TAKE(wave));
}

static err_t render_release(const struct rollout *rollout, json_t *out)
{
    const struct offer_release_row *release = &rollout->release;
    TRY(json_set_text(out, "product", release->product_name));
    TRY(json_set_uuid(out, "release_id", release->id));
    TRY(json_set_text(out, "version", release->version));
    return json_set_int(out, "sequence", release->sequence);
}

static err_t render(const struct rollout *rollout, json_t **out)
{
    const struct rollout_row *row = &rollout->row;
    *out = NULL;
    AUTO(json_t) *object = json_object();
    TRY(json_set_uuid(object, "id", row->id));
    TRY(json_set_text(object, "name", row->name));
    TRY(json_set_text(object, "state", rollout_state_name(row->state)));
    TRY(row->reason[0] != '\0' ? json_set_text(object, "reason", row->reason) : OK);
    TRY(render_release(rollout, object));
    TRY(rollout_spec_write(&rollout->spec, object));
    TRY(render_wave(rollout, object));
    TRY(render_counts(rollout, object));
    TRY(json_set_time_if(object, "started_at", row->started_at));
    TRY(json_set_time_if(object, "ended_at", row->ended_at));
    TRY(json_set_text(object, "created_by", row->created_by));
    TRY(json_set_time(object, "created_at", row->created_at));
    TRY(json_set_time(object, "updated_at", row->updated_at));
    *out = TAKE(object);
    return OK;
}

static err_t reply(int status, const struct rollout *rollout, struct response *response)
{
    AUTO(json_t) *object = NULL;
    TRY(render(rollout, &object));
    return reply_counted(response, status, object, rollout->row.ver);
}

/* --- looked at -------------------------------------------------------------------------------------- */

static err_t add_rollout(const struct rollout *rollout, void *arg)
{
    AUTO(json_t) *object = NULL;
    TRY(render(rollout, &object));
    return page_add(arg, BYTES_OF(rollout->row.id.b), TAKE(object));
}

static err_t get_rollouts(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    enum rollout_state state = ROLLOUT_DRAFT;
    TRY(page_open_filtered(request, "rollouts", filters, &page));
    const char *wanted = http_query(request, "state");
    TRY(wanted != NULL ? rollout_state_parse(bytes_str(wanted), &state) : OK);
    const struct row_window window = page_window(&page);
    TRY(rollout_list(api->options.fleet, page.tenant, wanted != NULL ? &state : NULL, &window, add_rollout,
                     &page));
    return page_reply(&page, response);
}

static err_t get_rollout(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct rollout rollout;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "rollout", &id));
    TRY(rollout_get(api->options.fleet, request->principal->tenant, id, &rollout));
    return reply(200, &rollout, response);
}

/* --- drafted and changed ---------------------------------------------------------------------------- */

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct rollout *out)
{
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    request_need(document, "name", faults);
    request_need(document, "release_id", faults);
    request_need(document, "filter", faults);
    return rollout_add(api->options.fleet, &terms, document, out);
}

static err_t post_rollout(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct rollout rollout;
    err_t error = create(api, request, &faults, &rollout);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, PATH, rollout.row.id));
    return reply(201, &rollout, response);
}

/* What null cannot take away: a rollout always has it. */
static void refuse_nulls(const json_t *document, struct faults *faults)
{
    static const char *const kept[] = {"/name",
                                       "/release_id",
                                       "/filter",
                                       "/waves",
                                       "/forced",
                                       "/late_joiners",
                                       "/silent_after_s",
                                       "/finish_after_quiet_s",
                                       "/utc_offset_minutes"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (json_is_null(json_object_get(document, kept[i] + 1))) {
            faults_add(faults, kept[i], "'%s' cannot be taken away", kept[i] + 1);
        }
    }
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct rollout *out)
{
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "rollout", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    refuse_nulls(document, faults);
    return rollout_change(api->options.fleet, &terms, id, document, out);
}

static err_t patch_rollout(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct rollout rollout;
    err_t error = change(api, request, &faults, &rollout);
    return error.code == ERR_OK ? reply(200, &rollout, response)
                                : reply_faults(request, error, &faults, response);
}

/* --- ordered ---------------------------------------------------------------------------------------- */

/* The last word of the path names the order. */
static err_t read_order(const struct request *request, enum rollout_order *out)
{
    const char *word = strrchr(request->route->path, '/') + 1;
    for (int order = 0; order < ROLLOUT_ORDERS; order++) {
        if (strcmp(rollout_order_name((enum rollout_order)order), word) == 0) {
            *out = (enum rollout_order)order;
            return OK;
        }
    }
    return ERR(ERR_INTERNAL, "no order is named %s", word);
}

static err_t order(struct api *api, const struct request *request, struct faults *faults, struct rollout *out)
{
    struct uuid id;
    struct terms terms;
    enum rollout_order wanted = ROLLOUT_ORDER_START;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "rollout", &id));
    TRY(read_order(request, &wanted));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    TRY(faults_error(faults));
    return rollout_order(api->options.fleet, &terms, id, wanted, out);
}

static err_t post_order(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct rollout rollout;
    err_t error = order(api, request, &faults, &rollout);
    return error.code == ERR_OK ? reply(200, &rollout, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scope_, limit_, handler_)                                                        \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/rollouts" path_, .listeners = LISTENER_MANAGEMENT,             \
        .access = ACCESS_CALLER, .scopes = (scope_), .body_limit = (limit_), .handler = (handler_)           \
    }
const struct route rollout_routes[] = {
    ROW(HTTP_GET, "", SCOPE_FIRMWARE_READ, 0, get_rollouts),
    ROW(HTTP_POST, "", SCOPE_FIRMWARE_WRITE, BODY_LIMIT, post_rollout),
    ROW(HTTP_GET, "/{id}", SCOPE_FIRMWARE_READ, 0, get_rollout),
    ROW(HTTP_PATCH, "/{id}", SCOPE_FIRMWARE_RELEASE, BODY_LIMIT, patch_rollout),
    ROW(HTTP_POST, "/{id}/start", SCOPE_FIRMWARE_RELEASE, ORDER_LIMIT, post_order),
    ROW(HTTP_POST, "/{id}/pause", SCOPE_FIRMWARE_RELEASE, ORDER_LIMIT, post_order),
    ROW(HTTP_POST, "/{id}/resume", SCOPE_FIRMWARE_RELEASE, ORDER_LIMIT, post_order),
    ROW(HTTP_POST, "/{id}/next-wave", SCOPE_FIRMWARE_RELEASE, ORDER_LIMIT, post_order),
    ROW(HTTP_POST, "/{id}/cancel", SCOPE_FIRMWARE_RELEASE, ORDER_LIMIT, post_order),
};
#undef ROW
