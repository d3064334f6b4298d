/* `whorl webhook …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument none[] = {ARGUMENTS_END};
static const struct cli_column list_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"ENABLED", "enabled"},
    {"WAITING", "waiting"},
    {"DELIVERED", "delivered"},
    {"FAILED", "failed"},
    {"TYPES", "types"},
    {"URL", "url"},
    COLUMNS_END,
};
static const struct cli_column delivery_columns[] = {
    {"ID", "id"},
    {"STATE", "state"},
    {"TYPE", "type"},
    {"ATTEMPTS", "attempts"},
    {"ANSWER", "response_status"},
    {"NEXT", "next_attempt_at"},
    {"ERROR", "error"},
    COLUMNS_END,
};
static const struct cli_argument id_only[] = {PATH_NAMED("webhooks", "the webhook's id or name"),
                                              ARGUMENTS_END};
static const struct cli_argument create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY_NEEDED(CLI_TEXT, "--url", "URL", "url", "where events are sent"),
    BODY(CLI_WORDS, "--type", "TYPES", "types",
         "types (device.enrolled) or groups (device.*); all when none is given"),
    ARGUMENTS_END,
};
static const struct cli_argument edit_arguments[] = {
    PATH_NAMED("webhooks", "the webhook's id or name"),
    BODY(CLI_TEXT, "--name", "NAME", "name", "another name"),
    BODY(CLI_TEXT, "--url", "URL", "url", "where events are sent"),
    BODY(CLI_WORDS, "--type", "TYPES", "types", "types or groups of events"),
    BODY(CLI_BOOLEAN, "--enabled", "true|false", "enabled", "whether anything is sent"),
    ARGUMENTS_END,
};
static const struct cli_argument delivery_arguments[] = {
    PATH_NAMED("webhooks", "the webhook's id or name"),
    QUERY("--state", "waiting|delivered|failed", "state", "in this state"),
    ARGUMENTS_END,
};
static const struct cli_argument retry_arguments[] = {
    PATH_NAMED("webhooks", "the webhook's id or name"),
    {.name = "DELIVERY",
     .help = "the delivery's id",
     .place = CLI_IN_PATH,
     .member = "",
     .flags = CLI_NEEDED},
    ARGUMENTS_END,
};
static const struct cli_argument replay_arguments[] = {
    PATH_NAMED("webhooks", "the webhook's id or name"),
    BODY(CLI_TEXT, "--after", "ID", "after", "events behind this one"),
    BODY(CLI_TEXT, "--since", "TIME", "since", "events since then"),
    ARGUMENTS_END,
};

const struct cli_command cli_webhook_commands[] = {
    ROW_LIST("webhook", "list webhooks in order of id", "/api/v1/webhooks", none, "webhooks", list_columns),
    ROW_GET("webhook", "show", "show one webhook, without its secret", "/api/v1/webhooks/{}", id_only),
    ROW_POST("webhook", "create", "make a webhook; its secret is shown once", "/api/v1/webhooks",
             create_arguments, CLI_ONCE),
    ROW_PATCH("webhook", "edit", "change a webhook", "/api/v1/webhooks/{}", edit_arguments),
    ROW_DELETE("webhook", "remove", "remove a webhook", "/api/v1/webhooks/{}", id_only),
    {.group = "webhook",
     .verb = "deliveries",
     .help = "list what a webhook was sent, the newest first",
     .path = "/api/v1/webhooks/{}/deliveries",
     .arguments = delivery_arguments,
     .items = "deliveries",
     .columns = delivery_columns},
    ROW_POST("webhook", "retry", "send one delivery again", "/api/v1/webhooks/{}/deliveries/{}/retry",
             retry_arguments, 0),
    ROW_POST("webhook", "replay", "send again what came since", "/api/v1/webhooks/{}/replay",
             replay_arguments, 0),
    ROW_POST("webhook", "test", "send a test", "/api/v1/webhooks/{}/test", id_only, 0),
    ROW_POST("webhook", "rotate-secret", "give a webhook a second secret, shown once",
             "/api/v1/webhooks/{}/rotate-secret", id_only, CLI_ONCE),
    ROW_POST("webhook", "drop-old-secret", "drop the older of a webhook's two secrets",
             "/api/v1/webhooks/{}/drop-old-secret", id_only, 0),
    COMMANDS_END,
};
