/* The soft PUF's cells and noise. Probabilities are compared as 32-bit fractions, two draws from each 64-bit
 * number. */
#include "device/sim/soft_puf.h"

#include <string.h>

const struct soft_puf_model soft_puf_default = {.ones = 0.6156, .growing_noise = 0.05, .noise = 0.15};

uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static uint32_t fraction(double probability)
{
    double scaled = probability * 4294967296.0;
    return scaled >= 4294967295.0 ? UINT32_MAX : (uint32_t)scaled;
}

static size_t puf_cells(void *context)
{
    (void)context;
    return WHORL_PUF_CELLS;
}

/* Half of all flips are from 1 to 0, half the other way, whatever the bias. */
static bool puf_read(void *context, unsigned power_up, struct whorl_space out)
{
    (void)power_up;
    struct soft_puf *puf = context;
    double noise = puf->is_growing ? puf->model.growing_noise : puf->model.noise;
    const uint32_t flip[2] = {fraction(noise / (2 * (1 - puf->model.ones))),
                              fraction(noise / (2 * puf->model.ones))};
    if (out.size < WHORL_PUF_CELL_BYTES) {
        return false;
    }
    for (size_t i = 0; i < WHORL_PUF_CELL_BYTES; i++) {
        unsigned wrong = 0;
        uint64_t draw = 0;
        for (unsigned bit = 0; bit < 8; bit++) {
            draw = bit % 2 == 0 ? sim_random_next(&puf->power) : draw >> 32;
            unsigned value = (unsigned)puf->cells[i] >> (7 - bit) & 1U;
            wrong |= ((uint32_t)draw < flip[value] ? 1U : 0U) << (7 - bit);
        }
        out.data[i] = (uint8_t)(puf->cells[i] ^ wrong);
    }
    return true;
}

void soft_puf_init(struct soft_puf *puf, uint64_t seed, const struct soft_puf_model *model,
                   uint64_t power_seed)
{
    struct sim_random silicon = {.state = seed ^ 0x5ca1ab1e0ddba11ULL};
    const uint32_t ones = fraction(model->ones);
    memset(puf, 0, sizeof *puf);
    (void)sim_random_next(&silicon);
    puf->port = (struct whorl_puf){.context = puf, .cells = puf_cells, .read = puf_read};
    puf->model = *model;
    puf->seed = seed;
    puf->power.state = power_seed;
    silicon.state =
        sim_random_next(&silicon); /* neighbouring seeds must not share a stretch of the sequence */
    for (size_t cell = 0; cell < WHORL_PUF_CELLS; cell++) {
        if ((uint32_t)(sim_random_next(&silicon) >> 32) < ones) {
            puf->cells[cell / 8] = (uint8_t)(puf->cells[cell / 8] | 0x80U >> cell % 8);
        }
    }
}

static bool sim_get(void *context, struct whorl_space out)
{
    struct sim_random *random = context;
    for (size_t i = 0; i < out.size; i++) {
        out.data[i] = (uint8_t)(sim_random_next(random) >> 56);
    }
    return true;
}

struct whorl_random sim_random_port(struct sim_random *state, uint64_t seed)
{
    struct sim_random first = {.state = ~seed};
    state->state = sim_random_next(&first);
    return (struct whorl_random){.context = state, .get = sim_get};
}
