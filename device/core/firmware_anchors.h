/* Whose signature a device takes on firmware: a pair of keys, the signing key, which lives in the server, and
 * the recovery key, which lies in a safe. Both sign manifests; only the recovery key moves the pair, by a
 * statement, so a signing key that leaked cannot. The firmware brings the first pair. */
#ifndef WHORL_DEVICE_CORE_FIRMWARE_ANCHORS_H
#define WHORL_DEVICE_CORE_FIRMWARE_ANCHORS_H

#include "device/core/suit.h"

enum {
    WHORL_STATEMENT_MAX = 512, /* bytes of a statement */
    WHORL_MANIFEST_KEYS_BYTES = 1 + WHORL_UUID_BYTES + 8 + WHORL_ANCHOR_COUNT * WHORL_POINT_BYTES
};

/** Reads a statement: form, class, signature of the recovery key in force, sequence above the one in force.
 *  @param product class id of the product (the first of whorl_firmware_class)
 *  @param[out] out the next pair; of use only after WHORL_VERDICT_GOOD */
enum whorl_verdict whorl_statement_read(const struct whorl_crypto *crypto,
                                        const struct whorl_firmware_keys *in_force,
                                        const uint8_t product[WHORL_UUID_BYTES], struct whorl_bytes statement,
                                        struct whorl_firmware_keys *out);

/** The pair in force: the stored one, when it is newer than the firmware's and for the same product; else the
 *  firmware's. WHORL_ERROR_STORAGE: a record that is damaged. The pair that it held may have been there
 *  because the firmware's leaked, so no manifest is to be taken then; `out` is the firmware's all the same,
 * to hold a statement against. */
enum whorl_result whorl_manifest_keys_load(const struct whorl_storage *storage,
                                           const struct whorl_firmware_class *own,
                                           const struct whorl_firmware_keys *firmware,
                                           struct whorl_firmware_keys *out);

enum whorl_result whorl_manifest_keys_save(const struct whorl_storage *storage,
                                           const struct whorl_firmware_class *own,
                                           const struct whorl_firmware_keys *keys);

#endif
