/* One-time codes by time (RFC 6238): six digits, 30 seconds, HMAC-SHA-1, which is what every authenticator
 * reads. Which step was used before is the caller's to keep. */
#ifndef WHORL_PKI_TOTP_H
#define WHORL_PKI_TOTP_H

#include "base/bytes.h"

enum { TOTP_SECRET_SIZE = 20, TOTP_BASE32_SIZE = 33, TOTP_CODE_DIGITS = 6, TOTP_STEP_S = 30 };

/** Whether `code` is right now, or one step before or behind. @param code six digits, anything else is wrong
 *  @param[out] step that it belongs to (greater than `after`, or it is wrong) @errors ERR_CRYPTO @thread any
 */
err_t totp_check(struct bytes secret, struct bytes code, int64_t now_ms, int64_t after, int64_t *step);
/** The secret as people type it: 32 characters of base32 (RFC 4648 §6). */
void totp_base32(const uint8_t secret[TOTP_SECRET_SIZE], char out[TOTP_BASE32_SIZE]);

#endif
