/* The table of steps. Revoked has no way out (invariant I6), superseded only that one. Stores nothing. */
#include "fleet/certificate_steps.h"

#include "fleet/states.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define FROM(state)     (1U << (state))
#define FROM_NOTHING    0U

static const struct step_row {
    const char *name;
    unsigned from;
    enum certificate_state to;
} steps[] = {
    [STEP_ISSUE_FIRST] = {"issue of the device's first one", FROM_NOTHING, CERTIFICATE_CONFIRMED},
    [STEP_ISSUE] = {"issue", FROM_NOTHING, CERTIFICATE_UNCONFIRMED},
    [STEP_FIRST_USE] = {"first use", FROM(CERTIFICATE_CONFIRMED), CERTIFICATE_CONFIRMED},
    [STEP_CONFIRM] = {"use", FROM(CERTIFICATE_UNCONFIRMED), CERTIFICATE_CONFIRMED},
    /* by statements over all of a device's rows: db/certificate_rows.c */
    [STEP_REPLACE] = {"the key that asked for it asks again", FROM(CERTIFICATE_UNCONFIRMED),
                      CERTIFICATE_SUPERSEDED},
    [STEP_SUPERSEDE] = {"another one is confirmed",
                        FROM(CERTIFICATE_UNCONFIRMED) | FROM(CERTIFICATE_CONFIRMED), CERTIFICATE_SUPERSEDED},
    [STEP_LIST] = {"the overlap ends, it goes on the CRL", FROM(CERTIFICATE_SUPERSEDED),
                   CERTIFICATE_SUPERSEDED},
    [STEP_REVOKE] = {"revocation",
                     FROM(CERTIFICATE_UNCONFIRMED) | FROM(CERTIFICATE_CONFIRMED) |
                         FROM(CERTIFICATE_SUPERSEDED) | FROM(CERTIFICATE_REVOKED),
                     CERTIFICATE_REVOKED},
};
_Static_assert(COUNT_OF(steps) == STEP_REVOKE + 1, "a row for each step");

enum certificate_state certificate_step_begin(enum certificate_step step)
{
    return steps[step].to;
}

err_t certificate_step_take(enum certificate_step step, struct certificate_row *row)
{
    ENSURE((steps[step].from & FROM(row->state)) != 0, ERR_INTERNAL, "'%s' of a certificate that is %s",
           steps[step].name, certificate_state_name(row->state));
    row->state = steps[step].to;
    return OK;
}

bool certificate_step_exists(enum certificate_state from, enum certificate_state to)
{
    bool exists = from == to;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        exists = exists || ((steps[i].from & FROM(from)) != 0 && steps[i].to == to);
    }
    return exists;
}
