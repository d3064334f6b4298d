/* A device of the fleet that was onboarded (fleet.h), as a life that goes on. */
#ifndef WHORL_DEVICE_SIM_TAKE_OVER_H
#define WHORL_DEVICE_SIM_TAKE_OVER_H

#include "device/sim/fleet.h"
#include "device/sim/life.h"

/** The chip, the state and the credential of device `index`; it is to be restarted, or given flash.
 *  @param life sim_life_clear() whatever comes back; must not move
 *  @return false for a chip that was refused, and for a device that got no certificate */
bool sim_take_over(struct sim_life *life, const struct sim_world *world, const struct sim_fleet *fleet,
                   size_t index, uint64_t seed_base);

#endif
