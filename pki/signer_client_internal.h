/* What the two halves of the server's end share: asking (signer_client.c), and keeping the process alive
 * (signer_supervisor.c). */
#ifndef WHORL_PKI_SIGNER_CLIENT_INTERNAL_H
#define WHORL_PKI_SIGNER_CLIENT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "pki/signer_client.h"
#include "pki/signer_process.h"
#include "pki/signer_stream.h"

enum { SIGNER_ARGUMENTS_MAX = 8 };

enum signer_state {
    SIGNER_DOWN,     /* between two tries */
    SIGNER_UP,       /* said that it can work */
    SIGNER_GIVEN_UP, /* said that it never can, as things are set */
    SIGNER_STOPPED
};

struct signer_channel {
    struct signer_stream stream;
    bool is_busy;
    int64_t since_ms; /* busy */
};

struct signer_client {
    atomic_size_t references;
    struct signer_settings settings;
    char *arguments[SIGNER_ARGUMENTS_MAX + 1]; /* those of the settings */
    int wake_fd;                               /* an eventfd: the supervisor looks at the flags below */
    pthread_t supervisor;
    bool has_supervisor;
    pthread_mutex_t mutex;  /* of all below */
    pthread_cond_t changed; /* a channel is free, the state is another */
    enum signer_state state;
    bool is_broken; /* the process that is up is to be replaced */
    bool is_stopping, is_abandoned;
    const struct signer_process *starting; /* the supervisor's, while it waits for its first word */
    bool has_started;                      /* the first try is over; its end: */
    err_t first;
    struct signer_process process;
    struct signer_channel channels[SIGNER_THREADS_MAX];
    int busy, waiting;
    uint64_t next_id;
    int64_t next_start_ms; /* while down */
    struct signer_status status;
};

void *signer_supervise(void *client);
/** Looks at the flags again. */
void signer_wake(struct signer_client *client);
/** Of a frame whose question is `id`: the answer's content, or its error. @param[out] result the answer's
 * error
 *  @errors of the channel: it can be used no more */
err_t signer_receive(struct signer_stream *stream, uint64_t id, int64_t deadline_ms, struct buf *content,
                     err_t *result);

#endif
