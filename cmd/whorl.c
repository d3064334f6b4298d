/* whorl, the operator's command line over the REST API. The commands are rows of tables in cmd/whorl/; this
 * reads the line and runs one. Exit codes: 0 ok, 1 failed, 2 usage. */
#include <signal.h>

#include "cmd/whorl/cli.h"

int main(int argc, char **argv)
{
    struct cli_line line;
    struct cli cli = {.clock = clock_system(), .random = random_system()};
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that leaves is seen as an error of the write */
    err_t error = cli_line_parse(argc, argv, &line);
    cli_output_init(&cli.output, line.options.is_json);
    int code = error.code == ERR_OK ? cli_run(&cli, &line) : cli_finish(&cli.output, error);
    cli_clear(&cli);
    return code;
}
