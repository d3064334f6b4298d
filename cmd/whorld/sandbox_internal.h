/* The parts of the sandbox, each with a file of its own. Private to sandbox*.c and their test. */
#ifndef WHORL_CMD_SANDBOX_INTERNAL_H
#define WHORL_CMD_SANDBOX_INTERNAL_H

#include "cmd/whorld/config.h"
#include "cmd/whorld/sockets.h"
#include "cmd/whorld/syscall_filter.h"

/** This process becomes the user of the settings, if root started it, and has no capability afterwards, nor
 * can it or what it starts ever get one. Ports below 1024 are bound before, by the right that is given up:
 * they are then among the sockets. @param[out] is_root whether it is root's still
 *  @errors ERR_FORBIDDEN not the user of the settings, and not root; ERR_NOT_FOUND no such user;
 * ERR_UNPROCESSABLE the folder is another user's; ERR_UNAVAILABLE who runs us does not allow it, all else is
 * done; of listen_open() @thread init, the only one */
err_t sandbox_rights_drop(const char *folder, const struct config *config, struct sockets *sockets,
                          bool *is_root);

/** Only the folder and the journal can be written from now on, and only they, what libraries need of the
 * system, and the places of the files that the settings name can be read (Landlock; kernel 5.19 or later).
 *  @errors ERR_UNAVAILABLE the kernel, or who runs us, does not know it; ERR_IO a place that is not there
 *  @thread init, the only one: it holds for this thread and those that it starts */
err_t sandbox_files_close(const char *folder, const char *journal, const struct config *config);

/** The filter of system calls, for this thread and those that it starts. @errors ERR_UNAVAILABLE */
err_t sandbox_calls_close(void);
/** When all listeners are bound: no other can be, by any thread. @errors ERR_UNAVAILABLE */
err_t sandbox_calls_settle(void);

#endif
