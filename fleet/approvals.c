/* Asking a second person: the request is kept in place of the action, in the transaction that would have done
 * it. Deciding is in approval_decide.c. */
#include "fleet/approvals.h"

#include <stdio.h>
#include <string.h>

#include "fleet/approval_internal.h"
#include "fleet/dual_control.h"
#include "fleet/event.h"
#include "fleet/internal.h"

enum { REQUEST_MAX = 128 * 1024 };
static const char REPEAT_PREFIX[] = "approval:"; /* what an Idempotency-Key did was to ask */

/* The record of each state that is reached. */
static const char *const state_events[] = {
    [APPROVAL_PENDING] = "approval.requested", [APPROVAL_EXECUTED] = "approval.executed",
    [APPROVAL_REJECTED] = "approval.rejected", [APPROVAL_WITHDRAWN] = "approval.withdrawn",
    [APPROVAL_EXPIRED] = "approval.expired",   [APPROVAL_VOID] = "approval.void",
    [APPROVAL_FAILED] = "approval.failed",
};
static const char *const state_names[] = {
    [APPROVAL_PENDING] = "pending",     [APPROVAL_EXECUTED] = "executed", [APPROVAL_REJECTED] = "rejected",
    [APPROVAL_WITHDRAWN] = "withdrawn", [APPROVAL_EXPIRED] = "expired",   [APPROVAL_VOID] = "void",
    [APPROVAL_FAILED] = "failed",
};
enum { STATE_COUNT = sizeof state_names / sizeof state_names[0] };

const char *approval_state_name(enum approval_state state)
{
    return (size_t)state < STATE_COUNT ? state_names[state] : "unknown";
}

err_t approval_state_parse(struct bytes text, enum approval_state *out)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (bytes_is(text, state_names[i])) {
            *out = (enum approval_state)i;
            return OK;
        }
    }
    return ERR(ERR_NOT_FOUND, "no such state of an approval; known: pending, executed, rejected, withdrawn, "
                              "expired, void, failed");
}

/* --- texts and records ------------------------------------------------------------------------------- */

err_t approval_canonical(const json_t *value, struct buf *out)
{
    return json_append_sorted(out, value);
}

err_t approval_read_subject(struct db_tx *tx, const struct approval_kind *kind,
                            const struct approval_case *this, char out[APPROVAL_SUBJECT_SIZE])
{
    AUTO(json_t) *subject = json_object();
    AUTO_VAL(buf) text = {0};
    TRY(kind->subject(tx, this, subject));
    TRY(approval_canonical(subject, &text));
    ENSURE(text.n < APPROVAL_SUBJECT_SIZE, ERR_INTERNAL, "the subject of %s is too long", kind->name);
    memcpy(out, buf_str(&text), text.n + 1);
    return OK;
}

err_t approval_record(struct db_tx *tx, const struct approval_row *row, const struct actor *actor)
{
    char id[UUID_TEXT_SIZE], digest[2 * SHA256_SIZE + 1];
    AUTO(json_t) *body = json_object();
    uuid_format(row->id, id);
    hex_encode(BYTES_OF(row->digest), digest);
    TRY(json_set_text(body, "approval", id));
    TRY(json_set_text(body, "kind", row->kind));
    TRY(json_set_text(body, "digest", digest));
    TRY(json_set_text(body, "requested_by", row->requested_by));
    TRY(json_set_text(body, "requested_owner", row->requested_owner));
    if (row->state == APPROVAL_PENDING) {
        TRY(json_take(body, "subject", json_loads(row->subject, 0, NULL)));
        TRY(json_set_time(body, "expires_at", row->expires_at));
    }
    if (row->decided_owner[0] != '\0') {
        TRY(json_set_text(body, "decided_owner", row->decided_owner));
    }
    if (row->comment[0] != '\0') {
        TRY(json_set_text(body, "comment", row->comment));
    }
    if (row->result[0] != '\0') {
        TRY(json_set_text(body, "result", row->result));
    }
    struct event event = {.kind = state_events[row->state],
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant};
    return event_append_value(tx, &event, body);
}

err_t approval_end(struct db_tx *tx, struct approval_row *row, enum approval_state state,
                   const struct actor *actor)
{
    static const struct actor itself = {.name = "whorld", .request_id = ""};
    row->state = state;
    row->decided_at = db_tx_now_ms(tx);
    if (actor != NULL) {
        (void)snprintf(row->decided_by, sizeof row->decided_by, "%s", actor->name);
        (void)snprintf(row->decided_owner, sizeof row->decided_owner, "%s", actor_owner(actor));
    }
    TRY(approval_rows_update(tx, row));
    return approval_record(tx, row, actor != NULL ? actor : &itself);
}

/* --- asked ------------------------------------------------------------------------------------------- */

err_t dual_control_asks(struct db_tx *tx, const struct terms *terms, const struct uuid *product,
                        enum approval_bit bit, bool *out)
{
    *out = false;
    return terms->is_approved ? OK : dual_control_rows_has(tx, terms->tenant, product, (uint32_t)bit, out);
}

static err_t digest_of(struct approval_row *row)
{
    struct sha256 hash;
    const struct bytes line = bytes_str("\n");
    const struct bytes parts[] = {
        bytes_str("whorl-approval-v1\n"), bytes_str(row->kind), line, buf_view(&row->request), line,
        bytes_str(row->subject)};
    TRY(sha256_of_parts(parts, sizeof parts / sizeof parts[0], &hash));
    memcpy(row->digest, hash.b, sizeof row->digest);
    return OK;
}

static err_t fill(struct db_tx *tx, const struct terms *terms, const struct approval_wish *wish,
                  struct approval_row *row)
{
    const struct approval_kind *kind = approval_kind_of(wish->bit);
    const struct approval_case this = {.terms = terms, .request = wish->request};
    int64_t ttl_s = 0;
    ENSURE(kind != NULL, ERR_INTERNAL, "an action of no known kind waits");
    row->tenant = terms->tenant;
    row->ver = 1;
    (void)snprintf(row->kind, sizeof row->kind, "%s", kind->name);
    (void)snprintf(row->requested_by, sizeof row->requested_by, "%s", terms->actor.name);
    (void)snprintf(row->requested_owner, sizeof row->requested_owner, "%s", actor_owner(&terms->actor));
    TRY(approval_canonical(wish->request, &row->request));
    ENSURE(row->request.n <= REQUEST_MAX, ERR_TOO_LARGE, "a request that waits has %d bytes at most",
           REQUEST_MAX);
    TRY(approval_read_subject(tx, kind, &this, row->subject));
    TRY(dual_control_ttl(tx, terms->tenant, &ttl_s));
    row->requested_at = db_tx_now_ms(tx);
    row->expires_at = row->requested_at + ttl_s * 1000;
    return digest_of(row);
}

/* The same request that waits already. One that is over, and was not swept yet, makes room. */
static err_t find_waiting(struct db_tx *tx, const struct approval_row *row, struct uuid *id, bool *is_found)
{
    struct approval_row known;
    err_t error = approval_rows_find_waiting(tx, row->tenant, row->digest, &known);
    *is_found = error.code == ERR_OK && known.expires_at > row->requested_at;
    if (error.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(error);
    *id = known.id;
    return *is_found ? OK : approval_end(tx, &known, APPROVAL_EXPIRED, NULL);
}

static err_t keep_key(struct db_tx *tx, const struct terms *terms, const char *op_kind, struct uuid id)
{
    char text[UUID_TEXT_SIZE], result[OP_RESULT_SIZE];
    uuid_format(id, text);
    (void)snprintf(result, sizeof result, "%s%s", REPEAT_PREFIX, text);
    return op_kind == NULL ? OK : idempotency_keep(tx, &terms->idempotency, op_kind, result);
}

err_t approval_request(struct db_tx *tx, const struct terms *terms, const struct approval_wish *wish)
{
    AUTO_VAL(approval_row) row = {.ver = 0};
    bool is_found = false;
    ENSURE(terms->guarded != NULL, ERR_INTERNAL,
           "an action waits for a second person where nobody can say so");
    TRY(fill(tx, terms, wish, &row));
    TRY(find_waiting(tx, &row, &row.id, &is_found));
    if (!is_found) {
        TRY(db_tx_uuid(tx, &row.id));
        TRY(approval_rows_insert(tx, &row));
        TRY(approval_record(tx, &row, &terms->actor));
    }
    *terms->guarded = (struct guarded){.is_waiting = true, .approval = row.id};
    return keep_key(tx, terms, wish->op_kind, row.id);
}

err_t approval_take_repeat(const struct terms *terms, const struct op_row *op, bool *is_waiting)
{
    size_t n = sizeof REPEAT_PREFIX - 1;
    *is_waiting = strncmp(op->result, REPEAT_PREFIX, n) == 0;
    if (!*is_waiting) {
        return OK;
    }
    ENSURE(terms->guarded != NULL, ERR_INTERNAL, "a request that waits, where nobody can say so");
    terms->guarded->is_waiting = true;
    return uuid_parse(bytes_str(op->result + n), &terms->guarded->approval);
}

err_t approval_find_repeat(struct db_tx *tx, const struct terms *terms, const char *op_kind,
                           struct approval_repeat *out)
{
    struct op_row op;
    bool is_waiting = false;
    *out = (struct approval_repeat){.is_repeat = false};
    TRY(idempotency_find(tx, &terms->idempotency, op_kind, &op, &out->is_repeat));
    if (!out->is_repeat) {
        return OK;
    }
    TRY(approval_take_repeat(terms, &op, &is_waiting));
    out->has_made = !is_waiting;
    return is_waiting ? OK : uuid_parse(bytes_str(op.result), &out->made);
}

/* --- looked at --------------------------------------------------------------------------------------- */

struct get {
    struct uuid tenant, id;
    struct approval_row *out;
};

static err_t get_in(struct db_tx *tx, void *arg)
{
    const struct get *run = arg;
    return approval_rows_find(tx, run->tenant, run->id, run->out);
}

err_t approval_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct approval_row *out)
{
    struct get run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, get_in, &run);
}

struct list {
    const struct approval_filter *filter;
    const struct row_window *window;
    approval_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    const struct approval_filter *filter = run->filter;
    return approval_rows_list(tx, filter->tenant, filter->has_state ? &filter->state : NULL, run->window,
                              run->fn, run->arg);
}

err_t approval_list(struct fleet *fleet, const struct approval_filter *filter,
                    const struct row_window *window, approval_row_fn fn, void *arg)
{
    struct list run = {.filter = filter, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
