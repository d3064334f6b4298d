/* Reading the audit log of one tenant (writing is fleet/event.h; verifying is audit_verify() of db/). */
#ifndef WHORL_FLEET_AUDIT_LOG_H
#define WHORL_FLEET_AUDIT_LOG_H

#include "db/audit_chain_rows.h"
#include "db/audit_rows.h"
#include "fleet/fleet.h"

/** One page, newest first. @param range limit 1 … 1001 @errors ERR_UNPROCESSABLE kind and actor without a
 * device: no index serves both; request_id beside
 * another filter @thread worker */
err_t audit_list(struct fleet *fleet, const struct audit_range *range, audit_row_fn fn, void *arg);
/** What an export of this time has to read, as an array of struct audit_segment. @param out replaced */
err_t audit_export_segments(struct fleet *fleet, const struct audit_span *span, struct buf *out);
/** The next records of a stretch, whosesoever they are. */
err_t audit_export(struct fleet *fleet, const struct audit_segment *segment, int64_t limit,
                   audit_record_fn fn, void *arg);
/** Writes that somebody takes a copy of the log (IEC 62443-4-2 CR 2.8: events of the audit log itself). A
 * full disk does not keep anybody from taking one: the failure is logged. @thread worker */
void audit_note_export(struct fleet *fleet, const struct actor *actor, const struct audit_span *span);
/** @errors ERR_UNAVAILABLE the key of the infrastructure authority is not here, ERR_CLOCK_HELD @thread worker
 */
err_t audit_can_sign(struct fleet *fleet);

/** The category of a kind of record in the words of CR 2.8: "access_control", "request_error", "system",
 *  "backup", "configuration" or "audit_log". @thread any */
const char *audit_category(struct bytes kind);

enum { EVENT_ID_SIZE = UUID_TEXT_SIZE + 64 };
/** The name of a record for ever: "<node>.<epoch>.<lane>.<number>". */
void audit_event_id(const struct audit_place *place, char out[EVENT_ID_SIZE]);

#endif
