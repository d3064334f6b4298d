/* A small TLS load generator for the benchmarks: threads that open connections, send one GET (or many), and
 * time each. It measures the server from outside; what the server spends is read from /proc by the caller.
 * Also holds idle connections, to weigh them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

enum { SAMPLES_MAX = 2000000, REQUEST_SIZE = 2048 };

struct load {
    struct sockaddr_in address;
    SSL_CTX *tls;               /* NULL: in the clear */
    char request[REQUEST_SIZE]; /* without the empty line at its end */
    bool keep;
    long range, of; /* so many bytes of each request, somewhere in a file of that size; 0: all */
    long total;
    atomic_long next, done, failed;
    uint32_t *latency_us;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct link {
    int fd;
    SSL *ssl;
};

static void link_close(struct link *l)
{
    if (l->ssl != NULL) {
        SSL_free(l->ssl);
    }
    if (l->fd >= 0) {
        close(l->fd);
    }
    *l = (struct link){.fd = -1, .ssl = NULL};
}

static bool link_open(struct load *load, struct link *l)
{
    int one = 1;
    /* a reset instead of TIME_WAIT: a benchmark must not run out of ports */
    const struct linger abort_at_close = {.l_onoff = 1, .l_linger = 0};
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&load->address, sizeof load->address) != 0) {
        return false;
    }
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &abort_at_close, sizeof abort_at_close);
    if (load->tls == NULL) {
        return true;
    }
    l->ssl = SSL_new(load->tls);
    return l->ssl != NULL && SSL_set_fd(l->ssl, l->fd) == 1 && SSL_connect(l->ssl) == 1;
}

static int link_read(struct link *l, char *p, int n)
{
    return l->ssl != NULL ? SSL_read(l->ssl, p, n) : (int)read(l->fd, p, (size_t)n);
}

static bool link_write(struct link *l, const char *p, int n)
{
    return l->ssl != NULL ? SSL_write(l->ssl, p, n) == n : write(l->fd, p, (size_t)n) == n;
}

/* A range that no two requests in a row share. */
static bool send_request(struct load *load, struct link *l, long number)
{
    char text[REQUEST_SIZE + 80];
    int n = snprintf(text, sizeof text, "%s", load->request);
    if (load->range > 0) {
        long at = number * 7919 * 64 % (load->of - load->range);
        n +=
            snprintf(text + n, sizeof text - (size_t)n, "Range: bytes=%ld-%ld\r\n", at, at + load->range - 1);
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    return link_write(l, text, n);
}

/* Reads one response with Content-Length; false on anything but 200, or 206 where a range was asked for. */
static bool read_response(struct link *l, bool is_range)
{
    char text[16384];
    int have = 0;
    char *end = NULL;
    while (end == NULL) {
        int n = link_read(l, text + have, (int)sizeof text - 1 - have);
        if (n <= 0) {
            return false;
        }
        have += n;
        text[have] = '\0';
        end = strstr(text, "\r\n\r\n");
    }
    const char *length = strcasestr(text, "content-length:");
    if (strncmp(text, is_range ? "HTTP/1.1 206" : "HTTP/1.1 200", 12) != 0 || length == NULL) {
        return false;
    }
    long rest = strtol(length + 15, NULL, 10) - (have - (end + 4 - text));
    while (rest > 0) {
        int n = link_read(l, text, (int)sizeof text);
        if (n <= 0) {
            return false;
        }
        rest -= n;
    }
    return true;
}

static void *worker(void *arg)
{
    struct load *load = arg;
    struct link l = {.fd = -1, .ssl = NULL};
    for (long i = atomic_fetch_add(&load->next, 1); i < load->total; i = atomic_fetch_add(&load->next, 1)) {
        int64_t start = now_us();
        bool ok = l.fd >= 0 || link_open(load, &l);
        ok = ok && send_request(load, &l, i) && read_response(&l, load->range > 0);
        load->latency_us[i] = (uint32_t)(now_us() - start);
        atomic_fetch_add(ok ? &load->done : &load->failed, 1);
        if (!ok || !load->keep) {
            link_close(&l);
        }
    }
    link_close(&l);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(struct load *load, int64_t took_us)
{
    size_t n = (size_t)load->total;
    qsort(load->latency_us, n, sizeof load->latency_us[0], by_value);
    printf("{\"done\":%ld,\"failed\":%ld,\"seconds\":%.3f,\"p50_us\":%u,\"p99_us\":%u}\n",
           atomic_load(&load->done), atomic_load(&load->failed), (double)took_us / 1e6,
           load->latency_us[n / 2], load->latency_us[n * 99 / 100]);
}

static int run_threads(struct load *load, int count)
{
    pthread_t threads[256];
    int64_t start = now_us();
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, worker, load) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    report(load, now_us() - start);
    return atomic_load(&load->failed) == 0 ? 0 : 1;
}

/* Opens connections that do one request and then nothing, says so, and waits for the end of its input. */
static int hold(struct load *load, long count)
{
    struct link *links = calloc((size_t)count, sizeof *links);
    if (links == NULL) {
        return 1;
    }
    for (long i = 0; i < count; i++) {
        links[i].fd = -1;
        if (!link_open(load, &links[i]) || !send_request(load, &links[i], i) ||
            !read_response(&links[i], load->range > 0)) {
            fprintf(stderr, "connection %ld failed\n", i);
            free(links);
            return 1;
        }
    }
    printf("held\n");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    for (long i = 0; i < count; i++) {
        link_close(&links[i]);
    }
    free(links);
    return 0;
}

struct arguments {
    const char *connect, *path, *cert, *key, *header, *groups, *ciphers;
    long requests, threads, hold, range, of;
    bool keep, plain;
};

static bool parse(int argc, char **argv, struct arguments *a)
{
    *a = (struct arguments){.path = "/", .requests = 1000, .threads = 4};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        const char *name = argv[i];
        if (strcmp(name, "--keep") == 0) {
            a->keep = true;
            continue;
        }
        if (strcmp(name, "--plain") == 0) {
            a->plain = true;
            continue;
        }
        i++;
        const struct {
            const char *name;
            const char **text;
            long *number;
        } table[] = {{"--connect", &a->connect, NULL},
                     {"--path", &a->path, NULL},
                     {"--cert", &a->cert, NULL},
                     {"--key", &a->key, NULL},
                     {"--header", &a->header, NULL},
                     {"--groups", &a->groups, NULL},
                     {"--requests", NULL, &a->requests},
                     {"--threads", NULL, &a->threads},
                     {"--hold", NULL, &a->hold},
                     {"--range", NULL, &a->range},
                     {"--of", NULL, &a->of},
                     {"--ciphers", &a->ciphers, NULL}};
        bool known = false;
        for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
            if (strcmp(name, table[k].name) == 0) {
                known = true;
                if (table[k].text != NULL) {
                    *table[k].text = value;
                } else {
                    *table[k].number = strtol(value, NULL, 10);
                }
            }
        }
        if (!known) {
            return false;
        }
    }
    return a->connect != NULL && a->requests > 0 && a->requests <= SAMPLES_MAX && a->threads > 0 &&
           a->threads <= 256 && (a->range == 0 || a->of > a->range);
}

static bool set_up(const struct arguments *a, struct load *load)
{
    char host[64];
    const char *colon = strrchr(a->connect, ':');
    if (colon == NULL || (size_t)(colon - a->connect) >= sizeof host) {
        return false;
    }
    memcpy(host, a->connect, (size_t)(colon - a->connect));
    host[colon - a->connect] = '\0';
    load->address.sin_family = AF_INET;
    load->address.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    load->keep = a->keep;
    load->range = a->range;
    load->of = a->of;
    load->total = a->requests;
    load->latency_us = calloc((size_t)a->requests, sizeof load->latency_us[0]);
    int n = snprintf(load->request, sizeof load->request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s",
                     a->path, a->header != NULL ? a->header : "", a->header != NULL ? "\r\n" : "",
                     a->keep || a->hold > 0 ? "" : "Connection: close\r\n");
    if (n >= REQUEST_SIZE || load->latency_us == NULL ||
        inet_pton(AF_INET, host, &load->address.sin_addr) != 1) {
        return false;
    }
    if (a->plain) {
        return true;
    }
    load->tls = SSL_CTX_new(TLS_client_method());
    if (load->tls == NULL ||
        SSL_CTX_set1_groups_list(load->tls, a->groups != NULL ? a->groups : "X25519") != 1) {
        return false;
    }
    if (a->ciphers != NULL && SSL_CTX_set_ciphersuites(load->tls, a->ciphers) != 1) {
        return false;
    }
    SSL_CTX_set_verify(load->tls, SSL_VERIFY_NONE, NULL); /* the client's side is not what is measured */
    return a->cert == NULL || (SSL_CTX_use_certificate_chain_file(load->tls, a->cert) == 1 &&
                               SSL_CTX_use_PrivateKey_file(load->tls, a->key, SSL_FILETYPE_PEM) == 1);
}

int main(int argc, char **argv)
{
    struct arguments a;
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL || !parse(argc, argv, &a) || !set_up(&a, load)) {
        fprintf(stderr, "usage: load --connect IPv4:PORT [--path P] [--requests N] [--threads T] [--keep] "
                        "[--plain] [--cert PEM --key PEM]\n"
                        "            [--header TEXT] [--groups LIST] [--hold N]\n"
                        "            [--range SIZE --of SIZE] [--ciphers LIST]\n");
        return 2;
    }
    int status = a.hold > 0 ? hold(load, a.hold) : run_threads(load, (int)a.threads);
    SSL_CTX_free(load->tls);
    free(load->latency_us);
    free(load);
    return status;
}
