/* Questions in, answers out. A thread waits in recv(2) on its own channel: nothing is shared but the keys. */
#include "pki/signer_server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "pki/signer_frames.h"
#include "pki/signer_process.h"
#include "pki/signer_stream.h"

enum { KEPT_MAX = 1 << 16, LOGGED_PER_S = 10, SECOND_MS = 1000 };

struct server {
    const struct signer_server_options *options;
    pthread_mutex_t mutex; /* of all below */
    bool is_over;
    err_t end; /* why */
    int64_t second_ms, logged, unlogged;
};

struct worker {
    struct server *server;
    struct signer_stream stream;
    pthread_t thread;
};

/* --- answers ---------------------------------------------------------------------------------------- */

/* A detail that was cut may end inside of a character. */
static struct bytes words_of(const err_t *error)
{
    struct bytes words = bytes_str(error->detail);
    while (!utf8_is_valid(words)) {
        words.n--;
    }
    return words;
}

static err_t send_answer(struct signer_stream *stream, uint64_t id, const err_t *result, struct bytes content)
{
    uint8_t head[SIGNER_HEAD_SIZE];
    struct bytes rest = result->code == ERR_OK ? content : words_of(result);
    signer_answer_head(id, result, rest.n, head);
    const struct bytes parts[] = {BYTES_OF(head), rest};
    return signer_stream_send(stream, parts, 2, SIGNER_FOR_EVER);
}

static err_t answer(struct signer_keys *keys, const struct signer_question *question, struct buf *out)
{
    bool has = false;
    switch (question->op) {
    case SIGNER_PING:
        return OK;
    case SIGNER_HAS:
        TRY(signer_keys_has(keys, question->label, &has));
        return buf_append(out, has ? "\1" : "\0", 1);
    case SIGNER_LOAD:
        return signer_keys_load(keys, question->label, out);
    case SIGNER_GENERATE:
        return signer_keys_generate(keys, question->label, (enum key_alg)question->argument, out);
    case SIGNER_FORGET:
        return signer_keys_forget(keys, question->label);
    case SIGNER_BIND:
        return signer_keys_bind(keys, question->label, question->data);
    case SIGNER_SIGN_TEXT:
        return signer_keys_sign_text(keys, question->label, question->data, out);
    case SIGNER_SIGN_DIGEST:
        return signer_keys_sign_digest(keys, question, out);
    }
    return ERR(ERR_INTERNAL, "a question that nobody answers");
}

/* --- the log: whoever asks in a flood does not fill it ---------------------------------------------- */

static bool may_log(struct server *server, int64_t *unlogged)
{
    int64_t now_ms = signer_now_ms();
    (void)pthread_mutex_lock(&server->mutex);
    if (now_ms - server->second_ms >= SECOND_MS) {
        server->second_ms = now_ms;
        server->logged = 0;
    }
    bool may = server->logged < LOGGED_PER_S;
    server->logged += may ? 1 : 0;
    server->unlogged += may ? 0 : 1;
    *unlogged = server->unlogged;
    server->unlogged = may ? 0 : server->unlogged;
    (void)pthread_mutex_unlock(&server->mutex);
    return may;
}

static void tell(struct server *server, const struct signer_question *question, const err_t *result)
{
    int64_t unlogged = 0;
    bool is_refusal =
        result->code == ERR_SIGNER_REFUSED || result->code == ERR_FORBIDDEN || result->code == ERR_BUSY;
    bool is_news = is_refusal || result->code == ERR_UNAVAILABLE || result->code == ERR_CRYPTO;
    if (is_news && may_log(server, &unlogged)) {
        LOG(server->options->log, LOG_WARN, is_refusal ? "signer.refused" : "signer.failed",
            LOG_STR("key", question->label), LOG_STR("reason", result->detail),
            LOG_INT("not_logged", unlogged));
    }
}

/* --- threads ---------------------------------------------------------------------------------------- */

/* The control channel is shut, at which the main thread waits. */
static void end(struct server *server, const err_t *why)
{
    (void)pthread_mutex_lock(&server->mutex);
    if (!server->is_over) {
        server->is_over = true;
        server->end = *why;
    }
    (void)pthread_mutex_unlock(&server->mutex);
    signer_stream_shut(server->options->first_fd);
}

static err_t take_question(struct signer_stream *stream, struct signer_question *question, struct buf *rest)
{
    uint8_t head[SIGNER_HEAD_SIZE];
    TRY(signer_stream_take(stream, head, sizeof head, SIGNER_FOR_EVER));
    TRY(signer_question_read(head, question));
    TRY(signer_stream_take_buf(stream, question->label_size + question->data_size, SIGNER_FOR_EVER, rest));
    ENSURE(signer_stream_is_empty(stream), ERR_BAD_ENCODING, "a question before the answer to the last");
    return signer_question_read_rest(buf_view(rest), question);
}

static err_t answer_one(struct worker *worker, struct buf *rest, struct buf *content)
{
    struct server *server = worker->server;
    struct signer_question question;
    TRY(take_question(&worker->stream, &question, rest));
    content->n = 0;
    err_t result = answer(server->options->keys, &question, content);
    TRY(send_answer(&worker->stream, question.id, &result, buf_view(content)));
    tell(server, &question, &result);
    if (rest->capacity > KEPT_MAX) {
        buf_clear(rest);
    }
    return result.code == ERR_UNAVAILABLE ? result : OK; /* answered; and the last that is */
}

static err_t answer_all(struct worker *worker)
{
    AUTO_VAL(buf) rest = {0};
    AUTO_VAL(buf) content = {0};
    err_t error = OK;
    while (error.code == ERR_OK) {
        error = answer_one(worker, &rest, &content);
    }
    return error;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    err_t error = answer_all(worker);
    end(worker->server, &error);
    return NULL;
}

err_t signer_serve_channel(const struct signer_server_options *options, int fd)
{
    struct server server = {.options = options};
    struct worker worker = {.server = &server};
    (void)pthread_mutex_init(&server.mutex, NULL);
    signer_stream_init(&worker.stream, fd);
    err_t error = answer_all(&worker);
    (void)pthread_mutex_destroy(&server.mutex);
    return error;
}

static err_t start(struct server *server, struct worker *workers)
{
    for (int i = 0; i < server->options->threads; i++) {
        workers[i].server = server;
        signer_stream_init(&workers[i].stream, server->options->first_fd + 1 + i);
        ENSURE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0, ERR_NO_MEMORY,
               "thread %d cannot be started", i);
    }
    return OK;
}

/* Pings, until the channel is closed or shut. They come every few seconds: a good time to look around. */
static err_t control(struct signer_stream *stream, struct signer_keys *keys)
{
    AUTO_VAL(buf) rest = {0};
    for (;;) {
        struct signer_question question;
        err_t ping = OK;
        TRY(take_question(stream, &question, &rest));
        ENSURE(question.op == SIGNER_PING, ERR_BAD_ENCODING, "no ping");
        TRY(send_answer(stream, question.id, &ping, BYTES_NONE));
        signer_keys_sweep(keys);
    }
}

/* Threads may be at a token that never answers: nothing that they use is ever taken from under them. */
err_t signer_serve(const struct signer_server_options *options)
{
    struct server *server = calloc(1, sizeof *server);
    struct worker *workers = calloc((size_t)options->threads, sizeof *workers);
    struct signer_stream *stream = calloc(1, sizeof *stream);
    err_t error = ERR(ERR_NO_MEMORY, "no memory for the signer");
    err_t ready = OK;
    if (server == NULL || workers == NULL || stream == NULL) {
        return error;
    }
    server->options = options;
    (void)pthread_mutex_init(&server->mutex, NULL);
    signer_stream_init(stream, options->first_fd);
    error = start(server, workers);
    if (error.code != ERR_OK) {
        signer_decline(options->first_fd, error);
        return error;
    }
    error = send_answer(stream, 0, &ready, BYTES_NONE);
    error = error.code == ERR_OK ? control(stream, options->keys) : error;
    (void)pthread_mutex_lock(&server->mutex);
    error = server->is_over ? server->end : error;
    (void)pthread_mutex_unlock(&server->mutex);
    return error.code == ERR_GONE ? OK : error;
}

void signer_decline(int first_fd, err_t why)
{
    struct signer_stream stream;
    signer_stream_init(&stream, first_fd);
    err_ignore(send_answer(&stream, 0, &why, BYTES_NONE)); /* then nobody listens any more */
}
