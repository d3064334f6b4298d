/* The audit log as a tenant may read it, and the categories of CR 2.8. Changes nothing, save the note that
 * somebody took a copy. */
#include "fleet/audit_log.h"

#include <stdio.h>
#include <string.h>

#include "fleet/audit_signer.h"
#include "fleet/event.h"
#include "fleet/internal.h"

enum { RANGE_MAX = 1001 };

struct read {
    const struct audit_range *range;
    audit_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct read *run = arg;
    return audit_rows_list(tx, run->range, run->fn, run->arg);
}

err_t audit_list(struct fleet *fleet, const struct audit_range *range, audit_row_fn fn, void *arg)
{
    struct read run = {.range = range, .fn = fn, .arg = arg};
    ENSURE(range->limit >= 1 && range->limit <= RANGE_MAX, ERR_UNPROCESSABLE, "a page has 1 to %d records",
           RANGE_MAX);
    ENSURE(range->device != NULL || range->kind == NULL || range->actor == NULL, ERR_UNPROCESSABLE,
           "give kind or actor, or both beside a device");
    ENSURE(range->request_id == NULL ||
               (range->device == NULL && range->kind == NULL && range->actor == NULL),
           ERR_UNPROCESSABLE, "give request_id without device, kind and actor");
    return db_read(fleet->db, list_in, &run);
}

/* --- export ----------------------------------------------------------------------------------------- */

struct export_run {
    const struct audit_segment *segment;
    int64_t limit;
    audit_record_fn fn;
    void *arg;
};

static err_t export_in(struct db_tx *tx, void *arg)
{
    const struct export_run *run = arg;
    return audit_segment_read(tx, run->segment, run->limit, run->fn, run->arg);
}

err_t audit_export(struct fleet *fleet, const struct audit_segment *segment, int64_t limit,
                   audit_record_fn fn, void *arg)
{
    const struct audit_segment from_here = *segment; /* the callback may move its own */
    struct export_run run = {.segment = &from_here, .limit = limit, .fn = fn, .arg = arg};
    return db_read(fleet->db, export_in, &run);
}

struct segments_run {
    const struct audit_span *span;
    struct buf *out;
};

static err_t take_segment(const struct audit_segment *segment, void *arg)
{
    return buf_append(arg, segment, sizeof *segment);
}

static err_t segments_in(struct db_tx *tx, void *arg)
{
    const struct segments_run *run = arg;
    run->out->n = 0;
    return audit_segments_list(tx, run->span, take_segment, run->out);
}

err_t audit_export_segments(struct fleet *fleet, const struct audit_span *span, struct buf *out)
{
    struct segments_run run = {.span = span, .out = out};
    return db_read(fleet->db, segments_in, &run);
}

struct note {
    const struct actor *actor;
    const struct audit_span *span;
};

static err_t note_in(struct db_tx *tx, void *arg)
{
    const struct note *run = arg;
    char since[32], until[32];
    time_format(run->span->since, since);
    time_format(run->span->until, until);
    struct event event = {.kind = "audit.exported",
                          .result = "ok",
                          .actor = run->actor->name,
                          .request_id = run->actor->request_id,
                          .tenant = &run->span->tenant};
    return event_append(tx, &event, "{\"since\":\"%s\",\"until\":\"%s\"}", since, until);
}

void audit_note_export(struct fleet *fleet, const struct actor *actor, const struct audit_span *span)
{
    struct note run = {.actor = actor, .span = span};
    err_t error = db_write(fleet->db, note_in, &run);
    if (error.code != ERR_OK) {
        log_error(fleet->log, "export_not_recorded", actor->request_id, error);
    }
}

err_t audit_can_sign(struct fleet *fleet)
{
    const struct signer *signer = NULL;
    return audit_signer_get(fleet, &signer);
}

const char *audit_category(struct bytes kind)
{
    /* The first that fits; what fits none is an event of the system itself. A kind keeps its category for
     * ever: exports that were kept are held against this table (audit_file.c). */
    static const struct {
        const char *prefix, *category;
    } rows[] = {
        {"device.refused", "request_error"},
        {"contact.refused", "request_error"},
        {"code.refused", "request_error"},
        {"device.contested", "request_error"},
        {"ca.unknown_serial", "request_error"},
        {"code.refused", "request_error"},
        {"vendor_ca.refused", "request_error"},
        {"device.", "access_control"},
        {"code.", "access_control"},
        {"certificate.", "access_control"},
        {"token.", "access_control"},
        {"code.", "access_control"},
        {"user.", "access_control"},
        {"role.", "access_control"},
        {"session.", "access_control"},
        {"oidc.", "access_control"},
        {"client_certificate.", "access_control"},
        {"login.", "access_control"},
        {"approval.", "access_control"},
        {"approval.", "access_control"},
        {"operation.", "access_control"},
        {"transfer.", "access_control"},
        {"dual_control.", "configuration"},
        {"logout", "access_control"},
        {"invitation.", "access_control"},
        {"backup.", "backup"},
        {"restore.", "backup"},
        {"audit.", "audit_log"},
        {"tenant.", "configuration"},
        {"product.", "configuration"},
        {"hub.", "configuration"},
        {"vendor_ca.", "configuration"},
        {"webhook.", "configuration"},
        {"batch.", "configuration"},
        {"authority.", "configuration"},
        {"import.", "configuration"},
        {"webhook.", "configuration"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].prefix);
        if (kind.n >= n && memcmp(kind.p, rows[i].prefix, n) == 0) {
            return rows[i].category;
        }
    }
    return "system";
}

void audit_event_id(const struct audit_place *place, char out[EVENT_ID_SIZE])
{
    char node[UUID_TEXT_SIZE];
    uuid_format(place->node, node);
    (void)snprintf(out, EVENT_ID_SIZE, "%s.%lld.%lld.%lld", node, (long long)place->epoch,
                   (long long)place->lane, (long long)place->seq);
}
