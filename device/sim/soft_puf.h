/* A soft PUF: stands in for silicon. A chip per seed, always the same one; cells are biased (each is 1 with a
 * given probability) and noisy (a share of them reads wrong at each power-up, ones and zeros flipping equally
 * often). It models neither correlation nor ageing. Not a secret store: who knows the seed knows the chip. */
#ifndef WHORL_DEVICE_SIM_SOFT_PUF_H
#define WHORL_DEVICE_SIM_SOFT_PUF_H

#include "device/core/extractor.h"

/* SplitMix64: deterministic, fast, and not for cryptography. */
struct sim_random {
    uint64_t state;
};

struct soft_puf_model {
    double ones;          /* probability that a cell is 1; 0.6156 leaves 0.7 bit of min-entropy per cell */
    double growing_noise; /* share of cells that read wrong in the factory */
    double noise;         /* the same in the field */
};

struct soft_puf {
    struct whorl_puf port;
    struct soft_puf_model model;
    uint64_t seed;
    struct sim_random power; /* a new state for every power-up */
    bool is_growing;         /* in the factory, where it is quiet */
    uint8_t cells[WHORL_PUF_CELL_BYTES];
};

extern const struct soft_puf_model soft_puf_default; /* 0.6156, 5 %, 15 % */

uint64_t sim_random_next(struct sim_random *random);

/** @param puf must not move while its port is in use @param power_seed chooses the noise of all its readings
 */
void soft_puf_init(struct soft_puf *puf, uint64_t seed, const struct soft_puf_model *model,
                   uint64_t power_seed);

/** A random port that gives the chip's own numbers, so that a chip of a seed grows the same key each time it
 * is grown.
 *  @param state lends the room */
struct whorl_random sim_random_port(struct sim_random *state, uint64_t seed);

#endif
