/* What `whorld serve` takes from itself before it opens anything that a stranger's bytes could reach: rights
 * of root, other files (Landlock), other system calls (seccomp). Each part that the kernel, or a container's
 * own filter, does not allow is left out and told, unless the settings ask for all (`sandbox = required`).
 */
#ifndef WHORL_CMD_SANDBOX_H
#define WHORL_CMD_SANDBOX_H

#include "cmd/whorld/house.h"
#include "cmd/whorld/sockets.h"
#include "pki/signer_nursery.h"

struct sandbox {
    struct signer_nursery nursery;
    bool has_rights_dropped, has_files_closed, has_calls_closed;
    bool is_root; /* without capabilities, but the owner of root's files */
};

/** Closes it around a house of which only the settings are open. The process that starts signers is made
 * first, and house->nursery names it.
 *  @param[in,out] sockets a port below 1024 is bound here, and joins them
 *  @errors ERR_FORBIDDEN the user, or what `required` asks for cannot be had; ERR_NOT_FOUND no such user;
 * ERR_CONFLICT such a port is in use @thread init: no other may be there yet */
err_t sandbox_enter(struct house *house, struct sockets *sockets, struct sandbox *out);
/** When all listeners are bound: nobody binds another one any more. Says what is in force. */
err_t sandbox_settle(const struct house *house, struct sandbox *sandbox);
/** Appends the figure of each part. @thread any */
err_t sandbox_write_metrics(const struct sandbox *sandbox, struct buf *out);
/** Ends the process that starts signers. @thread init */
void sandbox_leave(struct sandbox *sandbox);

#endif
