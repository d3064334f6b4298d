/* The device as fleet.h left it: enrolled with generation 1, under an owner salt of zeros. */
#include "device/sim/take_over.h"

#include <string.h>

bool sim_take_over(struct sim_life *life, const struct sim_world *world, const struct sim_fleet *fleet,
                   size_t index, uint64_t seed_base)
{
    const struct whorl_bytes credential = sim_fleet_borrow_credential(fleet, index);
    const struct whorl_state state = {.generation_max = 1};
    const struct whorl_storage *storage = &life->storage.port;
    memset(life, 0, sizeof *life);
    return credential.size != 0 && sim_life_begin(life, world, seed_base + index) == WHORL_OK &&
           whorl_state_save(storage, &state) == WHORL_OK &&
           storage->write(storage->context, WHORL_RECORD_CREDENTIAL, credential) == WHORL_OK;
}
