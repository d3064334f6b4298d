/* `whorl batch …`, `whorl product …`, `whorl hub …`, `whorl tenant …` */
#include "cmd/whorl/tables.h"

/* Many devices at once; what it would be, with --dry-run. */
#define REVOKE_MANY                                                                                          \
    BODY_NEEDED(CLI_TEXT, "--reason",                                                                        \
                "unspecified|keyCompromise|cACompromise|affiliationChanged|superseded|"                      \
                "cessationOfOperation|privilegeWithdrawn|aACompromise",                                      \
                "reason", "the reason of RFC 5280 that the CRL gives"),                                      \
        BODY(CLI_TEXT, "--state", "enrolled|quarantined", "state", "only those in this state"),              \
        BODY(CLI_TEXT, "--label", "NAME=VALUE", "label", "only those with this label"),                      \
        BODY(CLI_TEXT, "--note", "TEXT", "note", "why, for the audit log"),                                  \
        BODY(CLI_FLAG, "--dry-run", NULL, "dry_run", "only tell how many it would be")

/* --- batch ------------------------------------------------------------------------------------------ */

static const struct cli_argument list_arguments[] = {SORT_BY_NAME, ARGUMENTS_END};
static const struct cli_column batch_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"PRODUCT", "product"},
    {"DEVICES", "device_count"},
    {"CREATED", "created_at"},
    COLUMNS_END,
};
static const struct cli_argument batch_id[] = {PATH_NAMED("batches", "the batch's id or name"),
                                               ARGUMENTS_END};
static const struct cli_argument batch_create_arguments[] = {
    {.name = "DEVICE",
     .help = "device ids, 64 hexadecimal characters each",
     .place = CLI_IN_BODY,
     .kind = CLI_ITEMS,
     .member = "devices",
     .flags = CLI_NEEDED},
    BODY(CLI_TEXT, "--name", "NAME", "name", "its name; the server makes one when none is given"),
    BODY(CLI_TEXT, "--product", "NAME", "product", "the product's name; `default` when none is given"),
    ARGUMENTS_END,
};
static const struct cli_argument batch_rename_arguments[] = {
    PATH_NAMED("batches", "the batch's id or name"),
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its new name"),
    ARGUMENTS_END,
};
static const struct cli_argument batch_revoke_arguments[] = {PATH_NAMED("batches", "the batch's id or name"),
                                                             REVOKE_MANY, ARGUMENTS_END};
static const struct cli_argument import_arguments[] = {
    {.name = "FILE",
     .help = "the list, as its maker wrote it; - for standard input",
     .place = CLI_BY_HAND,
     .kind = CLI_FILE,
     .member = "",
     .flags = CLI_NEEDED},
    QUERY("--format", "quarklink|csv|jsonl|microchip|espressif|infineon", "format",
          "what it is; else by the ending: .csv, .jsonl, .json (QuarkLink's)"),
    QUERY("--name", "NAME", "name", "of the batch; the server makes one when none is given"),
    QUERY("--product", "NAME", "product", "the product's name; `default` when none is given"),
    QUERY("--mode", "atomic|lines", "mode", "all or none (the default), or every good line"),
    QUERY("--slot", "N", "slot", "of a Microchip manifest: which key"),
    {.name = "--dry-run",
     .help = "only report what would happen",
     .place = CLI_IN_QUERY,
     .kind = CLI_FLAG,
     .member = "dry_run"},
    ARGUMENTS_END,
};
static const struct cli_column refused_columns[] = {
    {"LINE", "line"}, {"ID", "id"}, {"SERIAL", "serial"}, {"CODE", "code"}, {"REASON", "reason"}, COLUMNS_END,
};

const struct cli_command cli_batch_commands[] = {
    {.group = "batch",
     .verb = "list",
     .help = "list batches in order of their registration",
     .path = "/api/v1/batches",
     .arguments = list_arguments,
     .items = "batches",
     .columns = batch_columns},
    {.group = "batch",
     .verb = "show",
     .help = "show one batch with its counts of devices",
     .path = "/api/v1/batches/{}",
     .arguments = batch_id},
    {.group = "batch",
     .verb = "import",
     .help = "register a list of chips of any length",
     .method = CLI_POST,
     .path = "/api/v1/batches/import",
     .arguments = import_arguments,
     .inner = "lines",
     .inner_columns = refused_columns,
     .run = cli_run_import},
    {.group = "batch",
     .verb = "create",
     .help = "register a few devices by their ids",
     .method = CLI_POST,
     .path = "/api/v1/batches",
     .arguments = batch_create_arguments},
    {.group = "batch",
     .verb = "rename",
     .help = "give a batch another name",
     .method = CLI_PATCH,
     .path = "/api/v1/batches/{}",
     .arguments = batch_rename_arguments},
    ROW_POST("batch", "revoke", "revoke the devices of a batch", "/api/v1/batches/{}/revoke",
             batch_revoke_arguments, CLI_DANGEROUS),
    COMMANDS_END,
};

/* --- product ---------------------------------------------------------------------------------------- */

static const struct cli_column product_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"HUB", "hub"},
    {"ADMISSION", "admission"},
    {"LIFETIME S", "certificate_ttl_s"},
    {"KEYS", "key_algorithms"},
    COLUMNS_END,
};
static const struct cli_argument product_id[] = {PATH_NAMED("products", "the product's id or name"),
                                                 ARGUMENTS_END};

#define PRODUCT_POLICY                                                                                       \
    BODY(CLI_SECONDS, "--certificate-ttl", "SPAN", "certificate_ttl_s",                                      \
         "lifetime of a device's certificate: 90d, 12h, …"),                                                 \
        BODY(CLI_INTEGER, "--renew-percent", "N", "renew_percent", "of the lifetime, after which to renew"), \
        BODY(CLI_INTEGER, "--renew-spread-percent", "N", "renew_spread_percent",                             \
             "so much earlier or later, each device at its own time"),                                       \
        BODY(CLI_SECONDS, "--rekey-period", "SPAN", "rekey_period_s",                                        \
             "how long a key lives over renewals; 0: without end"),                                          \
        BODY(CLI_BOOLEAN, "--rekey-required", "true|false", "rekey_required",                                \
             "certify no key whose period has passed"),                                                      \
        BODY(CLI_SECONDS, "--overdue-alert-after", "SPAN", "overdue_alert_after_s",                          \
             "report a device that is due for so long; 0: never"),                                           \
        BODY(CLI_INTEGER, "--overdue-quarantine-days", "N", "overdue_quarantine_days",                       \
             "days of contact without doing it, then quarantine; 0: never"),                                 \
        BODY(CLI_TEXT, "--recovery", "never|expired|approve|always", "recovery",                             \
             "when the identity key may fetch a certificate again"),                                         \
        BODY(CLI_TEXT, "--clone-response", "alert|quarantine", "clone_response",                             \
             "what follows when two are found to hold a device's keys"),                                     \
        BODY(CLI_TEXT, "--admission", "listed|vendor_ca|token", "admission",                                 \
             "what a device needs for its first certificate"),                                               \
        BODY(CLI_BOOLEAN, "--must-be-listed", "true|false", "must_be_listed",                                \
             "besides, its id must stand in a batch"),                                                       \
        BODY(CLI_WORDS, "--key-algorithm", "NAME", "key_algorithms", "accepted keys: P-256,P-384,…"),        \
        BODY(CLI_BOOLEAN, "--identity-key-certificates", "true|false", "identity_key_certificates",          \
             "certify the identity key itself"),                                                             \
        BODY(CLI_BOOLEAN, "--allow-rsa-2048", "true|false", "allow_rsa_2048", "take RSA keys of 2048 bits"), \
        BODY(CLI_BOOLEAN, "--require-channel-binding", "true|false", "require_channel_binding",              \
             "take requests only that are bound to their connection"),                                       \
        BODY(CLI_BOOLEAN, "--allow-unbound-challenge", "true|false", "allow_unbound_challenge",              \
             "take answers to challenges that are not bound to a connection"),                               \
        {.name = "--hub",                                                                                    \
         .value = "NAME",                                                                                    \
         .help = "where devices go after enrolment; empty for none",                                         \
         .place = CLI_IN_BODY,                                                                               \
         .member = "hub",                                                                                    \
         .flags = CLI_NULLABLE},                                                                             \
        {.name = "--authority",                                                                              \
         .value = "ID",                                                                                      \
         .help = "which authority issues to its devices; empty for the default one",                         \
         .place = CLI_IN_BODY,                                                                               \
         .member = "authority",                                                                              \
         .flags = CLI_NULLABLE},                                                                             \
        {.name = "--certificate-profile",                                                                    \
         .value = "NAME",                                                                                    \
         .help = "what its certificates say; empty for the built-in ldevid",                                 \
         .place = CLI_IN_BODY,                                                                               \
         .member = "profile",                                                                                \
         .flags = CLI_NULLABLE},                                                                             \
    {                                                                                                        \
        .name = "--profile-version", .value = "N",                                                           \
        .help = "stay at this version of the profile; empty to follow the newest", .place = CLI_IN_BODY,     \
        .kind = CLI_INTEGER, .member = "profile_version", .flags = CLI_NULLABLE                              \
    }

static const struct cli_argument product_create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    PRODUCT_POLICY,
    ARGUMENTS_END,
};
static const struct cli_argument product_revoke_arguments[] = {
    PATH_NAMED("products", "the product's id or name"), REVOKE_MANY, ARGUMENTS_END};
static const struct cli_argument product_edit_arguments[] = {
    PATH_NAMED("products", "the product's id or name"),
    BODY(CLI_TEXT, "--name", "NAME", "name", "another name"),
    PRODUCT_POLICY,
    ARGUMENTS_END,
};

const struct cli_command cli_product_commands[] = {
    {.group = "product",
     .verb = "list",
     .help = "list products in order of id",
     .path = "/api/v1/products",
     .arguments = list_arguments,
     .items = "products",
     .columns = product_columns},
    {.group = "product",
     .verb = "show",
     .help = "show one product with its policy",
     .path = "/api/v1/products/{}",
     .arguments = product_id},
    {.group = "product",
     .verb = "create",
     .help = "make a product",
     .method = CLI_POST,
     .path = "/api/v1/products",
     .arguments = product_create_arguments},
    {.group = "product",
     .verb = "edit",
     .help = "change a product's policy",
     .method = CLI_PATCH,
     .path = "/api/v1/products/{}",
     .arguments = product_edit_arguments},
    ROW_POST("product", "revoke", "revoke the devices of a product", "/api/v1/products/{}/revoke",
             product_revoke_arguments, CLI_DANGEROUS),
    COMMANDS_END,
};

/* --- hub -------------------------------------------------------------------------------------------- */

static const struct cli_column hub_columns[] = {
    {"ID", "id"}, {"NAME", "name"}, {"KIND", "kind"}, {"URL", "url"}, {"CREATED", "created_at"}, COLUMNS_END,
};
static const struct cli_argument hub_id[] = {PATH_NAMED("hubs", "the hub's id or name"), ARGUMENTS_END};
static const struct cli_argument hub_create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY_NEEDED(CLI_TEXT, "--host", "HOST", "host", "DNS name or address, without scheme and port"),
    BODY(CLI_INTEGER, "--port", "N", "port", "8883 when not given"),
    BODY(CLI_TEXT, "--kind", "mqtt", "kind", "what it speaks"),
    BODY(CLI_FILE, "--trust-anchors", "FILE", "trust_anchors",
         "certificates (PEM) that a device trusts there"),
    ARGUMENTS_END,
};
static const struct cli_argument hub_edit_arguments[] = {
    PATH_NAMED("hubs", "the hub's id or name"),
    BODY(CLI_TEXT, "--name", "NAME", "name", "another name"),
    BODY(CLI_TEXT, "--host", "HOST", "host", "DNS name or address, without scheme and port"),
    BODY(CLI_INTEGER, "--port", "N", "port", "its port"),
    BODY(CLI_TEXT, "--kind", "mqtt", "kind", "what it speaks"),
    BODY(CLI_FILE, "--trust-anchors", "FILE", "trust_anchors",
         "certificates (PEM) that a device trusts there"),
    ARGUMENTS_END,
};

const struct cli_command cli_hub_commands[] = {
    {.group = "hub",
     .verb = "list",
     .help = "list hubs in order of id",
     .path = "/api/v1/hubs",
     .arguments = list_arguments,
     .items = "hubs",
     .columns = hub_columns},
    {.group = "hub", .verb = "show", .help = "show one hub", .path = "/api/v1/hubs/{}", .arguments = hub_id},
    {.group = "hub",
     .verb = "create",
     .help = "make a hub",
     .method = CLI_POST,
     .path = "/api/v1/hubs",
     .arguments = hub_create_arguments},
    {.group = "hub",
     .verb = "edit",
     .help = "change a hub",
     .method = CLI_PATCH,
     .path = "/api/v1/hubs/{}",
     .arguments = hub_edit_arguments},
    COMMANDS_END,
};

/* --- tenant ----------------------------------------------------------------------------------------- */

static const struct cli_argument tenant_list_arguments[] = {ARGUMENTS_END};
static const struct cli_column tenant_columns[] = {
    {"ID", "id"}, {"NAME", "name"}, {"DISPLAY NAME", "display_name"}, {"CREATED", "created_at"}, COLUMNS_END,
};
static const struct cli_argument tenant_id[] = {PATH_NAMED("tenants", "the tenant's id or name"),
                                                ARGUMENTS_END};
static const struct cli_argument tenant_create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name, also its EST label"),
    BODY(CLI_TEXT, "--display-name", "TEXT", "display_name", "what people read"),
    ARGUMENTS_END,
};
static const struct cli_argument tenant_edit_arguments[] = {
    PATH_NAMED("tenants", "the tenant's id or name"),
    BODY(CLI_TEXT, "--display-name", "TEXT", "display_name", "what people read"),
    ARGUMENTS_END,
};

const struct cli_command cli_tenant_commands[] = {
    {.group = "tenant",
     .verb = "list",
     .help = "list tenants in order of id",
     .path = "/api/v1/tenants",
     .arguments = tenant_list_arguments,
     .items = "tenants",
     .columns = tenant_columns},
    {.group = "tenant",
     .verb = "show",
     .help = "show one tenant",
     .path = "/api/v1/tenants/{}",
     .arguments = tenant_id},
    {.group = "tenant",
     .verb = "create",
     .help = "make a tenant with its product `default`",
     .method = CLI_POST,
     .path = "/api/v1/tenants",
     .arguments = tenant_create_arguments},
    {.group = "tenant",
     .verb = "edit",
     .help = "change what people call a tenant",
     .method = CLI_PATCH,
     .path = "/api/v1/tenants/{}",
     .arguments = tenant_edit_arguments},
    COMMANDS_END,
};
