/* Every kind of alarm: what it says, and what a person does about it. docs/revocation.md shows the table. */
#ifndef WHORL_FLEET_ALARM_KINDS_H
#define WHORL_FLEET_ALARM_KINDS_H

#include <stddef.h>

#include "base/bytes.h"

struct alarm_kind {
    const char *kind;
    const char *text;   /* what is wrong, one line */
    const char *remedy; /* what to do */
};

/** In order of name. @thread any */
const struct alarm_kind *alarm_kinds(size_t *count);
/** NULL: nothing of this kind is ever raised. @thread any */
const struct alarm_kind *alarm_kind_find(struct bytes kind);

#endif
