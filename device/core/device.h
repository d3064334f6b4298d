/* A device: its identity out of the PUF, and its way from first contact to a working certificate. The order
 * of records is such that the power may fail at any point: a new certificate is stored beside the old one and
 * takes its place only after the server has accepted it once. One thread uses a device at a time. */
#ifndef WHORL_DEVICE_CORE_DEVICE_H
#define WHORL_DEVICE_CORE_DEVICE_H

#include "device/core/extractor.h"
#include "device/core/http.h"
#include "device/core/records.h"
#include "device/core/suit.h"

/* The largest thing that a device reads is a set of trust anchors: WHORL_SET_MAX certificates of 700 bytes,
 * in base64. */
enum { WHORL_WORK_BYTES = 12288, WHORL_CREDENTIAL_BYTES = 4096 };

/* Where to go and whom to trust there. All pointers are borrowed for the life of the device. */
struct whorl_settings {
    const struct whorl_ports *ports;
    struct whorl_endpoint server;
    uint8_t server_id[32];           /* SHA-256 of the pinned root's SPKI: named in every proof */
    const struct whorl_bytes *roots; /* the pinned root, and others of the firmware (DER): what the first new
                                        one is measured by. Needed with ports->trust only */
    size_t root_count;               /* WHORL_ANCHORS_MAX at most */
    struct whorl_space work;         /* requests and answers; WHORL_WORK_BYTES is ample */
    struct whorl_space credential;   /* the certificate chain in use; WHORL_CREDENTIAL_BYTES is ample */
    /* what lets in a device that no list names; each may be empty */
    struct whorl_bytes code;         /* an enrolment code: shown beside the identity key */
    const struct whorl_bytes *birth; /* a certificate of the chip's maker over the identity key, then its CAs
                                        (DER); without one the device signs one for itself */
    size_t birth_count;              /* WHORL_CHAIN_MAX at most */
    const struct whorl_firmware_class *firmware_class; /* needed with ports->flash only, as are … */
    const struct whorl_firmware_keys *firmware_keys;   /* … those that this firmware was built with */
};

/* The last Whorl-Rekey-After, from the answer that it came with. */
struct whorl_order {
    bool is_given;
    struct whorl_rekey_after after;
    uint32_t noted_ms; /* by the monotonic clock */
};

/* What of the stored trust anchors stays in memory. */
struct whorl_anchor_view {
    uint8_t digest[WHORL_HASH_BYTES]; /* of the set that was taken last; zeros: none was */
    uint8_t server_id[WHORL_ANCHORS_MAX][WHORL_HASH_BYTES];
    size_t count; /* 0: the roots of the settings are in force */
};

struct whorl_device {
    struct whorl_settings settings;
    uint8_t prk[WHORL_HASH_BYTES]; /* of the key generations: secret, wiped by close */
    struct whorl_key identity;
    uint8_t id[WHORL_ID_BYTES];
    uint8_t spki[WHORL_SPKI_BYTES];
    struct whorl_state state;
    struct whorl_anchor_view anchors;
    struct whorl_problem problem; /* of the last WHORL_ERROR_REFUSED */
    struct whorl_order order;
    uint32_t retry_after_s; /* of the last answer; 0: not given */
    unsigned failures;      /* of whorl_device_run, one after the other */
    bool is_connected;
};

/** Once in a chip's life: reads the PUF, makes the helper data and stores it. WHORL_ERROR_EXISTS when there
 * is some already.
 *  @param enrolment room of about 9 KiB, wiped on return */
enum whorl_result whorl_device_grow(const struct whorl_ports *ports, struct whorl_enrolment *enrolment);

/** Reproduces the identity key and loads the state. On WHORL_ERROR_HELPER the failure is counted in storage.
 *  A device that was opened is closed, whatever happens in between. */
enum whorl_result whorl_device_open(struct whorl_device *device, const struct whorl_settings *settings);
void whorl_device_close(struct whorl_device *device);

/** Asks the server. With a certificate in use it is shown (and a pending one confirmed first); the identity
 * key speaks where there is none, or where the server does not honour it. */
enum whorl_result whorl_device_status(struct whorl_device *device, struct whorl_status *out);

/** From the identity key to a confirmed certificate. A device that is enrolled and holds its certificate
 * stays as it is. */
enum whorl_result whorl_device_enrol(struct whorl_device *device);

/** The same where no client certificate can be sent: possession is proved by signing the server's challenge.
 */
enum whorl_result whorl_device_enrol_by_challenge(struct whorl_device *device);
enum whorl_result whorl_device_status_by_challenge(struct whorl_device *device, struct whorl_status *out);

/** A new certificate for the key in use, or for the next generation; asked for, and then confirmed, by the
 * certificates themselves. */
enum whorl_result whorl_device_renew(struct whorl_device *device);
enum whorl_result whorl_device_rekey(struct whorl_device *device);

/** The identity key asks for a certificate even when one is in use, for a device that doubts what it holds.
 * The server's policy decides (WHORL_ERROR_REFUSED, 403): by default it gives one when none that was used is
 * valid any more. The one in use stays until the new one is confirmed. */
enum whorl_result whorl_device_recover(struct whorl_device *device);

/** Is it time to renew, by the last Whorl-Rekey-After, or by the device's own clock? False when neither
 * knows: the server's status tells too. */
bool whorl_device_renewal_is_due(struct whorl_device *device);

#endif
