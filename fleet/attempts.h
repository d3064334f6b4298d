/* Attempts to prove who one is by something that can be guessed: slowed by their source, recorded when they
 * fail (a bounded number of records), told apart from each other only in the audit log. */
#ifndef WHORL_FLEET_ATTEMPTS_H
#define WHORL_FLEET_ATTEMPTS_H

#include "db/people.h"
#include "fleet/fleet.h"
#include "fleet/source_limits.h"

struct attempt {
    struct fleet *fleet;
    struct source source;
    const char *address, *request_id; /* borrowed */
    const char *kind;                 /* of the record: "login.failed", … */
};

/** @errors ERR_TOO_MANY the source waits @thread worker */
err_t attempt_begin(struct fleet *fleet, const char *address, const char *request_id, struct attempt *out);
/** The source waits longer from now on; a record says why. @param person who was meant, or NULL when nobody
 * is known @param cause for the record: "password", "code", … @return `error`, unchanged */
err_t attempt_failed(const struct attempt *attempt, const struct person_row *person, const char *cause,
                     err_t error);

#endif
