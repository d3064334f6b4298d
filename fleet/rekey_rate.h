/* The rate limit of a campaign: at most so many devices told in any second (or minute), wherever it begins.
 * Kept with the campaign's row and taken in the transaction that tells, so that neither a restart nor a
 * second node exceeds it. */
#ifndef WHORL_FLEET_REKEY_RATE_H
#define WHORL_FLEET_REKEY_RATE_H

#include "db/rekey_plan_rows.h"

struct rekey_rate {
    int64_t devices; /* 0: no limit */
    int64_t window_ms;
};

/** Whether one more may be told now; if so, notes it in `window`. The window is remembered in 20 slots, so it
 *  is up to a twentieth longer than asked for, never shorter. A clock that goes back makes all that is
 *  remembered count anew.
 *  @thread any */
bool rekey_rate_take(const struct rekey_rate *rate, int64_t now_ms, struct rekey_window *window);
/** Another limit counts in other slots: what was told lately counts as told now. @return false: it is the
 * same limit, or none, and the window stays @thread any */
bool rekey_rate_change(const struct rekey_rate *before, const struct rekey_rate *rate, int64_t now_ms,
                       struct rekey_window *window);

#endif
