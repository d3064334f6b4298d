/* Asking the signer process. A caller takes a channel, sends its question and receives the answer by itself:
 * no other thread stands between them, which would cost a wake-up each way. */
#include "pki/signer_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "pki/signer_client_internal.h"

enum {
    SLOW_MS = 250, /* an answer that takes longer: who comes now may wait only where the queue has room */
    GENERATE_FACTOR = 10
};

/* --- life ------------------------------------------------------------------------------------------- */

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

static void forget_arguments(struct signer_client *client)
{
    for (size_t i = 0; i < SIGNER_ARGUMENTS_MAX; i++) {
        free(client->arguments[i]);
        client->arguments[i] = NULL;
    }
}

static err_t copy_arguments(struct signer_client *client)
{
    const char *const *given = client->settings.arguments;
    for (size_t i = 0; given[i] != NULL; i++) {
        ENSURE(i < SIGNER_ARGUMENTS_MAX, ERR_INTERNAL, "too many arguments");
        client->arguments[i] = strdup(given[i]);
        ENSURE(client->arguments[i] != NULL, ERR_NO_MEMORY, "no memory for the signer");
    }
    client->settings.arguments = (const char *const *)client->arguments;
    return OK;
}

static err_t make(const struct signer_settings *settings, struct signer_client **out)
{
    struct signer_client *client = calloc(1, sizeof *client);
    ENSURE(client != NULL, ERR_NO_MEMORY, "no memory for the signer");
    atomic_init(&client->references, 1);
    client->settings = *settings;
    err_t error = copy_arguments(client);
    error = error.code == ERR_OK ? condition_make(&client->changed) : error;
    client->wake_fd = error.code == ERR_OK ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (client->wake_fd < 0) {
        error = error.code == ERR_OK ? ERR(ERR_IO, "cannot prepare the signer (%d)", errno) : error;
        forget_arguments(client);
        free(client);
        return error;
    }
    (void)pthread_mutex_init(&client->mutex, NULL);
    *out = client;
    return OK;
}

struct signer_client *signer_client_ref(struct signer_client *client)
{
    atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
    return client;
}

void signer_client_unref(struct signer_client *client)
{
    if (client == NULL || atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    signer_client_stop(client);
    (void)close(client->wake_fd);
    forget_arguments(client);
    (void)pthread_cond_destroy(&client->changed);
    (void)pthread_mutex_destroy(&client->mutex);
    free(client);
}

void signer_wake(struct signer_client *client)
{
    uint64_t one = 1;
    ssize_t written = write(client->wake_fd, &one, sizeof one); /* a full counter wakes too */
    (void)written;
}

void signer_client_stop(struct signer_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    bool has_supervisor = client->has_supervisor;
    client->has_supervisor = false;
    client->is_stopping = true;
    (void)pthread_cond_broadcast(&client->changed);
    (void)pthread_mutex_unlock(&client->mutex);
    if (has_supervisor) {
        signer_wake(client);
        (void)pthread_join(client->supervisor, NULL);
    }
}

void signer_client_abandon(struct signer_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    client->is_stopping = true;
    client->is_abandoned = true;
    if (client->state == SIGNER_UP) {
        signer_process_shut(&client->process);
    }
    if (client->starting != NULL) {
        signer_process_shut(client->starting);
    }
    (void)pthread_cond_broadcast(&client->changed);
    (void)pthread_mutex_unlock(&client->mutex);
    signer_wake(client);
}

/* The supervisor has the process started, so that it ends with that thread at the latest. */
err_t signer_client_new(const struct signer_settings *settings, struct signer_client **out)
{
    *out = NULL;
    AUTO_PTR(signer_client) *client = NULL;
    ENSURE(settings->threads >= 1 && settings->threads <= SIGNER_THREADS_MAX, ERR_INTERNAL, "%d threads",
           settings->threads);
    TRY(make(settings, &client));
    ENSURE(pthread_create(&client->supervisor, NULL, signer_supervise, client) == 0, ERR_NO_MEMORY,
           "a thread for the signer cannot be started");
    (void)pthread_mutex_lock(&client->mutex);
    client->has_supervisor = true;
    while (!client->has_started) {
        (void)pthread_cond_wait(&client->changed, &client->mutex);
    }
    err_t first = client->first;
    (void)pthread_mutex_unlock(&client->mutex);
    TRY(first);
    *out = TAKE(client);
    return OK;
}

/* --- a channel -------------------------------------------------------------------------------------- */

/* All of them: one alone may be at a key that takes long to make. */
static bool is_slow(const struct signer_client *client, int64_t now_ms)
{
    for (int i = 0; i < client->settings.threads; i++) {
        if (!client->channels[i].is_busy || now_ms - client->channels[i].since_ms <= SLOW_MS) {
            return false;
        }
    }
    return true;
}

static err_t unavailable(const struct signer_client *client, int64_t now_ms, const char *what)
{
    err_t error = ERR(ERR_UNAVAILABLE, "the signer %s%s%.100s", what,
                      client->status.reason[0] != '\0' ? ": " : "", client->status.reason);
    int64_t wait_ms = client->state == SIGNER_DOWN ? client->next_start_ms - now_ms : 0;
    error.retry_after_s = wait_ms > 0 ? (int)(wait_ms / 1000) + 1 : 1;
    return error;
}

static struct signer_channel *find_free(struct signer_client *client)
{
    for (int i = 0; i < client->settings.threads; i++) {
        if (!client->channels[i].is_busy) {
            return &client->channels[i];
        }
    }
    return NULL;
}

static void sleep_until(struct signer_client *client, int64_t at_ms)
{
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    client->waiting++;
    (void)pthread_cond_timedwait(&client->changed, &client->mutex, &at);
    client->waiting--;
}

/* Why a caller may not wait, now that there is no channel for it. */
static err_t check_wait(const struct signer_client *client, int64_t deadline_ms)
{
    int64_t now_ms = signer_now_ms();
    bool is_serving = client->state == SIGNER_UP && !client->is_broken;
    if (client->state == SIGNER_STOPPED || client->is_stopping) {
        return unavailable(client, now_ms, "is ended");
    }
    if (client->state == SIGNER_GIVEN_UP) {
        return unavailable(client, now_ms, "cannot work as it is set");
    }
    if (client->state == SIGNER_DOWN && client->next_start_ms >= deadline_ms) {
        return unavailable(client, now_ms, "is not there");
    }
    if (now_ms >= deadline_ms) {
        return unavailable(client, now_ms, is_serving ? "has no time" : "is not there");
    }
    if (client->waiting >= client->settings.queue && (!is_serving || is_slow(client, now_ms))) {
        return unavailable(client, now_ms, is_serving ? "is too slow" : "is not there");
    }
    return OK;
}

static err_t take_channel(struct signer_client *client, int64_t deadline_ms, struct signer_channel **out,
                          uint64_t *id)
{
    for (;;) {
        bool is_serving = client->state == SIGNER_UP && !client->is_broken && !client->is_stopping;
        *out = is_serving ? find_free(client) : NULL;
        if (*out != NULL) {
            (*out)->is_busy = true;
            (*out)->since_ms = signer_now_ms();
            client->busy++;
            *id = ++client->next_id;
            return OK;
        }
        TRY(check_wait(client, deadline_ms));
        int64_t look_ms = signer_now_ms() + SLOW_MS;
        sleep_until(client, look_ms < deadline_ms ? look_ms : deadline_ms);
    }
}

static void give_back(struct signer_client *client, struct signer_channel *channel, const err_t *spoiled)
{
    channel->is_busy = false;
    client->busy--;
    if (spoiled->code != ERR_OK && !client->is_broken) {
        client->is_broken = true;
        (void)snprintf(client->status.reason, sizeof client->status.reason, "%s", spoiled->detail);
        signer_wake(client);
    }
    if (client->is_broken) {
        (void)pthread_cond_broadcast(&client->changed);
    } else if (client->waiting > 0) {
        (void)pthread_cond_signal(&client->changed);
    }
}

/* --- a question ------------------------------------------------------------------------------------- */

err_t signer_receive(struct signer_stream *stream, uint64_t id, int64_t deadline_ms, struct buf *content,
                     err_t *result)
{
    uint8_t head[SIGNER_HEAD_SIZE];
    uint8_t rest[SIGNER_ANSWER_MAX];
    struct signer_answer answer;
    TRY(signer_stream_take(stream, head, sizeof head, deadline_ms));
    TRY(signer_answer_read(head, id, &answer));
    TRY(signer_stream_take(stream, rest, answer.size, deadline_ms));
    ENSURE(signer_stream_is_empty(stream), ERR_BAD_ENCODING, "more than one answer to a question");
    struct bytes said = {rest, answer.size};
    *result = signer_answer_result(&answer, said);
    ENSURE(result->code != ERR_BAD_ENCODING || answer.result.code == ERR_BAD_ENCODING, ERR_BAD_ENCODING,
           "an answer of another form");
    if (result->code == ERR_OK && content != NULL) {
        content->n = 0;
        TRY(buf_append_bytes(content, said));
    }
    return OK;
}

static err_t exchange(struct signer_channel *channel, struct signer_question *question, int64_t deadline_ms,
                      struct buf *content, err_t *result)
{
    uint8_t head[SIGNER_HEAD_SIZE];
    signer_question_head(question, head);
    const struct bytes parts[] = {BYTES_OF(head), bytes_str(question->label), question->data};
    TRY(signer_stream_send(&channel->stream, parts, 3, deadline_ms));
    return signer_receive(&channel->stream, question->id, deadline_ms, content, result);
}

/* What does not change when it is done twice, as far as anybody sees. */
static bool may_repeat(enum signer_op op)
{
    return op != SIGNER_GENERATE;
}

static enum signer_outcome outcome_of(err_code code)
{
    if (code == ERR_OK) {
        return SIGNER_ANSWERED;
    }
    if (code == ERR_UNAVAILABLE) {
        return SIGNER_UNAVAILABLE;
    }
    return code == ERR_SIGNER_REFUSED ? SIGNER_REFUSED : code == ERR_BUSY ? SIGNER_LIMITED : SIGNER_FAILED;
}

const int64_t *signer_latency_bounds_us(void)
{
    static const int64_t bounds_us[SIGNER_LATENCIES] = {50, 100, 500, 1000, 5000, 50000, 500000, 5000000};
    return bounds_us;
}

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void count(struct signer_client *client, const err_t *result, int64_t took_us)
{
    int place = 0;
    enum signer_outcome outcome = outcome_of(result->code);
    while (place < SIGNER_LATENCIES && took_us > signer_latency_bounds_us()[place]) {
        place++;
    }
    client->status.outcomes[outcome]++;
    client->status.is_failing = outcome == SIGNER_UNAVAILABLE;
    if (outcome == SIGNER_REFUSED) {
        memcpy(client->status.refused, result->detail, sizeof client->status.refused);
    }
    if (outcome != SIGNER_UNAVAILABLE) {
        client->status.latencies[place]++;
        client->status.latency_total_us += took_us;
    }
}

/* One try, with the lock held but for the exchange itself. @return whether the channel held */
static err_t attempt(struct signer_client *client, struct signer_question *question, int64_t deadline_ms,
                     struct buf *content, err_t *result)
{
    struct signer_channel *channel = NULL;
    err_t spoiled = OK;
    *result = take_channel(client, deadline_ms, &channel, &question->id);
    if (channel == NULL) {
        return OK;
    }
    (void)pthread_mutex_unlock(&client->mutex);
    spoiled = exchange(channel, question, deadline_ms, content, result);
    (void)pthread_mutex_lock(&client->mutex);
    if (spoiled.code == ERR_OK && result->code == ERR_UNAVAILABLE) { /* its token is gone, and it goes too */
        give_back(client, channel, result);
        return OK;
    }
    give_back(client, channel, &spoiled);
    if (spoiled.code != ERR_OK) {
        *result = unavailable(client, signer_now_ms(), "was lost");
    }
    return spoiled;
}

err_t signer_client_call(struct signer_client *client, const struct signer_call *call, struct buf *answer)
{
    struct signer_question question = {.op = call->op, .argument = call->argument, .data = call->data};
    int64_t timeout_ms = client->settings.timeout_ms * (call->op == SIGNER_GENERATE ? GENERATE_FACTOR : 1);
    int64_t deadline_ms = signer_now_ms() + timeout_ms;
    int64_t began_us = now_us();
    err_t result = OK;
    ENSURE(strlen(call->label) <= SIGNER_LABEL_MAX, ERR_INTERNAL, "a label of another form");
    ENSURE(call->data.n <= SIGNER_TEXT_MAX, ERR_UNPROCESSABLE, "%zu bytes are too many to be signed",
           call->data.n);
    memcpy(question.label, call->label, strlen(call->label) + 1);
    (void)pthread_mutex_lock(&client->mutex);
    err_t spoiled = attempt(client, &question, deadline_ms, answer, &result);
    if (spoiled.code != ERR_OK && spoiled.code != ERR_TIMEOUT && may_repeat(call->op)) {
        spoiled = attempt(client, &question, deadline_ms, answer, &result);
    }
    err_ignore(spoiled); /* `result` says it */
    count(client, &result, now_us() - began_us);
    (void)pthread_mutex_unlock(&client->mutex);
    return result;
}

/* --- seen from outside ------------------------------------------------------------------------------ */

void signer_client_status(struct signer_client *client, struct signer_status *out)
{
    (void)pthread_mutex_lock(&client->mutex);
    *out = client->status;
    out->is_up = client->state == SIGNER_UP && !client->is_broken;
    out->is_given_up = client->state == SIGNER_GIVEN_UP;
    out->waiting = client->waiting;
    out->pid = out->is_up ? client->process.pid : 0;
    (void)pthread_mutex_unlock(&client->mutex);
}
