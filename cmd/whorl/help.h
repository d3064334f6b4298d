/* Texts made from the tables of commands. */
#ifndef WHORL_CMD_WHORL_HELP_H
#define WHORL_CMD_WHORL_HELP_H

#include "cmd/whorl/command.h"

/** "whorl device edit ID [--label NAME=VALUE]… [--note TEXT]", appended. @errors ERR_NO_MEMORY @thread any */
err_t cli_help_usage(const struct cli_command *command, struct buf *out);
/** Help about one command, one group (its name), or (both NULL) all. */
err_t cli_help_text(const char *group, const struct cli_command *command, struct buf *out);
/** The manual page whorl(1), in the macros of man(7). */
err_t cli_help_manual(struct buf *out);
/** Scripts for the completion of bash and zsh. */
err_t cli_help_bash(struct buf *out);
err_t cli_help_zsh(struct buf *out);

#endif
