/* The threads that handlers run on, and the one bounded queue in front of them. Knows nothing of HTTP: it
 * runs tasks. */
#ifndef WHORL_SERVER_WORKERS_H
#define WHORL_SERVER_WORKERS_H

#include "base/bytes.h"

struct workers;

/* Embedded in what it works for; in the queue at most once at a time. */
struct task {
    void (*run)(struct task *task);
    struct task *next;
};

/** @param queue_max tasks that may wait @thread init */
err_t workers_new(int count, int queue_max, struct workers **out);
/** false: the queue is full. @thread any */
bool workers_offer(struct workers *workers, struct task *task);
/** For the next step of something that was let in already: never refused, bounded by the number of
 * connections. @thread any */
void workers_push(struct workers *workers, struct task *task);
int workers_waiting(struct workers *workers);
int workers_busy(struct workers *workers);
/** Runs what waits, then ends the threads. NULL is legal. @thread init */
void workers_free(struct workers *workers);

DEFINE_AUTO_PTR(workers, workers_free);

#endif
