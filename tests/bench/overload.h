/* What the load generator's two halves share: the calls (overload_call.c), and when they are made
 * (overload.c). */
#ifndef WHORL_BENCH_OVERLOAD_H
#define WHORL_BENCH_OVERLOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/ssl.h>

enum { SAMPLES_MAX = 1 << 20, REQUEST_SIZE = 2048, ANSWER_SIZE = 4096, EVENTS = 256 };

enum stage { FREE, CONNECTING, HANDSHAKE, ASKING, READING, IDLE };

struct caller {
    enum stage stage;
    int fd;
    uint32_t watched;
    SSL *ssl;
    int64_t asked_us; /* when the request was made */
    size_t sent, have;
    long left; /* of the body; -1: the header section is not whole */
    bool is_good;
    char answer[ANSWER_SIZE];
    struct caller *next_free, *older, *newer; /* those that wait, by age */
};

struct options {
    const char *connect, *path, *header, *cert, *key;
    long rate, seconds, timeout_ms, connections, sources;
    bool keep, plain;
};

struct counts {
    long due, good, refused, reset, timed_out, missed;
};

struct load {
    struct options options;
    struct sockaddr_in address;
    SSL_CTX *tls;
    char request[REQUEST_SIZE];
    size_t request_size;
    int epoll;
    struct caller *callers, *unused, *oldest, *newest;
    long source;
    struct counts counts;
    uint32_t *latency_us;
    bool is_running; /* the time runs */
};

int64_t now_us(void);
/** Begins a call on a connection of its own. */
void dial(struct load *l, struct caller *c);
/** The caller waits for an answer from now on. */
void wait_begin(struct load *l, struct caller *c);
/** Sends the request on the connection that there is. */
void ask(struct load *l, struct caller *c);
/** The call has ended in this way; a kept connection stays, where it can. */
void over(struct load *l, struct caller *c, long *counter);
void hang_up(struct load *l, struct caller *c);
void on_event(struct load *l, struct caller *c);

#endif
