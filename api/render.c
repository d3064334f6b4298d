/* Rows as JSON: snake_case, RFC 3339 UTC, ids in lower-case hex; what has not happened yet is absent. Knows
 * no request. */
#include "api/render.h"

#include "fleet/policy_words.h"
#include "fleet/revocation.h"
#include "fleet/states.h"

static err_t set_text_if(json_t *object, const char *name, const char *text)
{
    return text[0] == '\0' ? OK : json_set_text(object, name, text);
}

/* What is stored as JSON. */
static err_t set_object(json_t *object, const char *name, const char *text)
{
    AUTO(json_t) *value = json_loads(text[0] == '\0' ? "{}" : text, 0, NULL);
    ENSURE(value != NULL, ERR_INTERNAL, "a device's %s are no JSON", name);
    return json_take(object, name, TAKE(value));
}

err_t render_device(const struct device_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *device = json_object();
    TRY(json_set_hex(device, "id", BYTES_OF(row->id.b)));
    TRY(json_set_text(device, "state", device_state_name(row->state)));
    TRY(json_set_uuid(device, "batch_id", row->batch));
    TRY(json_set_uuid(device, "product_id", row->product));
    TRY(set_text_if(device, "serial", row->serial));
    TRY(set_text_if(device, "model", row->model));
    TRY(set_object(device, "attributes", row->attributes));
    TRY(set_object(device, "labels", row->labels));
    TRY(set_text_if(device, "note", row->note));
    TRY(json_set_text(device, "key_origin", key_origin_name(row->key_origin)));
    TRY(json_set_int(device, "generation", row->generation));
    TRY(json_set_bool(device, "reenrol_allowed", row->reenrol_allowed));
    TRY(json_set_time_if(device, "rekey_requested_at", row->rekey_requested_at));
    TRY(json_set_time(device, "registered_at", row->registered_at));
    TRY(json_set_time_if(device, "enrolled_at", row->enrolled_at));
    TRY(json_set_time_if(device, "transferred_at", row->transferred_at));
    TRY(json_set_time(device, "updated_at", row->updated_at));
    *out = TAKE(device);
    return OK;
}

err_t render_batch(const struct batch_row *row, const char *product, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *batch = json_object();
    TRY(json_set_uuid(batch, "id", row->id));
    TRY(json_set_text(batch, "name", row->name));
    TRY(json_set_text(batch, "product", product));
    TRY(json_set_uuid(batch, "product_id", row->product));
    TRY(json_set_int(batch, "device_count", row->device_count));
    TRY(json_set_time(batch, "created_at", row->created_at));
    TRY(json_set_time(batch, "updated_at", row->updated_at));
    *out = TAKE(batch);
    return OK;
}

err_t render_certificate(const struct certificate_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *certificate = json_object();
    TRY(json_set_hex(certificate, "serial", BYTES_OF(row->serial)));
    TRY(json_set_text(certificate, "authority", row->authority));
    TRY(json_set_hex(certificate, "device_id", BYTES_OF(row->device.b)));
    TRY(json_set_int(certificate, "generation", row->generation));
    TRY(json_set_text(certificate, "state", certificate_state_name(row->state)));
    TRY(json_set_hex(certificate, "spki_sha256", BYTES_OF(row->spki_sha256)));
    TRY(json_take(certificate, "profile", row->profile[0] != '\0' ? json_string(row->profile) : json_null()));
    TRY(json_take(certificate, "profile_version",
                  row->profile[0] != '\0' ? json_integer(row->profile_version) : json_null()));
    TRY(json_set_time(certificate, "not_before", row->not_before));
    TRY(json_set_time(certificate, "not_after", row->not_after));
    TRY(json_set_time(certificate, "issued_at", row->issued_at));
    TRY(json_set_time_if(certificate, "confirmed_at", row->confirmed_at));
    TRY(json_set_time_if(certificate, "superseded_at", row->superseded_at));
    TRY(json_set_time_if(certificate, "revoked_at", row->revoked_at));
    if (row->state == CERTIFICATE_REVOKED) {
        TRY(json_set_text(certificate, "revocation_reason", revocation_reason_name(row->revocation_reason)));
    }
    *out = TAKE(certificate);
    return OK;
}

err_t render_counts(const struct device_counts *counts, json_t *owner)
{
    AUTO(json_t) *devices = json_object();
    for (int state = 0; state < DEVICE_STATES; state++) {
        TRY(json_set_int(devices, device_state_name((enum device_state)state), counts->states[state]));
    }
    TRY(json_set_int(devices, "due", counts->terms[TERM_DUE]));
    TRY(json_set_int(devices, "expired", counts->terms[TERM_EXPIRED]));
    TRY(json_set_int(devices, "overdue", counts->overdue));
    return json_take(owner, "devices", TAKE(devices));
}
