/* What is ordered of a rollout: one table says from which state to which, one transaction does it. */
#include "fleet/internal.h"
#include "fleet/rollout_live.h"
#include "fleet/rollouts_internal.h"
#include "fleet/wave_orders.h"

static const struct wave_order RULES[] = {
    [ROLLOUT_ORDER_START] = {"start", "rollout.started", 1U << ROLLOUT_DRAFT, ROLLOUT_RUNNING, false},
    [ROLLOUT_ORDER_PAUSE] = {"pause", "rollout.paused", 1U << ROLLOUT_RUNNING, ROLLOUT_PAUSED, false},
    [ROLLOUT_ORDER_RESUME] = {"resume", "rollout.resumed", 1U << ROLLOUT_PAUSED, ROLLOUT_RUNNING, false},
    [ROLLOUT_ORDER_NEXT_WAVE] = {"next-wave", "rollout.wave_opened",
                                 1U << ROLLOUT_RUNNING | 1U << ROLLOUT_PAUSED, ROLLOUT_RUNNING, true},
    [ROLLOUT_ORDER_CANCEL] = {"cancel", "rollout.cancelled",
                              1U << ROLLOUT_DRAFT | 1U << ROLLOUT_RUNNING | 1U << ROLLOUT_PAUSED |
                                  1U << ROLLOUT_STOPPED,
                              ROLLOUT_CANCELLED, false},
};
static const struct wave_orders ORDERS = {"rollout", RULES, sizeof RULES / sizeof RULES[0]};

const char *rollout_order_name(enum rollout_order order)
{
    return RULES[order].name;
}

/* --- what each needs ---------------------------------------------------------------------------------- */

struct room {
    int64_t count;
};

static err_t count_one(const struct rollout_row *row, void *arg)
{
    (void)row;
    ((struct room *)arg)->count++;
    return OK;
}

static err_t check_room(struct db_tx *tx, struct uuid tenant)
{
    static const enum rollout_state running = ROLLOUT_RUNNING;
    static const uint8_t first[1] = {0};
    const struct row_window window = {.after = {first, sizeof first}, .limit = ROLLOUTS_RUNNING_MAX};
    struct room room = {.count = 0};
    TRY(rollout_rows_list(tx, tenant, &running, &window, count_one, &room));
    ENSURE(room.count < ROLLOUTS_RUNNING_MAX, ERR_WRONG_STATE,
           "%d rollouts run already: pause or cancel one first", ROLLOUTS_RUNNING_MAX);
    return OK;
}

static err_t start(struct db_tx *tx, struct rollout *rollout)
{
    const int64_t now_ms = db_tx_now_ms(tx);
    TRY(check_room(tx, rollout->row.tenant));
    ENSURE(rollout->release.state == OFFER_RELEASE_PUBLISHED, ERR_WRONG_STATE,
           "release %s is not published: only a published release goes out", rollout->release.version);
    rollout->row.started_at = rollout->spec.starts_at > now_ms ? rollout->spec.starts_at : now_ms;
    rollout->row.wave_at = rollout->row.started_at;
    return OK;
}

err_t rollout_widen(struct db_tx *tx, struct rollout *rollout)
{
    rollout->row.wave++;
    rollout->row.wave_at = db_tx_now_ms(tx);
    rollout->tally.wave = rollout->row.wave;
    rollout->tally.wave_offered = rollout->tally.wave_succeeded = rollout->tally.wave_failed = 0;
    return rollout_tally_rows_update(tx, &rollout->tally);
}

static err_t widen(struct db_tx *tx, struct rollout *rollout)
{
    ENSURE(rollout->row.wave + 1 < (int64_t)rollout->spec.wave_count, ERR_WRONG_STATE,
           "wave %lld is the last one", (long long)rollout->row.wave + 1);
    return rollout_widen(tx, rollout);
}

static err_t apply(struct db_tx *tx, enum rollout_order order, struct rollout *rollout)
{
    switch (order) {
    case ROLLOUT_ORDER_START:
        return start(tx, rollout);
    case ROLLOUT_ORDER_RESUME:
        return check_room(tx, rollout->row.tenant);
    case ROLLOUT_ORDER_NEXT_WAVE:
        return widen(tx, rollout);
    case ROLLOUT_ORDER_CANCEL:
        rollout->row.ended_at = db_tx_now_ms(tx);
        return rollout_alarm_clear(tx, rollout);
    case ROLLOUT_ORDER_PAUSE:
        break;
    }
    return OK;
}

/* --- the transaction ---------------------------------------------------------------------------------- */

struct run {
    const struct terms *terms;
    struct uuid id;
    enum rollout_order order;
    struct rollout *out;
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
    struct rollout *rollout = run->out;
    char id[UUID_TEXT_SIZE];
    bool is_repeat = false;
    TRY(rollout_find_in(tx, run->terms->tenant, run->id, rollout));
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    TRY(terms_check_version(run->terms, rollout->row.ver));
    TRY(wave_order_check(&ORDERS, run->order, (int)rollout->row.state,
                         rollout_state_name(rollout->row.state)));
    TRY(apply(tx, run->order, rollout));
    rollout->row.state = rule->keeps_state ? rollout->row.state : (enum rollout_state)rule->to;
    TRY(rollout_rows_update(tx, &rollout->row));
    uuid_format(rollout->row.id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, rule->kind, id));
    return rollout_record(tx, &run->terms->actor, rollout, rule->kind);
}

err_t rollout_order(struct fleet *fleet, const struct terms *terms, struct uuid id, enum rollout_order order,
                    struct rollout *out)
{
    struct run run = {.terms = terms, .id = id, .order = order, .out = out};
    TRY(db_write(fleet->db, order_in, &run));
    return rollout_live_refresh(fleet);
}
