/* The second person's word: one transaction judges who says it and whether what was asked for is still what
 * it was, and carries the action out. And the job that ends what waited too long. */
#include <stdio.h>
#include <stdlib.h>

#include "fleet/access.h"
#include "fleet/approval_internal.h"
#include "fleet/internal.h"

enum { EXPIRED_PER_RUN = 100 };
static const char OP_KIND[] = "approval.decide";

struct decide {
    const struct terms *terms;
    const struct approval_decision *decision;
    struct approval_row *out;
    err_t ended; /* it ended in another way than was asked: told when that is durable */
    bool has_failed;
    err_t failure; /* of the action itself */
    int64_t revoked;
};

/* --- who --------------------------------------------------------------------------------------------- */

static err_t check_person(const struct decide *run)
{
    const char *caller = actor_owner(&run->terms->actor);
    bool is_same = bytes_is(bytes_str(caller), run->out->requested_owner);
    if (run->decision->verb == VERB_WITHDRAW) {
        ENSURE(is_same, ERR_FORBIDDEN, "only %s, who asked, can withdraw this; reject it instead",
               run->out->requested_owner);
        return OK;
    }
    ENSURE(!is_same, ERR_FORBIDDEN,
           "a second person is needed: you answer for %s, who asked; another token of the same owner is the "
           "same person",
           run->out->requested_owner);
    return OK;
}

static err_t check_scopes(const struct decide *run, const struct approval_kind *kind)
{
    char names[SCOPES_TEXT_SIZE];
    scopes_format(kind->scopes, names);
    ENSURE(run->decision->verb == VERB_WITHDRAW || scopes_cover(run->decision->caller_scopes, kind->scopes),
           ERR_FORBIDDEN, "deciding about %s needs its own scope too: %s", kind->name, names);
    return OK;
}

/* What belongs to no tenant is no tenant's administrator's to decide. */
static err_t check_installation(const struct decide *run)
{
    AUTO(json_t) *request = NULL;
    TRY(json_parse(buf_view(&run->out->request), run->out->request.n, &request));
    bool is_of_installation = json_is_true(json_object_get(request, "installation"));
    ENSURE(!is_of_installation || run->decision->verb == VERB_WITHDRAW ||
               scopes_cover(run->decision->caller_scopes, SCOPE_INSTALLATION),
           ERR_FORBIDDEN, "this is about the installation: deciding needs the scope installation too");
    return OK;
}

/* --- how --------------------------------------------------------------------------------------------- */

/* Ends it, durably, and keeps what the caller is then told. */
static err_t end_otherwise(struct db_tx *tx, struct decide *run, enum approval_state state, const char *why)
{
    (void)snprintf(run->out->result, sizeof run->out->result, "%s", why);
    run->ended = ERR(ERR_WRONG_STATE, "the approval is %s now: %s", approval_state_name(state), why);
    return approval_end(tx, run->out, state, NULL);
}

static err_t execute(struct db_tx *tx, struct decide *run, const struct approval_kind *kind,
                     const struct approval_case *this)
{
    struct approval_outcome outcome = {.result = ""};
    err_t error = kind->execute(tx, this, &outcome);
    if (error.code != ERR_OK) {
        run->failure = error;
        run->has_failed = err_status(error.code) < 500; /* ours are tried again */
        return error;
    }
    (void)snprintf(run->out->result, sizeof run->out->result, "%s", outcome.result);
    run->revoked = outcome.revoked;
    return approval_end(tx, run->out, APPROVAL_EXECUTED, &run->terms->actor);
}

static err_t approve(struct db_tx *tx, struct decide *run, const struct approval_kind *kind)
{
    char subject[APPROVAL_SUBJECT_SIZE];
    AUTO(json_t) *request = NULL;
    TRY(json_parse(buf_view(&run->out->request), run->out->request.n, &request));
    struct terms terms = {.tenant = run->terms->tenant, .actor = run->terms->actor, .is_approved = true};
    const struct approval_case this = {.terms = &terms, .request = request};
    err_t error = approval_read_subject(tx, kind, &this, subject);
    if (error.code != ERR_OK && err_status(error.code) < 500) {
        return end_otherwise(tx, run, APPROVAL_VOID, error.detail);
    }
    TRY(error);
    if (!bytes_is(bytes_str(subject), run->out->subject)) {
        return end_otherwise(tx, run, APPROVAL_VOID, "what it is about has changed since it was asked for");
    }
    return execute(tx, run, kind, &this);
}

static err_t act(struct db_tx *tx, struct decide *run, const struct approval_kind *kind)
{
    const char *comment = run->decision->comment;
    (void)snprintf(run->out->comment, sizeof run->out->comment, "%s", comment == NULL ? "" : comment);
    switch (run->decision->verb) {
    case VERB_APPROVE:
        return approve(tx, run, kind);
    case VERB_REJECT:
        return approval_end(tx, run->out, APPROVAL_REJECTED, &run->terms->actor);
    case VERB_WITHDRAW:
        return approval_end(tx, run->out, APPROVAL_WITHDRAWN, &run->terms->actor);
    }
    return ERR(ERR_INTERNAL, "an unknown decision");
}

static err_t find_repeat(struct db_tx *tx, const struct decide *run, bool *is_repeat)
{
    struct op_row op;
    return idempotency_find(tx, &run->terms->idempotency, OP_KIND, &op, is_repeat);
}

static err_t decide_in(struct db_tx *tx, void *arg)
{
    struct decide *run = arg;
    bool is_repeat = false;
    run->ended = OK;
    run->has_failed = false;
    run->revoked = 0;
    TRY(approval_rows_find(tx, run->terms->tenant, run->decision->id, run->out));
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    const struct approval_kind *kind = approval_kind_named(run->out->kind);
    ENSURE(kind != NULL, ERR_WRONG_STATE, "this server knows no action of the kind %s", run->out->kind);
    TRY(check_person(run));
    TRY(check_scopes(run, kind));
    TRY(check_installation(run));
    ENSURE(run->out->state == APPROVAL_PENDING, ERR_WRONG_STATE,
           "the approval is %s; a decision needs it to be pending", approval_state_name(run->out->state));
    TRY(terms_check_version(run->terms, run->out->ver));
    if (db_tx_now_ms(tx) >= run->out->expires_at) {
        return end_otherwise(tx, run, APPROVAL_EXPIRED, "it waited too long");
    }
    TRY(act(tx, run, kind));
    return idempotency_keep(tx, &run->terms->idempotency, OP_KIND, "");
}

/* What the action left was rolled back with it; that it was approved and failed is kept. */
static err_t fail_in(struct db_tx *tx, void *arg)
{
    struct decide *run = arg;
    TRY(approval_rows_find(tx, run->terms->tenant, run->decision->id, run->out));
    if (run->out->state != APPROVAL_PENDING) {
        return OK;
    }
    (void)snprintf(run->out->result, sizeof run->out->result, "%s", run->failure.detail);
    return approval_end(tx, run->out, APPROVAL_FAILED, &run->terms->actor);
}

err_t approval_decide(struct fleet *fleet, const struct terms *terms,
                      const struct approval_decision *decision, struct approval_row *out)
{
    struct decide run = {.terms = terms, .decision = decision, .out = out};
    err_t error = db_write(fleet->db, decide_in, &run);
    if (error.code != ERR_OK && run.has_failed) {
        TRY(db_write(fleet->db, fail_in, &run));
        return ERR(ERR_WRONG_STATE, "the approval is failed now: %s", run.failure.detail);
    }
    TRY(error);
    TRY(run.ended);
    atomic_fetch_add(&fleet->counters.revoked, run.revoked);
    return OK;
}

/* --- what waited too long ---------------------------------------------------------------------------- */

struct expiry {
    int64_t now_ms;
    struct approval_row rows[EXPIRED_PER_RUN];
    size_t count;
};

static err_t take(const struct approval_row *row, void *arg)
{
    struct expiry *run = arg;
    run->rows[run->count++] = *row; /* the statement's limit is the array's */
    return OK;
}

static err_t expire_in(struct db_tx *tx, void *arg)
{
    struct expiry *run = arg;
    run->count = 0;
    TRY(approval_rows_list_expired(tx, run->now_ms, EXPIRED_PER_RUN, take, run));
    for (size_t i = 0; i < run->count; i++) {
        TRY(approval_end(tx, &run->rows[i], APPROVAL_EXPIRED, NULL));
    }
    return OK;
}

err_t approvals_expire(struct fleet *fleet, int64_t now_ms)
{
    struct expiry *run = calloc(1, sizeof *run);
    ENSURE(run != NULL, ERR_NO_MEMORY, "approvals that wait");
    run->now_ms = now_ms;
    err_t error = db_write(fleet->db, expire_in, run);
    free(run);
    return error;
}
