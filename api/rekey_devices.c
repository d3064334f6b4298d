/* The devices of a rekey plan over REST: what a filter means, who was told, and why one is where it is. */
#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "api/rekey_views.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/rekey_dry_run.h"
#include "fleet/states.h"

enum { BODY_LIMIT = 16384, ORDER_LIMIT = 4096 };
static const char *const no_query[] = {NULL};
static const char *const filters[] = {"state", NULL};

/* --- dry runs --------------------------------------------------------------------------------------- */

static err_t render_sample(const struct rekey_dry_run *run, json_t *out)
{
    AUTO(json_t) *sample = json_array();
    for (size_t i = 0; i < run->sample_count; i++) {
        char id[2 * DEVICE_ID_SIZE + 1];
        hex_encode(BYTES_OF(run->sample[i].b), id);
        ENSURE(json_array_append_new(sample, json_string(id)) == 0, ERR_NO_MEMORY, "a sample");
    }
    return json_take(out, "sample", TAKE(sample));
}

static err_t reply_dry_run(const struct rekey_dry_run *run, struct response *response)
{
    AUTO(json_t) *object = json_object();
    TRY(json_set_int(object, run->is_exact ? "count" : "at_least", run->count));
    TRY(run->most >= 0 ? json_set_int(object, "at_most", run->most) : OK);
    TRY(json_set_int(object, "looked_at", run->looked));
    TRY(render_sample(run, object));
    return reply_json(response, 200, object);
}

static err_t read_filter(const struct request *request, struct terms *terms, struct rekey_filter *out)
{
    json_t *filter = NULL;
    static const struct json_field fields[] = {{"filter", JSON_KIND_OBJECT, true, 0, 0, 0, JSON_NO_HAS}};
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, terms->faults, terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, 1, terms->faults, (void *)&filter));
    TRY(faults_error(terms->faults));
    TRY(rekey_filter_read(document, terms->faults, out));
    return faults_error(terms->faults);
}

static err_t post_dry_run(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms = {.faults = &faults};
    struct rekey_filter filter;
    struct rekey_dry_run run;
    err_t error = read_filter(request, &terms, &filter);
    if (error.code == ERR_OK) {
        error = rekey_dry_run(api->options.fleet, &terms, &filter, &run);
    }
    return error.code == ERR_OK ? reply_dry_run(&run, response)
                                : reply_faults(request, error, &faults, response);
}

/* The filter of a plan that is there. */
static err_t read_own(struct api *api, const struct request *request, struct terms *terms,
                      struct rekey_filter *out)
{
    struct uuid id;
    struct rekey_plan plan;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "rekey plan", &id));
    TRY(request_terms(request, terms->faults, terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, terms->faults, NULL));
    TRY(faults_error(terms->faults));
    TRY(rekey_plan_get(api->options.fleet, terms->tenant, id, &plan));
    *out = plan.spec.filter;
    return OK;
}

static err_t post_own_dry_run(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms = {.faults = &faults};
    struct rekey_filter filter;
    struct rekey_dry_run run;
    err_t error = read_own(api, request, &terms, &filter);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(rekey_dry_run(api->options.fleet, &terms, &filter, &run));
    return reply_dry_run(&run, response);
}

/* --- who was told ----------------------------------------------------------------------------------- */

static err_t render_member(const struct rekey_member_row *row, json_t *out)
{
    TRY(json_set_int(out, "wave", row->wave + 1));
    TRY(json_set_time(out, "told_at", row->told_at));
    TRY(json_set_time_if(out, "due_at", row->due_at));
    return json_set_time_if(out, "ended_at", row->ended_at);
}

static err_t set_reason(enum rekey_verdict verdict, const char *word, json_t *out)
{
    TRY(json_set_text(out, "state", rekey_verdict_state(verdict)));
    TRY(json_set_text(out, "reason", word));
    return json_set_text(out, "meaning", rekey_verdict_meaning(verdict));
}

static err_t add_member(const struct rekey_member_row *row, void *arg)
{
    const enum rekey_verdict verdict = rekey_member_verdict(row);
    AUTO(json_t) *object = json_object();
    TRY(json_set_hex(object, "device_id", BYTES_OF(row->device.b)));
    TRY(set_reason(verdict, row->reason[0] != '\0' ? row->reason : rekey_verdict_word(verdict), object));
    TRY(render_member(row, object));
    return page_add(arg, BYTES_OF(row->device.b), TAKE(object));
}

static err_t get_members(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    enum rekey_member_state state = REKEY_MEMBER_TOLD;
    struct rekey_member_range range = {.tenant = request->principal->tenant};
    TRY(request_uuid(request->params[0], "rekey plan", &range.plan));
    TRY(page_open_filtered(request, "devices", filters, &page));
    const char *wanted = http_query(request, "state");
    TRY(wanted != NULL ? rekey_member_state_parse(bytes_str(wanted), &state) : OK);
    const struct row_window window = page_window(&page);
    range.state = wanted != NULL ? &state : NULL;
    range.window = &window;
    TRY(rekey_plan_members(api->options.fleet, &range, add_member, &page));
    return page_reply(&page, response);
}

/* --- why -------------------------------------------------------------------------------------------- */

/* A state that takes a device out is named: device_quarantined, … */
static void word_of(const struct rekey_why *why, char *out, size_t size)
{
    if (why->has_member && why->member.reason[0] != '\0') {
        (void)snprintf(out, size, "%s", why->member.reason);
    } else if (why->verdict == REKEY_DEVICE_STATE) {
        (void)snprintf(out, size, "device_%s", device_state_name(why->state));
    } else {
        (void)snprintf(out, size, "%s", rekey_verdict_word(why->verdict));
    }
}

err_t render_rekey_why(const struct rekey_why *why, json_t **out)
{
    char word[48];
    *out = NULL;
    word_of(why, word, sizeof word);
    AUTO(json_t) *object = json_object();
    TRY(json_set_uuid(object, "rekey_plan", why->plan.id));
    TRY(json_set_text(object, "name", why->plan.name));
    TRY(set_reason(why->verdict, word, object));
    TRY(json_set_time_if(object, "last_seen_at", why->seen_at));
    TRY(why->has_member ? render_member(&why->member, object) : json_set_int(object, "wave", why->wave + 1));
    *out = TAKE(object);
    return OK;
}

static err_t get_member(struct api *api, const struct request *request, struct response *response)
{
    struct rekey_question question = {.tenant = request->principal->tenant};
    struct rekey_why why;
    AUTO(json_t) *object = NULL;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "rekey plan", &question.plan));
    TRY(request_device_id(request->params[1], &question.device));
    TRY(rekey_why(api->options.fleet, &question, &why));
    TRY(render_rekey_why(&why, &object));
    TRY(json_set_hex(object, "device_id", BYTES_OF(question.device.b)));
    TRY(json_set_text(object, "plan_state", rekey_plan_state_name(why.plan.state)));
    return reply_json(response, 200, object);
}

#define ROW(method_, path_, limit_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/rekey-plans" path_, .listeners = LISTENER_MANAGEMENT,          \
        .access = ACCESS_CALLER, .scopes = SCOPE_DEVICES_READ, .body_limit = (limit_), .handler = (handler_) \
    }
const struct route rekey_device_routes[] = {
    ROW(HTTP_POST, "/dry-run", BODY_LIMIT, post_dry_run),
    ROW(HTTP_POST, "/{id}/dry-run", ORDER_LIMIT, post_own_dry_run),
    ROW(HTTP_GET, "/{id}/devices", 0, get_members),
    ROW(HTTP_GET, "/{id}/devices/{device}", 0, get_member),
};
#undef ROW
