/* What the firmware of a host device was built with: for which product it is, and whose signature it takes.
 * Kept in the device's folder, in the place of constants of a real firmware. */
#ifndef WHORL_DEVICE_HOST_FIRMWARE_ID_H
#define WHORL_DEVICE_HOST_FIRMWARE_ID_H

#include "device/core/suit.h"

struct host_firmware_id {
    struct whorl_firmware_class own;
    struct whorl_firmware_keys keys;
};

/* What it is made of. */
struct host_firmware_names {
    const char *tenant, *product;
    const char *model;                      /* NULL or "": every hardware of the product */
    const char *signing_key, *recovery_key; /* PEM files with a public key */
};

/** @param[out] problem static text on failure */
bool host_firmware_id_make(const struct host_firmware_names *names, struct host_firmware_id *out,
                           const char **problem);

/** In the file firmware.id of the folder. */
bool host_firmware_id_save(const char *folder, const struct host_firmware_id *id);
/** WHORL_ERROR_NOT_AVAILABLE: the folder has none. */
enum whorl_result host_firmware_id_load(const char *folder, struct host_firmware_id *out);

#endif
