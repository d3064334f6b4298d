/* The background thread: runs the jobs of a table when they are due, one after the other, and the reload. */
#ifndef WHORL_SERVER_TIMER_H
#define WHORL_SERVER_TIMER_H

#include "server/server.h"

struct timer;

/** @param options borrowed while the timer lives @thread init */
err_t timer_new(const struct server_options *options, struct timer **out);
/** Starts the thread. @thread init */
err_t timer_start(struct timer *timer);
/** Asks for on_reload(). @thread any */
void timer_reload(struct timer *timer);
/** Waits for the job that runs. NULL is legal. @thread init */
void timer_free(struct timer *timer);
err_t timer_write_metrics(struct timer *timer, struct buf *out);

#endif
