/* Looks after the signer process (pki/keystore_signer.h): what its loss and its return are to people, an
 * alarm and records. What it does for requests, pki/ does by itself. */
#ifndef WHORL_FLEET_SIGNER_WATCH_H
#define WHORL_FLEET_SIGNER_WATCH_H

#include "fleet/fleet.h"

/** For the job: the alarm signer.unavailable stands while nothing can be signed, and each change is a record;
 * signer.refused, critical, from when its rules refused something until they refused nothing for a day.
 * Nothing where keys are in this process. @thread background */
err_t signer_watch(struct fleet *fleet, int64_t now_ms);
/** Whether keys can be asked now, as far as is known. @thread any */
bool signer_watch_is_well(const struct fleet *fleet);
/** Its figures, appended; nothing where keys are in this process. @thread worker */
err_t signer_write_metrics(struct fleet *fleet, struct buf *out);

#endif
