/* The life of a certificate as one table: which step leads from which states into which. Whoever changes a
 * state takes a step of it; docs/lifecycle.md is made from it. */
#ifndef WHORL_FLEET_CERTIFICATE_STEPS_H
#define WHORL_FLEET_CERTIFICATE_STEPS_H

#include "db/rows.h"

enum certificate_step {
    STEP_ISSUE_FIRST,
    STEP_ISSUE,
    STEP_FIRST_USE,
    STEP_CONFIRM,
    STEP_REPLACE,
    STEP_SUPERSEDE,
    STEP_LIST,
    STEP_REVOKE
};

/** Where a certificate that is just issued begins. @thread any, like all functions here */
enum certificate_state certificate_step_begin(enum certificate_step step);
/** Puts the row into the state that the step leads to. @errors ERR_INTERNAL the step does not begin in its
 * state
 *  */
err_t certificate_step_take(enum certificate_step step, struct certificate_row *row);
/** Whether any step leads from one state to the other; from a state to itself always. */
bool certificate_step_exists(enum certificate_state from, enum certificate_state to);

#endif
