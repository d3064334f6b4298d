/* RM(1,7) by the fast Hadamard transform: the transform of the votes at w is their agreement with the linear
 * function w, so the largest magnitude is the maximum-likelihood codeword, and its sign is the constant bit.
 */
#include "device/core/reed_muller.h"

static unsigned parity7(unsigned value)
{
    value ^= value >> 4;
    value ^= value >> 2;
    value ^= value >> 1;
    return value & 1U;
}

void whorl_rm_encode(uint8_t message, uint8_t codeword[WHORL_RM_BYTES])
{
    unsigned constant = message >> 7;
    unsigned linear = message & 0x7fU;
    whorl_zero(codeword, WHORL_RM_BYTES);
    for (unsigned i = 0; i < WHORL_RM_BITS; i++) {
        unsigned bit = constant ^ parity7(linear & i);
        codeword[i / 8] = (uint8_t)(codeword[i / 8] | bit << (7 - i % 8));
    }
}

static void hadamard(int16_t v[WHORL_RM_BITS])
{
    for (unsigned step = 1; step < WHORL_RM_BITS; step *= 2) {
        for (unsigned i = 0; i < WHORL_RM_BITS; i++) {
            if ((i & step) == 0) {
                int a = v[i];
                int b = v[i | step];
                v[i] = (int16_t)(a + b);
                v[i | step] = (int16_t)(a - b);
            }
        }
    }
}

uint8_t whorl_rm_decode(int16_t votes[WHORL_RM_BITS])
{
    hadamard(votes);
    int best = -1;
    unsigned message = 0;
    for (unsigned w = 0; w < WHORL_RM_BITS; w++) {
        /* a positive sum agrees with "bit = 1 where the parity is 0": the constant bit is set */
        unsigned is_constant = votes[w] > 0 ? 1U : 0U;
        int magnitude = is_constant != 0 ? votes[w] : -votes[w];
        bool is_better = magnitude > best;
        best = is_better ? magnitude : best;
        message = is_better ? (is_constant << 7 | w) : message;
    }
    return (uint8_t)message;
}
