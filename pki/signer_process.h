/* The signer as a process: started with its end of some socket pairs, ended and waited for. Knows no frame.
 */
#ifndef WHORL_PKI_SIGNER_PROCESS_H
#define WHORL_PKI_SIGNER_PROCESS_H

#include <sys/types.h>

#include "base/bytes.h"

enum { SIGNER_THREADS_MAX = 64, SIGNER_FIRST_FD = 3 /* of the process: control, then one for each thread */ };

struct signer_process {
    pid_t pid; /* 0: none */
    int control;
    int channels[SIGNER_THREADS_MAX];
    int count;
};

struct signer_program {
    const char *const *arguments; /* the path, then what it is given, its name first; NULL behind the last */
    int count;                    /* of its channels */
    int nursery; /* who starts it, and knows its own arguments (pki/signer_nursery.h); 0: we do */
};

/** Starts a program. It gets the descriptors 0, 1 (/dev/null), 2 (ours), and from SIGNER_FIRST_FD on its ends
 * of a control channel and its others; all that is ours and closed on exec it does not get. No signal is
 *  blocked or ignored in it.
 *  @errors ERR_IO @thread any that lives as long as the process shall: it may ask to be ended with the thread
 * that started it (PR_SET_PDEATHSIG) */
err_t signer_process_start(const struct signer_program *program, struct signer_process *out);
/** Whoever waits at a channel, at either end, is told that it is closed. */
void signer_process_shut(const struct signer_process *process);
/** Shuts the channels, lets the process end by itself for a while, ends it, waits for it, closes what is
 * ours.
 *  @param grace_ms 0: at once @param[out] status of waitpid(2), may be NULL */
void signer_process_end(struct signer_process *process, int64_t grace_ms, int *status);

#endif
