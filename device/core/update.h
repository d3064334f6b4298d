/* Firmware: one look at what the server offers, and as much of it as can be done at once. Each step is
 * durable before the next begins, so the power may fail anywhere; the next call goes on from there. What is
 * taken is decided here by the signed manifest alone: the server's word only says where to look. */
#ifndef WHORL_DEVICE_CORE_UPDATE_H
#define WHORL_DEVICE_CORE_UPDATE_H

#include "device/core/device.h"
#include "device/core/firmware_anchors.h"
#include "device/core/firmware_records.h"

enum { WHORL_UPDATE_POLL_S = 300, WHORL_UPDATE_LONGEST_POLL_S = 86400 };

/* What came of one call; filled in each case. */
struct whorl_update_news {
    enum whorl_update_step
        step; /* where the update is now, or how it ended: SUCCEEDED or FAILED, and reported */
    enum whorl_update_fault fault;
    enum whorl_verdict verdict;   /* other than good: the manifest was refused */
    uint32_t action;              /* of the server; 0: it offers nothing */
    uint64_t loaded, whole;       /* bytes */
    bool is_restart_wanted;       /* the firmware is to be restarted: call again afterwards */
    bool is_window_awaited;       /* it is fetched, and the server wants it installed later */
    bool is_cancelled;            /* the server took it back, and the device stopped */
    bool are_keys_moved;          /* another pair of keys is in force */
    enum whorl_verdict statement; /* other than good: the statement of keys was refused */
    uint32_t wait_s;              /* call again after so many seconds */
};

/** Does nothing where the ports have no flash. To be called by firmware that thinks itself well: a new one
 *  that reaches its server with this call is confirmed.
 *  @errors WHORL_OK also for a manifest that was refused and for an update that failed, once the server
 * knows; WHORL_ERROR_NOT_AVAILABLE the device has no certificate yet; WHORL_ERROR_REFUSED, with the server's
 * words in device->problem; WHORL_ERROR_COMMUNICATION, WHORL_ERROR_ANSWER, WHORL_ERROR_STORAGE,
 * WHORL_ERROR_CRYPTO */
enum whorl_result whorl_device_update(struct whorl_device *device, struct whorl_update_news *out);

#endif
