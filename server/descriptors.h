/* How many connections this process has file descriptors for. Opens none. */
#ifndef WHORL_SERVER_DESCRIPTORS_H
#define WHORL_SERVER_DESCRIPTORS_H

#include "server/server.h"

/** Raises the soft limit to the hard one. @return the setting, or less when there are too few descriptors for
 *  it: to accept what cannot be served costs a handshake, an error and a line in the log each. Says so once.
 *  @thread init */
int descriptors_for_connections(const struct server_options *options);

#endif
