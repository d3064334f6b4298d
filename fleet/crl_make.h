/* A new CRL: from the inventory's revoked certificates to a signed list that is stored. */
#ifndef WHORL_FLEET_CRL_MAKE_H
#define WHORL_FLEET_CRL_MAKE_H

#include "db/crl_rows.h"
#include "fleet/fleet.h"

/** Reads the entries, signs, stores durably with the audit record. @param[in,out] row state that was read
 *  (number 0: none); becomes the stored one, with DER
 *  @errors ERR_BUSY, ERR_CONFLICT somebody was faster or something was revoked meanwhile @thread worker */
err_t crl_make(struct fleet *fleet, const struct authority *authority, int64_t now_ms, struct crl_row *row);

#endif
