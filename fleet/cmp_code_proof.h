/* Who protects a CMP message by a MAC: the device that the code was made for. */
#ifndef WHORL_FLEET_CMP_CODE_PROOF_H
#define WHORL_FLEET_CMP_CODE_PROOF_H

#include "base/hash.h"
#include "fleet/cmp_codes.h"
#include "pki/cmp_header.h"

struct cmp_code_proof {
    struct cmp_code_row row; /* as it was found; a transaction asks again */
    struct sha256 name;      /* stands where a signed message has the hash of its sender's key; of no key */
    struct secret code;      /* to protect the answer with */
};
void cmp_code_proof_clear(struct cmp_code_proof *proof);

/** Finds the code by senderKID and checks the message's MAC with it. Who does not know the secret learns
 *  nothing: an unknown reference, a wrong MAC, and a code that was used, has expired or was revoked are one
 *  error, and cost the same. Failures are counted with the code, and make their source wait, never the
 *  device.
 *  @param header protection_kind CMP_PBM or CMP_PBMAC1, as cmp_header_read() made it
 *  @param address of the client, text @param[out] out cleared by the caller, on failure too
 *  @errors ERR_POP_FAILED, ERR_TOO_MANY, ERR_DB, ERR_CRYPTO @thread worker */
err_t cmp_code_prove(struct fleet *fleet, const struct cmp_header *header, const char *address,
                     struct cmp_code_proof *out);

/** The first request binds the code to its key. @errors ERR_ENROLMENT_CODE it was bound to another one, or
 * has ended @thread of tx (write) */
err_t cmp_code_bind(struct db_tx *tx, const struct cmp_code_proof *proof, const uint8_t spki_sha256[32]);
/** Whether the code is still good, for this key. @thread of tx */
err_t cmp_code_holds(struct db_tx *tx, const struct cmp_code_proof *proof, const uint8_t spki_sha256[32],
                     bool *out);

#endif
