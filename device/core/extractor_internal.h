/* What the two halves of the fuzzy extractor share: the layout of the helper data and the key schedule. Not
 * for others. */
#ifndef WHORL_DEVICE_CORE_EXTRACTOR_INTERNAL_H
#define WHORL_DEVICE_CORE_EXTRACTOR_INTERNAL_H

#include "device/core/extractor.h"

enum {
    WHORL_HELPER_MASK_AT = 1,
    WHORL_HELPER_OFFSET_AT = WHORL_HELPER_MASK_AT + WHORL_PUF_MASK_BYTES,
    WHORL_HELPER_TAG_AT = WHORL_HELPER_OFFSET_AT + WHORL_PUF_OFFSET_BYTES
};

struct whorl_extractor_keys {
    uint8_t root[WHORL_ROOT_BYTES];
    uint8_t tag[WHORL_HASH_BYTES];
};

/** Bit `index` of a bit string, most significant bit first. */
unsigned whorl_bit(const uint8_t *bits, size_t index);

/** Root, and the tag over version || mask || offset, that belong to a message. */
enum whorl_result whorl_extractor_keys(const struct whorl_crypto *crypto, const struct whorl_helper *helper,
                                       const uint8_t message[WHORL_PUF_MESSAGE_BYTES],
                                       struct whorl_extractor_keys *out);

#endif
