/* What happened to one device: its audit records page by page, and why it was turned away lately. */
#include "fleet/device_history.h"
#include "api/audit_views.h"
#include "api/device_views.h"
#include "api/rekey_views.h"
#include "api/render.h"
#include "api/tables.h"
#include "fleet/authority_remains.h"
#include "fleet/clock_guard.h"
#include "fleet/device_contacts.h"
#include "fleet/overdue.h"
#include "fleet/profile_cache.h"
#include "fleet/refusal_causes.h"
#include "fleet/registry.h"
#include "fleet/states.h"

enum { REFUSALS_SHOWN = 20 };

static err_t get_history(struct api *api, const struct request *request, struct response *response)
{
    static const char *const filters[] = {"kind", "actor", "since", "until", NULL};
    AUTO_VAL(page) page = {.name = ""};
    struct device_id id;
    struct device_row device;
    TRY(request_device_id(request->params[0], &id));
    TRY(page_open_filtered(request, "records", filters, &page));
    TRY(device_find(api->options.fleet, page.tenant, &id, &device)); /* 404 of another tenant's */
    struct audit_range range = {.tenant = page.tenant, .device = &id};
    return reply_audit_page(api, request, &page, &range, response);
}

/* --- why ---------------------------------------------------------------------------------------------- */

static err_t set_cause(json_t *object, const char *name)
{
    const struct refusal_cause cause = refusal_cause_find(name);
    TRY(json_set_text(object, "cause", cause.name));
    TRY(json_set_text(object, "meaning", cause.meaning));
    return json_set_text(object, "remedy", cause.remedy);
}

/* Records of before there were causes name the error alone. */
static const char *cause_in(const json_t *body)
{
    const char *cause = json_string_value(json_object_get(body, "cause"));
    const char *reason = json_string_value(json_object_get(body, "reason"));
    return cause != NULL ? cause : reason != NULL ? reason : "refused";
}

static err_t add_refusal(const struct audit_row *row, void *arg)
{
    AUTO(json_t) *record = NULL;
    AUTO(json_t) *refusal = json_object();
    TRY(render_audit(row, &record));
    const json_t *body = json_object_get(record, "details");
    TRY(set_cause(refusal, cause_in(body)));
    TRY(json_set_time(refusal, "at", row->place.at));
    TRY(json_set_text(refusal, "event_id", json_string_value(json_object_get(record, "event_id"))));
    static const char *const kept[] = {"detail", "state", "network", "unrecorded"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_t *value = json_object_get(body, kept[i]);
        if (value != NULL) {
            TRY(json_take(refusal, kept[i], json_incref(value)));
        }
    }
    ENSURE(json_array_append_new(arg, TAKE(refusal)) == 0, ERR_NO_MEMORY, "a list of refusals");
    return OK;
}

static err_t set_obstacle(json_t *answer, const struct device_row *device)
{
    const char *cause = refusal_cause_of_state(device);
    if (cause == NULL) {
        return OK;
    }
    AUTO(json_t) *obstacle = json_object();
    TRY(set_cause(obstacle, cause));
    return json_take(answer, "obstacle", TAKE(obstacle));
}

static err_t take_newest(const struct certificate_row *row, void *arg)
{
    AUTO(json_t) *certificate = NULL;
    TRY(render_certificate(row, &certificate));
    return json_take(arg, "certificate", TAKE(certificate));
}

/* By which profile its certificate was made, and its next one will be: a change of one is often the cause. */
static err_t set_profiles(struct api *api, json_t *answer, const struct device_row *device)
{
    struct product_row product;
    AUTO(json_t) *next = json_object();
    TRY(device_certificates(api->options.fleet, device, 1, take_newest, answer));
    TRY(product_by_id(api->options.fleet, device->product, &product));
    TRY(json_set_text(next, "name", product_profile_name(&product)));
    TRY(json_set_int(next, "version", product_profile_version(&product)));
    return json_take(answer, "next_profile", TAKE(next));
}

/* Where it stands in its schedule: what a device that is late was told, and what follows if it goes on. */
static err_t set_schedule(struct api *api, json_t *answer, const struct device_row *device)
{
    struct device_schedule schedule;
    struct device_contact_row contact;
    TRY(device_schedule_read(api->options.fleet, device, &schedule));
    TRY(device_contacts_find(api->options.fleet, device, &contact));
    TRY(json_set_time_if(answer, "last_seen_at", contact.seen_at));
    if (!schedule.has_term) {
        return OK;
    }
    const struct renewal renewal = {.due_at = schedule.term.renew_at, .new_key_at = schedule.term.new_key_at};
    AUTO(json_t) *object = json_object();
    TRY(json_set_time(object, "due_at", renewal.due_at));
    TRY(json_set_bool(object, "new_key",
                      renewal_needs_new_key(&renewal, clock_guard_now_ms(api->options.fleet))));
    TRY(json_set_bool(object, "is_overdue", schedule.term.is_overdue));
    TRY(json_set_time_if(object, "told_at", contact.told_at));
    if (contact.told_at != 0) {
        TRY(json_set_int(object, "contact_days", contact.contact_days));
    }
    if (schedule.quarantine_days != 0) {
        TRY(json_set_int(object, "quarantine_days", schedule.quarantine_days));
    }
    return json_take(answer, "schedule", TAKE(object));
}

static err_t add_plan(const struct rekey_why *why, void *arg)
{
    AUTO(json_t) *place = NULL;
    TRY(render_rekey_why(why, &place));
    ENSURE(json_array_append_new(arg, TAKE(place)) == 0, ERR_NO_MEMORY, "a list of rekey plans");
    return OK;
}

/* Campaigns that mean the device, where there are any. */
static err_t set_plans(struct api *api, json_t *answer, const struct device_row *device)
{
    AUTO(json_t) *plans = json_array();
    TRY(rekey_whys(api->options.fleet, device, add_plan, plans));
    return json_array_size(plans) > 0 ? json_take(answer, "rekey_plans", TAKE(plans)) : OK;
}

/* Whom its certificate is of was compromised: nobody needs to do anything but wait for the device. */
static err_t set_loss(struct api *api, json_t *answer, const struct device_row *device)
{
    struct device_loss loss;
    AUTO(json_t) *object = json_object();
    TRY(device_loss_find(api->options.fleet, device, &loss));
    if (!loss.is_lost) {
        return OK;
    }
    bool has_come = loss.seen_at >= loss.rekey_at;
    TRY(json_set_text(object, "authority", loss.authority));
    TRY(json_set_time(object, "compromised_at", loss.compromised_at));
    TRY(json_set_time(object, "rekey_after", loss.rekey_at));
    TRY(loss.seen_at != 0 ? json_set_time(object, "last_seen_at", loss.seen_at) : OK);
    TRY(json_set_text(object, "meaning",
                      has_come
                          ? "It was here since it is told to rekey, and has used no certificate of another "
                            "authority yet."
                          : "It is told to rekey when it comes then or later; until it has, its certificate "
                            "opens status and the next certificate only."));
    return json_take(answer, "compromised_authority", TAKE(object));
}

static err_t get_why(struct api *api, const struct request *request, struct response *response)
{
    struct device_row device;
    TRY(find_device(api, request, &device));
    AUTO(json_t) *answer = json_object();
    TRY(json_set_hex(answer, "device_id", BYTES_OF(device.id.b)));
    TRY(json_set_text(answer, "state", device_state_name(device.state)));
    TRY(set_obstacle(answer, &device));
    TRY(set_profiles(api, answer, &device));
    TRY(set_schedule(api, answer, &device));
    TRY(set_loss(api, answer, &device));
    TRY(json_take(answer, "refusals", json_array()));
    TRY(device_refusals(api->options.fleet, &device, REFUSALS_SHOWN, add_refusal,
                        json_object_get(answer, "refusals")));
    TRY(set_plans(api, answer, &device));
    return reply_json(response, 200, answer);
}

const struct route device_history_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/devices/{id}/history",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_READ,
     .handler = get_history},
    {.method = HTTP_GET,
     .path = "/api/v1/devices/{id}/why",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_DEVICES_READ,
     .handler = get_why},
};
