/* getaddrinfo() cannot be told a limit of time, so it runs on a thread that is left behind when it is too
 * slow. Question and counter are counted references: whoever comes last frees them. */
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "outbound/internal.h"

enum { THREADS_MAX = 32, STACK_BYTES = 256 * 1024 };

struct lookups {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    int references; /* the owner's and one for each thread */
    int threads;
    bool is_abandoned;
};

struct question {
    struct lookups *lookups; /* its mutex guards all of this */
    int references;          /* asker and thread */
    bool is_answered;
    int code; /* of getaddrinfo */
    struct addrinfo *list;
    char host[URL_HOST_SIZE];
};

static err_t condition_make(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    ENSURE(pthread_condattr_init(&attributes) == 0, ERR_NO_MEMORY, "a condition");
    bool is_made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                   pthread_cond_init(condition, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    ENSURE(is_made, ERR_NO_MEMORY, "a condition");
    return OK;
}

err_t lookups_new(struct lookups **out)
{
    *out = NULL;
    struct lookups *lookups = calloc(1, sizeof *lookups);
    ENSURE(lookups != NULL, ERR_NO_MEMORY, "lookups");
    lookups->references = 1;
    err_t error = condition_make(&lookups->answered);
    if (error.code == ERR_OK && pthread_mutex_init(&lookups->mutex, NULL) != 0) {
        (void)pthread_cond_destroy(&lookups->answered);
        error = ERR(ERR_NO_MEMORY, "a mutex");
    }
    if (error.code != ERR_OK) {
        free(lookups);
        return error;
    }
    *out = lookups;
    return OK;
}

/* Unlocks. */
static void release(struct lookups *lookups)
{
    bool is_last = --lookups->references == 0;
    (void)pthread_mutex_unlock(&lookups->mutex);
    if (is_last) {
        (void)pthread_cond_destroy(&lookups->answered);
        (void)pthread_mutex_destroy(&lookups->mutex);
        free(lookups);
    }
}

void lookups_free(struct lookups *lookups)
{
    if (lookups != NULL) {
        (void)pthread_mutex_lock(&lookups->mutex);
        release(lookups);
    }
}

void lookups_abandon(struct lookups *lookups)
{
    (void)pthread_mutex_lock(&lookups->mutex);
    lookups->is_abandoned = true;
    (void)pthread_cond_broadcast(&lookups->answered);
    (void)pthread_mutex_unlock(&lookups->mutex);
}

/* Under the lock. */
static void question_release(struct question *question)
{
    if (--question->references == 0) {
        if (question->list != NULL) {
            freeaddrinfo(question->list);
        }
        free(question);
    }
}

static void *answer_one(void *arg)
{
    struct question *question = arg;
    struct lookups *lookups = question->lookups;
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int code = getaddrinfo(question->host, NULL, &hints, &list);
    (void)pthread_mutex_lock(&lookups->mutex);
    question->code = code;
    question->list = code == 0 ? list : NULL;
    question->is_answered = true;
    question_release(question);
    lookups->threads--;
    (void)pthread_cond_broadcast(&lookups->answered);
    release(lookups);
    return NULL;
}

/* Under the lock. */
static err_t start(struct lookups *lookups, struct question *question)
{
    pthread_attr_t attributes;
    pthread_t thread;
    ENSURE(lookups->threads < THREADS_MAX, ERR_UNAVAILABLE, "too many names wait for their addresses");
    ENSURE(pthread_attr_init(&attributes) == 0, ERR_NO_MEMORY, "a thread");
    bool is_started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                      pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
                      pthread_create(&thread, &attributes, answer_one, question) == 0;
    (void)pthread_attr_destroy(&attributes);
    ENSURE(is_started, ERR_UNAVAILABLE, "a thread for %.80s", question->host);
    lookups->threads++;
    lookups->references++;
    question->references++;
    return OK;
}

static struct timespec deadline_of(int64_t limit_ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(limit_ms / 1000);
    at.tv_nsec += (long)(limit_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static err_t write_addresses(const struct question *question, struct buf *out)
{
    struct ip address;
    char text[IP_TEXT_SIZE];
    ENSURE(question->code == 0, ERR_UNAVAILABLE, "%.80s: %s", question->host, gai_strerror(question->code));
    for (const struct addrinfo *at = question->list; at != NULL; at = at->ai_next) {
        if (ip_of(at->ai_addr, &address)) {
            ip_format(&address, text);
            TRY(buf_printf(out, "%s\n", text));
        }
    }
    return OK;
}

err_t lookups_ask(struct lookups *lookups, const char *host, int64_t limit_ms, struct buf *out)
{
    struct question *question = calloc(1, sizeof *question);
    size_t n = strlen(host);
    if (question == NULL || n >= sizeof question->host) {
        free(question);
        return ERR(ERR_NO_MEMORY, "a name");
    }
    memcpy(question->host, host, n + 1);
    question->lookups = lookups;
    question->references = 1;
    struct timespec deadline = deadline_of(limit_ms);
    (void)pthread_mutex_lock(&lookups->mutex);
    err_t error = start(lookups, question);
    int waited = 0;
    while (error.code == ERR_OK && !question->is_answered && waited == 0 && !lookups->is_abandoned) {
        waited = pthread_cond_timedwait(&lookups->answered, &lookups->mutex, &deadline);
    }
    if (error.code == ERR_OK) {
        error = question->is_answered ? write_addresses(question, out)
                                      : ERR(ERR_UNAVAILABLE, "%.80s: the resolver is too slow", host);
    }
    question_release(question);
    (void)pthread_mutex_unlock(&lookups->mutex);
    return error;
}
