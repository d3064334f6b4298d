/* Keeps a signer process alive: starts it, hears whether it can work, watches it while it does, ends it when
 * it is of no use any more, and waits longer before each next start. What it says about a passphrase, a PIN
 * or a setting is believed at once: a token counts wrong PINs, and locks itself. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pki/signer_client_internal.h"

enum {
    DELAY_MIN_MS = 100,
    DELAY_MAX_MS = 30000,
    HEALTHY_MS = 5000, /* who lived so long starts with the least delay again */
    PING_MS = 10000,
    GRACE_MS = 2000,
    ABANDONED_MS = 200,
    START_FACTOR = 10
};

/* --- start ------------------------------------------------------------------------------------------ */

/* From when on, and until when, signer_client_abandon() may end the wait for its first word. */
static bool note_starting(struct signer_client *client, const struct signer_process *process)
{
    (void)pthread_mutex_lock(&client->mutex);
    client->starting = process;
    bool is_abandoned = client->is_abandoned;
    (void)pthread_mutex_unlock(&client->mutex);
    return is_abandoned;
}

/* The first frame is the process's own: an answer to no question. */
static err_t start(struct signer_client *client, struct signer_process *process,
                   struct signer_stream *control)
{
    err_t result = OK;
    const struct signer_program program = {.arguments = client->settings.arguments,
                                           .count = client->settings.threads,
                                           .nursery = client->settings.nursery};
    TRY(signer_process_start(&program, process));
    signer_stream_init(control, process->control);
    if (note_starting(client, process)) {
        signer_process_shut(process);
    }
    int64_t deadline_ms = signer_now_ms() + client->settings.timeout_ms * START_FACTOR;
    err_t heard = signer_receive(control, 0, deadline_ms, NULL, &result);
    bool is_abandoned = note_starting(client, NULL);
    if (heard.code == ERR_OK && result.code == ERR_OK) {
        return OK;
    }
    int status = 0;
    signer_process_end(process, heard.code == ERR_TIMEOUT || is_abandoned ? 0 : GRACE_MS, &status);
    if (heard.code == ERR_OK) {
        return result;
    }
    ENSURE(heard.code != ERR_GONE, ERR_UNAVAILABLE, "it ended before it could work (%s %d)",
           WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return ERR(ERR_UNAVAILABLE, "it did not start: %.100s", heard.detail);
}

static bool is_final(err_code code)
{
    return code == ERR_FORBIDDEN || code == ERR_UNPROCESSABLE;
}

/* --- watch ------------------------------------------------------------------------------------------ */

static err_t ping(struct signer_client *client, struct signer_stream *control, uint64_t id)
{
    uint8_t head[SIGNER_HEAD_SIZE];
    struct signer_question question = {.op = SIGNER_PING, .id = id};
    err_t result = OK;
    int64_t deadline_ms = signer_now_ms() + client->settings.timeout_ms;
    signer_question_head(&question, head);
    const struct bytes part = BYTES_OF(head);
    TRY(signer_stream_send(control, &part, 1, deadline_ms));
    TRY(signer_receive(control, id, deadline_ms, NULL, &result));
    return result;
}

static bool is_done(struct signer_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    bool is_done = client->is_broken || client->is_stopping;
    (void)pthread_mutex_unlock(&client->mutex);
    return is_done;
}

/* Until it is of no use any more. @return why */
static err_t watch(struct signer_client *client, struct signer_stream *control)
{
    struct pollfd polled[] = {{.fd = control->fd, .events = POLLIN},
                              {.fd = client->wake_fd, .events = POLLIN}};
    for (uint64_t pings = 1; !is_done(client);) {
        uint64_t woken = 0;
        int ready = poll(polled, 2, PING_MS);
        if (ready > 0 && polled[0].revents != 0) {
            return ERR(ERR_GONE, "it ended");
        }
        if (ready > 0) {
            ssize_t taken = read(client->wake_fd, &woken, sizeof woken); /* the flags say what for */
            (void)taken;
        } else if (ready == 0) {
            err_t alive = ping(client, control, pings++);
            ENSURE(alive.code == ERR_OK, ERR_GONE, "it does not answer: %.100s", alive.detail);
        }
    }
    return OK;
}

/* --- end -------------------------------------------------------------------------------------------- */

/* Nobody closes a descriptor under a caller: they are told first, and waited for. */
static void tear_down(struct signer_client *client, const err_t *why)
{
    int status = 0;
    (void)pthread_mutex_lock(&client->mutex);
    bool is_stopping = client->is_stopping;
    if (!client->is_broken && why->code != ERR_OK) {
        (void)snprintf(client->status.reason, sizeof client->status.reason, "%s", why->detail);
    }
    client->is_broken = true;
    (void)pthread_cond_broadcast(&client->changed);
    if (!is_stopping) {
        signer_process_shut(&client->process);
    }
    while (client->busy > 0) { /* at a stop: until they have their answers, or their deadlines */
        (void)pthread_cond_wait(&client->changed, &client->mutex);
    }
    pid_t pid = client->process.pid;
    int64_t grace_ms = client->is_abandoned ? ABANDONED_MS : GRACE_MS;
    client->state = SIGNER_DOWN;
    client->next_start_ms = 0;
    (void)pthread_mutex_unlock(&client->mutex);
    signer_process_end(&client->process, is_stopping ? grace_ms : 0, &status);
    if (!is_stopping) {
        LOG(client->settings.log, LOG_ERROR, "signer.lost", LOG_INT("pid", pid),
            LOG_STR("reason", client->status.reason), LOG_FLAG("signalled", WIFSIGNALED(status)),
            LOG_INT("status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
    }
}

/* --- the thread ------------------------------------------------------------------------------------- */

static void go_up(struct signer_client *client, const struct signer_process *process)
{
    (void)pthread_mutex_lock(&client->mutex);
    client->process = *process;
    for (int i = 0; i < client->settings.threads; i++) {
        signer_stream_init(&client->channels[i].stream, process->channels[i]);
        signer_stream_be_patient(&client->channels[i].stream, client->settings.timeout_ms);
    }
    client->status.restarts += client->has_started ? 1 : 0;
    client->is_broken = false;
    client->state = SIGNER_UP;
    client->has_started = true;
    (void)pthread_cond_broadcast(&client->changed);
    (void)pthread_mutex_unlock(&client->mutex);
    LOG(client->settings.log, LOG_INFO, "signer.started", LOG_INT("pid", process->pid));
}

/* Half of it is certain, the rest by chance: many servers that lost one token do not come back in step. */
static int64_t spread(const struct signer_client *client, int64_t delay_ms)
{
    uint8_t chance = 0;
    err_ignore(random_fill(client->settings.random, &chance, 1)); /* then without a spread */
    return delay_ms / 2 + delay_ms / 2 * chance / UINT8_MAX;
}

static void rest(struct signer_client *client, int64_t until_ms)
{
    struct timespec at = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    while (!client->is_stopping && client->state == SIGNER_DOWN && signer_now_ms() < until_ms) {
        (void)pthread_cond_timedwait(&client->changed, &client->mutex, &at);
    }
    while (!client->is_stopping && client->state == SIGNER_GIVEN_UP) {
        (void)pthread_cond_wait(&client->changed, &client->mutex);
    }
}

/* The first try decides whether there is a client at all; a later one is followed by others. */
static void note_failure(struct signer_client *client, const err_t *why, int64_t delay_ms)
{
    log_error(client->settings.log, "signer.not_started", "", *why);
    (void)pthread_mutex_lock(&client->mutex);
    (void)snprintf(client->status.reason, sizeof client->status.reason, "%s", why->detail);
    if (!client->has_started) {
        client->has_started = true;
        client->first = *why;
        client->is_stopping = true;
    }
    client->state = is_final(why->code) ? SIGNER_GIVEN_UP : SIGNER_DOWN;
    client->next_start_ms = signer_now_ms() + spread(client, delay_ms);
    (void)pthread_cond_broadcast(&client->changed);
    rest(client, client->next_start_ms);
    (void)pthread_mutex_unlock(&client->mutex);
}

static bool is_stopping(struct signer_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    bool is_stopping = client->is_stopping;
    (void)pthread_mutex_unlock(&client->mutex);
    return is_stopping;
}

static int64_t longer(int64_t delay_ms)
{
    return delay_ms * 2 < DELAY_MAX_MS ? delay_ms * 2 : DELAY_MAX_MS;
}

/* Lost after it was up: the next start comes soon, and later each time it did not live long. */
static int64_t pause_after(struct signer_client *client, int64_t lived_ms, int64_t delay_ms)
{
    delay_ms = lived_ms >= HEALTHY_MS ? DELAY_MIN_MS : delay_ms;
    (void)pthread_mutex_lock(&client->mutex);
    client->next_start_ms = signer_now_ms() + spread(client, delay_ms);
    rest(client, client->next_start_ms);
    (void)pthread_mutex_unlock(&client->mutex);
    return longer(delay_ms);
}

void *signer_supervise(void *arg)
{
    struct signer_client *client = arg;
    int64_t delay_ms = DELAY_MIN_MS;
    while (!is_stopping(client)) {
        struct signer_process process;
        struct signer_stream control;
        err_t started = start(client, &process, &control);
        if (started.code != ERR_OK) {
            note_failure(client, &started, delay_ms);
            delay_ms = longer(delay_ms);
            continue;
        }
        int64_t since_ms = signer_now_ms();
        go_up(client, &process);
        err_t why = watch(client, &control);
        tear_down(client, &why);
        delay_ms = pause_after(client, signer_now_ms() - since_ms, delay_ms);
    }
    (void)pthread_mutex_lock(&client->mutex);
    client->state = SIGNER_STOPPED;
    (void)pthread_cond_broadcast(&client->changed);
    (void)pthread_mutex_unlock(&client->mutex);
    return NULL;
}
