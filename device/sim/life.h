/* One simulated device with all its misfortunes: a chip, storage that loses its power in the middle of a
 * write, a network that loses answers, months in a drawer, a flash that is wiped. It does what any device
 * does (whorl_device_run); what happens to it is drawn from a seed. */
#ifndef WHORL_DEVICE_SIM_LIFE_H
#define WHORL_DEVICE_SIM_LIFE_H

#include "device/core/run.h"
#include "device/host/tls_transport.h"
#include "device/sim/memory_flash.h"
#include "device/sim/memory_storage.h"
#include "device/sim/soft_puf.h"

/* A transport that does what it is asked and then loses the answer. */
struct sim_lossy {
    struct whorl_transport port;
    struct host_transport host;
    unsigned lose_in; /* this answer, counted from 1; 0: none */
    bool has_asked;
    bool is_lost; /* of the open connection: nothing more comes */
    size_t losses;
};

/* Must not move: the ports point into it. */
struct sim_life {
    struct whorl_ports ports;
    struct sim_lossy network;
    struct sim_storage storage;
    struct soft_puf puf;
    struct sim_random luck;
    struct whorl_random random; /* the device's own, so that a run of a seed is always the same */
    struct sim_random random_state;
    struct whorl_settings settings;
    struct whorl_device device;
    struct sim_flash flash; /* where it has some: life_update.h */
    uint8_t *flash_memory;  /* owned */
    bool is_failing;        /* some images do not come up on it */
    bool is_on;
    uint32_t generation; /* the highest that it ever had in use */
    uint8_t work[WHORL_WORK_BYTES];
    uint8_t credential[WHORL_CREDENTIAL_BYTES];
};

/* Where a life takes place. */
struct sim_world {
    struct whorl_endpoint server;
    const struct host_trust *trust; /* borrowed */
    struct soft_puf_model model;
};

/** Grows the chip of the seed and switches it on. @errors those of whorl_device_grow: a chip may be refused
 *  @param life sim_life_clear() whatever comes back; must not move */
enum whorl_result sim_life_begin(struct sim_life *life, const struct sim_world *world, uint64_t seed);
void sim_life_clear(struct sim_life *life);

/** Off, and on again: memory is lost, the storage has power again. */
enum whorl_result sim_life_restart(struct sim_life *life);

/** From now on: the power fails at the (n+1)-th change of the storage; the n-th answer is lost. */
void sim_life_cut_power(struct sim_life *life, int changes);
void sim_life_lose_answer(struct sim_life *life, unsigned answer);

/** Everything but the helper data is gone. The device is to be restarted. */
void sim_life_wipe(struct sim_life *life);

/** Whether the device holds one certificate, confirmed as far as it knows, and no other in waiting. */
bool sim_life_is_settled(const struct sim_life *life);

#endif
