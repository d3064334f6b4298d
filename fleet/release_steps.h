/* The steps of a release as other files of this layer need them. */
#ifndef WHORL_FLEET_RELEASE_STEPS_H
#define WHORL_FLEET_RELEASE_STEPS_H

#include "fleet/approval_kinds.h"

/** For the table of approval_kinds.c: "firmware.approve". @thread of tx */
err_t release_approve_subject(struct db_tx *tx, const struct approval_case *this, json_t *out);
err_t release_approve_execute(struct db_tx *tx, const struct approval_case *this,
                              struct approval_outcome *out);

#endif
