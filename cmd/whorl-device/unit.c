/* Building a device out of the core, the host's ports and a soft PUF. The folder's file `chip` is the
 * silicon: seed and noise. */
#include "cmd/whorl-device/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device/host/crypto_openssl.h"
#include "device/host/host_system.h"
#include "device/sim/chip.h"

struct meaning {
    enum whorl_result result;
    const char *words;
};

static const struct meaning meanings[] = {
    {WHORL_ERROR_INTERNAL, "internal error"},
    {WHORL_ERROR_PARAMETER, "wrong parameter"},
    {WHORL_ERROR_COMMUNICATION, "no connection"},
    {WHORL_ERROR_NOT_AVAILABLE, "not there: run `new` first, or `enrol` before `renew` and `rekey`"},
    {WHORL_ERROR_STORAGE, "the folder cannot be read or written, or a record in it is damaged"},
    {WHORL_ERROR_SPACE, "the answer is larger than the device's buffer"},
    {WHORL_ERROR_CRYPTO, "a cryptographic operation failed"},
    {WHORL_ERROR_RANDOM, "the random source failed"},
    {WHORL_ERROR_PUF_BIASED, "the chip is refused: its cells are biased"},
    {WHORL_ERROR_PUF_NOISY, "the chip is refused: its cells are too noisy"},
    {WHORL_ERROR_HELPER,
     "the PUF key cannot be reproduced: helper data damaged, or another chip, or too much noise"},
    {WHORL_ERROR_ANSWER, "the server's answer is not what the protocol says"},
    {WHORL_ERROR_REFUSED, "refused"},
    {WHORL_ERROR_EXISTS, "this folder holds a device already"},
    {WHORL_ERROR_SIZE, "an image has another size than its manifest says"},
};

void unit_report(const struct unit *unit, const char *what, enum whorl_result result)
{
    const char *words = "unknown error";
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        words = meanings[i].result == result ? meanings[i].words : words;
    }
    if (result == WHORL_ERROR_REFUSED) {
        const struct whorl_problem *problem = &unit->device.problem;
        (void)fprintf(stderr, "whorl-device: %s: %u %s: %s\n", what, problem->status, problem->title,
                      problem->detail);
    } else if (result == WHORL_ERROR_COMMUNICATION) {
        (void)fprintf(stderr, "whorl-device: %s: %s (%s)\n", what, words, unit->transport.problem);
    } else {
        (void)fprintf(stderr, "whorl-device: %s: %s\n", what, words);
    }
}

static uint64_t random_number(void)
{
    uint64_t number = 0;
    struct whorl_space room = {(uint8_t *)&number, sizeof number};
    return host_random.get(host_random.context, room) ? number : 0;
}

static void connect_ports(struct unit *unit, const char *dir)
{
    host_storage_init(&unit->storage, dir);
    unit->ports = (struct whorl_ports){.crypto = &host_crypto,
                                       .transport = &unit->transport.port,
                                       .storage = &unit->storage.port,
                                       .clock = &host_clock,
                                       .random = &host_random,
                                       .puf = &unit->puf.port,
                                       .trust = &unit->transport.anchors};
}

bool unit_grow(struct unit *unit, const struct options *options)
{
    char chip[64];
    struct soft_puf_model model = soft_puf_default;
    struct whorl_enrolment enrolment;
    memset(unit, 0, sizeof *unit);
    if (mkdir(options->dir, 0700) != 0 && errno != EEXIST) {
        (void)fprintf(stderr, "whorl-device: %s: %s\n", options->dir, strerror(errno));
        return false;
    }
    uint64_t seed = options->has_seed ? options->seed : random_number();
    model.noise = options->noise;
    soft_puf_init(&unit->puf, seed, &model, random_number());
    unit->puf.is_growing = true;
    connect_ports(unit, options->dir);
    if (options->has_seed) { /* the same device each time; without a seed the message is drawn from a real
                                source */
        unit->growing_random = sim_chip_prepare(&unit->puf, &unit->growing);
        unit->ports.random = &unit->growing_random;
    }
    enum whorl_result result = whorl_device_grow(&unit->ports, &enrolment);
    int size = snprintf(chip, sizeof chip, "%" PRIu64 " %.6f\n", seed, options->noise);
    struct whorl_bytes text = {(const uint8_t *)chip, (size_t)size};
    if (result == WHORL_OK && !host_file_write(options->dir, "chip", text)) {
        result = WHORL_ERROR_STORAGE;
    }
    if (result != WHORL_OK) {
        unit_report(unit, "new", result);
    }
    return result == WHORL_OK;
}

static bool load_chip(struct unit *unit, const char *dir)
{
    char chip[64];
    struct whorl_space room = {(uint8_t *)chip, sizeof chip - 1};
    struct soft_puf_model model = soft_puf_default;
    size_t size = 0;
    if (host_file_read(dir, "chip", room, &size) != WHORL_OK) {
        return false;
    }
    chip[size] = '\0';
    char *end = NULL;
    char *last = NULL;
    uint64_t seed = strtoull(chip, &end, 10);
    model.noise = strtod(end, &last);
    soft_puf_init(&unit->puf, seed, &model, random_number());
    return end != chip && last != end;
}

bool unit_open(struct unit *unit, const struct options *options)
{
    struct whorl_settings settings = {.ports = &unit->ports,
                                      .server = {options->host, options->port},
                                      .work = {unit->work, sizeof unit->work},
                                      .credential = {unit->credential, sizeof unit->credential}};
    memset(unit, 0, sizeof *unit);
    if (!load_chip(unit, options->dir)) {
        (void)fprintf(stderr, "whorl-device: %s holds no device: run `whorl-device new --dir` first\n",
                      options->dir);
        return false;
    }
    if (options->ca != NULL) {
        const char *problem = "";
        if (!host_trust_new(options->ca, &unit->trust, &problem)) {
            (void)fprintf(stderr, "whorl-device: %s: %s\n", options->ca, problem);
            return false;
        }
        host_trust_server_id(unit->trust, settings.server_id);
        settings.root_count = host_trust_borrow_roots(unit->trust, &settings.roots);
    }
    if (options->code != NULL) {
        settings.code = (struct whorl_bytes){(const uint8_t *)options->code, strlen(options->code)};
    }
    if (options->certificate != NULL) {
        const char *problem = "";
        if (!host_birth_read(options->certificate, &unit->birth, &problem)) {
            (void)fprintf(stderr, "whorl-device: %s: %s\n", options->certificate, problem);
            unit_close(unit);
            return false;
        }
        settings.birth = unit->birth.chain;
        settings.birth_count = unit->birth.count;
    }
    host_transport_init(&unit->transport, unit->trust);
    connect_ports(unit, options->dir);
    enum whorl_result result = whorl_device_open(&unit->device, &settings);
    if (result != WHORL_OK) {
        unit_report(unit, "power-up", result);
        unit_close(unit);
        return false;
    }
    unit->is_open = true;
    return true;
}

bool unit_begin_firmware(struct unit *unit, const struct options *options)
{
    bool has_changed = false;
    enum whorl_result result = host_firmware_id_load(options->dir, &unit->firmware);
    if (result == WHORL_ERROR_NOT_AVAILABLE) {
        return true;
    }
    if (result != WHORL_OK || !host_slots_init(&unit->slots, options->dir, options->slot_bytes)) {
        unit_report(unit, "firmware", WHORL_ERROR_STORAGE);
        return false;
    }
    unit->has_slots = true;
    if (!host_slots_start(&unit->slots, &has_changed)) {
        unit_report(unit, "boot", WHORL_ERROR_STORAGE);
        return false;
    }
    unit->slots.die_in = &unit->die_in;
    unit->storage.die_in = &unit->die_in;
    unit->ports.flash = &unit->slots.port;
    unit->device.settings.firmware_class = &unit->firmware.own;
    unit->device.settings.firmware_keys = &unit->firmware.keys;
    return true;
}

void unit_close(struct unit *unit)
{
    if (unit->has_slots) {
        host_slots_clear(&unit->slots);
        unit->has_slots = false;
    }
    if (unit->is_open) {
        whorl_device_close(&unit->device);
        unit->is_open = false;
    }
    host_transport_clear(&unit->transport);
    host_trust_free(unit->trust);
    unit->trust = NULL;
}
