/* What a process can run out of (descriptors, threads, memory), and its wall clock. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

static bool has_none(const char *call)
{
    if (!faults_hit(KIND_DESCRIPTOR, call, "")) {
        return false;
    }
    errno = atomic_load(&faults_control()->error);
    return true;
}

/* --- descriptors */

int accept4(int fd, struct sockaddr *from, socklen_t *size, int flags)
{
    if (has_none("accept4")) {
        return -1;
    }
    struct control *control = faults_control();
    if (control != NULL && atomic_load(&control->is_leaking) != 0) {
        (void)fcntl(fd, F_DUPFD_CLOEXEC, 100);
    }
    return ((int (*)(int, struct sockaddr *, socklen_t *, int))faults_real("accept4"))(fd, from, size, flags);
}

int socketpair(int family, int type, int protocol, int pair[2])
{
    if (has_none("socketpair")) {
        return -1;
    }
    return ((int (*)(int, int, int, int *))faults_real("socketpair"))(family, type, protocol, pair);
}

int socket(int family, int type, int protocol)
{
    if (has_none("socket")) {
        return -1;
    }
    return ((int (*)(int, int, int))faults_real("socket"))(family, type, protocol);
}

int epoll_create1(int flags)
{
    if (has_none("epoll_create1")) {
        return -1;
    }
    return ((int (*)(int))faults_real("epoll_create1"))(flags);
}

int eventfd(unsigned value, int flags)
{
    if (has_none("eventfd")) {
        return -1;
    }
    return ((int (*)(unsigned, int))faults_real("eventfd"))(value, flags);
}

int pipe2(int pair[2], int flags)
{
    if (has_none("pipe2")) {
        return -1;
    }
    return ((int (*)(int *, int))faults_real("pipe2"))(pair, flags);
}

/* --- threads and processes */

typedef void *(*thread_fn)(void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_fn fn, void *arg)
{
    if (faults_hit(KIND_THREAD, "pthread_create", "")) {
        return atomic_load(&faults_control()->error);
    }
    return ((int (*)(pthread_t *, const pthread_attr_t *, thread_fn, void *))faults_real("pthread_create"))(
        thread, attributes, fn, arg);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *files,
                const posix_spawnattr_t *attributes, char *const argv[], char *const environment[])
{
    typedef int (*spawn_fn)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                            const posix_spawnattr_t *, char *const[], char *const[]);
    if (faults_hit(KIND_SPAWN, "posix_spawn", path)) {
        return atomic_load(&faults_control()->error);
    }
    return ((spawn_fn)faults_real("posix_spawn"))(pid, path, files, attributes, argv, environment);
}

pid_t fork(void)
{
    if (faults_hit(KIND_SPAWN, "fork", "")) {
        errno = atomic_load(&faults_control()->error);
        return -1;
    }
    return ((pid_t(*)(void))faults_real("fork"))();
}

/* --- memory: the next library's, so that a checker of memory may stand behind this one */

static struct {
    _Atomic(void *) allocate, clear, grow;
} next;

static void *next_of(_Atomic(void *) *kept, const char *name)
{
    void *fn = atomic_load_explicit(kept, memory_order_relaxed);
    if (fn == NULL) {
        fn = faults_real(name); /* the C library's needs no memory to say it */
        atomic_store(kept, fn);
    }
    return fn;
}

/* Who asked: the file and, where it tells, the function. */
static bool is_refused(const void *caller)
{
    struct control *control = faults_control();
    if (control == NULL || (atomic_load(&control->kinds) & KIND_MEMORY) == 0) {
        return false;
    }
    Dl_info place = {.dli_fname = NULL};
    char text[160] = "";
    if (atomic_load(&control->count) + 1 == atomic_load(&control->at) && dladdr(caller, &place) != 0) {
        size_t offset = (size_t)((const char *)caller - (const char *)place.dli_fbase);
        (void)snprintf(text, sizeof text, "%s %s +0x%zx", place.dli_fname,
                       place.dli_sname != NULL ? place.dli_sname : "?", offset);
    }
    if (!faults_hit(KIND_MEMORY, "malloc", text)) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    if (is_refused(__builtin_return_address(0))) {
        return NULL;
    }
    return ((void *(*)(size_t))next_of(&next.allocate, "malloc"))(n);
}

void *calloc(size_t count, size_t n)
{
    if (is_refused(__builtin_return_address(0))) {
        return NULL;
    }
    return ((void *(*)(size_t, size_t))next_of(&next.clear, "calloc"))(count, n);
}

void *realloc(void *p, size_t n)
{
    if (n > 0 && is_refused(__builtin_return_address(0))) {
        return NULL;
    }
    return ((void *(*)(void *, size_t))next_of(&next.grow, "realloc"))(p, n);
}

/* --- the wall clock */

static int64_t shift_ms(void)
{
    return faults_control() == NULL ? 0 : atomic_load(&faults_control()->clock_shift_ms);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);
    if (result == 0 && clock == CLOCK_REALTIME && shift_ms() != 0) {
        int64_t ns = out->tv_nsec + shift_ms() % 1000 * 1000000;
        out->tv_sec += shift_ms() / 1000 + (ns < 0 ? -1 : ns / 1000000000);
        out->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
