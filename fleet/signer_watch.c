/* The watch over the signer process: once a second, and it writes only when something is otherwise. */
#include "fleet/signer_watch.h"

#include <inttypes.h>

#include "fleet/alarms.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "pki/keystore_signer.h"

enum { TOLD_NOTHING, TOLD_WELL, TOLD_AWAY };
static const int64_t REFUSAL_STANDS_MS = 86400000;

struct change {
    const char *node, *reason;
    bool is_well, is_first;
    int64_t restarts;
};

static err_t record_in(struct db_tx *tx, void *arg)
{
    const struct change *change = arg;
    static const char away[] = "signer.unavailable";
    const struct alarm alarm = {
        .kind = away, .subject = change->node, .severity = ALARM_CRITICAL, .detail = change->reason};
    TRY(change->is_well ? alarm_clear(tx, &alarm) : alarm_raise(tx, &alarm));
    if (change->is_first && change->is_well) {
        return OK;
    }
    struct event event = {
        .kind = change->is_well ? "signer.returned" : "signer.lost", .result = "ok", .actor = "whorld"};
    return event_append(tx, &event, "{\"node\":\"%s\",\"restarts\":%" PRId64 "}", change->node,
                        change->restarts);
}

static bool is_well(const struct signer_status *status)
{
    return status->is_up && !status->is_failing;
}

/* --- what its rules refused ------------------------------------------------------------------------- */

/* The server asks for nothing that the rules refuse, so one of the two is not what it was. */
struct refusal {
    const char *node, *reason;
    int64_t count; /* since the last record */
};

static struct alarm refusal_alarm(const struct refusal *refusal)
{
    return (struct alarm){.kind = "signer.refused",
                          .subject = refusal->node,
                          .severity = ALARM_CRITICAL,
                          .detail = refusal->reason};
}

static err_t refusal_in(struct db_tx *tx, void *arg)
{
    const struct refusal *refusal = arg;
    const struct alarm alarm = refusal_alarm(refusal);
    const struct event event = {.kind = "signer.refused", .result = "refused", .actor = "whorld"};
    AUTO(json_t) *body = json_object();
    ENSURE(body != NULL, ERR_NO_MEMORY, "no memory for a record");
    TRY(json_set_text(body, "node", refusal->node));
    TRY(json_set_int(body, "count", refusal->count));
    TRY(json_set_text(body, "reason", refusal->reason));
    TRY(alarm_raise(tx, &alarm));
    return event_append_value(tx, &event, body);
}

static err_t quiet_in(struct db_tx *tx, void *arg)
{
    const struct alarm alarm = refusal_alarm(arg);
    return alarm_clear(tx, &alarm);
}

/* The alarm ends when nothing was refused for a day, counted from the start at least: what was before nobody
 * remembers. */
static err_t watch_refusals(struct fleet *fleet, const struct signer_status *status, int64_t now_ms)
{
    int64_t now = status->outcomes[SIGNER_REFUSED];
    int64_t told = atomic_load(&fleet->signer_refusals_told);
    int64_t at_ms = atomic_load(&fleet->signer_refused_at); /* 0: not in the life of this process */
    struct refusal refusal = {
        .node = db_node_name(fleet->db), .reason = status->refused, .count = now - told};
    if (now != told) {
        TRY(db_write(fleet->db, refusal_in, &refusal));
        atomic_store(&fleet->signer_refusals_told, now);
        atomic_store(&fleet->signer_refused_at, now_ms);
        return OK;
    }
    if (at_ms == 0) {
        atomic_store(&fleet->signer_refused_at, now_ms);
    } else if (at_ms != INT64_MAX && now_ms - at_ms >= REFUSAL_STANDS_MS) {
        TRY(db_write(fleet->db, quiet_in, &refusal));
        atomic_store(&fleet->signer_refused_at, INT64_MAX); /* until there is another one */
    }
    return OK;
}

/* --- the job ---------------------------------------------------------------------------------------- */

err_t signer_watch(struct fleet *fleet, int64_t now_ms)
{
    struct signer_status status;
    if (!keystore_signer_status(fleet->options.keystore, &status)) {
        return OK;
    }
    TRY(watch_refusals(fleet, &status, now_ms));
    if (status.is_up && status.is_failing) { /* it may have come back, and nobody has asked it since */
        keystore_signer_probe(fleet->options.keystore);
        (void)keystore_signer_status(fleet->options.keystore, &status);
    }
    int64_t told = atomic_load(&fleet->signer_told);
    int now = is_well(&status) ? TOLD_WELL : TOLD_AWAY;
    if (now == told) {
        return OK;
    }
    struct change change = {.node = db_node_name(fleet->db),
                            .reason = status.reason,
                            .is_well = now == TOLD_WELL,
                            .is_first = told == TOLD_NOTHING,
                            .restarts = status.restarts};
    TRY(db_write(fleet->db, record_in, &change));
    atomic_store(&fleet->signer_told, now);
    return OK;
}

bool signer_watch_is_well(const struct fleet *fleet)
{
    struct signer_status status;
    return !keystore_signer_status(fleet->options.keystore, &status) || is_well(&status);
}

/* --- figures ---------------------------------------------------------------------------------------- */

static err_t write_latencies(const struct signer_status *status, struct buf *out)
{
    const int64_t *bounds_us = signer_latency_bounds_us();
    int64_t total = 0;
    TRY(buf_append_str(out, "# TYPE whorl_signer_seconds histogram\n# UNIT whorl_signer_seconds seconds\n"));
    for (int i = 0; i < SIGNER_LATENCIES; i++) {
        total += status->latencies[i];
        TRY(buf_printf(out, "whorl_signer_seconds_bucket{le=\"%g\"} %" PRId64 "\n",
                       (double)bounds_us[i] / 1e6, total));
    }
    total += status->latencies[SIGNER_LATENCIES];
    return buf_printf(out,
                      "whorl_signer_seconds_bucket{le=\"+Inf\"} %" PRId64 "\nwhorl_signer_seconds_sum %.6f\n"
                      "whorl_signer_seconds_count %" PRId64 "\n",
                      total, (double)status->latency_total_us / 1e6, total);
}

err_t signer_write_metrics(struct fleet *fleet, struct buf *out)
{
    static const char *const outcomes[SIGNER_OUTCOMES] = {"answered", "refused", "limited", "failed",
                                                          "unavailable"};
    struct signer_status status;
    if (!keystore_signer_status(fleet->options.keystore, &status)) {
        return OK;
    }
    TRY(buf_printf(out,
                   "# TYPE whorl_signer_up gauge\nwhorl_signer_up %d\n"
                   "# TYPE whorl_signer_restarts counter\nwhorl_signer_restarts_total %" PRId64 "\n"
                   "# TYPE whorl_signer_waiting gauge\nwhorl_signer_waiting %" PRId64 "\n"
                   "# TYPE whorl_signer_requests counter\n",
                   is_well(&status) ? 1 : 0, status.restarts, status.waiting));
    for (int i = 0; i < SIGNER_OUTCOMES; i++) {
        TRY(buf_printf(out, "whorl_signer_requests_total{result=\"%s\"} %" PRId64 "\n", outcomes[i],
                       status.outcomes[i]));
    }
    return write_latencies(&status, out);
}
