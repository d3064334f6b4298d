/* What people say of a device: labels to find it by, attributes, a note. Changes nothing of what it may do.
 */
#ifndef WHORL_FLEET_DEVICE_DESCRIPTION_H
#define WHORL_FLEET_DEVICE_DESCRIPTION_H

#include "base/json.h"
#include "fleet/terms.h"

enum { LABELS_MAX = 16, LABEL_NAME_MAX = 32, LABEL_VALUE_MAX = 64 };

/** Changes labels, attributes and note as a merge patch says (RFC 7396): an object with these three members,
 *  each of which may be absent.
 *  @errors ERR_NOT_FOUND also for another tenant's; ERR_PRECONDITION; ERR_UNPROCESSABLE with every bad label
 * in terms->faults @thread worker */
err_t device_describe(struct fleet *fleet, const struct terms *terms, const struct device_id *id,
                      const json_t *patch, struct device_row *out);

#endif
