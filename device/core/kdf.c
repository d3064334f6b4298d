/* SHA-256 in one call and HKDF (RFC 5869) over the crypto port's HMAC. Holds nothing; wipes what it made on
 * the stack. */
#include "device/core/kdf.h"

enum whorl_result whorl_sha256(const struct whorl_crypto *crypto, struct whorl_bytes data,
                               uint8_t out[WHORL_HASH_BYTES])
{
    struct whorl_sha256_state state;
    if (!crypto->sha256_begin(crypto->context, &state)) {
        return WHORL_ERROR_CRYPTO;
    }
    bool is_fed = crypto->sha256_update(crypto->context, &state, data);
    bool is_ended = crypto->sha256_end(crypto->context, &state, out);
    return is_fed && is_ended ? WHORL_OK : WHORL_ERROR_CRYPTO;
}

enum whorl_result whorl_hkdf_extract(const struct whorl_crypto *crypto, struct whorl_bytes salt,
                                     struct whorl_bytes secret, uint8_t prk[WHORL_HASH_BYTES])
{
    return crypto->hmac_sha256(crypto->context, salt, secret, prk) ? WHORL_OK : WHORL_ERROR_CRYPTO;
}

enum whorl_result whorl_expand_next(struct whorl_expand *expand, uint8_t out[WHORL_HASH_BYTES])
{
    uint8_t input[WHORL_HASH_BYTES + WHORL_INFO_MAX + 1];
    size_t size = 0;
    if (expand->info.size > WHORL_INFO_MAX || expand->number == 255) {
        return WHORL_ERROR_PARAMETER;
    }
    if (expand->number != 0) {
        whorl_copy(input, expand->block, WHORL_HASH_BYTES);
        size = WHORL_HASH_BYTES;
    }
    whorl_copy(input + size, expand->info.data, expand->info.size);
    size += expand->info.size;
    expand->number++;
    input[size++] = expand->number;
    const struct whorl_crypto *crypto = expand->crypto;
    struct whorl_bytes key = {expand->prk, WHORL_HASH_BYTES};
    struct whorl_bytes data = {input, size};
    bool is_done = crypto->hmac_sha256(crypto->context, key, data, expand->block);
    crypto->wipe(crypto->context, input, sizeof input);
    if (!is_done) {
        return WHORL_ERROR_CRYPTO;
    }
    whorl_copy(out, expand->block, WHORL_HASH_BYTES);
    return WHORL_OK;
}

enum whorl_result whorl_hkdf_label(const struct whorl_crypto *crypto, const uint8_t prk[WHORL_HASH_BYTES],
                                   const char *label, uint8_t out[WHORL_HASH_BYTES])
{
    struct whorl_expand expand = {crypto, prk, whorl_bytes_of(label), {0}, 0};
    enum whorl_result result = whorl_expand_next(&expand, out);
    crypto->wipe(crypto->context, &expand, sizeof expand);
    return result;
}
