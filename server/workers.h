/* The threads that handlers run on, and the bounded queues in front of them: one for each lane, in the order
 * of arrival, and the lanes take turns. So many callers of one listener neither fill the queue of another nor
 * make its requests wait. Knows nothing of HTTP: it runs tasks. */
#ifndef WHORL_SERVER_WORKERS_H
#define WHORL_SERVER_WORKERS_H

#include "base/bytes.h"
#include "base/ports.h"
#include "server/admission.h"

struct workers;

/* Embedded in what it works for; in the queue at most once at a time. */
struct task {
    void (*run)(struct task *task);
    struct task *next;
    enum admission_lane lane;
    int64_t queued_at_ms; /* of the monotonic clock; set when it is queued */
};

/** @param queue_max tasks that may wait, of each lane @param clock borrowed @thread init */
err_t workers_new(int count, int queue_max, const struct clock *clock, struct workers **out);
/** false: the queue of its lane is full. @thread any */
bool workers_offer(struct workers *workers, struct task *task);
/** For the next step of something that was let in already: never refused, bounded by the number of
 * connections. @thread any */
void workers_push(struct workers *workers, struct task *task);
/** Of all lanes. */
int workers_waiting(struct workers *workers);
/** How many tasks of the lane wait, and how long the oldest has waited. @thread any */
int workers_lane(struct workers *workers, enum admission_lane lane, int64_t *wait_ms);
int workers_busy(struct workers *workers);
/** Ten times a second: tasks that wait although there are threads, because too many were able to run, and by
 * now some of those take long, go on. @thread any */
void workers_tick(struct workers *workers);
/** Runs what waits, then ends the threads. NULL is legal. @thread init */
void workers_free(struct workers *workers);

DEFINE_AUTO_PTR(workers, workers_free);

#endif
