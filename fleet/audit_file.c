/* The lines of an export, one after the other: the first line, then for each stretch of a chain its beginning
 * and its records, then the checkpoint. What a shown record says beside its hashed fields (category, ts,
 * event_id, details) must follow from them. */
#include "fleet/audit_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/audit_log.h"
#include "fleet/audit_seal.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct audit_file {
    struct bytes anchors;
    struct audit_file_report report;
    bool has_head, is_sealed, is_bad;
    struct sha256 installation;
    struct uuid tenant;
    char made_at[32];
    bool has_stretch;
    struct audit_stretch stretch; /* last_seq 0: no record yet */
    struct audit_seal seal;
    struct buf expected; /* of struct audit_end */
};

err_t audit_file_new(struct bytes anchors, struct audit_file **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "no memory for a verification");
    (*out)->anchors = anchors;
    return OK;
}

void audit_file_free(struct audit_file *file)
{
    if (file != NULL) {
        buf_clear(&file->expected);
        free(file);
    }
}

err_t audit_file_expect(struct audit_file *file, const struct audit_end *end)
{
    return buf_append(&file->expected, end, sizeof *end);
}

static bool is_same_hash(const struct sha256 *a, const struct sha256 *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* --- what every line has ---------------------------------------------------------------------------- */

struct frame {
    const char *event_id, *ts, *source, *category, *type, *result;
};
#define FRAME(raw_)                                                                                          \
    {"event_id", JSON_KIND_TEXT, true, offsetof(raw_, frame.event_id), 1, 0, JSON_NO_HAS},                   \
        {"ts", JSON_KIND_TEXT, true, offsetof(raw_, frame.ts), 1, 31, JSON_NO_HAS},                          \
        {"source", JSON_KIND_TEXT, true, offsetof(raw_, frame.source), 1, 0, JSON_NO_HAS},                   \
        {"category", JSON_KIND_TEXT, true, offsetof(raw_, frame.category), 1, 0, JSON_NO_HAS},               \
        {"type", JSON_KIND_TEXT, true, offsetof(raw_, frame.type), 1, 0, JSON_NO_HAS},                       \
    {                                                                                                        \
        "result", JSON_KIND_TEXT, true, offsetof(raw_, frame.result), 1, 0, JSON_NO_HAS                      \
    }

/* A line of the export itself says of itself what it always says. */
static err_t check_frame(const struct audit_file *file, const struct frame *frame, const char *event_id)
{
    bool is_plain = strcmp(frame->source, "whorld") == 0 && strcmp(frame->category, "audit_log") == 0 &&
                    strcmp(frame->result, "ok") == 0 && strcmp(frame->ts, file->made_at) == 0;
    ENSURE(is_plain && strcmp(frame->event_id, event_id) == 0, ERR_UNPROCESSABLE,
           "the line's event_id, ts, source, category or result was changed");
    return OK;
}

static void place_id(const struct audit_link *link, char out[EVENT_ID_SIZE])
{
    const struct audit_place place = {
        .node = link->node, .epoch = link->epoch, .lane = link->lane, .seq = link->seq};
    audit_event_id(&place, out);
}

/* --- the first line --------------------------------------------------------------------------------- */

struct raw_head {
    struct frame frame;
    const char *kind, *actor;
    int64_t version, since, until;
    struct sha256 installation, device;
    struct uuid tenant;
};
static const struct json_field head_fields[] = {
    FRAME(struct raw_head),
    {"version", JSON_KIND_INTEGER, true, offsetof(struct raw_head, version), 1, 1, JSON_NO_HAS},
    {"installation", JSON_KIND_HEX32, true, offsetof(struct raw_head, installation), 0, 0, JSON_NO_HAS},
    {"tenant_id", JSON_KIND_UUID, true, offsetof(struct raw_head, tenant), 0, 0, JSON_NO_HAS},
    {"since", JSON_KIND_TIME, true, offsetof(struct raw_head, since), 0, 0, JSON_NO_HAS},
    {"until", JSON_KIND_TIME, true, offsetof(struct raw_head, until), 0, 0, JSON_NO_HAS},
    {"kind", JSON_KIND_TEXT, false, offsetof(struct raw_head, kind), 1, 64, JSON_NO_HAS},
    {"actor", JSON_KIND_TEXT, false, offsetof(struct raw_head, actor), 1, 95, JSON_NO_HAS},
    {"device", JSON_KIND_HEX32, false, offsetof(struct raw_head, device), 0, 0, JSON_NO_HAS},
};

/* The seal holds this line to the letter, so its members need no second look. */
static err_t take_head(struct audit_file *file, struct bytes line, const json_t *object)
{
    struct raw_head raw = {.kind = NULL};
    TRY(json_read(object, head_fields, COUNT_OF(head_fields), true, &raw));
    ENSURE(strcmp(raw.frame.type, "export.head") == 0, ERR_UNPROCESSABLE, "not an export of an audit log");
    file->has_head = true;
    (void)snprintf(file->made_at, sizeof file->made_at, "%s", raw.frame.ts);
    file->installation = raw.installation;
    file->tenant = raw.tenant;
    return audit_seal_open(&file->seal, line);
}

/* --- stretches -------------------------------------------------------------------------------------- */

struct raw_chain {
    struct frame frame;
    struct audit_link link;
};
static const struct json_field chain_fields[] = {
    FRAME(struct raw_chain),
    {"node", JSON_KIND_UUID, true, offsetof(struct raw_chain, link.node), 0, 0, JSON_NO_HAS},
    {"epoch", JSON_KIND_INTEGER, true, offsetof(struct raw_chain, link.epoch), 1, INT64_MAX, JSON_NO_HAS},
    {"lane", JSON_KIND_INTEGER, true, offsetof(struct raw_chain, link.lane), 0, INT64_MAX, JSON_NO_HAS},
    {"seq", JSON_KIND_INTEGER, true, offsetof(struct raw_chain, link.seq), 1, INT64_MAX, JSON_NO_HAS},
    {"prev", JSON_KIND_HEX32, true, offsetof(struct raw_chain, link.prev), 0, 0, JSON_NO_HAS},
};

static err_t end_stretch(struct audit_file *file)
{
    if (!file->has_stretch) {
        return OK;
    }
    ENSURE(file->stretch.last_seq > 0, ERR_UNPROCESSABLE, "a chain without a record");
    file->has_stretch = false;
    return audit_seal_add(&file->seal, &file->stretch);
}

static err_t begin_stretch(struct audit_file *file, const json_t *object)
{
    struct raw_chain raw = {.link = {.seq = 0}};
    char id[EVENT_ID_SIZE], node[UUID_TEXT_SIZE];
    TRY(end_stretch(file));
    TRY(json_read(object, chain_fields, COUNT_OF(chain_fields), true, &raw));
    place_id(&raw.link, id);
    TRY(check_frame(file, &raw.frame, id));
    uuid_format(raw.link.node, node);
    ENSURE(bytes_is(bytes_str(node), json_string_value(json_object_get(object, "node"))), ERR_UNPROCESSABLE,
           "the node is not written as usual");
    file->stretch = (struct audit_stretch){.first = raw.link};
    file->has_stretch = true;
    file->report.stretches++;
    return OK;
}

/* The place of the next record, and what it is linked to. */
static err_t next_link(const struct audit_file *file, int64_t seq, struct audit_link *out)
{
    const struct audit_stretch *stretch = &file->stretch;
    ENSURE(file->has_stretch, ERR_UNPROCESSABLE, "a record before its chain");
    bool is_first = stretch->last_seq == 0;
    *out = stretch->first;
    out->seq = is_first ? stretch->first.seq : stretch->last_seq + 1;
    out->prev = is_first ? stretch->first.prev : stretch->last_hash;
    ENSURE(seq >= out->seq, ERR_UNPROCESSABLE, "record %lld is out of order: %lld is next", (long long)seq,
           (long long)out->seq);
    ENSURE(seq == out->seq, ERR_UNPROCESSABLE, "record %lld is missing: %lld follows", (long long)out->seq,
           (long long)seq);
    return OK;
}

static err_t check_expected(struct audit_file *file, const struct audit_link *link, const struct sha256 *hash)
{
    const struct audit_end *ends = (const struct audit_end *)(const void *)file->expected.p;
    for (size_t i = 0; i < file->expected.n / sizeof *ends; i++) {
        bool is_there = uuid_equal(ends[i].node, link->node) && ends[i].epoch == link->epoch &&
                        ends[i].lane == link->lane && ends[i].seq == link->seq;
        ENSURE(!is_there || is_same_hash(&ends[i].hash, hash), ERR_UNPROCESSABLE,
               "record %lld is not the one that the earlier checkpoint signed", (long long)link->seq);
        file->report.compared += is_there ? 1 : 0;
    }
    return OK;
}

static err_t go_on(struct audit_file *file, const struct audit_link *link, const struct sha256 *hash)
{
    ENSURE(link->seq < INT64_MAX, ERR_UNPROCESSABLE, "a record of an impossible number");
    file->stretch.last_seq = link->seq;
    file->stretch.last_hash = *hash;
    return check_expected(file, link, hash);
}

/* --- hidden records --------------------------------------------------------------------------------- */

static err_t take_content(struct audit_file *file, const json_t *text, int64_t seq)
{
    struct bytes hex = {(const uint8_t *)json_string_value(text), json_string_length(text)};
    struct sha256 content, hash;
    struct audit_link link;
    TRY(hex_decode(hex, content.b, sizeof content.b));
    TRY(next_link(file, seq, &link));
    TRY(audit_link_hash(&link, &content, &hash));
    file->seal.hidden++;
    file->report.hidden++;
    return go_on(file, &link, &hash);
}

static err_t take_hidden(struct audit_file *file, const json_t *object)
{
    struct raw_hidden {
        struct frame frame;
        int64_t seq;
        json_t *contents;
    } raw;
    static const struct json_field fields[] = {
        FRAME(struct raw_hidden),
        {"seq", JSON_KIND_INTEGER, true, offsetof(struct raw_hidden, seq), 1, INT64_MAX - AUDIT_LINE_MAX,
         JSON_NO_HAS},
        {"contents", JSON_KIND_ARRAY, true, offsetof(struct raw_hidden, contents), 1, AUDIT_LINE_MAX,
         JSON_NO_HAS},
    };
    struct audit_link link;
    char id[EVENT_ID_SIZE];
    TRY(json_read(object, fields, COUNT_OF(fields), true, &raw));
    TRY(next_link(file, raw.seq, &link));
    place_id(&link, id);
    TRY(check_frame(file, &raw.frame, id));
    for (size_t i = 0; i < json_array_size(raw.contents); i++) {
        TRY(take_content(file, json_array_get(raw.contents, i), raw.seq + (int64_t)i));
    }
    return OK;
}

/* --- shown records ---------------------------------------------------------------------------------- */

struct shown {
    struct audit_record record;
    struct sha256 hash, device;
    bool has_device;
    int64_t seq, at;
    struct bytes event_id, category, ts;
};

static err_t take_text(const json_t *object, const char *name, struct bytes *out)
{
    const json_t *value = json_object_get(object, name);
    ENSURE(json_is_string(value), ERR_UNPROCESSABLE, "'%s' is missing, or no text", name);
    *out = (struct bytes){(const uint8_t *)json_string_value(value), json_string_length(value)};
    return OK;
}

/* Numbers and hashes by table; texts by hand, since what was hashed may hold any character. */
static err_t read_numbers(const json_t *object, struct shown *out)
{
    static const struct json_field fields[] = {
        {"seq", JSON_KIND_INTEGER, true, offsetof(struct shown, seq), 1, INT64_MAX, JSON_NO_HAS},
        {"at_ms", JSON_KIND_INTEGER, true, offsetof(struct shown, at), INT64_MIN, INT64_MAX, JSON_NO_HAS},
        {"hash", JSON_KIND_HEX32, true, offsetof(struct shown, hash), 0, 0, JSON_NO_HAS},
        {"device_id", JSON_KIND_HEX32, false, offsetof(struct shown, device), 0, 0,
         offsetof(struct shown, has_device)},
    };
    return json_read(object, fields, COUNT_OF(fields), false, out);
}

static err_t read_shown(const struct audit_file *file, const json_t *object, struct shown *out)
{
    enum { MEMBERS = 11 };
    struct audit_record *record = &out->record;
    *out = (struct shown){.has_device = false};
    TRY(read_numbers(object, out));
    TRY(take_text(object, "event_id", &out->event_id));
    TRY(take_text(object, "category", &out->category));
    TRY(take_text(object, "ts", &out->ts));
    TRY(take_text(object, "source", &record->actor));
    TRY(take_text(object, "type", &record->kind));
    TRY(take_text(object, "result", &record->result));
    TRY(take_text(object, "body", &record->body));
    bool has_request = json_object_get(object, "request_id") != NULL;
    record->request_id = bytes_str("");
    TRY(has_request ? take_text(object, "request_id", &record->request_id) : OK);
    size_t members = (size_t)MEMBERS + (has_request ? 1 : 0) + (out->has_device ? 1 : 0);
    ENSURE(json_object_size(object) == members, ERR_UNPROCESSABLE,
           "the record has a field that is not hashed");
    record->at_ms = out->at;
    record->tenant = BYTES_OF(file->tenant.b);
    record->device = out->has_device ? BYTES_OF(out->device.b) : BYTES_NONE;
    return OK;
}

/* What is shown for people follows from what is hashed. */
static err_t check_views(const struct shown *shown, const json_t *object)
{
    char id[EVENT_ID_SIZE];
    char ts[32];
    AUTO(json_t) *details = NULL;
    place_id(&shown->record.link, id);
    time_format(shown->at, ts);
    ENSURE(bytes_is(shown->event_id, id), ERR_UNPROCESSABLE, "event_id is not that of its place");
    ENSURE(bytes_is(shown->ts, ts), ERR_UNPROCESSABLE, "ts is not at_ms");
    ENSURE(bytes_is(shown->category, audit_category(shown->record.kind)), ERR_UNPROCESSABLE,
           "category is not that of type");
    TRY(json_parse(shown->record.body, AUDIT_LINE_MAX, &details));
    ENSURE(json_equal(details, json_object_get(object, "details")) == 1, ERR_UNPROCESSABLE,
           "details are not body");
    return OK;
}

static err_t take_shown(struct audit_file *file, const json_t *object)
{
    struct shown shown;
    struct sha256 hash;
    TRY(read_shown(file, object, &shown));
    TRY(next_link(file, shown.seq, &shown.record.link));
    TRY(audit_hash(&shown.record, &hash));
    ENSURE(is_same_hash(&hash, &shown.hash), ERR_UNPROCESSABLE,
           "record %lld is not what was hashed, or does not follow the one before",
           (long long)shown.record.link.seq);
    TRY(check_views(&shown, object));
    file->seal.shown++;
    file->report.shown++;
    return go_on(file, &shown.record.link, &hash);
}

/* --- the end ---------------------------------------------------------------------------------------- */

static err_t take_checkpoint(struct audit_file *file, const json_t *object)
{
    struct raw_checkpoint {
        struct frame frame;
        const char *cms;
    } raw;
    static const struct json_field fields[] = {
        FRAME(struct raw_checkpoint),
        {"cms", JSON_KIND_TEXT, true, offsetof(struct raw_checkpoint, cms), 1, 0, JSON_NO_HAS},
    };
    AUTO_VAL(buf) cms = {0};
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    TRY(json_read(object, fields, COUNT_OF(fields), true, &raw));
    TRY(check_frame(file, &raw.frame, "export"));
    TRY(base64_decode(bytes_str(raw.cms), &cms));
    TRY(end_stretch(file));
    TRY(audit_statement_open(buf_view(&cms), file->anchors, &statement));
    ENSURE(is_same_hash(&statement.installation, &file->installation), ERR_FORBIDDEN,
           "the checkpoint is of another installation than the first line");
    ENSURE(audit_seal_is(&file->seal, json_object_get(statement.content, "export")), ERR_UNPROCESSABLE,
           "the checkpoint signs another export: records at the edge of a chain were cut off or replaced, or "
           "the first line was");
    file->is_sealed = true;
    file->report.at_ms = statement.at_ms;
    memcpy(file->report.signer, statement.signer, sizeof file->report.signer);
    return OK;
}

/* Lines that are no records. */
static const struct line_kind {
    const char *type;
    err_t (*take)(struct audit_file *file, const json_t *object);
} kinds[] = {
    {"export.chain", begin_stretch}, {"export.hidden", take_hidden}, {"export.checkpoint", take_checkpoint}};

static err_t take_line(struct audit_file *file, struct bytes line)
{
    AUTO(json_t) *object = NULL;
    ENSURE(!file->is_sealed, ERR_UNPROCESSABLE, "a line behind the checkpoint");
    TRY(json_parse(line, AUDIT_LINE_MAX, &object));
    ENSURE(json_is_object(object), ERR_UNPROCESSABLE, "not an object");
    if (!file->has_head) {
        return take_head(file, line, object);
    }
    const char *type = json_string_value(json_object_get(object, "type"));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(type == NULL ? "" : type, kinds[i].type) == 0) {
            return kinds[i].take(file, object);
        }
    }
    return take_shown(file, object);
}

err_t audit_file_line(struct audit_file *file, struct bytes line)
{
    ENSURE(!file->is_bad, ERR_UNPROCESSABLE, "an earlier line is bad");
    file->report.lines++;
    err_t error = take_line(file, line);
    file->is_bad = error.code != ERR_OK;
    return error;
}

err_t audit_file_finish(struct audit_file *file, struct audit_file_report *out)
{
    *out = file->report;
    ENSURE(!file->is_bad && file->is_sealed, ERR_UNPROCESSABLE,
           "the file ends without its checkpoint: its end is missing");
    return OK;
}
