/* What a fleet that stays (stay.h) trusts and holds: how many devices have which root in force, and a
 * certificate of which issuing authority. For those who roll an authority over under it. */
#ifndef WHORL_DEVICE_SIM_STAY_TRUST_H
#define WHORL_DEVICE_SIM_STAY_TRUST_H

#include "device/core/device.h"

enum { STAY_NAMES = 16, STAY_NAME_SIZE = 65 };

/* Of one device. */
struct stay_holding {
    uint8_t root[WHORL_ANCHORS_MAX][WHORL_HASH_BYTES]; /* server_id of each */
    size_t root_count;
    char issuer[STAY_NAME_SIZE]; /* common name; "" without a certificate */
};

struct stay_count {
    char name[STAY_NAME_SIZE]; /* of a root: its server_id, in hex; of an issuer: its common name */
    size_t devices;
};

/* Of all. More names than there is room for are left out. */
struct stay_holdings {
    struct stay_count roots[STAY_NAMES], issuers[STAY_NAMES];
    size_t root_count, issuer_count;
    size_t bare; /* devices without a certificate */
};

/** As memory and storage of the device have it; it must not be connected. */
void stay_holding_read(struct whorl_device *device, struct stay_holding *out);

void stay_holdings_count(const struct stay_holding *each, size_t count, struct stay_holdings *out);

#endif
