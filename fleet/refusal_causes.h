/* Why a known device was turned away, and what would change it: one table, from the state in which the device
 * came to the words for a person. */
#ifndef WHORL_FLEET_REFUSAL_CAUSES_H
#define WHORL_FLEET_REFUSAL_CAUSES_H

#include "fleet/contact.h"

struct refusal_cause {
    const char *name;    /* "quarantined", "expired-certificate", … or the slug of an error */
    const char *meaning; /* a sentence */
    const char *remedy;  /* a sentence */
};

/** What stood in the way of this device. @param why the error that it got @thread any */
const char *refusal_cause_of(const struct contact *contact, err_t why);
/** The words of a cause; of one that is not known, itself without a remedy. */
struct refusal_cause refusal_cause_find(const char *name);
/** What stands in the way in this state, whatever the device asks; NULL when nothing does. */
const char *refusal_cause_of_state(const struct device_row *device);

#endif
