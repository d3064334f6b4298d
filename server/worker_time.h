/* How a task spent its time: able to run (on a core, or waiting for one), or waiting for something else. */
#ifndef WHORL_SERVER_WORKER_TIME_H
#define WHORL_SERVER_WORKER_TIME_H

#include <stdint.h>

struct worker_time {
    int fd; /* what the kernel says of this thread; -1: nothing */
    int64_t able_ns, at_ns;
};

/** For the calling thread. Where the kernel keeps no such figures, none are given later. */
void worker_time_open(struct worker_time *time);
void worker_time_close(struct worker_time *time);
void worker_time_begin(struct worker_time *time);
/** Since worker_time_begin(). @param[out] able_us 0 where it is not known */
void worker_time_end(struct worker_time *time, int64_t *able_us, int64_t *took_us);

#endif
