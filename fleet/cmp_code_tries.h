/* Messages whose MAC did not hold, by the reference that they named: counted in memory and written by a job
 * with the codes that there are, so that no such message costs a write, and none tells by its time whether
 * the reference is known. When memory is full, a count is dropped. */
#ifndef WHORL_FLEET_CMP_CODE_TRIES_H
#define WHORL_FLEET_CMP_CODE_TRIES_H

#include "db/cmp_code_rows.h"
#include "fleet/fleet.h"

struct cmp_code_tries;

/** @thread init */
err_t cmp_code_tries_new(struct cmp_code_tries **out);
void cmp_code_tries_free(struct cmp_code_tries *tries);

/** @thread any */
void cmp_code_tries_note(struct cmp_code_tries *tries, const uint8_t reference[CMP_REFERENCE_SIZE],
                         int64_t at_ms);
/** Adds them to the codes, each with a record that says how many. References of no code are forgotten.
 *  @thread background */
err_t cmp_code_tries_flush(struct fleet *fleet, int64_t now_ms);

#endif
