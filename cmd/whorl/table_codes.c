/* `whorl code …` */
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
