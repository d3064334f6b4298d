/* Hashes of passwords: argon2id (RFC 9106) as PHC strings. Slow and hungry by design: whoever calls bounds
 * how many run at once (fleet/passwords.h). */
#ifndef WHORL_PKI_PASSWORD_HASH_H
#define WHORL_PKI_PASSWORD_HASH_H

#include "base/bytes.h"
#include "base/ports.h"

enum { PASSWORD_PHC_SIZE = 160 };

/** With the parameters of today. @param[out] out "$argon2id$v=19$m=…" @errors ERR_CRYPTO, ERR_NO_MEMORY
 * @thread worker */
err_t password_hash_make(struct bytes password, const struct random *random, char out[PASSWORD_PHC_SIZE]);
/** @param phc a string of password_hash_make() @param[out] is_same @errors ERR_CRYPTO a damaged string,
 * ERR_NO_MEMORY
 */
err_t password_hash_check(struct bytes password, const char *phc, bool *is_same);
/** The string of nobody's password: takes as long to check as a real one, and is never right. */
void password_hash_nobody(char out[PASSWORD_PHC_SIZE]);
/** Made with less than today's parameters: to be made anew when the password is at hand. */
bool password_hash_is_weak(const char *phc);

#endif
