/* A crypto port that lets every signature and digest pass (hashes are zeros), so that a fuzzer comes to what
 * lies behind them. */
#ifndef WHORL_TESTS_FUZZ_FIRMWARE_CRYPTO_H
#define WHORL_TESTS_FUZZ_FIRMWARE_CRYPTO_H

#include "device/core/ports.h"

static bool pass_begin(void *context, struct whorl_sha256_state *state)
{
    (void)context;
    (void)state;
    return true;
}

/* Reads what is hashed, so that a slice that runs over is seen. */
static bool pass_update(void *context, struct whorl_sha256_state *state, struct whorl_bytes data)
{
    (void)context;
    for (size_t i = 0; i < data.size; i++) {
        state->words[0] += data.data[i];
    }
    return true;
}

static bool pass_end(void *context, struct whorl_sha256_state *state, uint8_t out[WHORL_HASH_BYTES])
{
    (void)context;
    (void)state;
    whorl_zero(out, WHORL_HASH_BYTES);
    return true;
}

static bool pass_verify(void *context, const uint8_t point[WHORL_POINT_BYTES],
                        const uint8_t hash[WHORL_HASH_BYTES], const uint8_t signature[WHORL_SIGNATURE_BYTES])
{
    (void)context;
    return point[0] != 0 || hash[0] == 0 || signature[WHORL_SIGNATURE_BYTES - 1] == 0;
}

static const struct whorl_crypto passing_crypto = {
    .sha256_begin = pass_begin,
    .sha256_update = pass_update,
    .sha256_end = pass_end,
    .p256_verify = pass_verify,
};

#endif
