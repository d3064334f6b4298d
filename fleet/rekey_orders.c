/* What is ordered of a campaign: one table says from which state to which, one transaction does it. */
#include "fleet/internal.h"
#include "fleet/rekey_live.h"
#include "fleet/rekey_plans_internal.h"
#include "fleet/wave_orders.h"

static const struct wave_order RULES[] = {
    [REKEY_ORDER_START] = {"start", "rekey_plan.started", 1U << REKEY_PLAN_DRAFT, REKEY_PLAN_RUNNING, false},
    [REKEY_ORDER_PAUSE] = {"pause", "rekey_plan.paused", 1U << REKEY_PLAN_RUNNING, REKEY_PLAN_PAUSED, false},
    [REKEY_ORDER_RESUME] = {"resume", "rekey_plan.resumed", 1U << REKEY_PLAN_PAUSED, REKEY_PLAN_RUNNING,
                            false},
    [REKEY_ORDER_NEXT_WAVE] = {"next-wave", "rekey_plan.wave_opened",
                               1U << REKEY_PLAN_RUNNING | 1U << REKEY_PLAN_PAUSED, REKEY_PLAN_RUNNING, true},
    [REKEY_ORDER_CANCEL] = {"cancel", "rekey_plan.cancelled",
                            1U << REKEY_PLAN_DRAFT | 1U << REKEY_PLAN_RUNNING | 1U << REKEY_PLAN_PAUSED,
                            REKEY_PLAN_CANCELLED, false},
};
static const struct wave_orders ORDERS = {"rekey plan", RULES, sizeof RULES / sizeof RULES[0]};

const char *rekey_order_name(enum rekey_order order)
{
    return RULES[order].name;
}

/* --- what each needs ---------------------------------------------------------------------------------- */

struct room {
    int64_t count;
};

static err_t count_one(const struct rekey_plan_row *row, void *arg)
{
    (void)row;
    ((struct room *)arg)->count++;
    return OK;
}

static err_t check_room(struct db_tx *tx, struct uuid tenant)
{
    static const enum rekey_plan_state running = REKEY_PLAN_RUNNING;
    static const uint8_t first[1] = {0};
    const struct row_window window = {.after = {first, sizeof first}, .limit = REKEY_RUNNING_MAX};
    struct room room = {.count = 0};
    TRY(rekey_plan_rows_list(tx, tenant, &running, &window, count_one, &room));
    ENSURE(room.count < REKEY_RUNNING_MAX, ERR_WRONG_STATE,
           "%d rekey plans run already: pause or cancel one first", REKEY_RUNNING_MAX);
    return OK;
}

static err_t start(struct db_tx *tx, struct rekey_plan *plan)
{
    const int64_t now_ms = db_tx_now_ms(tx);
    int64_t most = -1;
    TRY(check_room(tx, plan->row.tenant));
    TRY(rekey_filter_most(tx, &plan->spec.filter, &most));
    ENSURE(most != 0 || plan->spec.has_late_joiners, ERR_UNPROCESSABLE,
           "the filter means no device: none of its product or batch is enrolled, and late joiners are left "
           "out");
    plan->row.started_at = plan->spec.starts_at > now_ms ? plan->spec.starts_at : now_ms;
    plan->row.wave_at = plan->row.started_at;
    return OK;
}

err_t rekey_plan_widen(struct db_tx *tx, struct rekey_plan *plan)
{
    plan->row.wave++;
    plan->row.wave_at = db_tx_now_ms(tx);
    plan->tally.wave = plan->row.wave;
    plan->tally.wave_told = plan->tally.wave_confirmed = 0;
    return rekey_tally_rows_update(tx, &plan->tally);
}

static err_t widen(struct db_tx *tx, struct rekey_plan *plan)
{
    ENSURE(plan->row.wave + 1 < (int64_t)plan->spec.wave_count, ERR_WRONG_STATE,
           "wave %lld is the last one: it holds every device", (long long)plan->row.wave + 1);
    return rekey_plan_widen(tx, plan);
}

static err_t apply(struct db_tx *tx, enum rekey_order order, struct rekey_plan *plan)
{
    switch (order) {
    case REKEY_ORDER_START:
        return start(tx, plan);
    case REKEY_ORDER_RESUME:
        return check_room(tx, plan->row.tenant);
    case REKEY_ORDER_NEXT_WAVE:
        return widen(tx, plan);
    case REKEY_ORDER_CANCEL:
        plan->row.ended_at = db_tx_now_ms(tx);
        return OK;
    case REKEY_ORDER_PAUSE:
        break;
    }
    return OK;
}

/* --- the transaction ---------------------------------------------------------------------------------- */

struct run {
    const struct terms *terms;
    struct uuid id;
    enum rekey_order order;
    struct rekey_plan *out;
};

static err_t find_repeat(struct db_tx *tx, const struct run *run, bool *is_repeat)
{
    struct uuid id;
    return idempotency_find_id(tx, &run->terms->idempotency, RULES[run->order].kind, &id, is_repeat);
}

static err_t order_in(struct db_tx *tx, void *arg)
{
    const struct run *run = arg;
    const struct wave_order *rule = &RULES[run->order];
    struct rekey_plan *plan = run->out;
    char id[UUID_TEXT_SIZE];
    bool is_repeat = false;
    TRY(rekey_plan_find_in(tx, run->terms->tenant, run->id, plan));
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    TRY(terms_check_version(run->terms, plan->row.ver));
    TRY(wave_order_check(&ORDERS, run->order, (int)plan->row.state, rekey_plan_state_name(plan->row.state)));
    TRY(apply(tx, run->order, plan));
    plan->row.state = rule->keeps_state ? plan->row.state : (enum rekey_plan_state)rule->to;
    TRY(rekey_plan_rows_update(tx, &plan->row));
    uuid_format(plan->row.id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, rule->kind, id));
    return rekey_plan_record(tx, &run->terms->actor, plan, rule->kind);
}

err_t rekey_plan_order(struct fleet *fleet, const struct terms *terms, struct uuid id, enum rekey_order order,
                       struct rekey_plan *out)
{
    struct run run = {.terms = terms, .id = id, .order = order, .out = out};
    TRY(db_write(fleet->db, order_in, &run));
    return rekey_live_refresh(fleet);
}
