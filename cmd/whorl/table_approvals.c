/* `whorl approval …`, `whorl dual-control …`, `whorl operation …`, `whorl transfer …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument none[] = {ARGUMENTS_END};

/* --- approval --------------------------------------------------------------------------------------- */

static const struct cli_argument approval_list_arguments[] = {
    QUERY("--state", "pending|executed|rejected|withdrawn|expired|void|failed", "state", "in this state"),
    ARGUMENTS_END,
};
static const struct cli_column approval_columns[] = {
    {"ID", "id"},
    {"STATE", "state"},
    {"KIND", "kind"},
    {"REQUESTED BY", "requested_by.name"},
    {"EXPIRES", "expires_at"},
    {"SUBJECT", "subject"},
    COLUMNS_END,
};
static const struct cli_argument approval_id[] = {PATH_ID("the approval's id"), ARGUMENTS_END};
static const struct cli_argument decision_arguments[] = {
    PATH_ID("the approval's id"),
    BODY(CLI_TEXT, "--comment", "TEXT", "comment", "why"),
    ARGUMENTS_END,
};

const struct cli_command cli_approval_commands[] = {
    ROW_LIST("approval", "list what waits for a second person, and what became of it", "/api/v1/approvals",
             approval_list_arguments, "approvals", approval_columns),
    ROW_GET("approval", "show", "show one approval with what it asks for", "/api/v1/approvals/{}",
            approval_id),
    ROW_POST("approval", "approve", "approve: what was asked for is carried out",
             "/api/v1/approvals/{}/approve", decision_arguments, CLI_DANGEROUS),
    ROW_POST("approval", "reject", "reject: nothing is done", "/api/v1/approvals/{}/reject",
             decision_arguments, 0),
    ROW_POST("approval", "withdraw", "take back what one has asked for", "/api/v1/approvals/{}/withdraw",
             decision_arguments, 0),
    COMMANDS_END,
};

/* --- dual-control ----------------------------------------------------------------------------------- */

#define KINDS                                                                                                \
    BODY(CLI_WORDS, "--kind",                                                                                \
         "devices.revoke_many|device.compromised|transfer.offer|transfer.accept|firmware.approve|authority." \
         "create|authority.change|authority.import|authority.roll|authority.compromised",                    \
         "kinds", "what waits for a second person; empty: nothing")

static const struct cli_argument tenant_kinds[] = {
    KINDS,
    BODY(CLI_SECONDS, "--approval-ttl", "SPAN", "approval_ttl_s", "how long a request waits"),
    ARGUMENTS_END,
};
static const struct cli_argument product_id[] = {PATH_NAMED("products", "the product's id or name"),
                                                 ARGUMENTS_END};
static const struct cli_argument product_kinds[] = {
    PATH_NAMED("products", "the product's id or name"),
    KINDS,
    ARGUMENTS_END,
};

const struct cli_command cli_dual_commands[] = {
    ROW_GET("dual-control", "show", "show what waits for a second person in this tenant",
            "/api/v1/dual-control", none),
    ROW_PATCH("dual-control", "edit", "change what waits in this tenant", "/api/v1/dual-control",
              tenant_kinds),
    ROW_GET("dual-control", "show-product", "show what waits in a product, beside what waits in the tenant",
            "/api/v1/products/{}/dual-control", product_id),
    ROW_PATCH("dual-control", "edit-product", "change what waits in a product",
              "/api/v1/products/{}/dual-control", product_kinds),
    COMMANDS_END,
};

/* --- operation -------------------------------------------------------------------------------------- */

static const struct cli_argument operation_list_arguments[] = {
    QUERY("--state", "running|done|failed|cancelled", "state", "in this state"),
    ARGUMENTS_END,
};
static const struct cli_column operation_columns[] = {
    {"ID", "id"},
    {"STATE", "state"},
    {"KIND", "kind"},
    {"DONE", "devices.done"},
    {"SKIPPED", "devices.skipped"},
    {"FAILED", "devices.failed"},
    {"STARTED BY", "started_by"},
    {"CREATED", "created_at"},
    COLUMNS_END,
};
static const struct cli_argument operation_id[] = {PATH_ID("the operation's id"), ARGUMENTS_END};

const struct cli_command cli_operation_commands[] = {
    ROW_LIST("operation", "list work on many devices", "/api/v1/operations", operation_list_arguments,
             "operations", operation_columns),
    ROW_GET("operation", "show", "show one operation and how far it is", "/api/v1/operations/{}",
            operation_id),
    ROW_POST("operation", "cancel", "stop an operation; what is done stays done",
             "/api/v1/operations/{}/cancel", operation_id, CLI_DANGEROUS),
    COMMANDS_END,
};

/* --- transfer --------------------------------------------------------------------------------------- */

static const struct cli_argument transfer_list_arguments[] = {
    QUERY("--direction", "outgoing|incoming", "direction",
          "offers of this tenant (the default), or made to it"),
    ARGUMENTS_END,
};
static const struct cli_column transfer_columns[] = {
    {"ID", "id"},
    {"STATE", "state"},
    {"FROM", "from_tenant"},
    {"TO", "to_tenant"},
    {"OFFERED", "devices.offered"},
    {"MOVED", "devices.moved"},
    {"EXPIRES", "expires_at"},
    {"NOTE", "note"},
    COLUMNS_END,
};
static const struct cli_argument transfer_id[] = {PATH_ID("the transfer's id"), ARGUMENTS_END};
static const struct cli_argument offer_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "TENANT", NULL, "to_tenant", "the name of the tenant that gets them"),
    BODY_NEEDED(CLI_WHEN, "--expires", "SPAN|TIME", "expires_at",
                "until when it can be accepted, 30d at most"),
    BODY(CLI_WORDS, "--device", "ID", "devices", "these devices"),
    {.name = "--batch",
     .value = "ID|NAME",
     .help = "or all devices of this batch",
     .place = CLI_IN_BODY,
     .member = "batch_id",
     .names = "batches"},
    BODY(CLI_TEXT, "--note", "TEXT", "note", "the other tenant reads it"),
    ARGUMENTS_END,
};
static const struct cli_argument accept_arguments[] = {
    PATH_ID("the transfer's id"),
    BODY_NEEDED(CLI_TEXT, "--batch", "NAME", "batch", "name of the batch that is made for the devices"),
    BODY(CLI_TEXT, "--product", "NAME", "product", "the product's name; `default` when none is given"),
    ARGUMENTS_END,
};

const struct cli_command cli_transfer_commands[] = {
    ROW_LIST("transfer", "list devices that change their owner", "/api/v1/transfers", transfer_list_arguments,
             "transfers", transfer_columns),
    ROW_GET("transfer", "show", "show one transfer", "/api/v1/transfers/{}", transfer_id),
    ROW_POST("transfer", "offer", "offer devices to another tenant of this installation", "/api/v1/transfers",
             offer_arguments, 0),
    ROW_POST("transfer", "accept", "accept an offer: the devices move", "/api/v1/transfers/{}/accept",
             accept_arguments, 0),
    ROW_POST("transfer", "reject", "reject an offer", "/api/v1/transfers/{}/reject", transfer_id, 0),
    ROW_POST("transfer", "withdraw", "take an offer back", "/api/v1/transfers/{}/withdraw", transfer_id, 0),
    COMMANDS_END,
};
