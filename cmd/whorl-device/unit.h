/* One reference device in a folder: a soft PUF in place of silicon, and the host's ports. Opened by every
 * command but `fleet`. */
#ifndef WHORL_CMD_WHORL_DEVICE_UNIT_H
#define WHORL_CMD_WHORL_DEVICE_UNIT_H

#include "device/core/device.h"
#include "device/host/birth.h"
#include "device/host/file_storage.h"
#include "device/host/firmware_id.h"
#include "device/host/slots.h"
#include "device/host/tls_transport.h"
#include "device/sim/soft_puf.h"

#include "cmd/whorl-device/options.h"

/* Must not move while it is open: the ports point into it. */
struct unit {
    struct whorl_ports ports;
    struct host_storage storage;
    struct host_transport transport;
    struct host_trust *trust;
    struct host_birth birth;
    struct soft_puf puf;
    struct sim_random growing;
    struct whorl_random growing_random;
    struct whorl_device device;
    struct host_firmware_id firmware;
    struct host_slots slots;
    bool has_slots;
    uint64_t die_in; /* as in file_storage.h */
    bool is_open;
    uint8_t work[WHORL_WORK_BYTES];
    uint8_t credential[WHORL_CREDENTIAL_BYTES];
};

/** Puts a new chip into the folder and grows its key. Says on stderr what is wrong. */
bool unit_grow(struct unit *unit, const struct options *options);

/** Powers the chip of the folder up: same key, new noise. The server is needed only for commands that talk.
 */
bool unit_open(struct unit *unit, const struct options *options);
void unit_close(struct unit *unit);

/** Gives an opened unit its flash, where the folder says what its firmware is for, and lets the boot loader
 *  choose what runs. ports.flash stays NULL where it says nothing. Says on stderr what is wrong. */
bool unit_begin_firmware(struct unit *unit, const struct options *options);

/** Says on stderr what a result means, with the server's own words when it refused. */
void unit_report(const struct unit *unit, const char *what, enum whorl_result result);

#endif
