/* The fuzzy extractor: a 256-bit secret out of noisy, biased cells, the same at every power-up. Von Neumann
 * pairs (both cells kept as votes) take the bias out; RM(1,7) in 32 blocks as a code-offset takes the noise
 * out. Fails with 1.35e-15 at 15 % cell error. The helper data is public but authenticated. Enrol a chip
 * ONCE: the masks of several enrolments leak its bits. */
#ifndef WHORL_DEVICE_CORE_EXTRACTOR_H
#define WHORL_DEVICE_CORE_EXTRACTOR_H

#include "device/core/keygen.h"
#include "device/core/reed_muller.h"

enum {
    WHORL_PUF_BLOCKS = 32,
    WHORL_PUF_BITS = WHORL_PUF_BLOCKS * WHORL_RM_BITS, /* kept pairs: 4096 */
    WHORL_PUF_PAIRS =
        9248, /* at 0.7 bit per cell a pair is kept with 0.4733: 4096 are there with 6 sigma to spare */
    WHORL_PUF_CELLS = 2 * WHORL_PUF_PAIRS,
    WHORL_PUF_CELL_BYTES = WHORL_PUF_CELLS / 8,
    WHORL_PUF_POWER_UPS = 7,
    WHORL_PUF_MASK_BYTES = WHORL_PUF_PAIRS / 8,
    WHORL_PUF_OFFSET_BYTES = WHORL_PUF_BITS / 8,
    WHORL_PUF_MESSAGE_BYTES = WHORL_PUF_BLOCKS,
    WHORL_PUF_HELPER_VERSION = 1,
    WHORL_HELPER_BYTES = 1 + WHORL_PUF_MASK_BYTES + WHORL_PUF_OFFSET_BYTES + WHORL_HASH_BYTES,
    WHORL_PUF_BIAS_MAX = WHORL_PUF_BITS * 3 / 100, /* 50 +- 3 %: 3.8 sigma */
    WHORL_PUF_NOISE_MAX_PERCENT = 8
};

/* version || mask || offset || tag */
struct whorl_helper {
    uint8_t bytes[WHORL_HELPER_BYTES];
};

/* Counts the ones of each cell over seven power-ups, as three bit planes (count = plane0 + 2 plane1 + 4
 * plane2), so that plane 2 is the majority. About 9 KiB, needed once in a chip's life; may be kept in
 * non-volatile memory between power-ups, and wiped after. */
struct whorl_enrolment {
    uint8_t plane[3][WHORL_PUF_CELL_BYTES];
    unsigned readings;
};

void whorl_enrolment_begin(struct whorl_enrolment *enrolment);

/** Adds one power-up. The eighth is refused. */
enum whorl_result whorl_enrolment_add(struct whorl_enrolment *enrolment,
                                      const uint8_t cells[WHORL_PUF_CELL_BYTES]);

/** Makes helper data and root from the majority and a fresh random message.
 *  Refuses an unsteady chip (WHORL_ERROR_PUF_NOISY) and bits that are not uniform (WHORL_ERROR_PUF_BIASED).
 */
enum whorl_result whorl_enrolment_finish(const struct whorl_enrolment *enrolment,
                                         const struct whorl_ports *ports, struct whorl_helper *helper,
                                         uint8_t root[WHORL_ROOT_BYTES]);

/** The root again, from one reading of the same chip. WHORL_ERROR_HELPER, and a zeroed root, when the tag
 * does not fit: damaged or manipulated helper data, another chip, or too much noise. */
enum whorl_result whorl_extract(const struct whorl_crypto *crypto, const struct whorl_helper *helper,
                                const uint8_t cells[WHORL_PUF_CELL_BYTES], uint8_t root[WHORL_ROOT_BYTES]);

#endif
