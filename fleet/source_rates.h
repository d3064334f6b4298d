/* How often one source may ask for what costs a signature: so many at once, then so many a second. Bounded
 * memory that forgets everything at a restart. Of wrong secrets source_limits.h takes care. */
#ifndef WHORL_FLEET_SOURCE_RATES_H
#define WHORL_FLEET_SOURCE_RATES_H

#include "base/bytes.h"
#include "base/ports.h"

struct source_rates;

/** @param per_second 1 … 1000 @param burst at least 1 @errors ERR_NO_MEMORY, ERR_CRYPTO @thread
 * init */
err_t source_rates_new(const struct random *random, int per_second, int burst, struct source_rates **out);
void source_rates_free(struct source_rates *rates);
DEFINE_AUTO_PTR(source_rates, source_rates_free);
/** Takes one. @param address text, as in source_limits_check() @param at_ms monotonic
 *  @errors ERR_TOO_MANY with retry_after_s: nothing was taken @thread any */
err_t source_rates_take(struct source_rates *rates, const char *address, int64_t at_ms);
/** Whether one would be given; takes nothing. For work whose price is known only when it is done: it is taken
 * then. @errors as above @thread any */
err_t source_rates_look(struct source_rates *rates, const char *address, int64_t at_ms);

#endif
