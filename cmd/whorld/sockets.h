/* Listening sockets that a service manager made before it started this program (sd_listen_fds(3): descriptors
 * from 3 on, LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES). Which listener one is for, its name says (`device`,
 * `management`, `public`: FileDescriptorName= of its unit), or its port, when that is the port of one of the
 * settings. What cannot be told is refused: nobody would ever answer there.
 */
#ifndef WHORL_CMD_SOCKETS_H
#define WHORL_CMD_SOCKETS_H

#include "cmd/whorld/config.h"

enum { SOCKETS_MAX = 16, SOCKETS_FIRST = 3, SOCKETS_ROLES = 3 };

/* What was handed over. */
struct sockets {
    int count;
    int fds[SOCKETS_MAX];
    char names[SOCKETS_MAX][64];
};

/** What the environment says, as text; NULL for what it does not. */
struct socket_words {
    const char *pid, *fds, *names;
};

/** Those of the words, if they are meant for this process (`own_pid`): none otherwise. Each is closed when
 * another program is started from here. Call it before one is.
 * @errors ERR_UNPROCESSABLE numbers and names that do not fit @thread init */
err_t sockets_read(const struct socket_words *words, int64_t own_pid, struct sockets *out);
/** The words of the environment. */
struct socket_words sockets_environment(void);
/** Which socket each listener gets. @param[out] out in the order device, management, public; 0: none
 * @errors ERR_UNPROCESSABLE a socket that is for none of them, that does not listen, or a second one for one
 * listener @thread init */
err_t sockets_assign(const struct sockets *sockets, const struct config *config, int out[SOCKETS_ROLES]);

#endif
