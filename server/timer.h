/* The background threads: they run the jobs of a table when they are due, and the reload. A job that waits
 * for somebody (a call to another server) delays no other: some threads share the table, and no job runs
 * beside itself. */
#ifndef WHORL_SERVER_TIMER_H
#define WHORL_SERVER_TIMER_H

#include "server/server.h"

enum { TIMER_THREADS = 3 };

struct timer;

/** @param options borrowed while the timer lives @thread init */
err_t timer_new(const struct server_options *options, struct timer **out);
/** Starts the threads. @thread init */
err_t timer_start(struct timer *timer);
/** Asks for on_reload(). @thread any */
void timer_reload(struct timer *timer);
/** Waits for the jobs that run. NULL is legal. @thread init */
void timer_free(struct timer *timer);
err_t timer_write_metrics(struct timer *timer, struct buf *out);

#endif
