/* All groups of commands, in the order of the help; looking one up. */
#include <string.h>

#include "cmd/whorl/tables.h"

static const struct cli_group groups[] = {
    {"", "", cli_own_commands},
    {"device", "devices: look, and give orders", cli_device_commands},
    {"batch", "production lots, and lists of chips", cli_batch_commands},
    {"product", "device models and their policy", cli_product_commands},
    {"firmware", "images of firmware, and their uploads", cli_firmware_commands},
    {"firmware-policy", "how the devices of a product fetch firmware", cli_firmware_policy_commands},
    {"firmware-anchors", "which manifest keys the devices of a product trust", cli_firmware_anchors_commands},
    {"firmware-signature", "signatures beside an image", cli_firmware_signature_commands},
    {"firmware-key", "keys that sign firmware", cli_firmware_key_commands},
    {"boot-key", "keys that boot loaders and updaters trust", cli_boot_key_commands},
    {"firmware-release", "releases: what the devices of a product are given", cli_release_commands},
    {"hub", "where devices go after enrolment", cli_hub_commands},
    {"certificate", "what was issued to devices", cli_certificate_commands},
    {"certificate-profile", "what certificates say, for how long and over which keys",
     cli_certificate_profile_commands},
    {"authority", "the certificate authorities", cli_authority_commands},
    {"ca", "authorities: made, rolled over, retired", cli_ca_commands},
    {"clock", "the server's clock, when it is in doubt", cli_clock_commands},
    {"code", "enrolment codes: they admit devices that no list names", cli_code_commands},
    {"cmp-code", "codes for CMP: each admits one registered device without its certificate",
     cli_cmp_code_commands},
    {"vendor-ca", "CAs of chip makers: they admit chips that carry their certificate", cli_vendor_commands},
    {"token", "credentials of back ends", cli_token_commands},
    {"client-certificate", "certificates that back ends show instead of a token", cli_backend_commands},
    {"approval", "what waits for a second person", cli_approval_commands},
    {"dual-control", "which orders wait for a second person", cli_dual_commands},
    {"operation", "work on many devices", cli_operation_commands},
    {"rekey-plan", "campaigns: many devices make new keys", cli_rekey_commands},
    {"rollout", "releases on their way to devices", cli_rollout_commands},
    {"transfer", "devices that change their owner", cli_transfer_commands},
    {"user", "people", cli_user_commands},
    {"role", "what people may do", cli_role_commands},
    {"session", "people who are logged in", cli_session_commands},
    {"tenant", "the installation's tenants", cli_tenant_commands},
    {"webhook", "where events are sent", cli_webhook_commands},
    {"audit", "the audit log", cli_audit_commands},
    {"profile", "the servers that this program knows", cli_profile_commands},
    {NULL, NULL, NULL},
};

const struct cli_group *cli_groups(void)
{
    return groups;
}

const struct cli_group *cli_group_find(const char *name)
{
    for (const struct cli_group *group = groups + 1; group->name != NULL; group++) {
        if (strcmp(group->name, name) == 0) {
            return group;
        }
    }
    return NULL;
}

const struct cli_command *cli_command_find(const char *group, const char *verb)
{
    for (const struct cli_group *g = groups; g->name != NULL; g++) {
        for (const struct cli_command *command = g->commands; command->group != NULL; command++) {
            if (strcmp(command->group, group) == 0 && strcmp(command->verb, verb) == 0) {
                return command;
            }
        }
    }
    return NULL;
}

bool cli_argument_is_option(const struct cli_argument *argument)
{
    return strncmp(argument->name, "--", 2) == 0;
}
