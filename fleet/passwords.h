/* Passwords: which are good enough, and hashing them without letting a flood of logins take all memory and
 * all workers. The hashes are pki/password_hash.h's. */
#ifndef WHORL_FLEET_PASSWORDS_H
#define WHORL_FLEET_PASSWORDS_H

#include "fleet/fleet.h"
#include "pki/password_hash.h"

enum { PASSWORD_LENGTH_MIN = 12, PASSWORD_LENGTH_MAX = 128 };

/** 12 … 128 characters, none of the usual ones, and not what the person or the tenant is called.
 *  @errors ERR_UNPROCESSABLE @thread any */
err_t password_rules(struct bytes password, const char *name, const char *tenant);

/** @errors ERR_BUSY too many at once (503, Retry-After); of password_hash_make() @thread worker, waits */
err_t password_make(struct fleet *fleet, struct bytes password, char out[PASSWORD_PHC_SIZE]);
/** @param phc "" for nobody's: takes the same time, and is never right @errors as above */
err_t password_check(struct fleet *fleet, struct bytes password, const char *phc, bool *is_same);

#endif
