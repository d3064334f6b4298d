/* An open-loop load generator: requests become due at a steady rate whatever the server does, as those of a
 * fleet do. Over fresh connections each has its own TCP and TLS handshake; over kept ones each connection is
 * a device, which asks when it is due unless it still waits. Who gets no answer in time gives up. `--rate 0`
 * is a closed loop: each connection asks again at once. One thread, one epoll. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "overload.h"

static void dial_any(struct load *l)
{
    struct caller *c = l->unused;
    l->counts.due++;
    if (c == NULL) {
        l->counts.missed++;
        return;
    }
    l->unused = c->next_free;
    dial(l, c);
}

/* --- time */

static void give_up(struct load *l)
{
    int64_t before_us = now_us() - l->options.timeout_ms * 1000;
    while (l->oldest != NULL && l->oldest->asked_us < before_us) {
        over(l, l->oldest, &l->counts.timed_out);
    }
}

static void remind(struct load *l, struct caller *c)
{
    l->counts.due++;
    if (c->stage == IDLE) {
        wait_begin(l, c);
        ask(l, c);
    } else if (c->stage == FREE) { /* it was lost */
        dial(l, c);
    } else {
        l->counts.missed++;
    }
}

static void make_due(struct load *l, int64_t began_us, int64_t *made)
{
    const struct options *o = &l->options;
    int64_t target = (now_us() - began_us) * o->rate / 1000000;
    for (; *made < target; (*made)++) {
        if (o->keep) { /* one after the other, so that each is due at the same distance */
            remind(l, &l->callers[*made % o->connections]);
        } else {
            dial_any(l);
        }
    }
    while (o->rate == 0 && !o->keep && l->unused != NULL) {
        dial_any(l);
    }
}

static void turn(struct load *l)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(l->epoll, events, EVENTS, 1);
    for (int i = 0; i < n; i++) {
        on_event(l, events[i].data.ptr);
    }
    give_up(l);
}

/* Kept connections are opened before the time runs; those that fail are not there. */
static bool open_kept(struct load *l)
{
    for (long i = 0; i < l->options.connections; i++) {
        struct caller *c = &l->callers[i];
        dial(l, c);
        while (c->stage != IDLE && c->stage != FREE) {
            turn(l);
        }
        if (c->stage == FREE) {
            return false;
        }
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(struct load *l, double seconds)
{
    size_t n = (size_t)(l->counts.good < SAMPLES_MAX ? l->counts.good : SAMPLES_MAX);
    const struct counts *c = &l->counts;
    qsort(l->latency_us, n, sizeof l->latency_us[0], by_value);
    printf("{\"due\":%ld,\"good\":%ld,\"refused\":%ld,\"reset\":%ld,\"timed_out\":%ld,\"missed\":%ld,"
           "\"seconds\":%.3f,\"good_per_s\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n",
           c->due, c->good, c->refused, c->reset, c->timed_out, c->missed, seconds, (double)c->good / seconds,
           n > 0 ? l->latency_us[n / 2] : 0, n > 0 ? l->latency_us[n * 99 / 100] : 0,
           n > 0 ? l->latency_us[n - 1] : 0);
}

static int run(struct load *l)
{
    const struct options *o = &l->options;
    if (o->keep && !open_kept(l)) {
        fprintf(stderr, "the connections cannot be opened\n");
        return 1;
    }
    l->is_running = true;
    l->counts = (struct counts){0};
    int64_t began_us = now_us();
    int64_t made = 0;
    for (long i = 0; o->keep && o->rate == 0 && i < o->connections; i++) {
        l->counts.due++;
        wait_begin(l, &l->callers[i]);
        ask(l, &l->callers[i]);
    }
    while (now_us() - began_us < o->seconds * 1000000) {
        make_due(l, began_us, &made);
        turn(l);
    }
    report(l, (double)(now_us() - began_us) / 1e6);
    return 0;
}

/* --- what is asked for */

static bool parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.path = "/", .seconds = 5, .timeout_ms = 5000, .connections = 16, .sources = 200};
    const struct {
        const char *name;
        const char **text;
        long *number;
    } table[] = {{"--connect", &o->connect, NULL},
                 {"--path", &o->path, NULL},
                 {"--header", &o->header, NULL},
                 {"--cert", &o->cert, NULL},
                 {"--key", &o->key, NULL},
                 {"--rate", NULL, &o->rate},
                 {"--seconds", NULL, &o->seconds},
                 {"--timeout-ms", NULL, &o->timeout_ms},
                 {"--connections", NULL, &o->connections},
                 {"--sources", NULL, &o->sources}};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--keep") == 0 || strcmp(argv[i], "--plain") == 0) {
            *(argv[i][2] == 'k' ? &o->keep : &o->plain) = true;
            continue;
        }
        size_t k = 0;
        while (k < sizeof table / sizeof table[0] && strcmp(argv[i], table[k].name) != 0) {
            k++;
        }
        if (k == sizeof table / sizeof table[0] || ++i == argc) {
            return false;
        }
        if (table[k].text != NULL) {
            *table[k].text = argv[i];
        } else {
            *table[k].number = strtol(argv[i], NULL, 10);
        }
    }
    return o->connect != NULL && o->rate >= 0 && o->seconds > 0 && o->timeout_ms > 0 && o->connections > 0 &&
           o->connections <= 100000 && o->sources > 0 && o->sources < 65536;
}

static bool set_up_tls(struct load *l)
{
    const struct options *o = &l->options;
    l->tls = SSL_CTX_new(TLS_client_method());
    if (l->tls == NULL || SSL_CTX_set1_groups_list(l->tls, "X25519") != 1) {
        return false;
    }
    SSL_CTX_set_verify(l->tls, SSL_VERIFY_NONE, NULL); /* the client's side is not what is measured */
    SSL_CTX_set_mode(l->tls, SSL_MODE_RELEASE_BUFFERS);
    return o->cert == NULL || (SSL_CTX_use_certificate_chain_file(l->tls, o->cert) == 1 &&
                               SSL_CTX_use_PrivateKey_file(l->tls, o->key, SSL_FILETYPE_PEM) == 1);
}

static bool set_up(struct load *l)
{
    const struct options *o = &l->options;
    char host[64];
    const char *colon = strrchr(o->connect, ':');
    if (colon == NULL || (size_t)(colon - o->connect) >= sizeof host) {
        return false;
    }
    memcpy(host, o->connect, (size_t)(colon - o->connect));
    host[colon - o->connect] = '\0';
    l->address.sin_family = AF_INET;
    l->address.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    int n = snprintf(l->request, sizeof l->request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n",
                     o->path, o->header != NULL ? o->header : "", o->header != NULL ? "\r\n" : "",
                     o->keep ? "" : "Connection: close\r\n");
    l->request_size = (size_t)n;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->callers = calloc((size_t)o->connections, sizeof *l->callers);
    l->latency_us = calloc(SAMPLES_MAX, sizeof l->latency_us[0]);
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (n >= REQUEST_SIZE || l->epoll < 0 || l->callers == NULL || l->latency_us == NULL ||
        inet_pton(AF_INET, host, &l->address.sin_addr) != 1) {
        return false;
    }
    for (long i = 0; i < o->connections && !o->keep; i++) {
        l->callers[i].next_free = l->unused;
        l->unused = &l->callers[i];
    }
    return o->plain || set_up_tls(l);
}

int main(int argc, char **argv)
{
    struct load *l = calloc(1, sizeof *l);
    if (l == NULL || !parse(argc, argv, &l->options) || !set_up(l)) {
        fprintf(stderr,
                "usage: overload --connect IPv4:PORT [--path P] [--rate N] [--seconds N] [--timeout-ms N]\n"
                "                [--connections N] [--sources N] [--keep] [--plain] [--header TEXT] [--cert "
                "PEM --key PEM]\n");
        return 2;
    }
    int status = run(l);
    for (long i = 0; i < l->options.connections; i++) {
        if (l->callers[i].stage != FREE) {
            hang_up(l, &l->callers[i]);
        }
    }
    SSL_CTX_free(l->tls);
    free(l->latency_us);
    free(l->callers);
    free(l);
    return status;
}
