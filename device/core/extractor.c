/* Reproduction half of the fuzzy extractor, and the key schedule that both halves share: the tag is checked
 * before the root exists. Enrolment is in enrolment.c. */
#include "device/core/extractor_internal.h"

static const char whorl_extractor_salt[] = "whorl-puf-fe-v1";

unsigned whorl_bit(const uint8_t *bits, size_t index)
{
    return (unsigned)bits[index / 8] >> (7 - index % 8) & 1U;
}

enum whorl_result whorl_extractor_keys(const struct whorl_crypto *crypto, const struct whorl_helper *helper,
                                       const uint8_t message[WHORL_PUF_MESSAGE_BYTES],
                                       struct whorl_extractor_keys *out)
{
    uint8_t prk[WHORL_HASH_BYTES];
    uint8_t tag_key[WHORL_HASH_BYTES] = {0};
    struct whorl_bytes secret = {message, WHORL_PUF_MESSAGE_BYTES};
    enum whorl_result result = whorl_hkdf_extract(crypto, whorl_bytes_of(whorl_extractor_salt), secret, prk);
    if (result == WHORL_OK) {
        result = whorl_hkdf_label(crypto, prk, "helper-tag", tag_key);
    }
    if (result == WHORL_OK) {
        result = whorl_hkdf_label(crypto, prk, "root", out->root);
    }
    struct whorl_bytes key = {tag_key, sizeof tag_key};
    struct whorl_bytes covered = {helper->bytes, WHORL_HELPER_TAG_AT};
    if (result == WHORL_OK && !crypto->hmac_sha256(crypto->context, key, covered, out->tag)) {
        result = WHORL_ERROR_CRYPTO;
    }
    crypto->wipe(crypto->context, prk, sizeof prk);
    crypto->wipe(crypto->context, tag_key, sizeof tag_key);
    return result;
}

/* Exactly 4096 pairs are kept; anything else never came from an enrolment. */
static bool is_well_formed(const struct whorl_helper *helper)
{
    size_t kept = 0;
    for (size_t pair = 0; pair < WHORL_PUF_PAIRS; pair++) {
        kept += whorl_bit(helper->bytes + WHORL_HELPER_MASK_AT, pair);
    }
    return helper->bytes[0] == WHORL_PUF_HELPER_VERSION && kept == WHORL_PUF_BITS;
}

/* A pair that reads as enrolled votes with both cells, a pair that reads the other way round votes against,
 * and a pair that now reads equal says nothing. */
static void decode(const struct whorl_helper *helper, const uint8_t cells[WHORL_PUF_CELL_BYTES],
                   uint8_t message[WHORL_PUF_MESSAGE_BYTES])
{
    const uint8_t *mask = helper->bytes + WHORL_HELPER_MASK_AT;
    const uint8_t *offset = helper->bytes + WHORL_HELPER_OFFSET_AT;
    int16_t votes[WHORL_RM_BITS];
    size_t kept = 0;
    for (size_t pair = 0; pair < WHORL_PUF_PAIRS; pair++) {
        if (whorl_bit(mask, pair) == 0) {
            continue;
        }
        int vote = (int)whorl_bit(cells, 2 * pair + 1) - (int)whorl_bit(cells, 2 * pair);
        int sign = 1 - 2 * (int)whorl_bit(offset, kept);
        votes[kept % WHORL_RM_BITS] = (int16_t)(sign * vote);
        kept++;
        if (kept % WHORL_RM_BITS == 0) {
            message[kept / WHORL_RM_BITS - 1] = whorl_rm_decode(votes);
        }
    }
    whorl_zero(votes, sizeof votes);
}

enum whorl_result whorl_extract(const struct whorl_crypto *crypto, const struct whorl_helper *helper,
                                const uint8_t cells[WHORL_PUF_CELL_BYTES], uint8_t root[WHORL_ROOT_BYTES])
{
    whorl_zero(root, WHORL_ROOT_BYTES);
    if (!is_well_formed(helper)) {
        return WHORL_ERROR_HELPER;
    }
    uint8_t message[WHORL_PUF_MESSAGE_BYTES];
    struct whorl_extractor_keys keys;
    decode(helper, cells, message);
    enum whorl_result result = whorl_extractor_keys(crypto, helper, message, &keys);
    if (result == WHORL_OK && !whorl_equal(keys.tag, helper->bytes + WHORL_HELPER_TAG_AT, WHORL_HASH_BYTES)) {
        result = WHORL_ERROR_HELPER;
    }
    if (result == WHORL_OK) {
        whorl_copy(root, keys.root, WHORL_ROOT_BYTES);
    }
    crypto->wipe(crypto->context, message, sizeof message);
    crypto->wipe(crypto->context, &keys, sizeof keys);
    return result;
}
