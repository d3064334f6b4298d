/* What the signer process costs: certificates issued with a key of this process, with one of the signer
 * process by one thread, and by N at once. Prints JSON.
 *
 *   signer FOLDER THREADS CERTIFICATES */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ports.h"
#include "pki/authority.h"
#include "pki/keystore_signer.h"
#include "pki/openssl.h"
#include "pki/signer_process.h"
#include "pki/signer_server.h"

enum { THREADS_MAX = SIGNER_THREADS_MAX, ROUNDS = 5 };
static const int64_t now_ms = 1800000000000;
static const int64_t life_ms = 31536000000;

static void check(err_t error, const char *what)
{
    if (error.code != ERR_OK) {
        (void)fprintf(stderr, "signer: %s: %s (%s:%d)\n", what, error.detail, error.file, error.line);
        exit(1);
    }
}

static void open_files(const char *folder, struct keystore **out)
{
    check(keystore_open_files(folder, bytes_str("of a benchmark, not a secret"), random_system(), out),
          "keys");
}

/* --- the process ------------------------------------------------------------------------------------ */

static int serve(const char *folder, int threads)
{
    struct keystore *keystore = NULL;
    struct signer_keys *keys = NULL;
    open_files(folder, &keystore);
    const struct signer_keys_options options = {
        .keystore = keystore, .folder = folder, .rates = {.certificates_per_s = 1000000}};
    check(signer_keys_new(&options, &keys), "keys");
    const struct signer_server_options server = {
        .first_fd = SIGNER_FIRST_FD, .threads = threads, .keys = keys};
    return signer_serve(&server).code == ERR_OK ? 0 : 1;
}

static void open_process(const char *folder, int threads, struct keystore **out)
{
    char count[8];
    (void)snprintf(count, sizeof count, "%d", threads);
    const char *const arguments[] = {"/proc/self/exe", "signer", "--serve", folder, count, NULL};
    const struct signer_settings settings = {.arguments = arguments,
                                             .threads = threads,
                                             .queue = 64,
                                             .timeout_ms = 5000,
                                             .random = random_system()};
    check(keystore_open_signer(&settings, out), "starting the process");
}

/* --- an authority ----------------------------------------------------------------------------------- */

static struct authority *open_authority(struct keystore *keystore, struct bytes der)
{
    struct private_key *key = NULL;
    struct authority *authority = NULL;
    check(keystore_load(keystore, "ca-infrastructure", &key), "loading a key");
    check(authority_load("infrastructure", AUTHORITY_INFRASTRUCTURE, der, key, &authority), "an authority");
    return authority;
}

static void make_authority(struct keystore *keystore, struct buf *der)
{
    const uint8_t serial[SERIAL_SIZE] = {1, 2};
    struct authority_spec spec = {.id = "root",
                                  .role = AUTHORITY_ROOT,
                                  .organisation = "Bench",
                                  .not_before_ms = now_ms,
                                  .not_after_ms = now_ms + 10 * life_ms,
                                  .publication = {.public_url = "http://localhost"}};
    AUTO_VAL(buf) root_der = {0};
    AUTO_PTR(authority) *root = NULL;
    AUTO_PTR(private_key) *key = NULL;
    struct private_key *root_key = NULL;
    check(keystore_generate(keystore, "ca-root", KEY_ALG_P256, &root_key), "making a key");
    check(authority_make_root(&spec, root_key, serial, &root_der), "a root");
    check(authority_load("root", AUTHORITY_ROOT, buf_view(&root_der), root_key, &root), "a root");
    spec.id = "infrastructure";
    spec.role = AUTHORITY_INFRASTRUCTURE;
    check(keystore_generate(keystore, "ca-infrastructure", KEY_ALG_P256, &key), "making a key");
    check(authority_make_issuing(&spec, key, root, serial, der), "an authority");
}

/* --- measured --------------------------------------------------------------------------------------- */

struct run {
    const struct authority *authority;
    struct bytes spki;
    long count;
    atomic_long *errors;
};

static void *issue_often(void *arg)
{
    const struct run *run = arg;
    struct certificate_spec spec = {.not_before_ms = now_ms,
                                    .not_after_ms = now_ms + life_ms,
                                    .publication = {.public_url = "http://localhost"}};
    for (long i = 0; i < run->count; i++) {
        AUTO_VAL(issued) issued = {.der = {0}};
        memcpy(spec.serial, &i, sizeof i);
        if (authority_issue_signer(run->authority, run->spki, &spec, &issued).code != ERR_OK) {
            (void)atomic_fetch_add(run->errors, 1);
        }
    }
    return NULL;
}

static double seconds(clockid_t clock)
{
    struct timespec at;
    return clock_gettime(clock, &at) == 0 ? (double)at.tv_sec + (double)at.tv_nsec / 1e9 : 0;
}

struct cost {
    double wall_us, cpu_us; /* of one; CPU of both processes */
};

static struct cost measure(const struct run *all, int threads, pid_t process)
{
    pthread_t ids[THREADS_MAX];
    struct run one = *all;
    clockid_t other = CLOCK_MONOTONIC;
    bool has_other = process > 0 && clock_getcpuclockid(process, &other) == 0;
    one.count = all->count / threads;
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) + (has_other ? seconds(other) : 0);
    double begun = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < threads; i++) {
        if (pthread_create(&ids[i], NULL, issue_often, &one) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < threads; i++) {
        (void)pthread_join(ids[i], NULL);
    }
    double wall = seconds(CLOCK_MONOTONIC) - begun;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) + (has_other ? seconds(other) : 0) - cpu;
    double each = 1e6 / (double)(one.count * threads);
    return (struct cost){wall * each, cpu * each};
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static struct cost median(const struct cost costs[ROUNDS])
{
    double wall[ROUNDS], cpu[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        wall[i] = costs[i].wall_us;
        cpu[i] = costs[i].cpu_us;
    }
    qsort(wall, ROUNDS, sizeof *wall, by_size);
    qsort(cpu, ROUNDS, sizeof *cpu, by_size);
    return (struct cost){wall[ROUNDS / 2], cpu[ROUNDS / 2]};
}

static int run(const char *folder, int threads, long count)
{
    struct keystore *files = NULL, *process = NULL;
    AUTO_VAL(buf) der = {0};
    atomic_long errors = 0;
    struct cost inside[ROUNDS], inside_many[ROUNDS], one[ROUNDS], many[ROUNDS];
    struct signer_status status;
    open_files(folder, &files);
    make_authority(files, &der);
    open_process(folder, threads, &process);
    struct authority *here = open_authority(files, buf_view(&der));
    struct authority *there = open_authority(process, buf_view(&der));
    struct private_key *leaf = NULL;
    check(keystore_generate(files, "leaf", KEY_ALG_P256, &leaf), "making a key");
    const struct run at_home = {here, buf_view(&leaf->spki), count, &errors};
    const struct run away = {there, buf_view(&leaf->spki), count, &errors};
    (void)keystore_signer_status(process, &status);
    for (int i = 0; i < ROUNDS; i++) { /* interleaved */
        inside[i] = measure(&at_home, 1, 0);
        inside_many[i] = measure(&at_home, threads, 0);
        one[i] = measure(&away, 1, (pid_t)status.pid);
        many[i] = measure(&away, threads, (pid_t)status.pid);
    }
    struct cost a = median(inside), b = median(one), c = median(many), d = median(inside_many);
    printf("{\"inside_us\":%.1f,\"inside_cpu_us\":%.1f,\"one_us\":%.1f,\"one_cpu_us\":%.1f,\"many_us\":%.1f,"
           "\"many_cpu_us\":%.1f,\"inside_many_us\":%.1f,\"inside_many_cpu_us\":%.1f,\"errors\":%ld}\n",
           a.wall_us, a.cpu_us, b.wall_us, b.cpu_us, c.wall_us, c.cpu_us, d.wall_us, d.cpu_us, errors);
    private_key_free(leaf);
    authority_free(here);
    authority_free(there);
    keystore_free(process);
    keystore_free(files);
    return errors == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--serve") == 0) {
        _exit(serve(argv[2], atoi(argv[3])));
    }
    int threads = argc == 4 ? atoi(argv[2]) : 0;
    long count = argc == 4 ? atol(argv[3]) : 0;
    if (threads < 1 || threads > THREADS_MAX || count < threads) {
        (void)fputs("usage: signer FOLDER THREADS CERTIFICATES\n", stderr);
        return 2;
    }
    return run(argv[1], threads, count);
}
