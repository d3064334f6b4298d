/* Orders of what goes out in waves, against its state. */
#include "fleet/wave_orders.h"

#include <stdio.h>
#include <string.h>

err_t wave_order_check(const struct wave_orders *orders, size_t order, int state, const char *state_name)
{
    char allowed[96] = "";
    if ((orders->rules[order].from & 1U << state) != 0) {
        return OK;
    }
    for (size_t i = 0; i < orders->count; i++) {
        if ((orders->rules[i].from & 1U << state) != 0) {
            size_t n = strlen(allowed);
            (void)snprintf(allowed + n, sizeof allowed - n, "%s%s", n > 0 ? ", " : "", orders->rules[i].name);
        }
    }
    return ERR(ERR_WRONG_STATE, "the %s is %s, which does not allow %s; it allows: %s", orders->what,
               state_name, orders->rules[order].name, allowed[0] != '\0' ? allowed : "nothing");
}
