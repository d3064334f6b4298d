/* One line for an audit record of this layer. */
#ifndef WHORL_FLEET_EVENT_H
#define WHORL_FLEET_EVENT_H

#include "base/json.h"
#include "fleet/fleet.h"

struct event {
    const char *kind, *result;
    const char *actor, *request_id;
    const struct uuid *tenant;      /* or NULL */
    const struct device_id *device; /* or NULL */
};

/** Appends the record in the transaction that it describes. Where the request came with a trace that is still
 * known (base/trace_table.h), the object gets a member trace_id. @param format of a compact JSON object; what
 * is put in must need no escaping (numbers, hex, names of our own) @thread of tx */
err_t event_append(struct db_tx *tx, const struct event *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The same with a body of any text: JSON escapes it. @param body an object, borrowed */
err_t event_append_value(struct db_tx *tx, const struct event *event, const json_t *body);

#endif
