/* The service of orders about authorities: judged and kept in one transaction, or left to a second person;
 * what needs a key is carried out behind it. */
#include "fleet/authority_orders.h"

#include <stdio.h>
#include <string.h>

#include "fleet/approvals.h"
#include "fleet/authority_apply.h"
#include "fleet/authority_set.h"
#include "fleet/authority_work.h"
#include "fleet/internal.h"
#include "fleet/publication.h"

/* What of dual control each verb is, and under which name its Idempotency-Key is kept. */
static const struct {
    enum approval_bit bit;
    const char *op_kind;
} verbs[] = {[AUTHORITY_CREATE] = {APPROVAL_AUTHORITY_CREATE, "authority.create"},
             [AUTHORITY_ACTIVATE] = {APPROVAL_AUTHORITY_CHANGE, "authority.activate"},
             [AUTHORITY_RETIRE] = {APPROVAL_AUTHORITY_CHANGE, "authority.retire"},
             [AUTHORITY_ROLL] = {APPROVAL_AUTHORITY_ROLL, "authority.roll"},
             [AUTHORITY_FINISH_ROLL] = {APPROVAL_AUTHORITY_ROLL, "authority.finish_roll"},
             [AUTHORITY_COMPROMISE] = {APPROVAL_AUTHORITY_COMPROMISED, "authority.compromised"}};

struct service_run {
    struct authority_run run;
    const struct authority_caller *caller;
    const struct authority_set *set;
    json_t *request;
    bool is_repeat;
};

/* --- asked
 * -------------------------------------------------------------------------------------------------- */

static err_t check_caller(const struct service_run *service)
{
    const struct authority_caller *caller = service->caller;
    if (service->run.plan.is_of_installation) {
        ENSURE(caller->may_installation, ERR_FORBIDDEN,
               "this is about an authority of the installation: the scope installation is needed");
        return OK;
    }
    ENSURE(caller->may_tenant, ERR_FORBIDDEN, "the scope admin is needed");
    return OK;
}

/* A key that was taken away is told before anything is written. A compromised one is so in any case. */
static err_t check_key(const struct service_run *service)
{
    const struct authority_plan *plan = &service->run.plan;
    bool is_root = plan->makes && plan->made.issuer[0] == '\0';
    const char *signer = is_root ? plan->made.predecessor : plan->made.issuer;
    if (!plan->makes || service->run.order->is_external || service->run.order->verb == AUTHORITY_COMPROMISE) {
        return OK;
    }
    const struct authority_member *member = authority_set_find(service->set, bytes_str(signer));
    ENSURE(member != NULL && member->has_key, ERR_WRONG_STATE,
           "the key of %s is not here: say \"external\": true, let its owner sign the request, and import "
           "the certificate",
           signer);
    return OK;
}

static err_t find_repeat(struct db_tx *tx, struct service_run *service)
{
    struct op_row op;
    bool is_waiting = false;
    const struct terms *terms = service->run.terms;
    const char *op_kind = verbs[service->run.order->verb].op_kind;
    TRY(idempotency_find(tx, &terms->idempotency, op_kind, &op, &service->is_repeat));
    if (!service->is_repeat) {
        return OK;
    }
    (void)snprintf(service->run.id, sizeof service->run.id, "%.*s", AUTHORITY_ID_SIZE - 1, op.result);
    return approval_take_repeat(terms, &op, &is_waiting);
}

static err_t order_in(struct db_tx *tx, void *arg)
{
    struct service_run *service = arg;
    struct authority_run *run = &service->run;
    const char *op_kind = verbs[run->order->verb].op_kind;
    bool is_waiting = false;
    TRY(find_repeat(tx, service));
    if (service->is_repeat) {
        return OK;
    }
    TRY(authority_judge(tx, run));
    TRY(check_caller(service));
    TRY(check_key(service));
    TRY(dual_control_asks(tx, run->terms, NULL, verbs[run->order->verb].bit, &is_waiting));
    if (is_waiting) {
        TRY(run->plan.is_of_installation ? json_set_bool(service->request, "installation", true) : OK);
        const struct approval_wish wish = {
            .bit = verbs[run->order->verb].bit, .request = service->request, .op_kind = op_kind};
        return approval_request(tx, run->terms, &wish);
    }
    TRY(authority_apply(tx, run));
    return idempotency_keep(tx, &run->terms->idempotency, op_kind, run->id);
}

/* --- carried out
 * ---------------------------------------------------------------------------------------------- */

/* What cannot be signed now is taken back; but that a key is in other hands stands. */
static err_t carry_out(struct fleet *fleet, const struct service_run *service)
{
    const struct authority_run *run = &service->run;
    const char *made = run->plan.made.id;
    err_t error = authority_work(fleet, made);
    if (error.code == ERR_OK) {
        return OK;
    }
    if (run->order->verb == AUTHORITY_COMPROMISE) {
        log_error(fleet->log, "authority_not_made", run->terms->actor.request_id, error);
        return OK; /* the job tries again */
    }
    TRY(authority_work_undo(fleet, &run->terms->actor, made));
    return error;
}

void authorities_show(struct fleet *fleet, const struct terms *terms)
{
    err_t error = authority_set_reload(fleet);
    if (error.code == ERR_OK) {
        error = publication_refresh(fleet, clock_now_ms(fleet->clock));
    }
    if (error.code != ERR_OK) {
        log_error(fleet->log, "authorities_not_shown", terms->actor.request_id, error);
    }
}

err_t authority_order(struct fleet *fleet, const struct terms *terms, const struct authority_caller *caller,
                      const struct authority_order *order, char id[AUTHORITY_ID_SIZE])
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    AUTO(json_t) *request = json_object();
    AUTO_VAL(authority_run) run = {.terms = terms, .order = order};
    struct service_run service = {.run = run, .caller = caller, .set = set, .request = request};
    TRY(authority_order_write(order, request));
    err_t error = db_write(fleet->db, order_in, &service);
    run = service.run; /* which is cleared */
    TRY(error);
    (void)snprintf(id, AUTHORITY_ID_SIZE, "%s", run.id);
    bool is_waiting = terms->guarded != NULL && terms->guarded->is_waiting;
    if (is_waiting || service.is_repeat) {
        return OK;
    }
    TRY(run.plan.makes ? carry_out(fleet, &service) : OK);
    if (run.plan.is_dropped) {
        authority_work_forget(fleet, run.id);
    }
    authorities_show(fleet, terms);
    return OK;
}

/* --- the same, once a second person agreed
 * -------------------------------------------------------------------- */

static err_t judge_waiting(struct db_tx *tx, const struct approval_case *this, struct authority_order *order,
                           struct authority_run *run)
{
    TRY(authority_order_restore(this->request, order));
    run->order = order;
    return authority_judge(tx, run);
}

/* With the version of the row: whatever becomes of the authority voids what waits. */
err_t authority_order_subject(struct db_tx *tx, const struct approval_case *this, json_t *out)
{
    struct authority_order order;
    struct terms terms = {.tenant = this->terms->tenant, .actor = this->terms->actor};
    AUTO_VAL(authority_run) run = {.terms = &terms};
    TRY(judge_waiting(tx, this, &order, &run));
    TRY(json_set_text(out, "order", authority_verb_name(order.verb)));
    TRY(json_set_text(out, "authority", run.id));
    if (run.plan.subject != NULL) {
        TRY(json_set_text(out, "role", run.plan.subject->role));
        return json_set_int(out, "ver", run.plan.subject->ver);
    }
    TRY(json_set_text(out, "role", run.plan.made.role));
    return json_set_text(out, "issuer", run.plan.made.issuer);
}

err_t authority_order_execute(struct db_tx *tx, const struct approval_case *this,
                              struct approval_outcome *out)
{
    struct authority_order order;
    AUTO_VAL(authority_run) run = {.terms = this->terms};
    TRY(judge_waiting(tx, this, &order, &run));
    TRY(authority_apply(tx, &run));
    (void)snprintf(out->result, sizeof out->result, "%s", run.id);
    return OK;
}
