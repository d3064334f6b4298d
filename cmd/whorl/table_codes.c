/* `whorl code …`, `whorl cmp-code …`, `whorl vendor-ca …`: what admits devices. */
#include "cmd/whorl/tables.h"

static const struct cli_argument list_arguments[] = {
    QUERY_NAMED("--product", "product", "products", "of this product"),
    ARGUMENTS_END,
};
static const struct cli_column list_columns[] = {
    {"ID", "id"},           {"NAME", "name"},        {"KIND", "kind"},
    {"STATE", "state"},     {"USED", "used"},        {"LIMIT", "use_limit"},
    {"UNTIL", "not_after"}, {"DEVICE", "device_id"}, COLUMNS_END,
};
static const struct cli_column new_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"CODE", "code"},
    COLUMNS_END,
};
static const struct cli_argument id_only[] = {PATH_ID("the code's id, 16 hexadecimal characters"),
                                              ARGUMENTS_END};
static const struct cli_argument create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY(CLI_TEXT, "--kind", "device|batch", "kind", "for one device (the default), or for many"),
    BODY(CLI_TEXT, "--product", "NAME", "product", "the product's name; `default` when none is given"),
    BODY(CLI_TEXT, "--batch", "NAME", "batch", "the batch that unlisted devices come into"),
    BODY(CLI_TEXT, "--device", "ID", "device_id", "for this device only"),
    BODY(CLI_TEXT, "--serial", "TEXT", "serial", "the serial number that its device has"),
    BODY(CLI_INTEGER, "--use-limit", "N", "use_limit", "of kind batch: for so many devices"),
    BODY(CLI_WHEN, "--not-before", "SPAN|TIME", "not_before", "from when on; now when not given"),
    BODY(CLI_WHEN, "--not-after", "SPAN|TIME", "not_after", "until when; 90d when not given"),
    BODY(CLI_INTEGER, "--count", "N", "count", "so many codes alike"),
    ARGUMENTS_END,
};

const struct cli_command cli_code_commands[] = {
    ROW_LIST("code", "list enrolment codes in order of id", "/api/v1/enrolment-codes", list_arguments,
             "enrolment_codes", list_columns),
    ROW_GET("code", "show", "show one enrolment code, without its text", "/api/v1/enrolment-codes/{}",
            id_only),
    {.group = "code",
     .verb = "create",
     .help = "make enrolment codes; they are shown once",
     .method = CLI_POST,
     .path = "/api/v1/enrolment-codes",
     .arguments = create_arguments,
     .inner = "enrolment_codes",
     .inner_columns = new_columns,
     .flags = CLI_ONCE},
    ROW_POST("code", "revoke", "revoke an enrolment code for good", "/api/v1/enrolment-codes/{}/revoke",
             id_only, CLI_DANGEROUS),
    COMMANDS_END,
};

/* --- cmp-code --------------------------------------------------------------------------------------- */

static const struct cli_argument cmp_id[] = {PATH_ID("the device's id, 64 hexadecimal characters"),
                                             ARGUMENTS_END};
static const struct cli_argument cmp_create_arguments[] = {
    PATH_ID("the device's id, 64 hexadecimal characters"),
    BODY(CLI_WHEN, "--not-after", "SPAN|TIME", "not_after", "until when; 90d when not given"),
    ARGUMENTS_END,
};

const struct cli_command cli_cmp_code_commands[] = {
    ROW_GET("cmp-code", "show", "show how a device's code for CMP stands, without its secret",
            "/api/v1/devices/{}/cmp-code", cmp_id),
    ROW_POST("cmp-code", "create", "make a device's code for CMP; it is shown once",
             "/api/v1/devices/{}/cmp-code", cmp_create_arguments, CLI_ONCE),
    ROW_DELETE("cmp-code", "revoke", "revoke a device's code for CMP", "/api/v1/devices/{}/cmp-code", cmp_id),
    COMMANDS_END,
};

/* --- vendor-ca -------------------------------------------------------------------------------------- */

static const struct cli_column vendor_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"STATE", "state"},
    {"ADMITTED", "admitted"},
    {"NOT AFTER", "not_after"},
    {"SUBJECT", "subject"},
    COLUMNS_END,
};
static const struct cli_argument vendor_id[] = {PATH_NAMED("vendor-cas", "the CA's id or name"),
                                                ARGUMENTS_END};
static const struct cli_argument vendor_create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY_NEEDED(CLI_FILE, "--certificate", "FILE", "certificate", "the chip maker's CA certificate (PEM)"),
    BODY(CLI_TEXT, "--product", "NAME", "product", "the product's name; `default` when none is given"),
    BODY(CLI_TEXT, "--batch", "NAME", "batch", "the batch that unlisted devices come into"),
    ARGUMENTS_END,
};
static const struct cli_argument vendor_edit_arguments[] = {
    PATH_NAMED("vendor-cas", "the CA's id or name"),
    BODY(CLI_TEXT, "--name", "NAME", "name", "another name"),
    BODY(CLI_TEXT, "--batch", "NAME", "batch", "the batch that unlisted devices come into"),
    ARGUMENTS_END,
};

const struct cli_command cli_vendor_commands[] = {
    ROW_LIST("vendor-ca", "list pinned CAs of chip makers in order of id", "/api/v1/vendor-cas",
             list_arguments, "vendor_cas", vendor_columns),
    ROW_GET("vendor-ca", "show", "show one pinned CA with its certificate", "/api/v1/vendor-cas/{}",
            vendor_id),
    ROW_POST("vendor-ca", "create", "pin a CA of a chip maker for a product", "/api/v1/vendor-cas",
             vendor_create_arguments, 0),
    ROW_PATCH("vendor-ca", "edit", "change a pinned CA", "/api/v1/vendor-cas/{}", vendor_edit_arguments),
    ROW_POST("vendor-ca", "retire", "retire a pinned CA: it admits nobody any more",
             "/api/v1/vendor-cas/{}/retire", vendor_id, CLI_DANGEROUS),
    COMMANDS_END,
};
