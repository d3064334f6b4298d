/* Who was turned away lately: bounded memory that says whether one more refusal may write an audit record
 * (docs/identity.md, rule 5). Forgets everything at a restart, writes nothing itself; fleet/contact_refused.c
 * asks it. */
#ifndef WHORL_FLEET_REFUSALS_H
#define WHORL_FLEET_REFUSALS_H

#include "base/bytes.h"

struct refusals;

enum refusal_kind {
    REFUSAL_UNKNOWN, /* a key that nobody registered: one record a minute for each source network */
    REFUSAL_ALARM,   /* a certificate that we did not issue, two equal claims: one a minute for each cause */
    REFUSAL_DEVICE,  /* a known device: ten an hour */
    REFUSAL_CLONE,   /* two holders of a device's key, where that only alerts: one an hour */
    REFUSAL_LOGIN    /* a person's password or code was wrong: ten a minute for each source network */
};

/** Counts the refusal. @param[out] unrecorded refusals of this key since the last record that was allowed
 *  @return whether it may be recorded; false as well when the table is full of younger keys @thread any */
bool refusals_may_record(struct refusals *refusals, enum refusal_kind kind, struct bytes key, int64_t now_ms,
                         int64_t *unrecorded);

enum { NETWORK_TEXT_SIZE = 64 };
/** "192.0.2.0/24" or "2001:db8::/64" of a client's address; "unknown" when it is none. @thread any */
void refusals_network(const char *address, char out[NETWORK_TEXT_SIZE]);

#endif
