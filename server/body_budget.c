/* A counter; who loses a race looks again. */
#include "server/body_budget.h"

#include <stdint.h>

static size_t limit_of(const struct body_budget *budget, bool is_large)
{
    return is_large ? budget->most / 4 * 3 : budget->most;
}

void body_budget_init(struct body_budget *budget, size_t most)
{
    budget->most = most > 0 ? most : SIZE_MAX;
    atomic_init(&budget->held, 0);
}

bool body_budget_take(struct body_budget *budget, size_t has, size_t more)
{
    size_t limit = limit_of(budget, has >= BODY_SMALL || more > BODY_SMALL - has);
    size_t held = atomic_load_explicit(&budget->held, memory_order_relaxed);
    do {
        if (held > limit || more > limit - held) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->held, &held, held + more, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void body_budget_give(struct body_budget *budget, size_t n)
{
    atomic_fetch_sub_explicit(&budget->held, n, memory_order_relaxed);
}

bool body_budget_fits(const struct body_budget *budget, size_t n)
{
    return n <= BODY_SMALL || n <= limit_of(budget, true) / (1 + BODY_PARSED);
}
