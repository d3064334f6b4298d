/* SHA-256 in one call and HKDF (RFC 5869), built on the crypto port. Called by keygen, extractor and the
 * protocol. */
#ifndef WHORL_DEVICE_CORE_KDF_H
#define WHORL_DEVICE_CORE_KDF_H

#include "device/core/ports.h"

enum { WHORL_INFO_MAX = 64 };

/* HKDF-Expand as a stream of 32-byte blocks: T(1), T(2), … */
struct whorl_expand {
    const struct whorl_crypto *crypto;
    const uint8_t *prk;
    struct whorl_bytes info;
    uint8_t block[WHORL_HASH_BYTES];
    uint8_t number;
};

enum whorl_result whorl_sha256(const struct whorl_crypto *crypto, struct whorl_bytes data,
                               uint8_t out[WHORL_HASH_BYTES]);

enum whorl_result whorl_hkdf_extract(const struct whorl_crypto *crypto, struct whorl_bytes salt,
                                     struct whorl_bytes secret, uint8_t prk[WHORL_HASH_BYTES]);

/** The next 32 bytes. Zero the structure, set crypto, prk and info (at most WHORL_INFO_MAX bytes), then ask.
 */
enum whorl_result whorl_expand_next(struct whorl_expand *expand, uint8_t out[WHORL_HASH_BYTES]);

/** HKDF-Expand of exactly 32 bytes under a text label. */
enum whorl_result whorl_hkdf_label(const struct whorl_crypto *crypto, const uint8_t prk[WHORL_HASH_BYTES],
                                   const char *label, uint8_t out[WHORL_HASH_BYTES]);

#endif
