/* Records of those who were turned away, within bounds that a flood cannot break (docs/identity.md, rule 5).
 * A record that cannot be written is logged and dropped: the refusal itself stands. */
#include <string.h>

#include "fleet/claims.h"
#include "fleet/code_text.h"
#include "fleet/contact_internal.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/refusal_causes.h"
#include "fleet/refusals.h"

struct record {
    struct event event;
    const struct uuid *tenants; /* one record in each; NULL: one without a tenant */
    size_t tenant_count;
    const char *reason;
    const struct device_row *known; /* the device, for records about one; or NULL */
    const char *what, *name;        /* "code", "vendor_ca": what was shown; or NULL */
    const char *cause, *detail;     /* beside it: what stood in its way, and the error's own words */
    char network[NETWORK_TEXT_SIZE];
    int64_t unrecorded;
};

/* With what a person needs to help the device (GET /devices/{id}/why). */
static err_t append_known(struct db_tx *tx, const struct record *record, const struct event *event)
{
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "reason", record->reason));
    TRY(json_set_text(body, "cause", record->cause));
    if (record->detail[0] != '\0') {
        TRY(json_set_text(body, "detail", record->detail));
    }
    TRY(json_set_text(body, "state", device_state_name(record->known->state)));
    TRY(json_set_text(body, "network", record->network));
    TRY(json_set_int(body, "unrecorded", record->unrecorded));
    return event_append_value(tx, event, body);
}

/* The reason may quote what somebody sent. */
static err_t append_shown(struct db_tx *tx, const struct record *record, const struct event *event)
{
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, record->what, record->name));
    TRY(json_set_text(body, "reason", record->reason));
    TRY(json_set_text(body, "network", record->network));
    TRY(json_set_int(body, "unrecorded", record->unrecorded));
    return event_append_value(tx, event, body);
}

static err_t append(struct db_tx *tx, const struct record *record, const struct uuid *tenant)
{
    struct event event = record->event;
    event.tenant = tenant;
    if (record->known != NULL) {
        return append_known(tx, record, &event);
    }
    if (record->what != NULL) {
        return append_shown(tx, record, &event);
    }
    return event_append(tx, &event, "{\"reason\":\"%s\",\"network\":\"%s\",\"unrecorded\":%lld}",
                        record->reason, record->network, (long long)record->unrecorded);
}

static err_t write_record(struct db_tx *tx, void *arg)
{
    const struct record *record = arg;
    if (record->tenants == NULL) {
        return append(tx, record, NULL);
    }
    for (size_t i = 0; i < record->tenant_count; i++) {
        TRY(append(tx, record, &record->tenants[i]));
    }
    return OK;
}

static void record_write(struct fleet *fleet, struct record *record)
{
    err_t written = db_write(fleet->db, write_record, record);
    if (written.code != ERR_OK) {
        log_error(fleet->log, "refusal_not_recorded", record->event.request_id, written);
    }
}

static bool may_record(struct fleet *fleet, enum refusal_kind kind, struct bytes key, struct record *record)
{
    return refusals_may_record(fleet->refusals, kind, key, clock_now_ms(fleet->clock), &record->unrecorded);
}

static struct record record_start(const struct contact_facts *facts, const char *kind, const char *reason)
{
    struct record record = {.reason = reason};
    record.event = (struct event){
        .kind = kind, .result = "refused", .actor = "unknown", .request_id = facts->request_id};
    refusals_network(facts->address, record.network);
    return record;
}

static bool has_id(const struct contact *contact)
{
    static const struct device_id none;
    return contact != NULL && memcmp(contact->device.id.b, none.b, sizeof none.b) != 0;
}

static void refuse_unknown(struct fleet *fleet, const struct contact_facts *facts,
                           const struct contact *contact, const char *reason)
{
    atomic_fetch_add(&fleet->counters.refused_unknown, 1);
    struct record record = record_start(facts, "contact.refused", reason);
    record.event.device = has_id(contact) ? &contact->device.id : NULL;
    if (may_record(fleet, REFUSAL_UNKNOWN, bytes_str(record.network), &record)) {
        record_write(fleet, &record);
    }
}

static void refuse_known(struct fleet *fleet, const struct contact_facts *facts,
                         const struct contact *contact, const err_t *why)
{
    atomic_fetch_add(&fleet->counters.refused, 1);
    const struct device_row *device = &contact->device;
    uint8_t key[DEVICE_ID_SIZE + sizeof(struct uuid)];
    (void)memcpy(key, device->id.b, DEVICE_ID_SIZE);
    (void)memcpy(key + DEVICE_ID_SIZE, device->tenant.b, sizeof device->tenant.b);
    char actor[16 + 2 * DEVICE_ID_SIZE] = "device:";
    hex_encode(BYTES_OF(device->id.b), actor + sizeof "device:" - 1);
    struct record record = record_start(facts, "device.refused", err_slug(why->code));
    record.known = device;
    record.cause = refusal_cause_of(contact, *why);
    record.detail = why->detail;
    record.event.actor = actor;
    record.event.device = &device->id;
    record.tenants = &device->tenant;
    record.tenant_count = 1;
    if (may_record(fleet, REFUSAL_DEVICE, BYTES_OF(key), &record)) {
        record_write(fleet, &record);
    }
}

void contact_refused(struct fleet *fleet, const struct contact_facts *facts, const struct contact *contact,
                     err_t why)
{
    if (contact != NULL && contact->is_known) {
        refuse_known(fleet, facts, contact, &why);
    } else {
        refuse_unknown(fleet, facts, contact, err_slug(why.code));
    }
}

void contact_alarm_unknown_serial(struct fleet *fleet, const struct contact_facts *facts)
{
    struct record record = record_start(facts, "ca.unknown_serial", facts->peer->authority);
    if (may_record(fleet, REFUSAL_ALARM, bytes_str(record.network), &record)) {
        LOG(fleet->log, LOG_ERROR, "ca_unknown_serial", LOG_STR("authority", facts->peer->authority),
            LOG_STR("network", record.network));
        record_write(fleet, &record);
    }
}

void contact_alarm_contested(struct fleet *fleet, const struct contact_facts *facts,
                             const struct device_id *id, const struct claims *claims)
{
    struct record record = record_start(facts, "device.contested", "equal-claims");
    record.event.device = id;
    record.tenants = claims->tenants;
    record.tenant_count = claims->count;
    if (may_record(fleet, REFUSAL_ALARM, BYTES_OF(id->b), &record)) {
        record_write(fleet, &record);
    }
}

/* @param name of the thing, its key in the body */
struct shown {
    const char *kind, *what, *name;
    const struct uuid *tenant;
};

static void alarm_shown(struct fleet *fleet, const struct contact_facts *facts, const struct shown *shown,
                        const struct device_id *id, const err_t *why)
{
    struct record record = record_start(facts, shown->kind, why->detail);
    record.event.device = id;
    record.tenants = shown->tenant;
    record.tenant_count = 1;
    record.what = shown->what;
    record.name = shown->name;
    if (may_record(fleet, REFUSAL_ALARM, bytes_str(shown->name), &record)) {
        record_write(fleet, &record);
    }
}

void contact_alarm_code(struct fleet *fleet, const struct contact_facts *facts, const struct code_row *code,
                        const struct device_id *id, err_t why)
{
    char name[CODE_ID_TEXT_SIZE];
    code_id_format(code->id, name);
    const struct shown shown = {"code.refused", "code", name, &code->tenant};
    alarm_shown(fleet, facts, &shown, id, &why);
}

void contact_alarm_vendor_ca(struct fleet *fleet, const struct contact_facts *facts,
                             const struct vendor_ca_row *ca, const struct device_id *id, err_t why)
{
    char name[UUID_TEXT_SIZE];
    uuid_format(ca->id, name);
    const struct shown shown = {"vendor_ca.refused", "vendor_ca", name, &ca->tenant};
    alarm_shown(fleet, facts, &shown, id, &why);
}
