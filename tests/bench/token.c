/* What a PKCS#11 token signs: one thread, then N at once, over keys of one token, each signature proved as
 * the server does. Prints JSON.
 *
 *   token FOLDER MODULE TOKEN PIN THREADS SIGNATURES */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ports.h"
#include "pki/keystore_pkcs11.h"
#include "pki/openssl.h"

enum { THREADS_MAX = 64, ROUNDS = 5 };

struct run {
    const struct private_key *key;
    long count;
    atomic_long *errors;
};

static void check(err_t error, const char *what)
{
    if (error.code != ERR_OK) {
        (void)fprintf(stderr, "token: %s: %s (%s:%d)\n", what, error.detail, error.file, error.line);
        exit(1);
    }
}

static void *sign_often(void *arg)
{
    const struct run *run = arg;
    for (long i = 0; i < run->count; i++) {
        AUTO_VAL(buf) signature = {0};
        if (private_key_sign(run->key, bytes_str("a certificate"), &signature).code != ERR_OK) {
            (void)atomic_fetch_add(run->errors, 1);
        }
    }
    return NULL;
}

static double seconds(clockid_t clock)
{
    struct timespec at;
    (void)clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* @return signatures a second of wall time */
static double rate(struct private_key *const keys[2], int threads, long count, atomic_long *errors)
{
    pthread_t ids[THREADS_MAX];
    struct run runs[THREADS_MAX];
    double begun = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < threads; i++) {
        runs[i] = (struct run){.key = keys[i % 2], .count = count / threads, .errors = errors};
        if (pthread_create(&ids[i], NULL, sign_often, &runs[i]) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < threads; i++) {
        (void)pthread_join(ids[i], NULL);
    }
    return (double)(count / threads * threads) / (seconds(CLOCK_MONOTONIC) - begun);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof *values, by_size);
    return values[ROUNDS / 2];
}

/* What the proof of a signature costs, in microseconds. */
static double proof_us(struct private_key *key, long count)
{
    AUTO_VAL(buf) signature = {0};
    check(private_key_sign(key, bytes_str("a certificate"), &signature), "signing");
    double begun = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (long i = 0; i < count; i++) {
        err_ignore(signature_verify(key->proof, signature_algorithm_of(key->info.alg),
                                    bytes_str("a certificate"), buf_view(&signature),
                                    OK)); /* its time is what is asked for */
    }
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - begun) * 1e6 / (double)count;
}

static int usage(void)
{
    (void)fputs("usage: token FOLDER MODULE TOKEN PIN THREADS SIGNATURES\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct keystore *keystore = NULL;
    struct private_key *keys[2] = {NULL, NULL};
    double one[ROUNDS], many[ROUNDS];
    atomic_long errors = 0;
    int threads = argc == 7 ? atoi(argv[5]) : 0;
    long count = argc == 7 ? atol(argv[6]) : 0;
    if (threads < 1 || threads > THREADS_MAX || count < threads) {
        return usage();
    }
    const struct keystore_pkcs11 options = {.folder = argv[1],
                                            .passphrase = bytes_str("of a benchmark, not a secret"),
                                            .module = argv[2],
                                            .token = argv[3],
                                            .slot = -1,
                                            .uris = "",
                                            .pin = bytes_str(argv[4]),
                                            .places = KEYSTORE_TOKEN_AUTHORITIES};
    check(keystore_open_pkcs11(&options, random_system(), &keystore), "opening");
    check(keystore_generate(keystore, "ca-one", KEY_ALG_P256, &keys[0]), "making a key");
    check(keystore_generate(keystore, "ca-two", KEY_ALG_P256, &keys[1]), "making a key");
    for (int i = 0; i < ROUNDS; i++) { /* interleaved */
        one[i] = rate(keys, 1, count, &errors);
        many[i] = rate(keys, threads, count, &errors);
    }
    printf("{\"one\":%.0f,\"many\":%.0f,\"errors\":%ld,\"proof_us\":%.1f}\n", median(one), median(many),
           errors, proof_us(keys[0], count));
    private_key_free(keys[0]);
    private_key_free(keys[1]);
    keystore_free(keystore);
    return errors == 0 ? 0 : 1;
}
