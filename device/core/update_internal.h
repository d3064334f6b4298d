/* Shared by update.c (what follows what), update_load.c (bytes into slots) and update_talk.c (what is said to
 * the server). */
#ifndef WHORL_DEVICE_CORE_UPDATE_INTERNAL_H
#define WHORL_DEVICE_CORE_UPDATE_INTERNAL_H

#include "device/core/device_internal.h"
#include "device/core/update.h"

enum { WHORL_LINK_MAX = 96 };

/* The server's answer to a poll. */
struct whorl_offer {
    uint32_t action; /* 0: none */
    bool is_cancelling;
    bool is_in_window;
    bool wants_attributes;         /* what the device says of itself */
    char manifest[WHORL_LINK_MAX]; /* path of it */
    uint8_t manifest_sha256[WHORL_HASH_BYTES];
    uint64_t anchors_sequence; /* of the newest statement; 0: none */
    uint32_t poll_s;
};

/* What a device says of an action. */
struct whorl_update_report {
    uint32_t action;
    const char *state;
    const char *message;   /* plain ASCII; NULL: none */
    const uint8_t *digest; /* NULL: not told */
    uint64_t done, of;     /* of 0: not told */
};

bool whorl_offer_read(struct whorl_bytes body, struct whorl_offer *out);
enum whorl_result whorl_update_poll(struct whorl_device *device, struct whorl_offer *out);
enum whorl_result whorl_update_tell(struct whorl_device *device, const struct whorl_update_report *report);

/** What runs: version and sequence. */
enum whorl_result whorl_update_introduce(struct whorl_device *device);

/** The manifest of an offer, verified and found to lead forward. @param[in,out] update the next one, when the
 *  verdict is good; not stored yet */
enum whorl_result whorl_update_look(struct whorl_device *device, const struct whorl_offer *offer,
                                    struct whorl_update *update, enum whorl_verdict *verdict);

/** The newest statement of keys. @param[out] verdict what came of it; good only when a pair was stored */
enum whorl_result whorl_update_move_keys(struct whorl_device *device, enum whorl_verdict *verdict);

/** Fetches what is missing into the spare slots. The update is stored as it grows; update->fault is set when
 * it cannot be finished. */
enum whorl_result whorl_update_fetch(struct whorl_device *device, struct whorl_update *update);

/** Whether these slots hold the parts that the update fetches, byte for byte. */
enum whorl_result whorl_update_matches(struct whorl_device *device, const struct whorl_update *update,
                                       enum whorl_slot slot, bool *out);

static inline struct whorl_bytes whorl_part_name(const struct whorl_installed_part *part)
{
    struct whorl_bytes name = {part->name, part->name_size};
    return name;
}

#endif
