/* Enrolment half of the fuzzy extractor: majority of seven power-ups, the checks that refuse a bad chip,
 * mask, offset and tag. Runs once in a chip's life. Does not store anything: device.c writes the helper
 * record. */
#include "device/core/extractor_internal.h"

void whorl_enrolment_begin(struct whorl_enrolment *enrolment)
{
    whorl_zero(enrolment, sizeof *enrolment);
}

enum whorl_result whorl_enrolment_add(struct whorl_enrolment *enrolment,
                                      const uint8_t cells[WHORL_PUF_CELL_BYTES])
{
    if (enrolment->readings >= WHORL_PUF_POWER_UPS) {
        return WHORL_ERROR_PARAMETER;
    }
    for (size_t i = 0; i < WHORL_PUF_CELL_BYTES; i++) {
        unsigned carry = cells[i];
        for (size_t p = 0; p < 3; p++) {
            unsigned sum = enrolment->plane[p][i];
            enrolment->plane[p][i] = (uint8_t)(sum ^ carry);
            carry &= sum;
        }
    }
    enrolment->readings++;
    return WHORL_OK;
}

static unsigned ones_in(unsigned byte)
{
    unsigned count = 0;
    for (; byte != 0; byte &= byte - 1) {
        count++;
    }
    return count;
}

/* Readings that differ from the majority, summed over all cells. Where the majority is 1, 7 - count are
 * wrong, which is the complement of the lower planes. */
static uint32_t count_errors(const struct whorl_enrolment *e)
{
    uint32_t errors = 0;
    for (size_t i = 0; i < WHORL_PUF_CELL_BYTES; i++) {
        unsigned majority = e->plane[2][i];
        errors += ones_in(e->plane[0][i] ^ majority) + 2 * ones_in(e->plane[1][i] ^ majority);
    }
    return errors;
}

/* Keeps the first 4096 pairs whose cells differ; the second cell is the bit. False when there are not so
 * many. */
static bool keep_pairs(const uint8_t *cells, uint8_t *mask, uint8_t *bits)
{
    size_t kept = 0;
    whorl_zero(mask, WHORL_PUF_MASK_BYTES);
    whorl_zero(bits, WHORL_PUF_OFFSET_BYTES);
    for (size_t pair = 0; pair < WHORL_PUF_PAIRS && kept < WHORL_PUF_BITS; pair++) {
        unsigned second = whorl_bit(cells, 2 * pair + 1);
        if (whorl_bit(cells, 2 * pair) != second) {
            mask[pair / 8] = (uint8_t)(mask[pair / 8] | 0x80U >> pair % 8);
            bits[kept / 8] = (uint8_t)(bits[kept / 8] | second << (7 - kept % 8));
            kept++;
        }
    }
    return kept == WHORL_PUF_BITS;
}

static bool is_far_from_half(uint32_t count, uint32_t total)
{
    uint32_t half = total / 2;
    return (count > half ? count - half : half - count) > WHORL_PUF_BIAS_MAX;
}

/* A bias that is left after pairing, or neighbours that tend to agree, would cost entropy that the
 * code-offset has no room for. */
static bool is_biased(const uint8_t bits[WHORL_PUF_OFFSET_BYTES])
{
    uint32_t ones = whorl_bit(bits, 0);
    uint32_t equal = 0;
    for (size_t i = 1; i < WHORL_PUF_BITS; i++) {
        ones += whorl_bit(bits, i);
        equal += whorl_bit(bits, i) == whorl_bit(bits, i - 1) ? 1U : 0U;
    }
    return is_far_from_half(ones, WHORL_PUF_BITS) || is_far_from_half(equal, WHORL_PUF_BITS - 1);
}

/* A stuck generator would make every chip's message public: two draws must differ and must not be one
 * repeated byte. */
static enum whorl_result draw_message(const struct whorl_random *random,
                                      uint8_t message[WHORL_PUF_MESSAGE_BYTES])
{
    uint8_t other[WHORL_PUF_MESSAGE_BYTES];
    struct whorl_space first = {message, WHORL_PUF_MESSAGE_BYTES};
    struct whorl_space second = {other, sizeof other};
    if (!random->get(random->context, second) || !random->get(random->context, first)) {
        return WHORL_ERROR_RANDOM;
    }
    bool is_repeated = true;
    for (size_t i = 1; i < WHORL_PUF_MESSAGE_BYTES; i++) {
        is_repeated = is_repeated && message[i] == message[0];
    }
    return is_repeated || whorl_equal(message, other, sizeof other) ? WHORL_ERROR_RANDOM : WHORL_OK;
}

enum whorl_result whorl_enrolment_finish(const struct whorl_enrolment *enrolment,
                                         const struct whorl_ports *ports, struct whorl_helper *helper,
                                         uint8_t root[WHORL_ROOT_BYTES])
{
    if (enrolment->readings != WHORL_PUF_POWER_UPS) {
        return WHORL_ERROR_PARAMETER;
    }
    const uint32_t seen = (uint32_t)WHORL_PUF_CELLS * WHORL_PUF_POWER_UPS;
    if (count_errors(enrolment) > seen / 100 * WHORL_PUF_NOISE_MAX_PERCENT) {
        return WHORL_ERROR_PUF_NOISY;
    }
    uint8_t *offset = helper->bytes + WHORL_HELPER_OFFSET_AT;
    helper->bytes[0] = WHORL_PUF_HELPER_VERSION;
    if (!keep_pairs(enrolment->plane[2], helper->bytes + WHORL_HELPER_MASK_AT, offset) || is_biased(offset)) {
        whorl_zero(helper, sizeof *helper);
        return WHORL_ERROR_PUF_BIASED;
    }
    uint8_t message[WHORL_PUF_MESSAGE_BYTES] = {0};
    struct whorl_extractor_keys keys;
    enum whorl_result result = draw_message(ports->random, message);
    for (size_t block = 0; block < WHORL_PUF_BLOCKS; block++) {
        uint8_t codeword[WHORL_RM_BYTES];
        whorl_rm_encode(message[block], codeword);
        for (size_t i = 0; i < WHORL_RM_BYTES; i++) {
            offset[block * WHORL_RM_BYTES + i] ^= codeword[i];
        }
    }
    if (result == WHORL_OK) {
        result = whorl_extractor_keys(ports->crypto, helper, message, &keys);
    }
    if (result == WHORL_OK) {
        whorl_copy(helper->bytes + WHORL_HELPER_TAG_AT, keys.tag, WHORL_HASH_BYTES);
        whorl_copy(root, keys.root, WHORL_ROOT_BYTES);
    } else {
        whorl_zero(helper, sizeof *helper);
    }
    ports->crypto->wipe(ports->crypto->context, message, sizeof message);
    ports->crypto->wipe(ports->crypto->context, &keys, sizeof keys);
    return result;
}
