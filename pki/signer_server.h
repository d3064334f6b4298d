/* The signer process's own end: threads that answer questions, each on its channel. Knows nothing of how the
 * process was made; ends when the server's end is closed, when what comes is no question, and when a token
 * failed, whose handles are good for nothing then. */
#ifndef WHORL_PKI_SIGNER_SERVER_H
#define WHORL_PKI_SIGNER_SERVER_H

#include "pki/signer_keys.h"

struct signer_server_options {
    int first_fd, threads;    /* the control channel; then one for each thread */
    struct signer_keys *keys; /* borrowed for the life of the process, like the log */
    struct log *log;
};

/** Says that it can work, and answers. The threads are left as they are: the process is to end.
 *  @errors what it ended for; OK: the server has closed its end @thread init */
err_t signer_serve(const struct signer_server_options *options);
/** What each thread does: answers what comes on a channel, until it is closed or what comes is no question.
 *  @param options the keys and the log of it @errors what it ended for: ERR_GONE closed, ERR_BAD_ENCODING,
 * ERR_UNAVAILABLE a token failed, after the answer that says so @thread any */
err_t signer_serve_channel(const struct signer_server_options *options, int fd);
/** Says instead that it cannot, and why. */
void signer_decline(int first_fd, err_t why);

#endif
