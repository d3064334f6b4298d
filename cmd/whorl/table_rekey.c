/* `whorl rekey-plan …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument list_arguments[] = {
    QUERY("--state", "draft|running|paused|finished|cancelled|stopped", "state", "in this state"),
    ARGUMENTS_END,
};
static const struct cli_column list_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"STATE", "state"},
    {"WAVE", "wave.number"},
    {"TOLD", "devices.told"},
    {"WAITING", "devices.waiting"},
    {"CONFIRMED", "devices.confirmed"},
    {"FAILED", "devices.failed"},
    {"SKIPPED", "devices.skipped"},
    COLUMNS_END,
};
static const struct cli_column device_columns[] = {
    {"DEVICE", "device_id"}, {"STATE", "state"}, {"REASON", "reason"},  {"WAVE", "wave"},
    {"TOLD", "told_at"},     {"DUE", "due_at"},  {"ENDED", "ended_at"}, COLUMNS_END,
};
static const struct cli_argument id_only[] = {PATH_NAMED("rekey-plans", "the plan's id or name"),
                                              ARGUMENTS_END};

#define FILTER                                                                                               \
    BODY(CLI_FLAG, "--every-device", NULL, "filter.all", "every enrolled device"),                           \
        BODY(CLI_TEXT, "--product", "NAME", "filter.product", "devices of this product"),                    \
        BODY(CLI_TEXT, "--batch", "NAME", "filter.batch", "devices of this batch"),                          \
        BODY(CLI_TEXT, "--authority", "ID", "filter.authority", "whose certificate is of this authority"),   \
        BODY(CLI_WORDS, "--key-algorithm", "NAME", "filter.key_algorithms",                                  \
             "whose key is one of these: P-256,P-384,…"),                                                    \
        BODY(CLI_WHEN, "--issued-before", "TIME", "filter.issued_before",                                    \
             "whose certificate was issued before then"),                                                    \
        BODY(CLI_INTEGER, "--generation-below", "N", "filter.generation_below",                              \
             "whose key's generation is below"),                                                             \
        BODY(CLI_PAIR, "--label", "NAME=VALUE", "filter.labels", "that have this label")

#define COURSE                                                                                               \
    BODY(CLI_WAVES, "--waves", "NAME=VALUE,N,…,100", "waves", "waves: canaries by a label, percents"),       \
        BODY(CLI_INTEGER, "--rate", "N", "rate_limit.devices", "tell at most so many"),                      \
        BODY(CLI_TEXT, "--per", "second|minute", "rate_limit.per", "in any second, or in any minute"),       \
        BODY(CLI_WHEN, "--starts-at", "TIME", "starts_at", "tell nobody before"),                            \
        BODY(CLI_SECONDS, "--confirm-within", "SPAN", "confirm_within_s",                                    \
             "who was told and has no new key by then has failed"),                                          \
        BODY(CLI_INTEGER, "--stop-percent", "N", "stop_on_failure.percent",                                  \
             "stop when so many percent of those told have failed"),                                         \
        BODY(CLI_INTEGER, "--stop-min", "N", "stop_on_failure.min_devices",                                  \
             "but not before so many were told"),                                                            \
        BODY(CLI_SECONDS, "--soak", "SPAN", "advance.soak_s", "open the next wave by itself after that"),    \
        BODY(CLI_INTEGER, "--success-percent", "N", "advance.success_percent",                               \
             "if so many percent of the wave are confirmed"),                                                \
        BODY(CLI_SECONDS, "--finish-after-quiet", "SPAN", "finish_after_quiet_s",                            \
             "finish when nobody was told for so long"),                                                     \
        BODY(CLI_BOOLEAN, "--late-joiners", "true|false", "late_joiners",                                    \
             "devices that enrol after the start are in it too")

static const struct cli_argument create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    FILTER,
    COURSE,
    ARGUMENTS_END,
};
static const struct cli_argument edit_arguments[] = {
    PATH_NAMED("rekey-plans", "the plan's id or name"),
    BODY(CLI_TEXT, "--name", "NAME", "name", "another name"),
    FILTER,
    COURSE,
    ARGUMENTS_END,
};
static const struct cli_argument filter_arguments[] = {FILTER, ARGUMENTS_END};
static const struct cli_argument devices_arguments[] = {
    PATH_NAMED("rekey-plans", "the plan's id or name"),
    QUERY("--state", "told|confirmed|failed|skipped", "state", "in this state"),
    ARGUMENTS_END,
};
static const struct cli_argument why_arguments[] = {
    PATH_NAMED("rekey-plans", "the plan's id or name"),
    {.name = "DEVICE", .help = "the device's id", .place = CLI_IN_PATH, .member = "", .flags = CLI_NEEDED},
    ARGUMENTS_END,
};

const struct cli_command cli_rekey_commands[] = {
    ROW_LIST("rekey-plan", "list rekey campaigns with their progress", "/api/v1/rekey-plans", list_arguments,
             "rekey_plans", list_columns),
    ROW_GET("rekey-plan", "show", "show one campaign", "/api/v1/rekey-plans/{}", id_only),
    ROW_POST("rekey-plan", "try", "tell which devices a filter means now", "/api/v1/rekey-plans/dry-run",
             filter_arguments, 0),
    ROW_POST("rekey-plan", "create", "draft a campaign", "/api/v1/rekey-plans", create_arguments, 0),
    ROW_PATCH("rekey-plan", "edit", "change a campaign", "/api/v1/rekey-plans/{}", edit_arguments),
    ROW_POST("rekey-plan", "dry-run", "tell which devices a campaign means now",
             "/api/v1/rekey-plans/{}/dry-run", id_only, 0),
    ROW_POST("rekey-plan", "start", "start a campaign: devices are told as they come",
             "/api/v1/rekey-plans/{}/start", id_only, 0),
    ROW_POST("rekey-plan", "pause", "pause a campaign", "/api/v1/rekey-plans/{}/pause", id_only, 0),
    ROW_POST("rekey-plan", "resume", "let a paused campaign go on", "/api/v1/rekey-plans/{}/resume", id_only,
             0),
    ROW_POST("rekey-plan", "next-wave", "open the next wave of a campaign",
             "/api/v1/rekey-plans/{}/next-wave", id_only, 0),
    ROW_POST("rekey-plan", "cancel", "cancel a campaign", "/api/v1/rekey-plans/{}/cancel", id_only,
             CLI_DANGEROUS),
    {.group = "rekey-plan",
     .verb = "devices",
     .help = "list the devices that a campaign has told",
     .path = "/api/v1/rekey-plans/{}/devices",
     .arguments = devices_arguments,
     .items = "devices",
     .columns = device_columns},
    ROW_GET("rekey-plan", "why", "tell why a device is where it is in a campaign",
            "/api/v1/rekey-plans/{}/devices/{}", why_arguments),
    COMMANDS_END,
};
