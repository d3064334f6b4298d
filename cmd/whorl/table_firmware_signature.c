/* `whorl firmware-signature …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument signature_list_arguments[] = {PATH_ID("the image's id"), ARGUMENTS_END};
static const struct cli_column signature_columns[] = {
    {"ID", "id"},         {"FORM", "form"}, {"BOOT KEY", "boot_key_id"}, {"MADE BY", "firmware_key_id"},
    {"AT", "created_at"}, COLUMNS_END,
};
static const struct cli_argument signature_bring_arguments[] = {
    PATH_ID("the image's id"),
    {.name = "--signature",
     .value = "FILE",
     .help = "the signature over all bytes of the image: ECDSA (DER), Ed25519 or RSA",
     .place = CLI_BY_HAND,
     .member = "",
     .flags = CLI_NEEDED},
    ARGUMENTS_END,
};

const struct cli_command cli_firmware_signature_commands[] = {
    {.group = "firmware-signature",
     .verb = "list",
     .help = "list the signatures beside an image",
     .path = "/api/v1/firmware/images/{}/signatures",
     .arguments = signature_list_arguments,
     .items = "signatures",
     .columns = signature_columns},
    {.group = "firmware-signature",
     .verb = "bring",
     .help = "add a signature that another key made",
     .path = "/api/v1/firmware/images/{}/signatures",
     .arguments = signature_bring_arguments,
     .run = cli_run_signature_bring,
     .method = CLI_POST},
    COMMANDS_END,
};
