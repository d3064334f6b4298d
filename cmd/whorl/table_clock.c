/* `whorl clock …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument none[] = {ARGUMENTS_END};
static const struct cli_argument confirm_arguments[] = {
    BODY_NEEDED(CLI_WHEN, "--time", "SPAN|TIME", "time",
                "what time it is by another clock than the server's; 0s: by the one of this computer"),
    ARGUMENTS_END,
};

const struct cli_command cli_clock_commands[] = {
    ROW_GET("clock", "show", "whether the server's clock is trusted", "/api/v1/clock", none),
    ROW_POST("clock", "confirm", "confirm the server's clock: issuing and expiries go on",
             "/api/v1/clock/confirm", confirm_arguments, 0),
    COMMANDS_END,
};
