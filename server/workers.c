/* A mutex, a condition, a list for each lane. One lock for all workers is measured to be no bottleneck: a
 * task costs hundreds of microseconds. */
#include "server/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "server/worker_time.h"

enum {
    LONG_MS =
        100, /* whoever takes longer is left out of account, else a few imports would be all that goes on */
    USUAL_OF = 32 /* tasks, about, make what is usual */
};

struct lane {
    struct task *first, **last;
    int waiting;
};

struct worker {
    struct workers *workers;
    pthread_t thread;
    int64_t began_ms; /* its task; 0: it has none */
};

struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    const struct clock *clock;
    struct lane lanes[LANE_COUNT];
    int next_lane;
    int waiting_max, busy;
    int cores;
    int64_t able_us, took_us; /* by a usual task; as much more exact as USUAL_OF says */
    bool is_ending;
    int thread_count;
    struct worker all[];
};

/* How many are at work, as far as it counts. */
static int at_work(const struct workers *w, int64_t now_ms)
{
    int count = 0;
    for (int i = 0; i < w->thread_count; i++) {
        count += w->all[i].began_ms != 0 && now_ms - w->all[i].began_ms < LONG_MS ? 1 : 0;
    }
    return count;
}

static bool may_take(const struct workers *w)
{
    int most = admission_workers(w->able_us, w->took_us, w->cores, w->thread_count);
    return w->is_ending || w->busy < most || at_work(w, clock_monotonic_ms(w->clock)) < most;
}

static struct task *take(struct workers *w)
{
    if (!may_take(w)) {
        return NULL;
    }
    for (int i = 0; i < LANE_COUNT; i++) {
        struct lane *lane = &w->lanes[(w->next_lane + i) % LANE_COUNT];
        struct task *task = lane->first;
        if (task != NULL) {
            lane->first = task->next;
            if (lane->first == NULL) {
                lane->last = &lane->first;
            }
            lane->waiting--;
            w->busy++;
            w->next_lane = (w->next_lane + i + 1) % LANE_COUNT;
            return task;
        }
    }
    return NULL;
}

/* A running mean. */
static void learn(struct workers *w, int64_t able_us, int64_t took_us)
{
    const int64_t most_us = (int64_t)LONG_MS * 1000;
    w->able_us += (able_us < most_us ? able_us : most_us) - w->able_us / USUAL_OF;
    w->took_us += (took_us < most_us ? took_us : most_us) - w->took_us / USUAL_OF;
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct workers *w = worker->workers;
    struct worker_time time;
    worker_time_open(&time);
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        struct task *task = take(w);
        if (task == NULL && w->is_ending) {
            break;
        }
        if (task == NULL) {
            pthread_cond_wait(&w->filled, &w->mutex);
            continue;
        }
        worker->began_ms = clock_monotonic_ms(w->clock);
        pthread_mutex_unlock(&w->mutex);
        int64_t able_us = 0;
        int64_t took_us = 0;
        worker_time_begin(&time);
        task->run(task);
        worker_time_end(&time, &able_us, &took_us);
        pthread_mutex_lock(&w->mutex);
        worker->began_ms = 0;
        w->busy--;
        learn(w, able_us, took_us);
    }
    pthread_mutex_unlock(&w->mutex);
    worker_time_close(&time);
    return NULL;
}

static int cores_of_process(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

err_t workers_new(int count, int queue_max, const struct clock *clock, struct workers **out)
{
    *out = NULL;
    ENSURE(count > 0 && queue_max > 0, ERR_INTERNAL, "%d workers, %d waiting", count, queue_max);
    struct workers *w = calloc(1, sizeof *w + (size_t)count * sizeof w->all[0]);
    ENSURE(w != NULL, ERR_NO_MEMORY, "the workers");
    w->waiting_max = queue_max;
    w->clock = clock;
    w->cores = cores_of_process();
    for (int i = 0; i < LANE_COUNT; i++) {
        w->lanes[i].last = &w->lanes[i].first;
    }
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->filled, NULL);
    while (w->thread_count < count) {
        struct worker *worker = &w->all[w->thread_count];
        worker->workers = w;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            workers_free(w);
            return ERR(ERR_NO_MEMORY, "worker thread %d cannot be started", w->thread_count);
        }
        pthread_mutex_lock(&w->mutex);
        w->thread_count++;
        pthread_mutex_unlock(&w->mutex);
    }
    *out = w;
    return OK;
}

static bool add(struct workers *w, struct task *task, bool is_bounded)
{
    task->next = NULL;
    task->queued_at_ms = clock_monotonic_ms(w->clock);
    struct lane *lane = &w->lanes[task->lane];
    pthread_mutex_lock(&w->mutex);
    bool is_taken = !is_bounded || lane->waiting < w->waiting_max;
    if (is_taken) {
        *lane->last = task;
        lane->last = &task->next;
        lane->waiting++;
        pthread_cond_signal(&w->filled);
    }
    pthread_mutex_unlock(&w->mutex);
    return is_taken;
}

bool workers_offer(struct workers *w, struct task *task)
{
    return add(w, task, true);
}

void workers_push(struct workers *w, struct task *task)
{
    (void)add(w, task, false);
}

static int waiting_in(const struct workers *w)
{
    int waiting = 0;
    for (int i = 0; i < LANE_COUNT; i++) {
        waiting += w->lanes[i].waiting;
    }
    return waiting;
}

int workers_waiting(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    int waiting = waiting_in(w);
    pthread_mutex_unlock(&w->mutex);
    return waiting;
}

int workers_lane(struct workers *w, enum admission_lane lane, int64_t *wait_ms)
{
    int64_t now_ms = clock_monotonic_ms(w->clock);
    pthread_mutex_lock(&w->mutex);
    const struct task *first = w->lanes[lane].first;
    int64_t since_ms = first != NULL ? first->queued_at_ms : now_ms;
    int waiting = w->lanes[lane].waiting;
    pthread_mutex_unlock(&w->mutex);
    *wait_ms = now_ms > since_ms ? now_ms - since_ms : 0;
    return waiting;
}

int workers_busy(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    int busy = w->busy;
    pthread_mutex_unlock(&w->mutex);
    return busy;
}

void workers_tick(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    int free = w->thread_count - w->busy;
    int most = admission_workers(w->able_us, w->took_us, w->cores, w->thread_count) -
               at_work(w, clock_monotonic_ms(w->clock));
    for (int i = 0; i < free && i < most && i < waiting_in(w); i++) {
        pthread_cond_signal(&w->filled);
    }
    pthread_mutex_unlock(&w->mutex);
}

void workers_free(struct workers *w)
{
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->mutex);
    w->is_ending = true;
    pthread_cond_broadcast(&w->filled);
    pthread_mutex_unlock(&w->mutex);
    for (int i = 0; i < w->thread_count; i++) {
        pthread_join(w->all[i].thread, NULL);
    }
    pthread_cond_destroy(&w->filled);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
