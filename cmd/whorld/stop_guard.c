#include "cmd/whorld/stop_guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "pki/keystore_signer.h"

/* Less than the server gives its connections (server/loop_stop.c), so that who waited for what hung still
 * gets an answer. */
enum { PATIENCE_S = 2 };

struct stop_guard {
    const struct house *house;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    pthread_t thread;
    bool has_thread, is_over;
};

err_t stop_guard_new(const struct house *house, struct stop_guard **out)
{
    pthread_condattr_t attributes;
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the end of patience");
    (*out)->house = house;
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&(*out)->ended, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return OK;
}

static void *wait_and_abandon(void *context)
{
    struct stop_guard *guard = context;
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += PATIENCE_S;
    int waited = 0;
    (void)pthread_mutex_lock(&guard->mutex);
    while (!guard->is_over && waited == 0) {
        waited = pthread_cond_timedwait(&guard->ended, &guard->mutex, &at);
    }
    bool is_over = guard->is_over;
    (void)pthread_mutex_unlock(&guard->mutex);
    if (!is_over) {
        outbound_abandon(guard->house->outbound);
        keystore_signer_abandon(guard->house->keystore);
    }
    return NULL;
}

/* The loop that calls this takes the signals of the process; its thread must not, since it outlives their
 * handlers. */
void stop_guard_begin(struct stop_guard *guard)
{
    if (!guard->has_thread) {
        sigset_t all;
        sigset_t former;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_BLOCK, &all, &former);
        guard->has_thread = pthread_create(&guard->thread, NULL, wait_and_abandon, guard) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &former, NULL);
    }
}

void stop_guard_free(struct stop_guard *guard)
{
    if (guard == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&guard->mutex);
    guard->is_over = true;
    (void)pthread_cond_broadcast(&guard->ended);
    (void)pthread_mutex_unlock(&guard->mutex);
    if (guard->has_thread) {
        (void)pthread_join(guard->thread, NULL);
    }
    (void)pthread_cond_destroy(&guard->ended);
    (void)pthread_mutex_destroy(&guard->mutex);
    free(guard);
}
