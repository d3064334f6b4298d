/* What may be ordered of things that go out in waves (rekey plans, rollouts): a table says from which state
 * to which, and a refusal says what the state allows. */
#ifndef WHORL_FLEET_WAVE_ORDERS_H
#define WHORL_FLEET_WAVE_ORDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct wave_order {
    const char *name, *kind; /* of the order; of its record */
    unsigned from;           /* bits of states */
    int to;                  /* a state */
    bool keeps_state;        /* `to` does not count */
};

struct wave_orders {
    const char *what; /* "rollout" */
    const struct wave_order *rules;
    size_t count;
};

/** @param state its number, and its name for the message @errors ERR_WRONG_STATE naming what the state allows
 *  @thread any */
err_t wave_order_check(const struct wave_orders *orders, size_t order, int state, const char *state_name);

#endif
