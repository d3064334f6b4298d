/* /proc/thread-self/schedstat: time on a core, time waiting for one, both in nanoseconds. */
#include "server/worker_time.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t able_ns(const struct worker_time *time)
{
    char text[96];
    ssize_t n = time->fd >= 0 ? pread(time->fd, text, sizeof text - 1, 0) : 0;
    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    char *rest = NULL;
    int64_t on_core_ns = strtoll(text, &rest, 10);
    return on_core_ns + strtoll(rest, NULL, 10);
}

void worker_time_open(struct worker_time *time)
{
    *time = (struct worker_time){.fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)};
}

void worker_time_close(struct worker_time *time)
{
    if (time->fd >= 0) {
        close(time->fd);
        time->fd = -1;
    }
}

void worker_time_begin(struct worker_time *time)
{
    time->able_ns = able_ns(time);
    time->at_ns = now_ns();
}

void worker_time_end(struct worker_time *time, int64_t *able_us, int64_t *took_us)
{
    *able_us = (able_ns(time) - time->able_ns) / 1000;
    *took_us = (now_ns() - time->at_ns) / 1000;
}
