/* What one device of the fleet says: enrolment by TLS client certificate on a fresh connection, or by
 * challenge on a kept one; then renewal through the device core as it is. The owner salt is taken as zeros,
 * which saves the status request that a real device makes before its first enrolment: the server sees no
 * difference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/core/device_internal.h"
#include "device/host/crypto_openssl.h"
#include "device/host/host_system.h"
#include "device/sim/chip.h"
#include "device/sim/fleet_internal.h"

static const uint8_t no_salt[WHORL_SALT_BYTES];

static enum whorl_result prepare(struct fleet_device *device, struct whorl_key operational)
{
    uint8_t name[WHORL_NAME_MAX];
    struct whorl_space name_room = {name, sizeof name};
    struct whorl_space certificate_room = {device->certificate_room, sizeof device->certificate_room};
    struct whorl_space csr_room = {device->csr_room, sizeof device->csr_room};
    struct whorl_csr_wish wish = {.key = operational};
    struct whorl_bytes spki = {device->spki, sizeof device->spki};
    WHORL_TRY(whorl_spki_of(&host_crypto, device->identity, device->spki));
    WHORL_TRY(whorl_spki_of(&host_crypto, operational, device->new_spki));
    WHORL_TRY(whorl_sha256(&host_crypto, spki, device->id));
    WHORL_TRY(whorl_name_write(device->id, name_room, &wish.subject));
    WHORL_TRY(
        whorl_identity_certificate(&host_crypto, device->identity, certificate_room, &device->certificate));
    return whorl_csr_write(&host_crypto, &wish, csr_room, &device->csr);
}

static enum whorl_result grow(struct fleet_device *device, uint64_t seed, const struct soft_puf_model *model)
{
    struct whorl_key operational;
    WHORL_TRY(sim_chip_grow(&host_crypto, seed, model, device->prk));
    WHORL_TRY(whorl_keygen_key(&host_crypto, device->prk, 0, no_salt, &device->identity));
    WHORL_TRY(whorl_keygen_key(&host_crypto, device->prk, 1, no_salt, &operational));
    enum whorl_result result = prepare(device, operational);
    host_crypto.p256_destroy(host_crypto.context, operational);
    return result;
}

void fleet_device_grow(struct fleet_device *device, uint64_t seed, const struct soft_puf_model *model)
{
    memset(device, 0, sizeof *device);
    device->grown = grow(device, seed, model);
}

void fleet_device_clear(struct fleet_device *device)
{
    host_crypto.p256_destroy(host_crypto.context, device->identity);
    host_crypto.wipe(host_crypto.context, device->prk, sizeof device->prk);
    device->identity.handle = 0;
    free(device->credential);
    device->credential = NULL;
}

bool fleet_lane_keep(const struct fleet_lane *lane, struct fleet_device *device)
{
    size_t size = lane->storage.size[WHORL_RECORD_CREDENTIAL];
    device->credential = malloc(size);
    device->credential_size = size;
    if (device->credential != NULL) {
        memcpy(device->credential, lane->storage.record[WHORL_RECORD_CREDENTIAL], size);
    }
    return device->credential != NULL;
}

void fleet_lane_init(struct fleet_lane *lane, const struct fleet_plan *plan)
{
    memset(lane, 0, sizeof *lane);
    lane->plan = plan;
    host_transport_init(&lane->transport, plan->trust);
    sim_storage_init(&lane->storage);
    lane->ports = (struct whorl_ports){.crypto = &host_crypto,
                                       .transport = &lane->transport.port,
                                       .storage = &lane->storage.port,
                                       .clock = &host_clock,
                                       .random = &host_random};
    lane->device.settings =
        (struct whorl_settings){.ports = &lane->ports,
                                .server = plan->server,
                                .work = {lane->work, sizeof lane->work},
                                .credential = {lane->credential, sizeof lane->credential}};
    host_trust_server_id(plan->trust, lane->device.settings.server_id);
}

void fleet_lane_clear(struct fleet_lane *lane)
{
    whorl_link_close(&lane->device);
    host_crypto.wipe(host_crypto.context, lane->device.prk, sizeof lane->device.prk);
}

/* The lane becomes this device: its keys, and an empty storage. A kept connection stays open. */
static void become(struct fleet_lane *lane, const struct fleet_device *device)
{
    struct whorl_device *d = &lane->device;
    memcpy(d->prk, device->prk, sizeof d->prk);
    memcpy(d->id, device->id, sizeof d->id);
    memcpy(d->spki, device->spki, sizeof d->spki);
    d->identity = device->identity;
    memset(&d->state, 0, sizeof d->state);
    d->state.generation_max = 1;
    memset(lane->storage.size, 0, sizeof lane->storage.size);
}

static enum whorl_result by_certificate(struct fleet_lane *lane, const struct fleet_device *device,
                                        struct whorl_bytes *answer)
{
    const struct whorl_identity identity = {
        .key = device->identity, .chain = {device->certificate}, .chain_count = 1};
    static const struct whorl_bytes no_code = {NULL, 0};
    struct whorl_text text;
    WHORL_TRY(whorl_link_open(&lane->device, &identity));
    whorl_text_begin(&text, lane->device.settings.work);
    whorl_message_put_enrol(&text, device->csr, 1, NULL, no_code);
    const struct whorl_http_request request = {"POST", "/device/v1/enrol", whorl_text_view(&text)};
    return whorl_link_call(&lane->device, &request, answer);
}

static enum whorl_result by_challenge(struct fleet_lane *lane, const struct fleet_device *device,
                                      struct whorl_bytes *answer)
{
    const struct whorl_proof_subject subject = {.purpose = WHORL_POP_ENROL,
                                                .generation = 1,
                                                .csr = device->csr,
                                                .new_spki = {device->new_spki, sizeof device->new_spki}};
    if (!lane->device.is_connected) {
        WHORL_TRY(whorl_link_open(&lane->device, NULL));
    }
    return whorl_device_prove(&lane->device, &subject, answer);
}

/* The certificate must be over the key that was asked for. */
static enum whorl_result check(struct fleet_lane *lane, const struct fleet_device *device)
{
    struct whorl_credential credential;
    struct whorl_certificate certificate;
    WHORL_TRY(whorl_credential_load(&lane->storage.port, WHORL_RECORD_CREDENTIAL,
                                    lane->device.settings.credential, &credential));
    bool is_ours = whorl_certificate_read(credential.chain[0], &certificate) &&
                   certificate.spki.size == sizeof device->new_spki &&
                   memcmp(certificate.spki.data, device->new_spki, sizeof device->new_spki) == 0;
    return is_ours ? WHORL_OK : WHORL_ERROR_ANSWER;
}

enum whorl_result fleet_lane_enrol(struct fleet_lane *lane, const struct fleet_device *device)
{
    struct whorl_bytes answer;
    struct whorl_credential credential = {.generation = 1};
    become(lane, device);
    enum whorl_result result = lane->plan->is_keep_alive ? by_challenge(lane, device, &answer)
                                                         : by_certificate(lane, device, &answer);
    if (result == WHORL_OK) {
        result = whorl_device_receive(&lane->device, answer, &credential);
    }
    if (result == WHORL_OK) {
        result = whorl_device_adopt(&lane->device);
    }
    if (result == WHORL_OK) {
        result = check(lane, device);
    }
    if (!lane->plan->is_keep_alive || result != WHORL_OK) {
        whorl_link_close(&lane->device);
    }
    return result;
}

enum whorl_result fleet_lane_renew(struct fleet_lane *lane)
{
    return whorl_device_renew(&lane->device);
}

void fleet_lane_explain(const struct fleet_lane *lane, enum whorl_result result, char *out, size_t size)
{
    const struct whorl_problem *problem = &lane->device.problem;
    if (result == WHORL_ERROR_REFUSED) {
        (void)snprintf(out, size, "%u %s: %s", problem->status, problem->title, problem->detail);
    } else if (result == WHORL_ERROR_COMMUNICATION) {
        (void)snprintf(out, size, "no connection (%s)", lane->transport.problem);
    } else {
        (void)snprintf(out, size, "result %d", (int)result);
    }
}
