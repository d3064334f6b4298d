/* `whorl firmware-anchors …` */
#include "cmd/whorl/tables.h"

#define NEEDED_BY_HAND(name_, value_, help_)                                                                 \
    {                                                                                                        \
        .name = (name_), .value = (value_), .help = (help_), .place = CLI_BY_HAND, .member = "",             \
        .flags = CLI_NEEDED                                                                                  \
    }

static const struct cli_argument anchors_product[] = {PATH_NAMED("products", "the product's id or name"),
                                                      ARGUMENTS_END};
static const struct cli_argument put_arguments[] = {
    PATH_NAMED("products", "the product's id or name"),
    NEEDED_BY_HAND("--statement", "FILE", "what `whorl firmware-anchors statement` made"),
    ARGUMENTS_END,
};
static const struct cli_argument statement_arguments[] = {
    NEEDED_BY_HAND("--recovery-key", "FILE", "the private key that is the recovery key in force (PEM)"),
    BY_HAND(CLI_TEXT, "--passphrase-file", "FILE", "the passphrase of that key, when it has one"),
    NEEDED_BY_HAND("--signing-public", "FILE", "the signing key from now on (PEM public key)"),
    NEEDED_BY_HAND("--recovery-public", "FILE", "the recovery key from now on (PEM public key)"),
    NEEDED_BY_HAND("--product", "NAME", "the product's name"),
    BY_HAND(CLI_TEXT, "--tenant-name", "NAME", "the tenant's name; `default`"),
    NEEDED_BY_HAND("--sequence", "N", "above that of the statement in force; the first has 1"),
    BY_HAND(CLI_TEXT, "--output", "FILE",
            "write it there, as it is, instead of as base64 to standard output"),
    ARGUMENTS_END,
};

const struct cli_command cli_firmware_anchors_commands[] = {
    ROW_GET("firmware-anchors", "show", "show which manifest keys the devices of a product trust",
            "/api/v1/products/{}/firmware-anchors", anchors_product),
    {.group = "firmware-anchors",
     .verb = "statement",
     .help = "sign a statement about manifest keys with the recovery key; needs no server",
     .path = "",
     .arguments = statement_arguments,
     .run = cli_run_statement},
    {.group = "firmware-anchors",
     .verb = "put",
     .help = "put a statement about manifest keys in force",
     .path = "/api/v1/products/{}/firmware-anchors",
     .arguments = put_arguments,
     .run = cli_run_anchors_put,
     .method = CLI_PUT},
    COMMANDS_END,
};
