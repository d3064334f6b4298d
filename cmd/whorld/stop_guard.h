/* The end of patience at a stop. What the last requests wait for may hang: a signer, an issuer of tokens, a
 * receiver of webhooks, a resolver. A while after the stop began they are waited for no more, so that the
 * process has ended a few seconds after it was told to, whatever others do. */
#ifndef WHORL_CMD_STOP_GUARD_H
#define WHORL_CMD_STOP_GUARD_H

#include "cmd/whorld/house.h"

struct stop_guard;

/** @param house borrowed until stop_guard_end() @errors ERR_NO_MEMORY @thread init */
err_t stop_guard_new(const struct house *house, struct stop_guard **out);
/** The stop has begun. Without a thread for it, time limits of their own end what hangs. @thread any, once */
void stop_guard_begin(struct stop_guard *guard);
/** Nothing can hang any more. NULL is legal. */
void stop_guard_free(struct stop_guard *guard);

#endif
