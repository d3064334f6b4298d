/* One contact of a working device, decided by the device itself: ask, then renew, make a new key, or come
 * back by the identity key, as the server's answer says; and when to come again. The loop around it is the
 * firmware's. */
#ifndef WHORL_DEVICE_CORE_RUN_H
#define WHORL_DEVICE_CORE_RUN_H

#include "device/core/anchors.h"
#include "device/core/device.h"

enum {
    WHORL_RUN_FIRST_WAIT_S = 60,     /* after the first failure; twice as long after each further one */
    WHORL_RUN_LONGEST_WAIT_S = 86400 /* also between two contacts of a device that has nothing to do */
};

enum whorl_deed {
    WHORL_DEED_NONE,
    WHORL_DEED_ENROL,
    WHORL_DEED_RENEW,
    WHORL_DEED_REKEY,
    WHORL_DEED_RECOVER /* by the identity key: expired, revoked, lost, or not known to the server */
};

struct whorl_run {
    enum whorl_deed deed; /* what was asked for; the result says whether it came */
    unsigned code;        /* enum whorl_code, as the last status said; 0: no status was had */
    bool is_by_identity;  /* … to the identity key, because no certificate of this device is honoured */
    uint32_t generation;  /* of the certificate in use now; 0: none */
    uint32_t wait_s;      /* come again after so many seconds; sooner does no harm */
    struct whorl_anchor_news anchors;
};

/** WHORL_OK: nothing was to be done, or it was done; `code` tells which, and a device that was revoked, or
 * that nobody knows, is one that can only wait. Otherwise what went wrong: WHORL_ERROR_REFUSED leaves the
 * server's words in device->problem. `out` is filled in each case, and the wait grows with every failure in
 * turn. It is drawn between its half and its whole, so that a fleet that was turned away together does not
 * come back together. */
enum whorl_result whorl_device_run(struct whorl_device *device, struct whorl_run *out);

#endif
