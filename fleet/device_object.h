/* A device as JSON says it in every list: its id as text, or an object with id or spki, serial, model,
 * attributes. */
#ifndef WHORL_FLEET_DEVICE_OBJECT_H
#define WHORL_FLEET_DEVICE_OBJECT_H

#include "base/json.h"
#include "fleet/registry.h"

struct device_object {
    struct device_entry entry; /* slices of the document and of the two buffers */
    struct buf spki, attributes;
};
void device_object_clear(struct device_object *object);
DEFINE_AUTO_VAL(device_object, device_object_clear);

/** Judges the form only. @param[out] out {0} before; cleared by the caller on failure too
 *  @errors ERR_UNPROCESSABLE @thread any */
err_t device_object_read(const json_t *value, struct device_object *out);

#endif
