/* The second half of an import: a judged plan becomes rows and records. What both ways in share, the
 * console's (authority_import.h) and the one over REST (authority_import_order.h). */
#ifndef WHORL_FLEET_AUTHORITY_IMPORT_APPLY_H
#define WHORL_FLEET_AUTHORITY_IMPORT_APPLY_H

#include "fleet/authority_import_read.h"
#include "fleet/terms.h"
#include "pki/crl_read.h"

struct import_run {
    const struct actor *actor;
    const struct ca_bundle *bundle;
    struct import_world world; /* on which the plan was judged */
    struct import_plan *plan;
};
void import_run_clear(struct import_run *run);
DEFINE_AUTO_VAL(import_run, import_run_clear);

/** All steps of the plan; notes are added to them. @errors ERR_BUSY an authority has changed since the world
 *  was read: read and judge again; ERR_WRONG_STATE devices take no more certificates of authorities; ERR_DB
 *  @thread of tx */
err_t import_apply(struct db_tx *tx, struct import_run *run);
/** Lets those that a list revokes, and all under them, issue nothing any more, with record and alarm; says so
 * in the note of its step. @thread of tx */
err_t import_strike_revoked(struct db_tx *tx, const struct import_run *run, const struct crl_facts *crl,
                            struct import_step *step);
/** Whether a step does more than to find what is here. @thread any */
bool import_changes_anything(const struct import_plan *plan);

#endif
