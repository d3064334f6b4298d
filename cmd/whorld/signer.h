/* The signer process, from both sides of cmd/: how `serve` starts it, and what `whorld signer` does to itself
 * before it opens a key. */
#ifndef WHORL_CMD_SIGNER_H
#define WHORL_CMD_SIGNER_H

#include "base/log.h"
#include "cmd/whorld/house.h"
#include "pki/signer_nursery.h"

/** Whether the settings want the private keys in a process of their own. */
bool signer_is_wanted(const struct config *config);
/** The process that starts it, for a server that may start nothing itself afterwards. @errors ERR_IO @thread
 * init, before any other thread is there */
err_t signer_nursery_make(const char *folder, const struct config *config, struct signer_nursery *out);
/** Starts `whorld signer` for the house and gives its keystore. @errors of keystore_open_signer() @thread
 * init */
err_t signer_start(const struct house *house, struct keystore **out);

/** The first thing: no more rights than now (no_new_privs), no core file and no debugger, nothing open that
 * was not handed over, no signal that a terminal or a service manager sends to all, and an end with the
 * server.
 * @param last_fd the highest descriptor that was handed over @errors ERR_IO */
err_t signer_sandbox_begin(int last_fd);
/** When the keystore is open: pages stay out of swap where that is allowed, and (seccomp) no other program is
 * started, no other process looked into, and no network used unless `signer_network` says so. Where the
 * kernel does not allow a filter it goes on without, and says so. @errors ERR_UNPROCESSABLE `sandbox =
 * required` */
err_t signer_sandbox_close(const struct config *config, struct log *log);

#endif
