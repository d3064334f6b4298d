/* What comes to an end by itself: authorities, CRLs, the certificates of this server. A job looks at each and
 * raises or clears its alarm; the ends are figures too. */
#ifndef WHORL_FLEET_EXPIRIES_H
#define WHORL_FLEET_EXPIRIES_H

#include "fleet/fleet.h"

/** Tells the validity of the server's own TLS certificate, which is made outside of this layer. @thread any
 */
void expiries_note_server_certificate(struct fleet *fleet, int64_t not_before_ms, int64_t not_after_ms);
/** The job. Writes only when an alarm changes. @thread worker */
err_t expiries_check(struct fleet *fleet, int64_t now_ms);
/** The gauge whorl_expiry_timestamp_seconds, appended. @thread any */
err_t expiries_write_metrics(struct fleet *fleet, struct buf *out);

#endif
