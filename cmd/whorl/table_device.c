/* `whorl device …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument list_arguments[] = {
    QUERY_NAMED("--batch", "batch", "batches", "of this batch"),
    QUERY_NAMED("--product", "product", "products", "of this product"),
    QUERY("--serial", "TEXT", "serial", "with this serial number"),
    QUERY("--label", "NAME=VALUE", "label", "with this label"),
    QUERY("--state", "registered|enrolled|quarantined|revoked|retired|compromised", "state", "in this state"),
    QUERY("--recovery", "requested", "recovery", "whose recovery waits for a word (allow-recovery)"),
    QUERY("--sort", "id|-id|registered_at|-registered_at|enrolled_at|-enrolled_at|serial|-serial", "sort",
          "in which order; - for backwards"),
    ARGUMENTS_END,
};
static const struct cli_column list_columns[] = {
    {"ID", "id"},         {"STATE", "state"},          {"GEN", "generation"}, {"SERIAL", "serial"},
    {"LABELS", "labels"}, {"ENROLLED", "enrolled_at"}, COLUMNS_END,
};
static const struct cli_column certificate_columns[] = {
    {"SERIAL", "serial"},         {"STATE", "state"},         {"GEN", "generation"},
    {"NOT BEFORE", "not_before"}, {"NOT AFTER", "not_after"}, COLUMNS_END,
};
static const struct cli_argument id_only[] = {PATH_ID("the device's id, 64 hexadecimal characters"),
                                              ARGUMENTS_END};
static const struct cli_argument order_arguments[] = {
    PATH_ID("the device's id"),
    BODY(CLI_TEXT, "--reason", "TEXT", "reason", "why, for the audit log"),
    BODY(CLI_TEXT, "--note", "TEXT", "note", "more of it, for the audit log"),
    ARGUMENTS_END,
};
static const struct cli_argument recovery_arguments[] = {
    PATH_ID("the device's id"),
    BODY(CLI_SECONDS, "--valid-for", "SPAN", "valid_for_s",
         "how long it is good: 12h, 7d, …; a day when not given"),
    BODY(CLI_TEXT, "--reason", "TEXT", "reason", "why, for the audit log"),
    BODY(CLI_TEXT, "--note", "TEXT", "note", "more of it, for the audit log"),
    ARGUMENTS_END,
};
static const struct cli_argument revoke_arguments[] = {
    PATH_ID("the device's id"),
    BODY(CLI_TEXT, "--reason",
         "unspecified|keyCompromise|cACompromise|affiliationChanged|superseded|cessationOfOperation|"
         "privilegeWithdrawn|aACompromise",
         "reason", "the reason of RFC 5280 that the CRL gives"),
    BODY(CLI_TEXT, "--note", "TEXT", "note", "why, for the audit log"),
    ARGUMENTS_END,
};
static const struct cli_argument edit_arguments[] = {
    PATH_ID("the device's id"),
    BODY(CLI_PAIR, "--label", "NAME=VALUE", "labels", "set a label; may be given several times"),
    BODY(CLI_ABSENT, "--remove-label", "NAME", "labels", "take a label away"),
    BODY(CLI_PAIR, "--attribute", "NAME=VALUE", "attributes", "set an attribute"),
    BODY(CLI_ABSENT, "--remove-attribute", "NAME", "attributes", "take an attribute away"),
    {.name = "--note",
     .value = "TEXT",
     .help = "the note; empty takes it away",
     .place = CLI_IN_BODY,
     .member = "note",
     .flags = CLI_NULLABLE},
    ARGUMENTS_END,
};
static const struct cli_argument history_arguments[] = {
    PATH_ID("the device's id"),
    QUERY("--kind", "KIND", "kind", "records of this kind"),
    QUERY("--actor", "ACTOR", "actor", "records of what this one did"),
    QUERY("--since", "TIME", "since", "not older"),
    QUERY("--until", "TIME", "until", "not newer"),
    ARGUMENTS_END,
};
static const struct cli_column history_columns[] = {
    {"TIME", "ts"},   {"TYPE", "type"},       {"RESULT", "result"},
    {"BY", "source"}, {"DETAILS", "details"}, COLUMNS_END,
};
static const struct cli_column firmware_columns[] = {
    {"ACTION", "id"},          {"VERSION", "version"}, {"STATE", "state"}, {"REASON", "reason"},
    {"OFFERED", "offered_at"}, {"ENDED", "ended_at"},  COLUMNS_END,
};
static const struct cli_column firmware_why_columns[] = {
    {"ROLLOUT", "name"},  {"VERSION", "version"}, {"STATE", "state"},
    {"REASON", "reason"}, {"MEANING", "meaning"}, COLUMNS_END,
};
static const struct cli_column refusal_columns[] = {
    {"TIME", "at"}, {"CAUSE", "cause"}, {"REASON", "meaning"}, {"WHAT WOULD CHANGE IT", "remedy"},
    COLUMNS_END,
};

#define ORDER(verb_, path_, help_, arguments_, flags_)                                                       \
    {                                                                                                        \
        .group = "device", .verb = (verb_), .help = (help_), .method = CLI_POST,                             \
        .path = "/api/v1/devices/{}/" path_, .arguments = (arguments_), .inner = "certificates",             \
        .inner_columns = certificate_columns, .flags = (flags_)                                              \
    }

const struct cli_command cli_device_commands[] = {
    {.group = "device",
     .verb = "list",
     .help = "list devices in order of id",
     .path = "/api/v1/devices",
     .arguments = list_arguments,
     .items = "devices",
     .columns = list_columns},
    {.group = "device",
     .verb = "show",
     .help = "show one device with its newest certificates",
     .path = "/api/v1/devices/{}",
     .arguments = id_only,
     .inner = "certificates",
     .inner_columns = certificate_columns},
    {.group = "device",
     .verb = "edit",
     .help = "change labels, attributes and note of a device",
     .method = CLI_PATCH,
     .path = "/api/v1/devices/{}",
     .arguments = edit_arguments,
     .inner = "certificates",
     .inner_columns = certificate_columns},
    {.group = "device",
     .verb = "history",
     .help = "show what happened to a device, newest first",
     .path = "/api/v1/devices/{}/history",
     .arguments = history_arguments,
     .items = "records",
     .columns = history_columns},
    {.group = "device",
     .verb = "why",
     .help = "show why a device was turned away lately, and what would change it",
     .path = "/api/v1/devices/{}/why",
     .arguments = id_only,
     .inner = "refusals",
     .inner_columns = refusal_columns},
    {.group = "device",
     .verb = "firmware",
     .help = "show what a device has installed, what it was offered and what it said",
     .path = "/api/v1/devices/{}/firmware",
     .arguments = id_only,
     .inner = "actions",
     .inner_columns = firmware_columns},
    {.group = "device",
     .verb = "firmware-why",
     .help = "show why a device waits for firmware, by each rollout that runs",
     .path = "/api/v1/devices/{}/firmware/why",
     .arguments = id_only,
     .inner = "rollouts",
     .inner_columns = firmware_why_columns},
    ORDER("quarantine", "quarantine", "refuse a device until it is released", order_arguments, 0),
    ORDER("release", "release", "let a quarantined device work again", order_arguments, 0),
    ORDER("allow-reenrol", "allow-reenrol", "allow a device one enrolment under its identity key",
          order_arguments, 0),
    ORDER("allow-recovery", "allow-recovery",
          "allow an enrolled device one recovery by its identity key, for a time", recovery_arguments, 0),
    ORDER("rekey", "rekey", "tell a device to make a new key", order_arguments, 0),
    ORDER("revoke", "revoke", "revoke a device with all its certificates", revoke_arguments, CLI_DANGEROUS),
    ORDER("retire", "retire", "retire a device for ever and revoke its certificates", order_arguments,
          CLI_DANGEROUS),
    ORDER("compromised", "compromised",
          "declare a device's identity key known to others: for ever, all certificates are revoked",
          order_arguments, CLI_DANGEROUS),
    COMMANDS_END,
};
