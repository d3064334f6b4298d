/* How much memory a server may take under its settings, and how much there is. */
#ifndef WHORL_CMD_MEMORY_H
#define WHORL_CMD_MEMORY_H

#include "cmd/whorld/config.h"

/** What there is for this process, in MiB: the limit of its control group, or the machine's. @thread any */
int64_t memory_there(void);
/** As above, from a folder that has a control group's files (tests). INT64_MAX: no limit there. */
int64_t memory_of_group(const char *folder);
/** The budget for bodies that is in force, in MiB. @param there_mib memory_there() */
int64_t memory_bodies(const struct config *config, int64_t there_mib);
/** The most that the server takes itself, whatever is asked of it, in MiB: its process, every connection with
 * its buffers full, every worker, all bodies. Not among it: what the kernel keeps for sockets, lists of
 * revoked certificates, the signer process. @param connections as many as descriptors allow, 0: as set */
int64_t memory_bound(const struct config *config, int connections, int64_t there_mib);

#endif
