/* Private keys of firmware that are open: loading one costs tens of milliseconds and 16 MiB for a moment, so
 * the last few stay in memory. Whether a key may be used is not asked here but in the transaction that counts
 * the use (fleet/firmware_keys.h), so a handle that outlives its key's state does no harm. */
#ifndef WHORL_FLEET_FIRMWARE_KEY_HANDLES_H
#define WHORL_FLEET_FIRMWARE_KEY_HANDLES_H

#include "fleet/fleet.h"
#include "pki/keystore.h"

struct firmware_key_handles; /* shared by threads */
struct firmware_key_handle;  /* counted */

err_t firmware_key_handles_new(struct firmware_key_handles **out);
void firmware_key_handles_free(struct firmware_key_handles *handles);

/** Opens the key of a label; released by the caller. @errors ERR_UNAVAILABLE no keystore, or the key is not
 * in it, ERR_FORBIDDEN, ERR_CRYPTO @thread worker */
err_t firmware_key_handle_take(struct fleet *fleet, const char *label, struct firmware_key_handle **out);
void firmware_key_handle_release(struct firmware_key_handle *handle);
DEFINE_AUTO_PTR(firmware_key_handle, firmware_key_handle_release);
/** Valid until the handle is released. */
const struct private_key *firmware_key_handle_borrow(const struct firmware_key_handle *handle);
/** Memory forgets it when its last user is done: it is not active any more. @thread any */
void firmware_key_handle_drop(struct fleet *fleet, const char *label);

#endif
