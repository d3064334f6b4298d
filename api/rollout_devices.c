/* The devices of a rollout over REST: whom it means, who was offered it; and of one device what it was told
 * and said of firmware, and why it waits. */
#include <stdio.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/names.h"
#include "fleet/rollout_dry_run.h"
#include "fleet/rollout_why.h"
#include "fleet/states.h"

enum { BODY_LIMIT = 16384, ORDER_LIMIT = 4096 };
static const char *const no_query[] = {NULL};

/* --- dry runs --------------------------------------------------------------------------------------- */

static err_t set_reason(enum rollout_verdict verdict, json_t *out)
{
    TRY(json_set_text(out, "reason", rollout_verdict_word(verdict)));
    return json_set_text(out, "meaning", rollout_verdict_meaning(verdict));
}

static err_t render_sample(const struct rollout_dry_run *run, json_t *out)
{
    AUTO(json_t) *sample = json_array();
    for (size_t i = 0; i < run->sample_count; i++) {
        char id[2 * DEVICE_ID_SIZE + 1];
        hex_encode(BYTES_OF(run->sample[i].b), id);
        ENSURE(json_array_append_new(sample, json_string(id)) == 0, ERR_NO_MEMORY, "a sample");
    }
    return json_take(out, "sample", TAKE(sample));
}

static err_t render_excluded(const struct rollout_dry_run *run, json_t *out)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < run->excluded_shown; i++) {
        AUTO(json_t) *object = json_object();
        TRY(json_set_hex(object, "device_id", BYTES_OF(run->excluded[i].device.b)));
        TRY(set_reason(run->excluded[i].verdict, object));
        ENSURE(json_array_append_new(list, TAKE(object)) == 0, ERR_NO_MEMORY, "a sample");
    }
    TRY(json_set_int(out, "excluded_count", run->excluded_count));
    return json_take(out, "excluded", TAKE(list));
}

static err_t reply_dry_run(const struct rollout_dry_run *run, struct response *response)
{
    AUTO(json_t) *object = json_object();
    TRY(json_set_int(object, run->is_exact ? "count" : "at_least", run->count));
    TRY(json_set_int(object, "at_most", run->most));
    TRY(json_set_int(object, "looked_at", run->looked));
    TRY(render_sample(run, object));
    TRY(render_excluded(run, object));
    return reply_json(response, 200, object);
}

static err_t read_draft(const struct request *request, struct terms *terms, struct rollout_question *out)
{
    struct rollout_names names;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, terms->faults, terms));
    TRY(request_body(request, false, &document));
    request_need(document, "release_id", terms->faults);
    request_need(document, "filter", terms->faults);
    rollout_spec_init(&out->spec);
    TRY(rollout_spec_read(document, terms->faults, &names, &out->spec));
    out->release = names.release;
    if (names.name != NULL) {
        TRY(faults_note(terms->faults, "/name", name_check(bytes_str(names.name), "rollout's name")));
    }
    return faults_error(terms->faults);
}

static err_t post_dry_run(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms = {.faults = &faults};
    struct rollout_question question;
    struct rollout_dry_run run;
    err_t error = read_draft(request, &terms, &question);
    if (error.code == ERR_OK) {
        error = rollout_dry_run(api->options.fleet, &terms, &question, &run);
    }
    return error.code == ERR_OK ? reply_dry_run(&run, response)
                                : reply_faults(request, error, &faults, response);
}

/* A rollout that is there. */
static err_t read_own(struct api *api, const struct request *request, struct terms *terms,
                      struct rollout_question *out)
{
    struct uuid id;
    struct rollout rollout;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "rollout", &id));
    TRY(request_terms(request, terms->faults, terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, terms->faults, NULL));
    TRY(faults_error(terms->faults));
    TRY(rollout_get(api->options.fleet, terms->tenant, id, &rollout));
    *out = (struct rollout_question){rollout.row.release, rollout.spec};
    return OK;
}

static err_t post_own_dry_run(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms = {.faults = &faults};
    struct rollout_question question;
    struct rollout_dry_run run;
    err_t error = read_own(api, request, &terms, &question);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(rollout_dry_run(api->options.fleet, &terms, &question, &run));
    return reply_dry_run(&run, response);
}

/* --- actions ------------------------------------------------------------------------------------------ */

static err_t render_action(const struct firmware_action_row *row, enum firmware_action_state state,
                           json_t *out)
{
    char id[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)row->id);
    TRY(json_set_text(out, "id", id));
    TRY(json_set_uuid(out, "rollout_id", row->rollout));
    TRY(json_set_uuid(out, "release_id", row->release));
    TRY(json_set_text(out, "state", firmware_action_state_name(state)));
    TRY(row->reason[0] != '\0' ? json_set_text(out, "reason", row->reason) : OK);
    TRY(json_set_int(out, "wave", row->wave + 1));
    TRY(row->of > 0 ? json_set_int(out, "done", row->done) : OK);
    TRY(row->of > 0 ? json_set_int(out, "of", row->of) : OK);
    TRY(json_set_int(out, "fetched_bytes", row->fetched));
    TRY(json_set_time(out, "offered_at", row->offered_at));
    TRY(json_set_time(out, "updated_at", row->updated_at));
    TRY(json_set_time_if(out, "due_at", row->due_at));
    return json_set_time_if(out, "ended_at", row->ended_at);
}

static err_t add_device(const struct firmware_action_row *row, void *arg)
{
    AUTO(json_t) *object = json_object();
    TRY(json_set_hex(object, "device_id", BYTES_OF(row->owner.device.b)));
    TRY(render_action(row, (enum firmware_action_state)row->state, object));
    return page_add(arg, BYTES_OF(row->owner.device.b), TAKE(object));
}

static err_t get_devices(struct api *api, const struct request *request, struct response *response)
{
    static const char *const filters[] = {"state", NULL};
    AUTO_VAL(page) page = {.name = ""};
    enum firmware_action_state state = ACTION_OFFERED;
    struct rollout_device_range range = {.tenant = request->principal->tenant};
    TRY(request_uuid(request->params[0], "rollout", &range.rollout));
    TRY(page_open_filtered(request, "devices", filters, &page));
    const char *wanted = http_query(request, "state");
    TRY(wanted != NULL ? firmware_action_state_parse(bytes_str(wanted), &state) : OK);
    const struct row_window window = page_window(&page);
    range.state = wanted != NULL ? &state : NULL;
    range.window = &window;
    TRY(rollout_devices(api->options.fleet, &range, add_device, &page));
    return page_reply(&page, response);
}

/* --- one device --------------------------------------------------------------------------------------- */

static err_t render_installed(const struct device_firmware_row *row, json_t *out)
{
    if (!row->has_installed) {
        return OK;
    }
    AUTO(json_t) *object = json_object();
    char id[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)row->installed_action);
    TRY(json_set_uuid(object, "release_id", row->installed_release));
    TRY(json_set_text(object, "action_id", id));
    TRY(json_set_text(object, "version", row->installed_version));
    TRY(json_set_int(object, "sequence", row->sequence));
    TRY(row->counter >= 0 ? json_set_int(object, "counter", row->counter) : OK);
    TRY(json_set_time(object, "installed_at", row->installed_at));
    return json_take(out, "installed", TAKE(object));
}

static err_t render_device(const struct rollout_device_view *view, json_t *out)
{
    const struct device_firmware_row *row = &view->firmware;
    TRY(json_set_hex(out, "device_id", BYTES_OF(view->device.id.b)));
    TRY(row->controller[0] != '\0' ? json_set_text(out, "controller", row->controller) : OK);
    TRY(json_set_time_if(out, "polled_at", row->polled_at));
    TRY(render_installed(row, out));
    TRY(json_set_time_if(out, "attributes_at", row->attributes_at));
    json_t *attributes = json_loads(row->attributes, 0, NULL);
    ENSURE(attributes != NULL, ERR_DB, "the stored attributes are not readable");
    return json_take(out, "attributes", attributes);
}

static err_t render_reports(const struct firmware_history_entry *entry, json_t *out)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < entry->report_count; i++) {
        const struct firmware_report_row *row = &entry->reports[i];
        AUTO(json_t) *object = json_object();
        TRY(json_set_time(object, "at", row->at));
        TRY(json_set_text(object, "state",
                          firmware_action_state_name((enum firmware_action_state)row->state)));
        TRY(row->text[0] != '\0' ? json_set_text(object, "text", row->text) : OK);
        ENSURE(json_array_append_new(list, TAKE(object)) == 0, ERR_NO_MEMORY, "a list of reports");
    }
    return json_take(out, "reports", TAKE(list));
}

static err_t add_entry(const struct firmware_history_entry *entry, void *arg)
{
    AUTO(json_t) *object = json_object();
    TRY(json_set_text(object, "version", entry->release.version));
    TRY(json_set_int(object, "sequence", entry->release.sequence));
    TRY(render_action(&entry->action, entry->state, object));
    TRY(render_reports(entry, object));
    ENSURE(json_array_append_new(arg, TAKE(object)) == 0, ERR_NO_MEMORY, "a list of actions");
    return OK;
}

static err_t get_firmware(struct api *api, const struct request *request, struct response *response)
{
    struct device_id id;
    struct rollout_device_view view;
    AUTO(json_t) *object = json_object();
    AUTO(json_t) *actions = json_array();
    TRY(request_check_query(request, no_query));
    TRY(request_device_id(request->params[0], &id));
    TRY(firmware_history(api->options.fleet, request->principal->tenant, &id, &view, add_entry, actions));
    TRY(render_device(&view, object));
    TRY(json_take(object, "actions", TAKE(actions)));
    return reply_json(response, 200, object);
}

/* --- why ---------------------------------------------------------------------------------------------- */

static err_t render_turn(const struct rollout_offer *why, json_t *out)
{
    bool is_by_count = why->place.wave >= (int64_t)why->spec.wave_count;
    char word[64];
    (void)snprintf(word, sizeof word, "device_%s", device_state_name(why->device.state));
    TRY(why->verdict == ROLLOUT_DEVICE_STATE ? json_set_text(out, "reason", word) : OK);
    TRY(is_by_count ? OK : json_set_int(out, "device_wave", why->place.wave + 1));
    TRY(json_set_int(out, "open_wave", why->row.wave + 1));
    TRY(why->verdict == ROLLOUT_COUNTER_TOO_HIGH ? json_set_int(out, "device_counter", why->firmware.counter)
                                                 : OK);
    TRY(why->release.counter >= 0 ? json_set_int(out, "release_counter", why->release.counter) : OK);
    return why->is_overdue ? json_set_bool(out, "rekey_overdue", true) : OK;
}

static err_t add_why(const struct rollout_offer *why, void *arg)
{
    AUTO(json_t) *object = json_object();
    TRY(json_set_uuid(object, "rollout_id", why->row.id));
    TRY(json_set_text(object, "name", why->row.name));
    TRY(json_set_text(object, "rollout_state", rollout_state_name(why->row.state)));
    TRY(json_set_text(object, "version", why->release.version));
    TRY(json_set_int(object, "sequence", why->release.sequence));
    TRY(json_set_text(object, "state", rollout_verdict_state(why->verdict)));
    TRY(set_reason(why->verdict, object));
    TRY(render_turn(why, object));
    if (why->has_action) {
        AUTO(json_t) *action = json_object();
        TRY(render_action(&why->action, (enum firmware_action_state)why->action.state, action));
        TRY(json_take(object, "action", TAKE(action)));
    }
    ENSURE(json_array_append_new(arg, TAKE(object)) == 0, ERR_NO_MEMORY, "a list of reasons");
    return OK;
}

static err_t get_why(struct api *api, const struct request *request, struct response *response)
{
    struct rollout_whys question = {.tenant = request->principal->tenant};
    struct rollout_device_view view;
    AUTO(json_t) *object = json_object();
    AUTO(json_t) *rollouts = json_array();
    TRY(request_check_query(request, no_query));
    TRY(request_device_id(request->params[0], &question.device));
    TRY(rollout_whys(api->options.fleet, &question, &view, add_why, rollouts));
    TRY(json_set_hex(object, "device_id", BYTES_OF(question.device.b)));
    TRY(json_set_text(object, "device_state", device_state_name(view.device.state)));
    TRY(json_set_time_if(object, "polled_at", view.firmware.polled_at));
    TRY(json_take(object, "rollouts", TAKE(rollouts)));
    return reply_json(response, 200, object);
}

#define ROW(method_, path_, limit_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/" path_, .listeners = LISTENER_MANAGEMENT,                     \
        .access = ACCESS_CALLER, .scopes = SCOPE_FIRMWARE_READ, .body_limit = (limit_),                      \
        .handler = (handler_)                                                                                \
    }
const struct route rollout_device_routes[] = {
    ROW(HTTP_POST, "rollouts/dry-run", BODY_LIMIT, post_dry_run),
    ROW(HTTP_POST, "rollouts/{id}/dry-run", ORDER_LIMIT, post_own_dry_run),
    ROW(HTTP_GET, "rollouts/{id}/devices", 0, get_devices),
    ROW(HTTP_GET, "devices/{id}/firmware", 0, get_firmware),
    ROW(HTTP_GET, "devices/{id}/firmware/why", 0, get_why),
};
#undef ROW
