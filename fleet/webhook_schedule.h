/* What an answer means for a delivery and its webhook: pure functions of values. */
#ifndef WHORL_FLEET_WEBHOOK_SCHEDULE_H
#define WHORL_FLEET_WEBHOOK_SCHEDULE_H

#include "db/delivery_rows.h"
#include "db/webhook_rows.h"

/* The schedule of the specification: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24
 * h. */
enum { WEBHOOK_ATTEMPTS = 10 };

/* What came of one attempt. */
struct webhook_attempt {
    int64_t at_ms;
    int status;            /* of the answer; 0: there was none */
    const char *error;     /* why there was none */
    int64_t retry_after_s; /* as the receiver asked, or 0 */
    uint8_t jitter;        /* random: spreads the retries by ± 10 % */
    bool is_probe;         /* before its time, to find out whether the receiver is back */
};

/** Changes both rows by what came of it. Not reached, or told to slow down (429, 502, 503, 504): the whole
 * webhook is held for a while, and disabled after more than three days of it; a probe costs the delivery no
 * attempt. 410: it is disabled. Turned down otherwise: this delivery waits for its next attempt, the others
 * go on. After the last attempt the delivery has failed, and the webhook is disabled if nothing was delivered
 * since its first.
 *  @return whether an outage ended: those that wait because of it are due @thread any */
bool webhook_judge(const struct webhook_attempt *attempt, struct delivery_row *delivery,
                   struct webhook_row *webhook);

/** Lets it work again from the next look on. */
void webhook_enable(struct webhook_row *webhook, int64_t now_ms);
void webhook_disable(struct webhook_row *webhook, const char *reason);

#endif
