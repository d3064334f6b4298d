/* New CRLs: from the inventory's revoked certificates to signed lists that are stored. */
#ifndef WHORL_FLEET_CRL_MAKE_H
#define WHORL_FLEET_CRL_MAKE_H

#include "db/crl_rows.h"
#include "fleet/authority_set.h"

enum { CRL_BATCH_MAX = 32 };

/** Reads the entries of each list, signs, stores all of them durably in one transaction with their records.
 *  What is revoked meanwhile leaves its list stale. @param[in,out] rows `list` says which; become the stored
 *  ones, with DER, or without when somebody else was faster @param count at most CRL_BATCH_MAX
 *  @errors ERR_UNAVAILABLE no key here, ERR_DISK_FULL, ERR_DB @thread worker */
err_t crl_make(struct fleet *fleet, const struct authority_member *member, int64_t now_ms,
               struct crl_row *rows, size_t count);
/** One list that lives so long, now: the last of a key that goes away. @param[in,out] row as above; cleared
 * by the caller @errors as above; ERR_BUSY somebody was faster */
err_t crl_make_for(struct fleet *fleet, const struct authority_member *member, int64_t lifetime_ms,
                   struct crl_row *row);

#endif
