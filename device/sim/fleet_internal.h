/* Shared by fleet.c (threads, counting) and fleet_lane.c (what one device says to the server). */
#ifndef WHORL_DEVICE_SIM_FLEET_INTERNAL_H
#define WHORL_DEVICE_SIM_FLEET_INTERNAL_H

#include "device/host/tls_transport.h"
#include "device/sim/fleet.h"
#include "device/sim/memory_storage.h"

/* A grown device with everything made that needs no server. */
struct fleet_device {
    enum whorl_result grown;
    uint8_t prk[WHORL_HASH_BYTES];
    struct whorl_key identity;
    uint8_t spki[WHORL_SPKI_BYTES];
    uint8_t id[WHORL_ID_BYTES];
    uint8_t new_spki[WHORL_SPKI_BYTES]; /* of generation 1 */
    uint8_t certificate_room[WHORL_CERTIFICATE_MAX];
    struct whorl_bytes certificate; /* self-signed, of the identity key */
    uint8_t csr_room[WHORL_CSR_MAX];
    struct whorl_bytes csr;
    uint8_t *credential; /* the record of what it got, where the plan keeps it; owned */
    size_t credential_size;
};

/* One thread's connection and the device that speaks through it at the moment. Must not move. */
struct fleet_lane {
    const struct fleet_plan *plan;
    struct whorl_ports ports;
    struct host_transport transport;
    struct sim_storage storage;
    struct whorl_device device;
    uint8_t work[WHORL_WORK_BYTES];
    uint8_t credential[WHORL_CREDENTIAL_BYTES];
};

/** Keeps a copy of the record that the lane holds for this device. False: no memory. */
bool fleet_lane_keep(const struct fleet_lane *lane, struct fleet_device *device);

/** Grows the chip and makes keys, certificate and CSR. */
void fleet_device_grow(struct fleet_device *device, uint64_t seed, const struct soft_puf_model *model);
void fleet_device_clear(struct fleet_device *device);

void fleet_lane_init(struct fleet_lane *lane, const struct fleet_plan *plan);
void fleet_lane_clear(struct fleet_lane *lane);

/** First contact: connection (unless one is kept), request, answer, and a look at the certificate. */
enum whorl_result fleet_lane_enrol(struct fleet_lane *lane, const struct fleet_device *device);

/** The device that was enrolled last renews, and confirms the new certificate. */
enum whorl_result fleet_lane_renew(struct fleet_lane *lane);

/** What went wrong, for people. */
void fleet_lane_explain(const struct fleet_lane *lane, enum whorl_result result, char *out, size_t size);

#endif
