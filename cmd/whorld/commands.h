/* The commands of whorld. Each takes what follows its name and returns the exit code: 0 ok, 1 failed, 2
 * usage. */
#ifndef WHORL_CMD_COMMANDS_H
#define WHORL_CMD_COMMANDS_H

#include <stdbool.h>

#include "base/err.h"

int command_init(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_signer(int argc, char **argv);
int command_ping(int argc, char **argv);
int command_check(int argc, char **argv);
int command_config(int argc, char **argv);
int command_hsm(int argc, char **argv);
int command_tenant(int argc, char **argv);
int command_token(int argc, char **argv);
int command_user(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_journal(int argc, char **argv);
int command_version(int argc, char **argv);
int command_ca(int argc, char **argv);

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* One long option: --name VALUE, or --name alone when `flag` is given. */
struct option_spec {
    const char *name;
    const char **value;
    const char **list; /* collects repeats, up to list_max */
    int *list_count;
    int list_max;
    bool *flag;
};
/** Reads "--name value" and "--name=value"; anything else is a usage error, told on stderr. @return whether
 * all was understood */
bool options_read(int argc, char **argv, const struct option_spec *specs, int count);
/** "whorld: <detail>" on stderr. @return EXIT_FAILED */
int fail(err_t error);

#endif
