/* Checkpoints of the audit log: the ends of all chains at one moment, signed, for keeping outside. A log that
 * was rewritten or cut afterwards contradicts them. */
#ifndef WHORL_FLEET_AUDIT_CHECKPOINT_H
#define WHORL_FLEET_AUDIT_CHECKPOINT_H

#include "fleet/audit_seal.h"
#include "fleet/fleet.h"

struct audit_checkpoint {
    struct buf content; /* compact JSON */
    struct buf cms;     /* DER: CMS SignedData with the content inside */
    struct sha256 root; /* over all ends */
};
void audit_checkpoint_clear(struct audit_checkpoint *checkpoint);
DEFINE_AUTO_VAL(audit_checkpoint, audit_checkpoint_clear);

/** @param seal of an export that it ends, or NULL @param out cleared by the caller
 *  @errors ERR_UNAVAILABLE the key of the infrastructure authority is not here, ERR_CLOCK_HELD @thread worker
 */
err_t audit_checkpoint_make(struct fleet *fleet, const struct audit_seal *seal, struct audit_checkpoint *out);

/** The installation's name in checkpoints and exports: SHA-256 of the root authority's key, in hex. */
void audit_installation(const struct fleet *fleet, char out[2 * SHA256_SIZE + 1]);

#endif
