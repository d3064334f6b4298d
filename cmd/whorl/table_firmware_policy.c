/* `whorl firmware-policy …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument policy_product[] = {PATH_NAMED("products", "the product's id or name"),
                                                     ARGUMENTS_END};
static const struct cli_argument policy_edit_arguments[] = {
    PATH_NAMED("products", "the product's id or name"),
    BODY(CLI_SECONDS, "--poll", "SPAN", "poll_s", "how long a device sleeps between two polls, below a day"),
    BODY(CLI_BOOLEAN, "--signed-urls", "true|false", "signed_urls",
         "give out links that are good without a client certificate, for minutes"),
    BODY(CLI_BOOLEAN, "--target-tokens", "true|false", "target_tokens",
         "take a device's hawkBit target token where it shows no client certificate"),
    BODY(CLI_BOOLEAN, "--first-use-alias", "true|false", "first_use_alias",
         "let a device take a name of its own by polling under it"),
    BODY(CLI_TEXT, "--overdue", "allow|warn|exclude", "overdue", "devices that are late with their key"),
    ARGUMENTS_END,
};

static const struct cli_argument client_arguments[] = {
    PATH_ID("the device's id"),
    {.name = "--client",
     .value = "swupdate|swupdate-general|rauc",
     .help = "which client",
     .place = CLI_BY_HAND,
     .member = "",
     .flags = CLI_NEEDED},
    {.name = "--host",
     .value = "HOST:PORT",
     .help = "where the device reaches the device listener",
     .place = CLI_BY_HAND,
     .member = "",
     .flags = CLI_NEEDED},
    BY_HAND(CLI_TEXT, "--folder", "DIR", "on the device, of device.crt, device.key and ca.pem; /etc/whorl"),
    ARGUMENTS_END,
};
static const struct cli_argument device_id[] = {PATH_ID("the device's id"), ARGUMENTS_END};

const struct cli_command cli_firmware_policy_commands[] = {
    ROW_GET("firmware-policy", "show", "show how the devices of a product fetch firmware",
            "/api/v1/products/{}/firmware-policy", policy_product),
    ROW_PATCH("firmware-policy", "edit", "change how the devices of a product fetch firmware",
              "/api/v1/products/{}/firmware-policy", policy_edit_arguments),
    {.group = "firmware-policy",
     .verb = "make-token",
     .help = "make the target token of a device, which its hawkBit client shows instead of a certificate",
     .method = CLI_PUT,
     .path = "/api/v1/devices/{}/firmware/target-token",
     .arguments = device_id,
     .flags = CLI_ONCE},
    ROW_DELETE("firmware-policy", "remove-token", "take the target token of a device back",
               "/api/v1/devices/{}/firmware/target-token", device_id),
    ROW_DELETE("firmware-policy", "clear-name", "take back the name of its own that a device polls under",
               "/api/v1/devices/{}/firmware/controller", device_id),
    {.group = "firmware-policy",
     .verb = "client-config",
     .help = "print the configuration of a firmware client for a device",
     .path = "/api/v1/devices/{}",
     .arguments = client_arguments,
     .run = cli_run_client_config},
    COMMANDS_END,
};
