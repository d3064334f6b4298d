/* GET /api/v1/alarms: what stands wrong now, with what to do about it. The installation's alarms are shown to
 * those who run it, a tenant's to those who may see its devices. */
#include "fleet/alarms.h"

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "fleet/access.h"
#include "fleet/alarm_kinds.h"

static err_t render(const struct alarm_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *alarm = json_object();
    const struct alarm_kind *kind = alarm_kind_find(bytes_str(row->kind));
    TRY(json_set_uuid(alarm, "id", row->id));
    TRY(json_set_text(alarm, "owner", alarm_is_of_installation(row) ? "installation" : "tenant"));
    TRY(json_set_text(alarm, "kind", row->kind));
    TRY(json_set_text(alarm, "subject", row->subject));
    TRY(json_set_text(alarm, "severity", alarm_severity_name(row->severity)));
    TRY(json_set_time(alarm, "since", row->since));
    TRY(json_set_time(alarm, "updated_at", row->updated_at));
    TRY(json_set_text(alarm, "detail", row->detail));
    if (kind != NULL) { /* of a version that knew it otherwise */
        TRY(json_set_text(alarm, "meaning", kind->text));
        TRY(json_set_text(alarm, "remedy", kind->remedy));
    }
    *out = TAKE(alarm);
    return OK;
}

static err_t add_alarm(const struct alarm_row *row, void *arg)
{
    AUTO(json_t) *alarm = NULL;
    uint8_t key[ALARM_KEY_SIZE];
    TRY(render(row, &alarm));
    alarm_key(row, key);
    return page_add(arg, BYTES_OF(key), TAKE(alarm));
}

static err_t get_alarms(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open(request, "alarms", &page));
    uint32_t held = request->principal->scopes;
    const struct alarm_view view = {.of_installation = scopes_cover(held, SCOPE_INSTALLATION),
                                    .of_tenant = scopes_cover(held, SCOPE_DEVICES_READ),
                                    .tenant = page.tenant};
    const struct row_window window = page_window(&page);
    TRY(alarm_list(api->options.fleet, &view, &window, add_alarm, &page));
    return page_reply(&page, response);
}

const struct route alarm_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/alarms",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = (uint32_t)SCOPE_DEVICES_READ | (uint32_t)SCOPE_INSTALLATION,
     .handler = get_alarms},
};
