/* What the files behind firmware_offers.h share. */
#ifndef WHORL_FLEET_FIRMWARE_DESCRIBE_H
#define WHORL_FLEET_FIRMWARE_DESCRIBE_H

#include "fleet/firmware_actions.h"

static inline struct firmware_owner firmware_owner_of(const struct contact *contact)
{
    return (struct firmware_owner){.device = contact->device.id, .tenant = contact->device.tenant};
}
/** @errors ERR_FORBIDDEN the device's state, or what it came with, allows no firmware @thread any */
err_t firmware_check_contact(const struct contact *contact);

/* The images of a release. */
struct firmware_artifacts {
    struct firmware_artifact items[FIRMWARE_ARTIFACTS_MAX];
    bool is_good[FIRMWARE_ARTIFACTS_MAX];
    size_t count;
};
/** @thread of tx, like the next one */
err_t firmware_artifacts_read(struct db_tx *tx, struct uuid release, struct firmware_artifacts *out);
/** The action as the device is told it. */
err_t firmware_describe(struct db_tx *tx, const struct firmware_case *it, struct firmware_action *out);

#endif
