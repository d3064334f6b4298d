/* The trust anchors of a device: which root CAs it verifies its server by, and when it takes another one. The
 * server gives its set out as EST does (RFC 7030 §4.1.3); a new root counts only when the old one vouches for
 * it (RFC 9810 §4.4). The certificates themselves are judged behind a port (ports.h). */
#ifndef WHORL_DEVICE_CORE_ANCHORS_H
#define WHORL_DEVICE_CORE_ANCHORS_H

#include "device/core/device.h"

/* What became of a set that the server gave out. */
struct whorl_anchor_news {
    enum whorl_result result; /* of the look at it; WHORL_OK too when there was nothing new */
    unsigned trusted;         /* roots afterwards; 0: the set was not looked at */
    unsigned added;
    unsigned dropped;
    unsigned refused; /* new roots of a trusted one's name that none vouches for; with one of these, nothing
                         was changed */
};

/** Fetches the server's set when its digest is another one than that of the set which was taken last, and
 * takes it or leaves it. A root that is trusted stays as long as the set has it, and in any case while the
 * server's own certificate stands on it. Stored whole or not at all, and in force from the next connection
 * on. Does nothing where the ports have no `trust`. The device must not be connected. */
void whorl_device_update_anchors(struct whorl_device *device, const uint8_t digest[WHORL_HASH_BYTES],
                                 struct whorl_anchor_news *out);

/** Puts the stored roots in force; called by whorl_device_open. */
enum whorl_result whorl_device_load_anchors(struct whorl_device *device);

/** Whether a server of this id (SHA-256 of its root's SubjectPublicKeyInfo) is one that the device trusts. */
bool whorl_device_trusts(const struct whorl_device *device, const uint8_t server_id[WHORL_HASH_BYTES]);

/** The root by which a challenge is asked for: the one that was taken last, else the first of the settings. A
 * server that has that root no more names another, and whorl_device_trusts() decides. Borrowed. */
const uint8_t *whorl_device_server_id(const struct whorl_device *device);

#endif
