/* CMP by OpenSSL's own client, in numbers: what a request costs beside EST, many transactions that are open
 * at once, and many that nobody ends. Knows nothing of the server's sources. Prints JSON.
 *
 *   cmp keys COUNT FILE                           identity keys of devices, as PEM; their device ids on
 * stdout, one a line cmp cost HOST:PORT ANCHOR FILE MODE EACH PID  each device EACH times over its
 * connection: est, implicit (CMP, implicitConfirm); confirm (CMP with certConf): each device once, over one
 * connection. CPU of process PID cmp concurrent HOST:PORT ANCHOR FILE          all devices at once, each over
 * its connection: no certConf before every request is answered cmp half-open HOST:PORT ANCHOR FILE THREADS
 * requests without certConf; the last device then ends its own */
#include <arpa/inet.h>
#include <dirent.h>
#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 70000, DEVICES_MAX = 20000, STACK_BYTES = 512 * 1024 };

struct device {
    EVP_PKEY *key;
    X509 *certificate; /* self-signed */
};

static struct device devices[DEVICES_MAX];
static int device_count;
static struct sockaddr_in server;
static X509_STORE *anchors;
static const char *anchor_file;

static void must(int condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "cmp: %s\n", what);
        ERR_print_errors_fp(stderr);
        exit(1);
    }
}

static double seconds(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* --- devices */

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *x509 = X509_new();
    must(x509 != NULL, "memory");
    X509_NAME *name = X509_get_subject_name(x509);
    must(X509_set_version(x509, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1 &&
             X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"birth", -1, -1,
                                        0) == 1 &&
             X509_set_issuer_name(x509, name) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(x509), -3600) != NULL &&
             X509_gmtime_adj(X509_getm_notAfter(x509), 3600L * 24 * 3650) != NULL &&
             X509_set_pubkey(x509, key) == 1 && X509_sign(x509, key, EVP_sha256()) > 0,
         "a self-signed certificate");
    return x509;
}

static int make_keys(int count, const char *path)
{
    FILE *file = fopen(path, "w");
    must(file != NULL, path);
    for (int i = 0; i < count; i++) {
        unsigned char *der = NULL;
        unsigned char id[EVP_MAX_MD_SIZE];
        EVP_PKEY *key = EVP_EC_gen("P-256");
        int size = i2d_PUBKEY(key, &der);
        must(size > 0 && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                 EVP_Digest(der, (size_t)size, id, NULL, EVP_sha256(), NULL) == 1,
             "a key");
        for (int at = 0; at < 32; at++) {
            (void)printf("%02x", id[at]);
        }
        (void)printf("\n");
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
    return fclose(file);
}

static void read_devices(const char *path)
{
    FILE *file = fopen(path, "r");
    must(file != NULL, path);
    EVP_PKEY *key = NULL;
    while (device_count < DEVICES_MAX && (key = PEM_read_PrivateKey(file, NULL, NULL, NULL)) != NULL) {
        devices[device_count++] = (struct device){key, self_signed(key)};
    }
    ERR_clear_error();
    (void)fclose(file);
    must(device_count > 0, "no keys");
}

/* --- HTTP over one kept connection */

static SSL *open_connection(const struct device *device)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    must(context != NULL && SSL_CTX_load_verify_locations(context, anchor_file, NULL) == 1, "the anchor");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    must(SSL_CTX_use_certificate(context, device->certificate) == 1 &&
             SSL_CTX_use_PrivateKey(context, device->key) == 1,
         "a certificate");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(fd >= 0 && connect(fd, (const struct sockaddr *)&server, sizeof server) == 0, "no connection");
    SSL *tls = SSL_new(context);
    must(tls != NULL && SSL_set_fd(tls, fd) == 1 && SSL_connect(tls) == 1, "no handshake");
    SSL_CTX_free(context);
    return tls;
}

static void close_connection(SSL *tls)
{
    int fd = SSL_get_fd(tls);
    (void)SSL_shutdown(tls);
    SSL_free(tls);
    (void)close(fd);
}

/* The body of a 200, the caller's; NULL: another status, or the connection ended. */
static unsigned char *post(SSL *tls, const char *path, const char *type, const unsigned char *body, int *size)
{
    char *buffer = malloc(BUFFER);
    must(buffer != NULL, "memory");
    int head =
        snprintf(buffer, BUFFER,
                 "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
                 path, type, *size);
    must(head + *size < BUFFER, "a long message");
    memcpy(buffer + head, body, (size_t)*size);
    int got = 0;
    int wanted = SSL_write(tls, buffer, head + *size) == head + *size ? BUFFER : 0;
    char *end = NULL;
    while (got < wanted) {
        int more = SSL_read(tls, buffer + got, BUFFER - 1 - got);
        if (more <= 0) {
            break;
        }
        buffer[got += more] = '\0';
        if (end == NULL && (end = strstr(buffer, "\r\n\r\n")) != NULL) {
            const char *length = strcasestr(buffer, "\r\ncontent-length:");
            must(length != NULL && length < end, "no Content-Length");
            *size = atoi(length + 17);
            wanted = (int)(end + 4 - buffer) + *size;
        }
    }
    if (end == NULL || got != wanted || strncmp(buffer + 9, "200", 3) != 0) {
        (void)fprintf(stderr, "cmp: %.200s\n", got > 0 ? buffer : "no answer");
        free(buffer);
        return NULL;
    }
    memmove(buffer, end + 4, (size_t)*size);
    return (unsigned char *)buffer;
}

/* --- one enrolment */

struct exchange {
    SSL *tls;
    pthread_barrier_t *barrier; /* before a certConf, or NULL */
};

static OSSL_CMP_MSG *transfer(OSSL_CMP_CTX *context, const OSSL_CMP_MSG *message)
{
    struct exchange *exchange = OSSL_CMP_CTX_get_transfer_cb_arg(context);
    unsigned char *der = NULL;
    int size = i2d_OSSL_CMP_MSG(message, &der);
    must(size > 0, "a message");
    if (exchange->barrier != NULL && OSSL_CMP_MSG_get_bodytype(message) == 24) {
        (void)pthread_barrier_wait(exchange->barrier);
        exchange->barrier = NULL;
    }
    unsigned char *answer = post(exchange->tls, "/.well-known/cmp", "application/pkixcmp", der, &size);
    OPENSSL_free(der);
    const unsigned char *p = answer;
    OSSL_CMP_MSG *parsed = answer == NULL ? NULL : d2i_OSSL_CMP_MSG(NULL, &p, size);
    free(answer);
    return parsed;
}

/* @param option OSSL_CMP_OPT_IMPLICIT_CONFIRM, OSSL_CMP_OPT_DISABLE_CONFIRM, or -1 @return whether it was
 * enrolled */
static int enrol_by_cmp(struct exchange *exchange, const struct device *device, int option)
{
    OSSL_CMP_CTX *context = OSSL_CMP_CTX_new(NULL, NULL);
    STACK_OF(X509) *shown = sk_X509_new_null();
    must(context != NULL && shown != NULL && sk_X509_push(shown, device->certificate) == 1, "memory");
    must(OSSL_CMP_CTX_set_log_verbosity(context, OSSL_CMP_LOG_ALERT) == 1 &&
             OSSL_CMP_CTX_set_transfer_cb(context, transfer) == 1 &&
             OSSL_CMP_CTX_set_transfer_cb_arg(context, exchange) == 1 && X509_STORE_up_ref(anchors) == 1 &&
             OSSL_CMP_CTX_set0_trustedStore(context, anchors) == 1 &&
             OSSL_CMP_CTX_set1_cert(context, device->certificate) == 1 &&
             OSSL_CMP_CTX_set1_pkey(context, device->key) == 1 &&
             OSSL_CMP_CTX_set1_extraCertsOut(context, shown) == 1 &&
             OSSL_CMP_CTX_set0_newPkey(context, 1, EVP_EC_gen("P-256")) == 1 &&
             (option < 0 || OSSL_CMP_CTX_set_option(context, option, 1) == 1),
         "a client");
    int is_enrolled = OSSL_CMP_exec_certreq(context, OSSL_CMP_IR, NULL) != NULL;
    if (!is_enrolled) {
        char text[300] = "";
        (void)OSSL_CMP_CTX_snprint_PKIStatus(context, text, sizeof text);
        (void)fprintf(stderr, "cmp: %s\n", text);
    }
    if (exchange->barrier != NULL) {
        (void)pthread_barrier_wait(exchange->barrier); /* it never came to a certConf: the others go on */
    }
    ERR_clear_error();
    sk_X509_free(shown);
    OSSL_CMP_CTX_free(context);
    return is_enrolled;
}

static int enrol_by_est(SSL *tls)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    unsigned char *der = NULL;
    unsigned char text[4000];
    must(request != NULL && X509_REQ_set_pubkey(request, key) == 1 &&
             X509_REQ_sign(request, key, EVP_sha256()) > 0,
         "a request");
    int size = i2d_X509_REQ(request, &der);
    size = EVP_EncodeBlock(text, der, size);
    unsigned char *answer = post(tls, "/.well-known/est/simpleenroll", "application/pkcs10", text, &size);
    free(answer);
    OPENSSL_free(der);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return answer != NULL;
}

/* --- what it costs */

/* Microseconds of CPU that all threads of a process have had. */
static double cpu_us(const char *pid)
{
    char path[300];
    double total = 0;
    (void)snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    must(tasks != NULL, path);
    for (struct dirent *task = NULL; (task = readdir(tasks)) != NULL;) {
        double ns = 0;
        (void)snprintf(path, sizeof path, "/proc/%s/task/%.20s/schedstat", pid, task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file != NULL) {
            total += fscanf(file, "%lf", &ns) == 1 ? ns : 0;
            (void)fclose(file);
        }
    }
    (void)closedir(tasks);
    return total / 1000;
}

static double cost_of_device(const struct device *device, const char *mode, int each, const char *pid)
{
    struct exchange exchange = {.tls = open_connection(device)};
    int is_est = strcmp(mode, "est") == 0;
    double begun = 0;
    for (int i = 0; i <= each; i++) { /* the first is not counted */
        begun = i == 1 ? cpu_us(pid) : begun;
        must(is_est ? enrol_by_est(exchange.tls)
                    : enrol_by_cmp(&exchange, device, OSSL_CMP_OPT_IMPLICIT_CONFIRM),
             "not enrolled");
    }
    double spent = cpu_us(pid) - begun;
    close_connection(exchange.tls);
    return spent;
}

static int cost(const char *mode, int each, const char *pid)
{
    double spent = 0;
    int count = 0;
    if (strcmp(mode, "confirm") != 0) {
        for (int i = 0; i < device_count; i++) {
            spent += cost_of_device(&devices[i], mode, each, pid);
            count += each;
        }
    } else {
        struct exchange exchange = {.tls = open_connection(&devices[0])};
        double begun = cpu_us(pid);
        for (; count < device_count; count++) {
            must(enrol_by_cmp(&exchange, &devices[count], -1), "not enrolled");
        }
        spent = cpu_us(pid) - begun;
        close_connection(exchange.tls);
    }
    return printf("{\"us\": %.1f, \"count\": %d}\n", spent / count, count) > 0 ? 0 : 1;
}

/* --- many at once */

struct share {
    pthread_t thread;
    int first, step, count, option;
    pthread_barrier_t *barrier;
    atomic_int *enrolled;
};

static void *run_share(void *arg)
{
    const struct share *share = arg;
    struct exchange exchange = {.tls = open_connection(&devices[share->first])};
    for (int i = share->first; i < share->count; i += share->step) {
        exchange.barrier = share->barrier;
        (void)atomic_fetch_add(share->enrolled, enrol_by_cmp(&exchange, &devices[i], share->option));
    }
    close_connection(exchange.tls);
    return NULL;
}

/* The devices shared out among threads. @return how many were enrolled */
static int run_shares(int threads, int count, int option, pthread_barrier_t *barrier)
{
    atomic_int enrolled = 0;
    pthread_attr_t attributes;
    struct share *shares = calloc((size_t)threads, sizeof *shares);
    must(shares != NULL && pthread_attr_init(&attributes) == 0 &&
             pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0,
         "memory");
    for (int i = 0; i < threads; i++) {
        shares[i] = (struct share){.first = i,
                                   .step = threads,
                                   .count = count,
                                   .option = option,
                                   .barrier = barrier,
                                   .enrolled = &enrolled};
        must(pthread_create(&shares[i].thread, &attributes, run_share, &shares[i]) == 0, "a thread");
    }
    for (int i = 0; i < threads; i++) {
        (void)pthread_join(shares[i].thread, NULL);
    }
    free(shares);
    return atomic_load(&enrolled);
}

static int concurrent(void)
{
    pthread_barrier_t barrier;
    must(pthread_barrier_init(&barrier, NULL, (unsigned)device_count) == 0, "a barrier");
    double begun = seconds();
    int enrolled = run_shares(device_count, device_count, -1, &barrier);
    (void)printf("{\"open\": %d, \"enrolled\": %d, \"seconds\": %.1f}\n", device_count, enrolled,
                 seconds() - begun);
    return enrolled == device_count ? 0 : 1;
}

static int half_open(int threads)
{
    double begun = seconds();
    int enrolled = run_shares(threads, device_count - 1, OSSL_CMP_OPT_DISABLE_CONFIRM, NULL);
    double took = seconds() - begun;
    begun = seconds();
    struct exchange honest = {.tls = open_connection(&devices[device_count - 1])};
    int is_served = enrol_by_cmp(&honest, &devices[device_count - 1], -1);
    (void)printf("{\"open\": %d, \"seconds\": %.1f, \"honest\": %d, \"honest_ms\": %.0f}\n", enrolled, took,
                 is_served, (seconds() - begun) * 1000);
    return enrolled == device_count - 1 && is_served ? 0 : 1;
}

int main(int count, char **words)
{
    must(count > 3, "keys, cost, concurrent or half-open");
    if (strcmp(words[1], "keys") == 0) {
        return make_keys(atoi(words[2]), words[3]);
    }
    char *colon = strrchr(words[2], ':');
    must(count > 4 && colon != NULL, "HOST:PORT ANCHOR FILE");
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(colon + 1)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    anchor_file = words[3];
    anchors = X509_STORE_new();
    must(anchors != NULL && X509_STORE_load_locations(anchors, anchor_file, NULL) == 1, "the anchor");
    read_devices(words[4]);
    if (strcmp(words[1], "concurrent") == 0) {
        return concurrent();
    }
    if (strcmp(words[1], "half-open") == 0) {
        must(count > 5, "THREADS");
        return half_open(atoi(words[5]));
    }
    must(count > 7, "MODE EACH PID");
    return cost(words[5], atoi(words[6]), words[7]);
}
