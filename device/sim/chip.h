/* A chip of a seed, grown and powered up once by the real fuzzy extractor: what the fleet simulator makes its
 * devices of. */
#ifndef WHORL_DEVICE_SIM_CHIP_H
#define WHORL_DEVICE_SIM_CHIP_H

#include "device/sim/soft_puf.h"

/** Prepares a PUF and its random port for growing: everything follows from the seed, so the same seed is the
 * same device always.
 *  @param puf initialised with this seed @param growing lends room to the port that is returned */
struct whorl_random sim_chip_prepare(struct soft_puf *puf, struct sim_random *growing);

/** Grows the chip, then reads it again with the model's noise. WHORL_ERROR_PUF_BIASED or _NOISY when
 * enrolment refuses the chip.
 *  @param[out] prk for whorl_keygen_key */
enum whorl_result sim_chip_grow(const struct whorl_crypto *crypto, uint64_t seed,
                                const struct soft_puf_model *model, uint8_t prk[WHORL_HASH_BYTES]);

#endif
