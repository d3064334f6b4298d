/* The audit log as JSON Lines, oldest first, made while it is sent: some hundred records at a time, so that a
 * log of any length costs the same memory. It ends with what was there when it was asked for. */
#include <stdlib.h>

#include "api/audit_views.h"
#include "api/tables.h"
#include "fleet/audit_log.h"

enum { RECORDS_AT_ONCE = 500 };

struct export
{
    struct fleet *fleet; /* outlives every response */
    struct audit_range range;
    struct audit_place last;
    int64_t seen; /* of the piece that is being made */
    struct buf *chunk;
};

static err_t add_line(const struct audit_row *row, void *arg)
{
    struct export *export = arg;
    AUTO(json_t) *record = NULL;
    export->seen++;
    export->last = row->place;
    TRY(render_audit(row, &record));
    TRY(json_append(export->chunk, record));
    return buf_append_str(export->chunk, "\n");
}

static err_t next(void *state, struct buf *chunk, bool *is_end)
{
    struct export *export = state;
    export->chunk = chunk;
    export->seen = 0;
    TRY(audit_export(export->fleet, &export->range, add_line, export));
    export->range.after = &export->last;
    *is_end = export->seen < export->range.limit;
    return OK;
}

static err_t get_export(struct api *api, const struct request *request, struct response *response)
{
    static const char *const known[] = {"since", "until", NULL};
    struct audit_range range = {.tenant = request->principal->tenant, .limit = RECORDS_AT_ONCE};
    TRY(request_check_query(request, known));
    TRY(read_audit_times(request, &range));
    range.until = range.until <= request->now_ms ? range.until : request->now_ms + 1;
    struct export *export = calloc(1, sizeof *export);
    ENSURE(export != NULL, ERR_NO_MEMORY, "an export");
    *export = (struct export){.fleet = api->options.fleet, .range = range};
    response->source = calloc(1, sizeof *response->source);
    if (response->source == NULL) {
        free(export);
        return ERR(ERR_NO_MEMORY, "an export");
    }
    *response->source = (struct response_source){.state = export, .next = next, .free = free};
    audit_note_export(api->options.fleet, &request->principal->actor, &range);
    response->status = 200;
    response->content_type = "application/jsonl";
    return response_header(response, "Content-Disposition", "attachment; filename=\"audit.jsonl\"");
}

const struct route audit_export_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/audit/export",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_AUDIT_READ,
     .handler = get_export},
};
