/* The rules of retries. A receiver that is away must not be asked a thousand times for a thousand events: so
 * what reaches nobody holds the webhook, at most five minutes, and the first success lets all go. An event
 * that the receiver turns down must not stop the others: so it waits for itself. */
#include "fleet/webhook_schedule.h"

#include <stdio.h>
#include <string.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS, HOLDS = 4 };
#define RETRY_AFTER_MAX_MS (INT64_C(24) * HOUR_MS)
/* the length of the schedule */
#define AWAY_MAX_MS (INT64_C(76) * HOUR_MS)

static bool is_success(int status)
{
    return status >= 200 && status <= 299;
}

/* Nobody who could judge the event. */
static bool is_outage(int status)
{
    return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

void webhook_disable(struct webhook_row *webhook, const char *reason)
{
    webhook->state = WEBHOOK_DISABLED;
    webhook->due_at = -1;
    (void)snprintf(webhook->reason, sizeof webhook->reason, "%s", reason);
}

static int64_t spread(int64_t delay_ms, uint8_t jitter)
{
    return delay_ms - delay_ms / 10 + delay_ms / 5 * jitter / 255;
}

static int64_t asked_ms(const struct webhook_attempt *attempt)
{
    int64_t asked = attempt->retry_after_s > RETRY_AFTER_MAX_MS / SECOND_MS
                        ? RETRY_AFTER_MAX_MS
                        : attempt->retry_after_s * SECOND_MS;
    return asked > 0 ? asked : 0;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void succeed(const struct webhook_attempt *attempt, struct delivery_row *delivery,
                    struct webhook_row *webhook)
{
    delivery->state = DELIVERY_DELIVERED;
    delivery->ended_at = attempt->at_ms;
    delivery->next_at = 0;
    delivery->error[0] = '\0';
    webhook->waiting--;
    webhook->delivered++;
    webhook->last_success_at = attempt->at_ms;
}

static void give_up(const struct webhook_attempt *attempt, struct delivery_row *delivery,
                    struct webhook_row *webhook)
{
    delivery->state = DELIVERY_FAILED;
    delivery->ended_at = attempt->at_ms;
    delivery->next_at = 0;
    webhook->waiting--;
    webhook->failed++;
}

static void hold(const struct webhook_attempt *attempt, struct webhook_row *webhook)
{
    static const int64_t holds[HOLDS] = {5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 5 * MINUTE_MS};
    int64_t step = webhook->outages < HOLDS ? webhook->outages : HOLDS - 1;
    webhook->away_since = webhook->outages == 0 ? attempt->at_ms : webhook->away_since;
    webhook->outages++;
    webhook->hold_until = attempt->at_ms + later(spread(holds[step], attempt->jitter), asked_ms(attempt));
    if (attempt->at_ms - webhook->away_since > AWAY_MAX_MS) {
        webhook_disable(webhook, "nobody was reached for more than three days");
    }
}

/* Somebody answered who could judge. @return whether an outage ended */
static bool reached(struct webhook_row *webhook)
{
    bool was_away = webhook->outages > 0;
    webhook->outages = 0;
    webhook->away_since = 0;
    webhook->hold_until = 0;
    return was_away;
}

void webhook_enable(struct webhook_row *webhook, int64_t now_ms)
{
    webhook->state = WEBHOOK_ENABLED;
    webhook->reason[0] = '\0';
    (void)reached(webhook);
    webhook->due_at = now_ms;
}

static void note_failure(const struct webhook_attempt *attempt, struct delivery_row *delivery,
                         struct webhook_row *webhook)
{
    webhook->last_failure_at = attempt->at_ms;
    if (attempt->status == 0) {
        (void)snprintf(delivery->error, sizeof delivery->error, "%s", attempt->error);
    } else {
        (void)snprintf(delivery->error, sizeof delivery->error, "the receiver answered %d", attempt->status);
    }
}

static void wait_or_give_up(const struct webhook_attempt *attempt, struct delivery_row *delivery,
                            struct webhook_row *webhook)
{
    static const int64_t delays[WEBHOOK_ATTEMPTS - 1] = {
        5 * SECOND_MS,         5 * MINUTE_MS,         30 * MINUTE_MS,
        INT64_C(2) * HOUR_MS,  INT64_C(5) * HOUR_MS,  INT64_C(10) * HOUR_MS,
        INT64_C(14) * HOUR_MS, INT64_C(20) * HOUR_MS, INT64_C(24) * HOUR_MS};
    if (delivery->attempts < WEBHOOK_ATTEMPTS) {
        int64_t delay = spread(delays[delivery->attempts - 1], attempt->jitter);
        delivery->next_at = attempt->at_ms + later(delay, asked_ms(attempt));
        return;
    }
    give_up(attempt, delivery, webhook);
    if (webhook->last_success_at < delivery->first_at) {
        webhook_disable(webhook, "nothing was delivered for more than three days");
    }
}

bool webhook_judge(const struct webhook_attempt *attempt, struct delivery_row *delivery,
                   struct webhook_row *webhook)
{
    bool is_away = is_outage(attempt->status);
    if (is_away) {
        hold(attempt, webhook);
    }
    bool has_ended = is_away ? false : reached(webhook);
    delivery->last_at = attempt->at_ms;
    delivery->status = attempt->status;
    if (!is_success(attempt->status)) {
        note_failure(attempt, delivery, webhook);
    }
    if (is_away && attempt->is_probe) {
        return false;
    }
    delivery->attempts++;
    delivery->first_at = delivery->first_at == 0 ? attempt->at_ms : delivery->first_at;
    if (is_success(attempt->status)) {
        succeed(attempt, delivery, webhook);
    } else if (attempt->status == 410) {
        give_up(attempt, delivery, webhook);
        webhook_disable(webhook, "the receiver answered 410: it wants no more");
    } else {
        wait_or_give_up(attempt, delivery, webhook);
    }
    return has_ended;
}
