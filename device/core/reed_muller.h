/* The first-order Reed-Muller code RM(1,7): 8 message bits in 128, minimum distance 64. Encoder and soft
 * decoder. Knows nothing of PUFs; called by the fuzzy extractor. */
#ifndef WHORL_DEVICE_CORE_REED_MULLER_H
#define WHORL_DEVICE_CORE_REED_MULLER_H

#include "device/core/types.h"

enum { WHORL_RM_BITS = 128, WHORL_RM_BYTES = 16 };

/** Bit i of the codeword is message bit 7, added to the parity of (message bits 0…6 and i). Most significant
 * bit first. */
void whorl_rm_encode(uint8_t message, uint8_t codeword[WHORL_RM_BYTES]);

/** The message whose codeword agrees best with the votes (+ for 1, - for 0, magnitude = trust, 0 = erased;
 * |vote| <= 127). The votes are overwritten. The loop counts do not depend on the votes. */
uint8_t whorl_rm_decode(int16_t votes[WHORL_RM_BITS]);

#endif
