/* Who signs checkpoints of the audit log: one signer for the life of the process, made at its first use, so
 * that its certificate is dated by a clock that was trusted. */
#ifndef WHORL_FLEET_AUDIT_SIGNER_H
#define WHORL_FLEET_AUDIT_SIGNER_H

#include "fleet/fleet.h"
#include "pki/signer.h"

/** @param[out] out lives as long as the fleet @errors ERR_UNAVAILABLE the key of the infrastructure authority
 * is not here, ERR_CLOCK_HELD @thread worker */
err_t audit_signer_get(struct fleet *fleet, const struct signer **out);

#endif
