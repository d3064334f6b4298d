/* Every kind of record that is ever written about this installation: what it says, and whether a tenant is
 * told it as an event. docs/events.md is made from this table. */
#ifndef WHORL_FLEET_EVENT_KINDS_H
#define WHORL_FLEET_EVENT_KINDS_H

#include <stddef.h>

#include "base/bytes.h"

enum event_reach {
    EVENT_FED,  /* changed something of a tenant: stands in its feed */
    EVENT_NOTE, /* a refusal, or that somebody read: in the audit log only */
    EVENT_HOUSE /* of the installation: no tenant's */
};

struct event_kind {
    const char *kind;
    enum event_reach reach;
    const char *text; /* for people, one line */
};

/** In order of name. @thread any */
const struct event_kind *event_kinds(size_t *count);
/** NULL: nothing of this kind is ever written. @thread any */
const struct event_kind *event_kind_find(struct bytes kind);

enum { EVENT_PATTERN_SIZE = 64 };
/** A pattern names one kind ("device.enrolled"), all of a group ("device.*"), or all ("*"). @errors
 * ERR_UNPROCESSABLE when no event could ever fit it @thread any */
err_t event_pattern_check(struct bytes pattern);
bool event_pattern_fits(const char *pattern, struct bytes kind);

#endif
