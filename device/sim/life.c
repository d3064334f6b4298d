/* A device out of the core, a soft PUF, a storage in memory and the host's TLS, and the ways to hurt it. */
#include "device/sim/life.h"

#include <stdlib.h>
#include <string.h>

#include "device/host/crypto_openssl.h"
#include "device/host/host_system.h"
#include "device/sim/chip.h"

static bool lossy_open(void *context, const struct whorl_endpoint *to, const struct whorl_identity *as)
{
    struct sim_lossy *lossy = context;
    lossy->has_asked = false;
    lossy->is_lost = false;
    return lossy->host.port.open(&lossy->host, to, as);
}

static int lossy_send(void *context, struct whorl_bytes data)
{
    struct sim_lossy *lossy = context;
    lossy->has_asked = true;
    return lossy->is_lost ? -1 : lossy->host.port.send(&lossy->host, data);
}

/* The first bytes of the answer are waited for: the server has done what it was asked by then. */
static int lossy_recv(void *context, struct whorl_space into)
{
    struct sim_lossy *lossy = context;
    int got = lossy->is_lost ? -1 : lossy->host.port.recv(&lossy->host, into);
    if (lossy->has_asked && lossy->lose_in != 0 && got > 0) {
        lossy->lose_in--;
        lossy->is_lost = lossy->lose_in == 0;
        lossy->losses += lossy->is_lost ? 1 : 0;
    }
    lossy->has_asked = lossy->has_asked && got <= 0;
    return lossy->is_lost ? -1 : got;
}

static bool lossy_exporter(void *context, uint8_t out[WHORL_HASH_BYTES])
{
    struct sim_lossy *lossy = context;
    return lossy->host.port.exporter(&lossy->host, out);
}

static void lossy_close(void *context)
{
    struct sim_lossy *lossy = context;
    lossy->host.port.close(&lossy->host);
}

static void lossy_init(struct sim_lossy *lossy, const struct host_trust *trust)
{
    host_transport_init(&lossy->host, trust);
    lossy->port = (struct whorl_transport){.context = lossy,
                                           .open = lossy_open,
                                           .send = lossy_send,
                                           .recv = lossy_recv,
                                           .exporter = lossy_exporter,
                                           .close = lossy_close};
}

static enum whorl_result switch_on(struct sim_life *life)
{
    enum whorl_result result = whorl_device_open(&life->device, &life->settings);
    life->is_on = result == WHORL_OK;
    return result;
}

static void connect_ports(struct sim_life *life, const struct sim_world *world)
{
    lossy_init(&life->network, world->trust);
    sim_storage_init(&life->storage);
    life->ports = (struct whorl_ports){.crypto = &host_crypto,
                                       .transport = &life->network.port,
                                       .storage = &life->storage.port,
                                       .clock = &host_clock,
                                       .random = &life->random,
                                       .puf = &life->puf.port,
                                       .trust = &life->network.host.anchors};
    life->settings = (struct whorl_settings){.ports = &life->ports,
                                             .server = world->server,
                                             .work = {life->work, sizeof life->work},
                                             .credential = {life->credential, sizeof life->credential}};
    host_trust_server_id(world->trust, life->settings.server_id);
    life->settings.root_count = host_trust_borrow_roots(world->trust, &life->settings.roots);
}

enum whorl_result sim_life_begin(struct sim_life *life, const struct sim_world *world, uint64_t seed)
{
    struct whorl_enrolment enrolment;
    memset(life, 0, sizeof *life);
    life->luck.state = seed * 2 + 1;
    connect_ports(life, world);
    soft_puf_init(&life->puf, seed, &world->model, seed);
    life->random = sim_chip_prepare(&life->puf, &life->random_state);
    WHORL_TRY(whorl_device_grow(&life->ports, &enrolment));
    life->puf.is_growing = false;
    return switch_on(life);
}

static void switch_off(struct sim_life *life)
{
    if (life->is_on) {
        whorl_device_close(&life->device);
        life->is_on = false;
    }
}

void sim_life_clear(struct sim_life *life)
{
    switch_off(life);
    host_transport_clear(&life->network.host);
    free(life->flash_memory);
    life->flash_memory = NULL;
}

enum whorl_result sim_life_restart(struct sim_life *life)
{
    switch_off(life);
    life->storage.changes_left = SIM_NEVER;
    return switch_on(life);
}

void sim_life_cut_power(struct sim_life *life, int changes)
{
    life->storage.changes_left = changes;
}

void sim_life_lose_answer(struct sim_life *life, unsigned answer)
{
    life->network.lose_in = answer;
}

void sim_life_wipe(struct sim_life *life)
{
    for (size_t i = 0; i < SIM_RECORDS; i++) {
        life->storage.size[i] = i == WHORL_RECORD_HELPER ? life->storage.size[i] : 0;
    }
}

bool sim_life_is_settled(const struct sim_life *life)
{
    return life->storage.size[WHORL_RECORD_CREDENTIAL] != 0 && life->storage.size[WHORL_RECORD_PENDING] == 0;
}
