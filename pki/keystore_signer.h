/* A keystore whose private keys are in another process, `whorld signer`: a flaw in the server cannot read
 * them, and a token that hangs or crashes takes that process along, not the server. */
#ifndef WHORL_PKI_KEYSTORE_SIGNER_H
#define WHORL_PKI_KEYSTORE_SIGNER_H

#include "base/log.h"
#include "base/ports.h"
#include "pki/keystore.h"

struct signer_settings {
    const char *const *arguments; /* path, name, then the rest, NULL behind the last; copied */
    int nursery;                  /* who starts it (pki/signer_nursery.h); 0: this process */
    int threads;                  /* how many questions it answers at once: 1 … 64 */
    int queue;                    /* callers that may wait while it does not answer */
    int64_t timeout_ms;           /* for an answer; for the start and for making a key ten times that */
    struct log *log;              /* borrowed, may be NULL */
    const struct random *random;  /* for the spread of restarts */
};

/** Starts the process. Keys that it gives sign there (pki/remote_key.h); secrets it has none of.
 *  @errors ERR_FORBIDDEN a passphrase or PIN is wrong, ERR_UNPROCESSABLE a setting, ERR_UNAVAILABLE it does
 * not start @thread init */
err_t keystore_open_signer(const struct signer_settings *settings, struct keystore **out);

enum signer_outcome {
    SIGNER_ANSWERED,
    SIGNER_REFUSED,     /* by its rules: it was asked for what an honest server never asks for */
    SIGNER_LIMITED,     /* more than its rates allow */
    SIGNER_FAILED,      /* another error of its own: no such key, a label that is taken, … */
    SIGNER_UNAVAILABLE, /* it was not there, did not answer in time, or too many waited */
    SIGNER_OUTCOMES
};
enum { SIGNER_LATENCIES = 8 };

struct signer_status {
    bool is_up;
    bool is_failing;  /* nobody got an answer since one was told that it is unavailable */
    bool is_given_up; /* it said that a passphrase, PIN or setting is wrong: not tried again */
    int64_t pid;      /* of the process, when it is up */
    int64_t restarts; /* since the server's start */
    int64_t waiting;  /* callers, now */
    int64_t outcomes[SIGNER_OUTCOMES];
    int64_t
        latencies[SIGNER_LATENCIES + 1]; /* answers within each of signer_latency_bounds_us(), and above */
    int64_t latency_total_us;
    char reason[ERR_DETAIL_SIZE];  /* why it is not up, or last was not; "" when it always was */
    char refused[ERR_DETAIL_SIZE]; /* key and rule of what it refused last; "" nothing */
};
/** @return false where the keys are in this process: nothing else is filled in then @thread any */
bool keystore_signer_status(struct keystore *keystore, struct signer_status *out);
/** Asks it for a key that it has given before, as if that were needed, so that a process or a token that is
 * back is noticed without a request. @thread background */
void keystore_signer_probe(struct keystore *keystore);
/** The server ends: nobody waits for that process any more. Nothing where the keys are in this one. @thread
 * any */
void keystore_signer_abandon(struct keystore *keystore);
/** The bounds of `latencies`, ascending. */
const int64_t *signer_latency_bounds_us(void);

#endif
