/* The audit log as JSON Lines, chain by chain, made while it is sent: some hundred records at a time, so that
 * a log of any length costs the same memory. It ends with what was there when it was asked for. Records of
 * others, and those that a filter leaves out, stand in it as hashes of their content, so that whoever has the
 * file can follow every chain without a gap; the last line signs where each stretch begins and ends
 * (docs/audit.md; fleet/audit_file.c verifies it). Every line has the fields of IEC 62443-4-2 CR 2.8; the
 * types of those that are no records begin with "export.". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/audit_views.h"
#include "api/tables.h"
#include "db/audit_chain_rows.h"
#include "fleet/audit_checkpoint.h"
#include "fleet/audit_log.h"

enum { RECORDS_AT_ONCE = 500, CONTENTS_AT_ONCE = 200, KIND_SIZE = 65 };

struct export
{
    struct fleet *fleet; /* outlives every response */
    struct audit_span span;
    bool has_device;
    struct device_id device;
    char kind[KIND_SIZE], actor[ACTOR_SIZE]; /* "": every one */
    struct buf segments;                     /* of struct audit_segment: what is left of each */
    size_t at;                               /* of the one that is being written */
    struct buf head;                         /* the first line, until it is sent */
    struct audit_stretch stretch;
    struct audit_seal seal;
    json_t *contents; /* of hidden records that are not written yet */
    struct audit_link contents_from;
    int64_t now_ms;
    struct buf *chunk; /* the piece that is being made */
};

static void export_free(void *state)
{
    struct export *export = state;
    buf_clear(&export->segments);
    buf_clear(&export->head);
    json_decref(export->contents);
    free(export);
}

static err_t write_line(struct buf *out, const json_t *line)
{
    TRY(json_append(out, line));
    return buf_append(out, "\n", 1);
}

/* What every line has. */
static err_t frame(const struct export *export, const char *id, const char *type, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *line = json_object();
    TRY(json_set_text(line, "event_id", id));
    TRY(json_set_time(line, "ts", export->now_ms));
    TRY(json_set_text(line, "source", "whorld"));
    TRY(json_set_text(line, "category", "audit_log"));
    TRY(json_set_text(line, "type", type));
    TRY(json_set_text(line, "result", "ok"));
    *out = TAKE(line);
    return OK;
}

static void place_id(const struct audit_link *link, char out[EVENT_ID_SIZE])
{
    const struct audit_place place = {
        .node = link->node, .epoch = link->epoch, .lane = link->lane, .seq = link->seq};
    audit_event_id(&place, out);
}

/* --- the first line --------------------------------------------------------------------------------- */

static err_t set_if(json_t *object, const char *name, const char *text)
{
    return text[0] == '\0' ? OK : json_set_text(object, name, text);
}

static err_t write_head(struct export *export)
{
    char installation[2 * SHA256_SIZE + 1], tenant[UUID_TEXT_SIZE];
    AUTO(json_t) *head = NULL;
    TRY(frame(export, "export", "export.head", &head));
    audit_installation(export->fleet, installation);
    uuid_format(export->span.tenant, tenant);
    TRY(json_set_int(head, "version", 1));
    TRY(json_set_text(head, "installation", installation));
    TRY(json_set_text(head, "tenant_id", tenant));
    TRY(json_set_time(head, "since", export->span.since));
    TRY(json_set_time(head, "until", export->span.until));
    TRY(set_if(head, "kind", export->kind));
    TRY(set_if(head, "actor", export->actor));
    TRY(export->has_device ? json_set_hex(head, "device", BYTES_OF(export->device.b)) : OK);
    TRY(json_append(&export->head, head));
    TRY(audit_seal_open(&export->seal, buf_view(&export->head)));
    return buf_append(&export->head, "\n", 1);
}

/* --- records ---------------------------------------------------------------------------------------- */

static bool is_shown(const struct export *export, const struct audit_record *record)
{
    const struct audit_span *span = &export->span;
    return bytes_equal(record->tenant, BYTES_OF(span->tenant.b)) && record->at_ms >= span->since &&
           record->at_ms < span->until && (export->kind[0] == '\0' || bytes_is(record->kind, export->kind)) &&
           (export->actor[0] == '\0' || bytes_is(record->actor, export->actor)) &&
           (!export->has_device || bytes_equal(record->device, BYTES_OF(export->device.b)));
}

static err_t write_chain(struct export *export, const struct audit_link *first)
{
    char node[UUID_TEXT_SIZE], id[EVENT_ID_SIZE];
    AUTO(json_t) *line = NULL;
    place_id(first, id);
    uuid_format(first->node, node);
    TRY(frame(export, id, "export.chain", &line));
    TRY(json_set_text(line, "node", node));
    TRY(json_set_int(line, "epoch", first->epoch));
    TRY(json_set_int(line, "lane", first->lane));
    TRY(json_set_int(line, "seq", first->seq));
    TRY(json_set_hex(line, "prev", BYTES_OF(first->prev.b)));
    return write_line(export->chunk, line);
}

/* Hidden records one after the other share a line. */
static err_t flush_hidden(struct export *export)
{
    char id[EVENT_ID_SIZE];
    AUTO(json_t) *line = NULL;
    if (json_array_size(export->contents) == 0) {
        return OK;
    }
    place_id(&export->contents_from, id);
    TRY(frame(export, id, "export.hidden", &line));
    TRY(json_set_int(line, "seq", export->contents_from.seq));
    TRY(json_take(line, "contents", TAKE(export->contents)));
    return write_line(export->chunk, line);
}

static err_t add_hidden(struct export *export, const struct audit_record *record)
{
    struct sha256 content;
    char text[2 * SHA256_SIZE + 1];
    if (export->contents == NULL) {
        export->contents = json_array();
        export->contents_from = record->link;
    }
    TRY(audit_content_hash(record, &content));
    hex_encode(BYTES_OF(content.b), text);
    ENSURE(json_array_append_new(export->contents, json_string(text)) == 0, ERR_NO_MEMORY, "an export");
    return json_array_size(export->contents) >= CONTENTS_AT_ONCE ? flush_hidden(export) : OK;
}

/* Everything that is hashed, beside the fields that people read. */
static err_t write_shown(struct buf *out, const struct audit_record *record, const struct sha256 *hash)
{
    const struct audit_link *link = &record->link;
    const struct audit_row row = {.place = {.at = record->at_ms,
                                            .node = link->node,
                                            .epoch = link->epoch,
                                            .lane = link->lane,
                                            .seq = link->seq},
                                  .device = record->device,
                                  .actor = record->actor,
                                  .request_id = record->request_id,
                                  .kind = record->kind,
                                  .result = record->result,
                                  .body = record->body,
                                  .hash = *hash};
    AUTO(json_t) *line = NULL;
    TRY(render_audit(&row, &line));
    TRY(json_set_int(line, "seq", link->seq));
    TRY(json_set_int(line, "at_ms", record->at_ms));
    TRY(json_take(line, "body", json_stringn((const char *)record->body.p, record->body.n)));
    return write_line(out, line);
}

static err_t add_record(const struct audit_record *record, const struct sha256 *hash, void *arg)
{
    struct export *export = arg;
    struct audit_segment *segment = (struct audit_segment *)(void *)export->segments.p + export->at;
    if (export->stretch.last_seq == 0) {
        export->stretch.first = record->link;
        TRY(write_chain(export, &record->link));
    }
    bool is_whole = is_shown(export, record);
    export->seal.shown += is_whole ? 1 : 0;
    export->seal.hidden += is_whole ? 0 : 1;
    export->stretch.last_seq = record->link.seq;
    export->stretch.last_hash = *hash;
    segment->from = record->link.seq + 1;
    if (!is_whole) {
        return add_hidden(export, record);
    }
    TRY(flush_hidden(export));
    return write_shown(export->chunk, record, hash);
}

static err_t next_records(struct export *export, struct audit_segment *segment)
{
    int64_t from = segment->from;
    TRY(audit_export(export->fleet, segment, RECORDS_AT_ONCE, add_record, export));
    ENSURE(segment->from > from, ERR_DB, "the audit log has a gap at record %lld", (long long)from);
    if (segment->from > segment->to) {
        TRY(flush_hidden(export));
        TRY(audit_seal_add(&export->seal, &export->stretch));
        export->stretch = (struct audit_stretch){.last_seq = 0};
        export->at++;
    }
    return OK;
}

static err_t write_checkpoint(struct export *export)
{
    AUTO_VAL(audit_checkpoint) checkpoint = {.content = {0}};
    AUTO(json_t) *line = NULL;
    TRY(frame(export, "export", "export.checkpoint", &line));
    TRY(audit_checkpoint_make(export->fleet, &export->seal, &checkpoint));
    TRY(json_set_base64(line, "cms", buf_view(&checkpoint.cms)));
    return write_line(export->chunk, line);
}

static err_t next(void *state, struct buf *chunk, bool *is_end)
{
    struct export *export = state;
    export->chunk = chunk;
    TRY(buf_append_bytes(chunk, buf_view(&export->head)));
    export->head.n = 0;
    if (export->at < export->segments.n / sizeof(struct audit_segment)) {
        return next_records(export, (struct audit_segment *)(void *)export->segments.p + export->at);
    }
    *is_end = true;
    return write_checkpoint(export);
}

/* --- the request ------------------------------------------------------------------------------------ */

static err_t read_word(const struct request *request, const char *name, char *out, size_t size)
{
    const char *value = http_query(request, name);
    ENSURE(value == NULL || (value[0] != '\0' && strlen(value) < size), ERR_BAD_REQUEST,
           "'%s' has 1 to %zu characters", name, size - 1);
    (void)snprintf(out, size, "%s", value == NULL ? "" : value);
    return OK;
}

static err_t read_order(const struct request *request, struct export *out)
{
    static const char *const known[] = {"since", "until", "kind", "actor", "device", NULL};
    struct audit_range range = {.limit = 0};
    TRY(request_check_query(request, known));
    TRY(read_audit_times(request, &range));
    out->span =
        (struct audit_span){.tenant = request->principal->tenant,
                            .since = range.since,
                            .until = range.until <= request->now_ms ? range.until : request->now_ms + 1};
    TRY(read_word(request, "kind", out->kind, sizeof out->kind));
    TRY(read_word(request, "actor", out->actor, sizeof out->actor));
    const char *device = http_query(request, "device");
    out->has_device = device != NULL;
    return device == NULL ? OK : request_device_id(device, &out->device);
}

static err_t open_export(struct api *api, const struct request *request, struct export *export)
{
    export->fleet = api->options.fleet;
    export->now_ms = request->now_ms;
    TRY(read_order(request, export));
    TRY(audit_can_sign(export->fleet));
    audit_note_export(export->fleet, &request->principal->actor, &export->span);
    TRY(audit_export_segments(export->fleet, &export->span, &export->segments));
    return write_head(export);
}

static err_t get_export(struct api *api, const struct request *request, struct response *response)
{
    struct export *export = calloc(1, sizeof *export);
    ENSURE(export != NULL, ERR_NO_MEMORY, "an export");
    err_t error = open_export(api, request, export);
    response->source = error.code == ERR_OK ? calloc(1, sizeof *response->source) : NULL;
    if (response->source == NULL) {
        export_free(export);
        return error.code == ERR_OK ? ERR(ERR_NO_MEMORY, "an export") : error;
    }
    *response->source = (struct response_source){.state = export, .next = next, .free = export_free};
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
