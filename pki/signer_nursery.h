/* Where signer processes come from when the server itself may start no program any more
 * (cmd/whorld/sandbox.h): a small process of the time before that, which knows one command line, its own, and
 * starts it whenever it is sent the ends of the channels. Whoever rules the server gets another signer from
 * it, and nothing else.
 *
 * What it starts is a child of the server, not of its own (CLONE_PARENT): ended and waited for as if the
 * server had started it, and gone when the server is. */
#ifndef WHORL_PKI_SIGNER_NURSERY_H
#define WHORL_PKI_SIGNER_NURSERY_H

#include <sys/types.h>

#include "base/err.h"

struct signer_nursery {
    pid_t pid; /* 0: none */
    int fd;    /* to ask it over */
};

/** @param arguments the path, then what the program is given, its name first; NULL behind the last
 *  @param count how many channels the program has beside the control channel @errors ERR_IO
 *  @thread init: no other thread may be there yet, since the process is a copy of this one */
err_t signer_nursery_start(const char *const *arguments, int count, struct signer_nursery *out);
/** Starts the program once more. @param fd of the nursery @param ends what the program gets, from
 * SIGNER_FIRST_FD on; they stay the caller's @errors ERR_IO it could not, or is gone @thread any, one at a
 * time */
err_t signer_nursery_ask(int fd, const int *ends, int count, pid_t *pid);
/** Ends it and waits for it; the programs that it started stay. @thread init */
void signer_nursery_end(struct signer_nursery *nursery);

#endif
