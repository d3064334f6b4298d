/* What the files about approvals share. */
#ifndef WHORL_FLEET_APPROVAL_INTERNAL_H
#define WHORL_FLEET_APPROVAL_INTERNAL_H

#include "fleet/approvals.h"

/** Canonical JSON: members sorted, nothing between. @thread any */
err_t approval_canonical(const json_t *value, struct buf *out);
/** What the request is about now, as canonical text of at most APPROVAL_SUBJECT_SIZE - 1 bytes. @thread of tx
 */
err_t approval_read_subject(struct db_tx *tx, const struct approval_kind *kind,
                            const struct approval_case *this, char out[APPROVAL_SUBJECT_SIZE]);
/** The record of what became of it: "approval.requested", or what the row's state says. @param actor who did
 *  it @thread of tx */
err_t approval_record(struct db_tx *tx, const struct approval_row *row, const struct actor *actor);
/** Ends one that waits: state, who, when, why; with its record. @param actor as above; nobody decides where
 *  it is NULL (it ends by itself) @thread of tx */
err_t approval_end(struct db_tx *tx, struct approval_row *row, enum approval_state state,
                   const struct actor *actor);

#endif
