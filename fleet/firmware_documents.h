/* What a device may read beside the bytes of its firmware: the signed manifest of a release, and the
 * statement about the keys under which manifests are good. Signs and judges nothing. */
#ifndef WHORL_FLEET_FIRMWARE_DOCUMENTS_H
#define WHORL_FLEET_FIRMWARE_DOCUMENTS_H

#include "fleet/contact.h"

/** The SUIT envelope of a release of which the device has an action (firmware_action_get()).
 *  @param[in,out] out appended @errors ERR_NOT_FOUND it has none, ERR_DB @thread worker, like all functions
 *  here */
err_t firmware_manifest_read(struct fleet *fleet, struct uuid release, struct buf *out);
/** The number of the statement in force for the product of the device; 0: there is none. @errors ERR_DB */
err_t firmware_anchors_sequence(struct fleet *fleet, const struct contact *contact, int64_t *out);
/** The statement. @param[in,out] out appended @errors ERR_NOT_FOUND there is none; ERR_FORBIDDEN the device's
 *  state allows no firmware */
err_t firmware_anchors_read(struct fleet *fleet, const struct contact *contact, struct buf *out);

#endif
