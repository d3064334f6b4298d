/* `whorl firmware-release …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument list_arguments[] = {
    QUERY("--product", "NAME", "product", "of this product"),
    QUERY("--state", "draft|signing|approved|published|withdrawn", "state", "in this state"),
    ARGUMENTS_END,
};
static const struct cli_column list_columns[] = {
    {"ID", "id"},
    {"PRODUCT", "product"},
    {"CLASS", "class"},
    {"VERSION", "version"},
    {"STATE", "state"},
    {"KIND", "kind"},
    {"SEQUENCE", "sequence"},
    {"COUNTER", "counter"},
    {"PUBLISHED", "published_at"},
    COLUMNS_END,
};
static const struct cli_argument release_id[] = {PATH_ID("the release's id"), ARGUMENTS_END};

#define COURSE                                                                                               \
    BODY(CLI_IMAGES, "--image", "ID[,part=NAME][,embedded=KEY|,detached=KEY]", "images",                     \
         "an image, and the firmware key that signs it; may be given several times"),                        \
        BODY(CLI_TEXT, "--manifest-key", "KEY", "manifest_key", "the firmware key that signs the manifest"), \
        BODY(CLI_TEXT, "--class", "MODEL", "class", "for devices of this model only"),                       \
        BODY(CLI_TEXT, "--version", "VERSION", "version", "that of the first image without it"),             \
        BODY(CLI_TEXT, "--kind", "feature|security", "kind", "what it is for"),                              \
        BODY(CLI_INTEGER, "--sequence", "N", "sequence", "the next free one without it"),                    \
        BODY(CLI_INTEGER, "--counter", "N", "counter", "security counter, where the images tell none"),      \
        BODY(CLI_INTEGER, "--min-sequence", "N", "min_sequence", "what a device must have before"),          \
        BODY(CLI_WHEN, "--support-until", "TIME", "support_until", "how long it is supported; only rises"),  \
        BODY(CLI_TEXT, "--csaf-url", "URL", "csaf_url", "its security advisory"),                            \
        BODY(CLI_TEXT, "--notes", "TEXT", "notes", "for people")

static const struct cli_argument create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "PRODUCT", NULL, "product", "the product's name"),
    BODY(CLI_TEXT, "--rollback-of", "RELEASE", "rollback_of",
         "give out the images of this former release again"),
    COURSE,
    ARGUMENTS_END,
};
static const struct cli_argument edit_arguments[] = {
    PATH_ID("the release's id"),
    COURSE,
    ARGUMENTS_END,
};
static const struct cli_argument withdraw_arguments[] = {
    PATH_ID("the release's id"),
    BODY_NEEDED(CLI_TEXT, "--reason", "TEXT", "reason", "why, for people"),
    ARGUMENTS_END,
};
static const struct cli_argument file_arguments[] = {
    PATH_ID("the release's id"),
    BY_HAND(CLI_TEXT, "--output", "FILE", "where to write it; standard output without it"),
    ARGUMENTS_END,
};

const struct cli_command cli_release_commands[] = {
    ROW_LIST("firmware-release", "list releases in the order in which they were drafted",
             "/api/v1/firmware/releases", list_arguments, "releases", list_columns),
    ROW_GET("firmware-release", "show", "show one release with its images", "/api/v1/firmware/releases/{}",
            release_id),
    ROW_POST("firmware-release", "create", "draft a release", "/api/v1/firmware/releases", create_arguments,
             0),
    ROW_PATCH("firmware-release", "edit", "change a release; one that is approved is a draft again",
              "/api/v1/firmware/releases/{}", edit_arguments),
    ROW_DELETE("firmware-release", "remove", "remove a draft", "/api/v1/firmware/releases/{}", release_id),
    ROW_POST("firmware-release", "approve", "let the server sign a release, or ask a second person to",
             "/api/v1/firmware/releases/{}/approve", release_id, 0),
    ROW_POST("firmware-release", "publish", "read all bytes again, and let rollouts give a release out",
             "/api/v1/firmware/releases/{}/publish", release_id, CLI_DANGEROUS),
    ROW_POST("firmware-release", "withdraw", "give a release out no more, for good",
             "/api/v1/firmware/releases/{}/withdraw", withdraw_arguments, CLI_DANGEROUS),
    {.group = "firmware-release",
     .verb = "manifest",
     .help = "write the signed manifest that devices verify",
     .path = "/api/v1/firmware/releases/{}/manifest",
     .arguments = file_arguments,
     .run = cli_run_download},
    {.group = "firmware-release",
     .verb = "sbom",
     .help = "write the bill of materials",
     .path = "/api/v1/firmware/releases/{}/sbom",
     .arguments = file_arguments,
     .run = cli_run_download},
    COMMANDS_END,
};
