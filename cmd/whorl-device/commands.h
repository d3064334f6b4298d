/* The commands of whorl-device. Each takes the parsed options and gives an exit code. */
#ifndef WHORL_CMD_WHORL_DEVICE_COMMANDS_H
#define WHORL_CMD_WHORL_DEVICE_COMMANDS_H

#include "cmd/whorl-device/unit.h"
#include "device/core/update.h"
#include "device/sim/fleet.h"

int command_new(const struct options *options);
int command_id(const struct options *options);
int command_enrol(const struct options *options);
int command_status(const struct options *options);
int command_renew(const struct options *options);
int command_rekey(const struct options *options);
int command_recover(const struct options *options);
int command_run(const struct options *options);
int command_firmware(const struct options *options);
int command_fleet(const struct options *options);
/** The part of command_fleet that stays, after it was onboarded. */
int command_stay(const struct sim_fleet *fleet, const struct fleet_plan *onboarded,
                 const struct options *options);
/** The part of command_fleet that comes back after a power cut, after it was onboarded. */
int command_power_back(const struct sim_fleet *fleet, const struct fleet_plan *onboarded,
                       const struct options *options);
/** The part of command_fleet that lives through --years. */
int command_years(const struct options *options);

/** Whether --dir was given; says on stderr that it is missing. */
bool command_needs_dir(const struct options *options);
/** Whether --server and --ca were given; says on stderr that they are missing. */
bool command_needs_server(const struct options *options);

/** The chain in use as DIR/device.pem: the device does not need it, people do. @param[out] out in the
 * device's credential buffer */
enum whorl_result command_write_pem(struct unit *unit, const char *dir, struct whorl_credential *out);

/** What the options say of firmware. Says on stderr what is wrong. */
bool command_firmware_id(const struct options *options, struct host_firmware_id *out);

/** One look at the server's firmware, restarts included; says on stdout what came of it, and on stderr what
 *  failed. The unit may have been opened anew. */
enum whorl_result command_firmware_visit(struct unit *unit, const struct options *options,
                                         struct whorl_update_news *news);

#endif
