/* What the program tells the service manager that started it, if one did (sd_notify(3): one datagram to
 * NOTIFY_SOCKET for each message). Without one every call does nothing. */
#ifndef WHORL_CMD_MANAGER_H
#define WHORL_CMD_MANAGER_H

#include "base/err.h"
#include "base/log.h"

/** Lines of "NAME=value". Never blocks: a manager that does not read is not waited for. @thread any */
void manager_tell(const char *state);
/** That settings are read again (RELOADING=1 with its time); READY=1 ends it. @thread any */
void manager_tell_reloading(void);

/* A thread that sends WATCHDOG=1 twice in the time that WATCHDOG_USEC gives, as long as `is_well` holds. */
struct watchdog;
/** @param is_well called on the thread, with `context` @param[out] out NULL where no watchdog is asked for
 *  (WATCHDOG_USEC is not set, or WATCHDOG_PID is another process) @errors ERR_UNPROCESSABLE, ERR_NO_MEMORY
 *  @thread init */
err_t watchdog_start(bool (*is_well)(const void *context, int64_t within_ms), const void *context,
                     struct log *log, struct watchdog **out);
/** Ends the thread. NULL is fine. @thread init */
void watchdog_stop(struct watchdog *watchdog);

#endif
