/* Growing a simulated chip in one go: seven quiet readings in the factory, one noisy reading in the field. */
#include "device/sim/chip.h"

struct whorl_random sim_chip_prepare(struct soft_puf *puf, struct sim_random *growing)
{
    puf->is_growing = true;
    puf->power.state = puf->seed;
    return sim_random_port(growing, puf->seed);
}

enum whorl_result sim_chip_grow(const struct whorl_crypto *crypto, uint64_t seed,
                                const struct soft_puf_model *model, uint8_t prk[WHORL_HASH_BYTES])
{
    struct soft_puf puf;
    struct sim_random growing;
    struct whorl_enrolment enrolment;
    struct whorl_helper helper;
    uint8_t root[WHORL_ROOT_BYTES];
    uint8_t cells[WHORL_PUF_CELL_BYTES];
    struct whorl_space reading = {cells, sizeof cells};
    soft_puf_init(&puf, seed, model, seed);
    const struct whorl_random random = sim_chip_prepare(&puf, &growing);
    const struct whorl_ports ports = {.crypto = crypto, .random = &random, .puf = &puf.port};
    whorl_enrolment_begin(&enrolment);
    for (unsigned i = 0; i < WHORL_PUF_POWER_UPS; i++) {
        if (!puf.port.read(puf.port.context, i, reading)) {
            return WHORL_ERROR_INTERNAL;
        }
        WHORL_TRY(whorl_enrolment_add(&enrolment, cells));
    }
    WHORL_TRY(whorl_enrolment_finish(&enrolment, &ports, &helper, root));
    puf.is_growing = false;
    if (!puf.port.read(puf.port.context, 0, reading)) {
        return WHORL_ERROR_INTERNAL;
    }
    WHORL_TRY(whorl_extract(crypto, &helper, cells, root));
    return whorl_keygen_begin(crypto, root, prk);
}
