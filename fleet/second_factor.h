/* The second thing a person logs in with: a TOTP secret, sealed in its row, and recovery codes, kept as
 * hashes. */
#ifndef WHORL_FLEET_SECOND_FACTOR_H
#define WHORL_FLEET_SECOND_FACTOR_H

#include "db/people.h"
#include "fleet/fleet.h"
#include "pki/totp.h"

enum { RECOVERY_CODE_SIZE = 20 /* "abcd-efgh-ijkl-mnop" */ };

/** A new secret. @param[out] row totp_sealed and totp_size; totp_step 0 @param[out] base32 the caller wipes
 * it
 *  @errors ERR_CRYPTO @thread any */
err_t second_factor_make(const struct fleet *fleet, struct person_row *row, char base32[TOTP_BASE32_SIZE]);
/** Whether a code is good now. @param[out] step to be stored in the transaction that the code opens: it is
 * not taken again @errors ERR_UNAUTHORIZED wrong, or used before; ERR_CRYPTO */
err_t second_factor_check(const struct fleet *fleet, const struct person_row *row, struct bytes code,
                          int64_t *step);

struct recovery_codes {
    char texts[RECOVERY_CODES][RECOVERY_CODE_SIZE]; /* shown once; the caller wipes them */
    uint8_t hashes[RECOVERY_CODES][SHA256_SIZE];
};
/** Eighty random bits each. */
err_t recovery_codes_make(const struct fleet *fleet, struct uuid person, struct recovery_codes *out);
/** Of a code as it was typed: upper case, spaces and hyphens do not matter. @errors ERR_UNAUTHORIZED it has
 * not the form of one */
err_t recovery_code_hash(struct uuid person, struct bytes code, uint8_t out[SHA256_SIZE]);

#endif
