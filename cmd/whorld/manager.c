#include "cmd/whorld/manager.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/ports.h"
#include "cmd/whorld/config.h"

/* A path, or a name without a file, which begins with '@' for the byte 0. */
static bool address_of(const char *text, struct sockaddr_un *out, socklen_t *size)
{
    size_t n = strlen(text);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((text[0] != '/' && text[0] != '@') || n >= sizeof out->sun_path) {
        return false;
    }
    memcpy(out->sun_path, text, n);
    if (text[0] == '@') {
        out->sun_path[0] = '\0';
    }
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    return true;
}

void manager_tell(const char *state)
{
    struct sockaddr_un address;
    socklen_t size = 0;
    const char *where = config_environment("NOTIFY_SOCKET");
    if (where == NULL || !address_of(where, &address, &size)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    /* who does not take it sees a silent service, and does what he was told to do about that */
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    (void)close(fd);
}

void manager_tell_reloading(void)
{
    struct timespec now = {0};
    char text[96];
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* the manager's own clock, to tell two reloads apart */
    int64_t usec = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reloading", usec);
    manager_tell(text);
}

/* --- the watchdog */

struct watchdog {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ends;
    bool is_ending;
    int64_t period_ms;
    bool (*is_well)(const void *context, int64_t within_ms);
    const void *context;
    struct log *log;
};

static struct timespec after(int64_t ms)
{
    struct timespec at = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static void *watch(void *argument)
{
    struct watchdog *w = argument;
    bool was_well = true;
    pthread_mutex_lock(&w->mutex);
    while (!w->is_ending) {
        pthread_mutex_unlock(&w->mutex);
        bool is_well = w->is_well(w->context, w->period_ms);
        if (is_well) {
            manager_tell("WATCHDOG=1");
        } else if (was_well) {
            LOG(w->log, LOG_ERROR, "watchdog.silent", LOG_STR("reason", "a loop has not turned in time"));
        }
        was_well = is_well;
        struct timespec until = after(w->period_ms / 2);
        pthread_mutex_lock(&w->mutex);
        while (!w->is_ending && pthread_cond_timedwait(&w->ends, &w->mutex, &until) != ETIMEDOUT) {
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* Zero: none is asked for. */
static err_t period_read(int64_t *out_ms)
{
    const char *text = config_environment("WATCHDOG_USEC");
    const char *pid = config_environment("WATCHDOG_PID");
    char *end = NULL;
    *out_ms = 0;
    if (text == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())) {
        return OK;
    }
    errno = 0;
    long long usec = strtoll(text, &end, 10);
    ENSURE(errno == 0 && *end == '\0' && usec >= 1000, ERR_UNPROCESSABLE,
           "WATCHDOG_USEC: \"%.40s\" is no time of a millisecond or more", text);
    *out_ms = usec / 1000;
    return OK;
}

err_t watchdog_start(bool (*is_well)(const void *context, int64_t within_ms), const void *context,
                     struct log *log, struct watchdog **out)
{
    int64_t period_ms = 0;
    *out = NULL;
    TRY(period_read(&period_ms));
    if (period_ms == 0) {
        return OK;
    }
    struct watchdog *w = calloc(1, sizeof *w);
    ENSURE(w != NULL, ERR_NO_MEMORY, "the watchdog");
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->ends, &attributes);
    pthread_condattr_destroy(&attributes);
    w->period_ms = period_ms;
    w->is_well = is_well;
    w->context = context;
    w->log = log;
    if (pthread_create(&w->thread, NULL, watch, w) != 0) {
        pthread_cond_destroy(&w->ends);
        pthread_mutex_destroy(&w->mutex);
        free(w);
        return ERR(ERR_NO_MEMORY, "the watchdog's thread cannot be started");
    }
    *out = w;
    return OK;
}

void watchdog_stop(struct watchdog *w)
{
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->mutex);
    w->is_ending = true;
    pthread_cond_signal(&w->ends);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->ends);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
