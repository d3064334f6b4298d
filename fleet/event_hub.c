/* The list of those who wait, under one lock, and the thread that compares it with the heads of the feeds. A
 * look costs one small read for each tenant that is waited for; commits that come close together share one. A
 * wake-up is called under the lock: that is what lets a stream be closed while another thread is about to
 * wake it. */
#include "fleet/event_hub.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "db/feed_rows.h"
#include "fleet/internal.h"

enum { LOOK_MS = 1000, PAUSE_MS = 20 };

struct event_stream {
    struct event_hub *hub;
    struct uuid tenant;
    struct event_wait wait;
    bool is_waiting;
    struct event_stream *next, **previous;
};

struct head {
    struct uuid tenant;
    int64_t number;
};

struct event_hub {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct event_stream *first;
    int count, most, most_per_tenant;
    bool is_told, is_ending, is_started;
    pthread_t thread;
    pthread_mutex_t listener_mutex; /* held while the listener runs */
    void (*listener)(void *context);
    void *listener_context;
    size_t head_count; /* of one look at a time */
    struct head heads[];
};

static int or_default(int given, int fallback)
{
    return given > 0 ? given : fallback;
}

err_t event_hub_new(const struct fleet_options *options, struct event_hub **out)
{
    int most = or_default(options->event_streams, EVENT_STREAMS_DEFAULT);
    struct event_hub *hub = calloc(1, sizeof *hub + (size_t)most * sizeof hub->heads[0]);
    *out = NULL;
    ENSURE(hub != NULL, ERR_NO_MEMORY, "the hub of events");
    hub->most = most;
    hub->most_per_tenant = or_default(options->event_streams_per_tenant, EVENT_STREAMS_PER_TENANT_DEFAULT);
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&hub->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&hub->mutex, NULL);
    (void)pthread_mutex_init(&hub->listener_mutex, NULL);
    *out = hub;
    return OK;
}

void event_hub_free(struct event_hub *hub)
{
    if (hub != NULL) {
        (void)pthread_mutex_destroy(&hub->listener_mutex);
        (void)pthread_mutex_destroy(&hub->mutex);
        (void)pthread_cond_destroy(&hub->changed);
        free(hub);
    }
}

/* --- streams ------------------------------------------------------------------------------------------ */

static int count_of(const struct event_hub *hub, struct uuid tenant)
{
    int count = 0;
    for (const struct event_stream *s = hub->first; s != NULL; s = s->next) {
        count += uuid_equal(s->tenant, tenant) ? 1 : 0;
    }
    return count;
}

static err_t enter(struct event_hub *hub, struct event_stream *stream)
{
    ENSURE(count_of(hub, stream->tenant) < hub->most_per_tenant, ERR_TOO_MANY,
           "the tenant has %d streams of events open already", hub->most_per_tenant);
    ENSURE(hub->count < hub->most, ERR_BUSY, "%d streams of events are open", hub->most);
    stream->next = hub->first;
    stream->previous = &hub->first;
    if (stream->next != NULL) {
        stream->next->previous = &stream->next;
    }
    hub->first = stream;
    hub->count++;
    return OK;
}

err_t event_stream_open(struct fleet *fleet, struct uuid tenant, struct event_stream **out)
{
    struct event_hub *hub = fleet->event_hub;
    struct event_stream *stream = calloc(1, sizeof *stream);
    *out = NULL;
    ENSURE(stream != NULL, ERR_NO_MEMORY, "a stream of events");
    stream->hub = hub;
    stream->tenant = tenant;
    (void)pthread_mutex_lock(&hub->mutex);
    err_t error = enter(hub, stream);
    (void)pthread_mutex_unlock(&hub->mutex);
    if (error.code != ERR_OK) {
        free(stream);
        return error;
    }
    *out = stream;
    return OK;
}

void event_stream_close(struct event_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    struct event_hub *hub = stream->hub;
    (void)pthread_mutex_lock(&hub->mutex);
    *stream->previous = stream->next;
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    hub->count--;
    (void)pthread_mutex_unlock(&hub->mutex);
    free(stream);
}

static void tell(void *context)
{
    struct event_hub *hub = context;
    (void)pthread_mutex_lock(&hub->mutex);
    hub->is_told = true;
    (void)pthread_cond_signal(&hub->changed);
    (void)pthread_mutex_unlock(&hub->mutex);
}

/* Asks for a look: an event may have come since the caller's own. */
void event_stream_wait(struct event_stream *stream, const struct event_wait *wait)
{
    struct event_hub *hub = stream->hub;
    (void)pthread_mutex_lock(&hub->mutex);
    stream->wait = *wait;
    stream->is_waiting = true;
    hub->is_told = true;
    (void)pthread_cond_signal(&hub->changed);
    (void)pthread_mutex_unlock(&hub->mutex);
}

int event_hub_streams(struct fleet *fleet)
{
    struct event_hub *hub = fleet->event_hub;
    (void)pthread_mutex_lock(&hub->mutex);
    int count = hub->count;
    (void)pthread_mutex_unlock(&hub->mutex);
    return count;
}

/* --- a look ------------------------------------------------------------------------------------------- */

static struct head *head_of(struct event_hub *hub, struct uuid tenant)
{
    for (size_t i = 0; i < hub->head_count; i++) {
        if (uuid_equal(hub->heads[i].tenant, tenant)) {
            return &hub->heads[i];
        }
    }
    return NULL;
}

/* Tenants that somebody waits for. */
static void collect(struct event_hub *hub)
{
    hub->head_count = 0;
    for (const struct event_stream *s = hub->first; s != NULL; s = s->next) {
        if (s->is_waiting && head_of(hub, s->tenant) == NULL) {
            hub->heads[hub->head_count++] = (struct head){.tenant = s->tenant};
        }
    }
}

static err_t heads_in(struct db_tx *tx, void *arg)
{
    struct event_hub *hub = arg;
    for (size_t i = 0; i < hub->head_count; i++) {
        TRY(feed_rows_head(tx, hub->heads[i].tenant, &hub->heads[i].number));
    }
    return OK;
}

static void wake_all(struct event_hub *hub, int64_t now_ms)
{
    for (struct event_stream *s = hub->first; s != NULL; s = s->next) {
        const struct head *head = s->is_waiting ? head_of(hub, s->tenant) : NULL;
        bool has_more = head != NULL && head->number > s->wait.position;
        if (s->is_waiting && (has_more || now_ms >= s->wait.until_ms)) {
            s->is_waiting = false;
            s->wait.wake(s->wait.waker);
        }
    }
}

void event_hub_look(struct fleet *fleet)
{
    struct event_hub *hub = fleet->event_hub;
    (void)pthread_mutex_lock(&hub->mutex);
    collect(hub);
    (void)pthread_mutex_unlock(&hub->mutex);
    if (hub->head_count == 0) {
        return;
    }
    err_t error = db_read(fleet->db, heads_in, hub);
    if (error.code != ERR_OK) {
        log_error(fleet->log, "events_not_looked_for", "",
                  error); /* who waits longest is woken, and sees it too */
    }
    (void)pthread_mutex_lock(&hub->mutex);
    wake_all(hub, clock_monotonic_ms(fleet->clock));
    (void)pthread_mutex_unlock(&hub->mutex);
}

/* --- the thread --------------------------------------------------------------------------------------- */

void event_hub_listen(struct fleet *fleet, void (*fn)(void *context), void *context)
{
    struct event_hub *hub = fleet->event_hub;
    (void)pthread_mutex_lock(&hub->listener_mutex);
    hub->listener = fn;
    hub->listener_context = context;
    (void)pthread_mutex_unlock(&hub->listener_mutex);
}

static void tell_listener(struct event_hub *hub)
{
    (void)pthread_mutex_lock(&hub->listener_mutex);
    if (hub->listener != NULL) {
        hub->listener(hub->listener_context);
    }
    (void)pthread_mutex_unlock(&hub->listener_mutex);
}

static struct timespec in_ms(long ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Under the lock. A pause first, so that commits that come close together cost one look. */
static void wait_for_reason(struct event_hub *hub)
{
    struct timespec pause = in_ms(PAUSE_MS);
    while (!hub->is_ending && pthread_cond_timedwait(&hub->changed, &hub->mutex, &pause) == 0) {
    }
    struct timespec look = in_ms(LOOK_MS);
    while (!hub->is_ending && !hub->is_told &&
           pthread_cond_timedwait(&hub->changed, &hub->mutex, &look) == 0) {
    }
    hub->is_told = false;
}

static void *run(void *context)
{
    struct fleet *fleet = context;
    struct event_hub *hub = fleet->event_hub;
    (void)pthread_mutex_lock(&hub->mutex);
    while (!hub->is_ending) {
        (void)pthread_mutex_unlock(&hub->mutex);
        event_hub_look(fleet);
        tell_listener(hub);
        (void)pthread_mutex_lock(&hub->mutex);
        wait_for_reason(hub);
    }
    (void)pthread_mutex_unlock(&hub->mutex);
    return NULL;
}

err_t event_hub_start(struct fleet *fleet)
{
    struct event_hub *hub = fleet->event_hub;
    sigset_t all, before;
    (void)sigfillset(&all); /* signals are for the program's main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&hub->thread, NULL, run, fleet);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    ENSURE(failed == 0, ERR_NO_MEMORY, "the thread of the events cannot be started");
    hub->is_started = true;
    db_watch(fleet->db, tell, hub);
    return OK;
}

void event_hub_stop(struct fleet *fleet)
{
    struct event_hub *hub = fleet->event_hub;
    if (!hub->is_started) {
        return;
    }
    db_watch(fleet->db, NULL, NULL);
    (void)pthread_mutex_lock(&hub->mutex);
    hub->is_ending = true;
    (void)pthread_cond_signal(&hub->changed);
    (void)pthread_mutex_unlock(&hub->mutex);
    (void)pthread_join(hub->thread, NULL);
    hub->is_started = hub->is_ending = false;
}
