/* Key generations: every key of a device is derived from the one root that its PUF gives. Generation 0 with
 * an all-zero owner salt is the identity key; generations 1, 2, … under the owner's salt are operational
 * keys. The layout of `info` is frozen by tests/vectors/keygen.txt: info = "whorl/id" || u8 alg || u32be
 * generation || u8 use || owner_salt[32]. */
#ifndef WHORL_DEVICE_CORE_KEYGEN_H
#define WHORL_DEVICE_CORE_KEYGEN_H

#include "device/core/kdf.h"

enum { WHORL_ALG_P256 = 1, WHORL_USE_SIGN = 1, WHORL_SALT_BYTES = 32, WHORL_ROOT_BYTES = 32 };

/** PRK = HKDF-Extract(salt "whorl-puf-v1", root). The root itself is not needed afterwards: wipe it. */
enum whorl_result whorl_keygen_begin(const struct whorl_crypto *crypto, const uint8_t root[WHORL_ROOT_BYTES],
                                     uint8_t prk[WHORL_HASH_BYTES]);

/** A P-256 scalar from HKDF-Expand(prk, info) by the rule of PSA Crypto: take 32 bytes k, on k > n-2 the next
 * 32, d = k + 1. */
enum whorl_result whorl_keygen_scalar(const struct whorl_crypto *crypto, const uint8_t prk[WHORL_HASH_BYTES],
                                      struct whorl_bytes info, uint8_t scalar[WHORL_SCALAR_BYTES]);

/** The P-256 signing key of a generation, inside the crypto port. @param owner_salt 32 bytes; generation 0
 * takes zeros. */
enum whorl_result whorl_keygen_key(const struct whorl_crypto *crypto, const uint8_t prk[WHORL_HASH_BYTES],
                                   uint32_t generation, const uint8_t owner_salt[WHORL_SALT_BYTES],
                                   struct whorl_key *out);

#endif
