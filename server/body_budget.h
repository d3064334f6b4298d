/* One budget for all bodies that are held in memory: what requests bring, what is made of it while a handler
 * looks, and answers until they are sent. Whatever would go beyond it is refused, so that memory is bounded
 * however many come at once and however slowly they read. */
#ifndef WHORL_SERVER_BODY_BUDGET_H
#define WHORL_SERVER_BODY_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    BODY_SMALL = 64 << 10, /* large bodies leave a quarter of the budget to smaller ones */
    BODY_PARSED = 16       /* so many times its size a handler may make of a body: parsed (JSON_GROWTH), and
                              what it copies of it */
};

struct body_budget {
    atomic_size_t held;
    size_t most;
};

/** @param most 0: no limit */
void body_budget_init(struct body_budget *budget, size_t most);
/** false, and nothing is taken: there is not so much left. @param has what the same request holds already
 * @thread any */
bool body_budget_take(struct body_budget *budget, size_t has, size_t more);
void body_budget_give(struct body_budget *budget, size_t n);
/** Whether a request of that size could ever be handled, if it were alone. */
bool body_budget_fits(const struct body_budget *budget, size_t n);

#endif
