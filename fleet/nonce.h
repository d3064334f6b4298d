/* Using a nonce inside the transaction that it authorises (invariant I1). */
#ifndef WHORL_FLEET_NONCE_H
#define WHORL_FLEET_NONCE_H

#include "db/db.h"

/** @errors ERR_POP_FAILED used or expired @thread of tx */
err_t nonce_use(struct db_tx *tx, struct bytes nonce);

#endif
