/* The commands of whorl-device. Each takes the parsed options and gives an exit code. */
#ifndef WHORL_CMD_WHORL_DEVICE_COMMANDS_H
#define WHORL_CMD_WHORL_DEVICE_COMMANDS_H

#include "cmd/whorl-device/options.h"

int command_new(const struct options *options);
int command_id(const struct options *options);
int command_enrol(const struct options *options);
int command_status(const struct options *options);
int command_renew(const struct options *options);
int command_rekey(const struct options *options);
int command_fleet(const struct options *options);

/** Whether --server and --ca were given; says on stderr that they are missing. */
bool command_needs_server(const struct options *options);

#endif
