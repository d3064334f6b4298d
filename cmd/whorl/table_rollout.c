/* `whorl rollout …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument list_arguments[] = {
    QUERY("--state", "draft|running|paused|finished|cancelled|stopped", "state", "in this state"),
    ARGUMENTS_END,
};
static const struct cli_column list_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"PRODUCT", "product"},
    {"VERSION", "version"},
    {"STATE", "state"},
    {"WAVE", "wave.number"},
    {"OFFERED", "devices.offered"},
    {"WAITING", "devices.waiting"},
    {"SUCCEEDED", "devices.succeeded"},
    {"FAILED", "devices.failed"},
    COLUMNS_END,
};
static const struct cli_column device_columns[] = {
    {"DEVICE", "device_id"}, {"ACTION", "id"},  {"STATE", "state"},        {"REASON", "reason"},
    {"WAVE", "wave"},        {"DUE", "due_at"}, {"UPDATED", "updated_at"}, COLUMNS_END,
};
static const struct cli_argument id_only[] = {PATH_NAMED("rollouts", "the rollout's id or name"),
                                              ARGUMENTS_END};

#define FILTER                                                                                               \
    BODY(CLI_FLAG, "--every-device", NULL, "filter.all", "every device of the product"),                     \
        BODY(CLI_TEXT, "--batch", "NAME", "filter.batch", "devices of this batch"),                          \
        BODY(CLI_TEXT, "--model", "NAME", "filter.model", "devices of this model"),                          \
        BODY(CLI_TEXT, "--installed-version", "VERSION", "filter.installed_version",                         \
             "that have this one installed"),                                                                \
        BODY(CLI_INTEGER, "--sequence-below", "N", "filter.sequence_below",                                  \
             "whose installed sequence is below"),                                                           \
        BODY(CLI_PAIR, "--label", "NAME=VALUE", "filter.labels", "that have this label"),                    \
        BODY(CLI_INTEGER, "--min-source-sequence", "N", "min_source.sequence",                               \
             "that have at least this sequence installed"),                                                  \
        BODY(CLI_TEXT, "--min-source-version", "VERSION", "min_source.version",                              \
             "that have at least this version installed")

#define COURSE                                                                                               \
    BODY(CLI_WAVES, "--waves", "NAME=VALUE,count:N,N,…", "waves",                                            \
         "waves: canaries by a label, counts, percents"),                                                    \
        BODY(CLI_JSON, "--windows", "FILE", "maintenance_windows",                                           \
             "when devices may install: a JSON array"),                                                      \
        BODY(CLI_INTEGER, "--utc-offset", "MINUTES", "utc_offset_minutes", "of these windows"),              \
        BODY(CLI_INTEGER, "--rate", "N", "rate_limit.devices", "offer it to at most so many"),               \
        BODY(CLI_TEXT, "--per", "second|minute", "rate_limit.per", "in any second, or in any minute"),       \
        BODY(CLI_WHEN, "--starts-at", "TIME", "starts_at", "offer it to nobody before"),                     \
        BODY(CLI_SECONDS, "--silent-after", "SPAN", "silent_after_s",                                        \
             "a device that says nothing for so long has failed"),                                           \
        BODY(CLI_INTEGER, "--stop-percent", "N", "stop_on_failure.percent",                                  \
             "stop when so many percent of those offered it have failed"),                                   \
        BODY(CLI_INTEGER, "--stop-min", "N", "stop_on_failure.min_devices",                                  \
             "but not before so many were offered it"),                                                      \
        BODY(CLI_SECONDS, "--soak", "SPAN", "advance.soak_s", "open the next wave by itself after that"),    \
        BODY(CLI_INTEGER, "--success-percent", "N", "advance.success_percent",                               \
             "if so many percent of the wave succeeded"),                                                    \
        BODY(CLI_INTEGER, "--advance-min", "N", "advance.min_devices",                                       \
             "and so many of the wave were offered it"),                                                     \
        BODY(CLI_SECONDS, "--finish-after-quiet", "SPAN", "finish_after_quiet_s",                            \
             "finish when nobody was offered it for so long"),                                               \
        BODY(CLI_BOOLEAN, "--forced", "true|false", "forced", "devices install at once"),                    \
        BODY(CLI_BOOLEAN, "--late-joiners", "true|false", "late_joiners",                                    \
             "devices that are registered after the start are in it too")

#define RELEASE BODY_NEEDED(CLI_TEXT, "--release", "ID", "release_id", "the release's id")

static const struct cli_argument create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"), RELEASE, FILTER, COURSE, ARGUMENTS_END,
};
static const struct cli_argument edit_arguments[] = {
    PATH_NAMED("rollouts", "the rollout's id or name"),
    BODY(CLI_TEXT, "--name", "NAME", "name", "another name"),
    FILTER,
    COURSE,
    ARGUMENTS_END,
};
static const struct cli_argument try_arguments[] = {RELEASE, FILTER, ARGUMENTS_END};
static const struct cli_argument devices_arguments[] = {
    PATH_NAMED("rollouts", "the rollout's id or name"),
    QUERY("--state", "offered|running|downloaded|installed|cancelling|succeeded|unverified|failed|cancelled",
          "state", "in this state"),
    ARGUMENTS_END,
};

const struct cli_command cli_rollout_commands[] = {
    ROW_LIST("rollout", "list rollouts with their progress", "/api/v1/rollouts", list_arguments, "rollouts",
             list_columns),
    ROW_GET("rollout", "show", "show one rollout", "/api/v1/rollouts/{}", id_only),
    ROW_POST("rollout", "try", "tell which devices a rollout would mean now", "/api/v1/rollouts/dry-run",
             try_arguments, 0),
    ROW_POST("rollout", "create", "draft a rollout", "/api/v1/rollouts", create_arguments, 0),
    ROW_PATCH("rollout", "edit", "change a rollout", "/api/v1/rollouts/{}", edit_arguments),
    ROW_POST("rollout", "dry-run", "tell which devices a rollout means now", "/api/v1/rollouts/{}/dry-run",
             id_only, 0),
    ROW_POST("rollout", "start", "start a rollout: devices are offered it as they poll",
             "/api/v1/rollouts/{}/start", id_only, 0),
    ROW_POST("rollout", "pause", "pause a rollout", "/api/v1/rollouts/{}/pause", id_only, 0),
    ROW_POST("rollout", "resume", "let a paused rollout go on", "/api/v1/rollouts/{}/resume", id_only, 0),
    ROW_POST("rollout", "next-wave", "open the next wave of a rollout", "/api/v1/rollouts/{}/next-wave",
             id_only, 0),
    ROW_POST("rollout", "cancel", "cancel a rollout: what is open at devices is taken back",
             "/api/v1/rollouts/{}/cancel", id_only, CLI_DANGEROUS),
    {.group = "rollout",
     .verb = "devices",
     .help = "list the devices that were offered a rollout",
     .path = "/api/v1/rollouts/{}/devices",
     .arguments = devices_arguments,
     .items = "devices",
     .columns = device_columns},
    COMMANDS_END,
};
