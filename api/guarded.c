/* Approvals and operations as JSON, and the answer 202 that leads to them. Decides nothing. */
#include "api/guarded.h"

#include "fleet/approvals.h"
#include "fleet/operations.h"

static err_t set_text_if(json_t *object, const char *name, const char *text)
{
    return text[0] == '\0' ? OK : json_set_text(object, name, text);
}

/* What is stored as JSON. */
static err_t set_object(json_t *object, const char *name, struct bytes text)
{
    AUTO(json_t) *value = NULL;
    err_t error = json_parse(text, text.n, &value);
    ENSURE(error.code == ERR_OK, ERR_INTERNAL, "the stored '%s' is no JSON", name);
    return json_take(object, name, TAKE(value));
}

static err_t set_person(json_t *object, const char *name, const char *actor, const char *owner)
{
    AUTO(json_t) *person = json_object();
    TRY(json_set_text(person, "actor", actor));
    TRY(json_set_text(person, "owner", owner));
    return json_take(object, name, TAKE(person));
}

err_t render_approval(const struct approval_row *row, bool with_request, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *approval = json_object();
    TRY(json_set_uuid(approval, "id", row->id));
    TRY(json_set_text(approval, "kind", row->kind));
    TRY(json_set_text(approval, "state", approval_state_name(row->state)));
    if (with_request) {
        TRY(set_object(approval, "request", buf_view(&row->request)));
    }
    TRY(set_object(approval, "subject", bytes_str(row->subject)));
    TRY(json_set_hex(approval, "digest", BYTES_OF(row->digest)));
    TRY(set_person(approval, "requested_by", row->requested_by, row->requested_owner));
    TRY(json_set_time(approval, "requested_at", row->requested_at));
    TRY(json_set_time(approval, "expires_at", row->expires_at));
    if (row->decided_by[0] != '\0') {
        TRY(set_person(approval, "decided_by", row->decided_by, row->decided_owner));
    }
    TRY(json_set_time_if(approval, "decided_at", row->decided_at));
    TRY(set_text_if(approval, "comment", row->comment));
    TRY(set_text_if(approval, "result", row->result));
    *out = TAKE(approval);
    return OK;
}

err_t render_operation(const struct operation_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *operation = json_object();
    AUTO(json_t) *devices = json_object();
    TRY(json_set_uuid(operation, "id", row->id));
    TRY(json_set_text(operation, "kind", operation_kind_name(row->kind)));
    TRY(json_set_text(operation, "state", operation_state_name(row->state)));
    TRY(set_object(operation, "request", bytes_str(row->request)));
    TRY(json_set_int(devices, "at_most", row->total));
    TRY(json_set_int(devices, "done", row->done));
    TRY(json_set_int(devices, "skipped", row->skipped));
    TRY(json_set_int(devices, "failed", row->failed));
    TRY(json_take(operation, "devices", TAKE(devices)));
    TRY(set_text_if(operation, "last_failure", row->failure));
    TRY(json_set_text(operation, "started_by", row->actor));
    TRY(json_set_time(operation, "created_at", row->created_at));
    TRY(json_set_time(operation, "updated_at", row->updated_at));
    TRY(json_set_time_if(operation, "finished_at", row->finished_at));
    *out = TAKE(operation);
    return OK;
}

err_t reply_waiting(struct api *api, const struct request *request, const struct guarded *guarded,
                    struct response *response)
{
    AUTO_VAL(approval_row) row = {.ver = 0};
    AUTO(json_t) *approval = NULL;
    TRY(approval_get(api->options.fleet, request->principal->tenant, guarded->approval, &row));
    TRY(render_approval(&row, true, &approval));
    TRY(reply_location(response, "/api/v1/approvals", row.id));
    return reply_resource(request, response, 202, approval, row.ver);
}

err_t reply_started(const struct operation_row *row, struct response *response)
{
    AUTO(json_t) *operation = NULL;
    TRY(render_operation(row, &operation));
    TRY(reply_location(response, "/api/v1/operations", row->id));
    return reply_counted(response, 202, operation, row->ver);
}
