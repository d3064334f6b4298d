/* Key generations out of the PUF's root (docs/device-protocol.md, "Keys"). Does not keep a scalar: it goes
 * into the crypto port and is wiped here. */
#include "device/core/keygen.h"

enum { INFO_BYTES = 8 + 1 + 4 + 1 + WHORL_SALT_BYTES };

static const char whorl_keygen_salt[] = "whorl-puf-v1";
static const char whorl_keygen_name[] = "whorl/id";

/* n - 2 of P-256, big-endian (SEC 2, 2.4.2) */
static const uint8_t whorl_order_less_2[WHORL_SCALAR_BYTES] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f};

enum whorl_result whorl_keygen_begin(const struct whorl_crypto *crypto, const uint8_t root[WHORL_ROOT_BYTES],
                                     uint8_t prk[WHORL_HASH_BYTES])
{
    struct whorl_bytes secret = {root, WHORL_ROOT_BYTES};
    return whorl_hkdf_extract(crypto, whorl_bytes_of(whorl_keygen_salt), secret, prk);
}

/* Subtracts without looking: the borrow says whether n-2 < k. */
static bool is_too_large(const uint8_t k[WHORL_SCALAR_BYTES])
{
    unsigned borrow = 0;
    for (size_t i = WHORL_SCALAR_BYTES; i-- > 0;) {
        unsigned difference = 0x100U + whorl_order_less_2[i] - k[i] - borrow;
        borrow = 1U - (difference >> 8);
    }
    return borrow != 0;
}

static void add_one(uint8_t k[WHORL_SCALAR_BYTES])
{
    unsigned carry = 1;
    for (size_t i = WHORL_SCALAR_BYTES; i-- > 0;) {
        carry += k[i];
        k[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

enum whorl_result whorl_keygen_scalar(const struct whorl_crypto *crypto, const uint8_t prk[WHORL_HASH_BYTES],
                                      struct whorl_bytes info, uint8_t scalar[WHORL_SCALAR_BYTES])
{
    struct whorl_expand expand = {crypto, prk, info, {0}, 0};
    enum whorl_result result;
    do {
        result = whorl_expand_next(&expand, scalar);
    } while (result == WHORL_OK && is_too_large(scalar));
    crypto->wipe(crypto->context, &expand, sizeof expand);
    if (result == WHORL_OK) {
        add_one(scalar);
    }
    return result;
}

enum whorl_result whorl_keygen_key(const struct whorl_crypto *crypto, const uint8_t prk[WHORL_HASH_BYTES],
                                   uint32_t generation, const uint8_t owner_salt[WHORL_SALT_BYTES],
                                   struct whorl_key *out)
{
    uint8_t info[INFO_BYTES];
    whorl_copy(info, whorl_keygen_name, 8);
    info[8] = WHORL_ALG_P256;
    whorl_put_u32(info + 9, generation);
    info[13] = WHORL_USE_SIGN;
    whorl_copy(info + 14, owner_salt, WHORL_SALT_BYTES);

    struct whorl_bytes label = {info, sizeof info};
    uint8_t scalar[WHORL_SCALAR_BYTES];
    enum whorl_result result = whorl_keygen_scalar(crypto, prk, label, scalar);
    if (result == WHORL_OK && !crypto->p256_import(crypto->context, scalar, out)) {
        result = WHORL_ERROR_CRYPTO;
    }
    crypto->wipe(crypto->context, scalar, sizeof scalar);
    return result;
}
