/* A mutex, a condition, a list for each lane. One lock for all workers is measured to be no bottleneck: a
 * task costs hundreds of microseconds. */
#include "server/workers.h"

#include <pthread.h>
#include <stdlib.h>

struct lane {
    struct task *first, **last;
    int waiting;
};

struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    const struct clock *clock;
    struct lane lanes[LANE_COUNT];
    int next_lane;
    int waiting_max, busy;
    bool is_ending;
    int thread_count;
    pthread_t threads[];
};

static struct task *take(struct workers *w)
{
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

static void *work(void *context)
{
    struct workers *w = context;
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
        pthread_mutex_unlock(&w->mutex);
        task->run(task);
        pthread_mutex_lock(&w->mutex);
        w->busy--;
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

err_t workers_new(int count, int queue_max, const struct clock *clock, struct workers **out)
{
    *out = NULL;
    ENSURE(count > 0 && queue_max > 0, ERR_INTERNAL, "%d workers, %d waiting", count, queue_max);
    struct workers *w = calloc(1, sizeof *w + (size_t)count * sizeof w->threads[0]);
    ENSURE(w != NULL, ERR_NO_MEMORY, "the workers");
    w->waiting_max = queue_max;
    w->clock = clock;
    for (int i = 0; i < LANE_COUNT; i++) {
        w->lanes[i].last = &w->lanes[i].first;
    }
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->filled, NULL);
    while (w->thread_count < count) {
        if (pthread_create(&w->threads[w->thread_count], NULL, work, w) != 0) {
            workers_free(w);
            return ERR(ERR_NO_MEMORY, "worker thread %d cannot be started", w->thread_count);
        }
        w->thread_count++;
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

int workers_waiting(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    int waiting = 0;
    for (int i = 0; i < LANE_COUNT; i++) {
        waiting += w->lanes[i].waiting;
    }
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
        pthread_join(w->threads[i], NULL);
    }
    pthread_cond_destroy(&w->filled);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
