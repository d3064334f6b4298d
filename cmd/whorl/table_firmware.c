/* `whorl firmware …`: images and their uploads. */
#include "cmd/whorl/tables.h"

static const struct cli_argument upload_arguments[] = {
    {.name = "FILE",
     .help = "the image",
     .place = CLI_BY_HAND,
     .kind = CLI_FILE,
     .member = "",
     .flags = CLI_NEEDED},
    BY_HAND(CLI_TEXT, "--product", "NAME", "the product that it is for; `default`"),
    BY_HAND(CLI_TEXT, "--format", "raw|mcuboot|esp|swu|rauc", "what it is; else by its first bytes"),
    BY_HAND(CLI_TEXT, "--version", "VERSION", "of a raw image, which does not say it"),
    BY_HAND(CLI_TEXT, "--filename", "NAME", "as devices are told it; else that of the file"),
    BY_HAND(CLI_FLAG, "--unsigned", NULL, "it is to be signed here: no signature is asked for"),
    ARGUMENTS_END,
};
static const struct cli_argument images_arguments[] = {
    QUERY("--product", "NAME", "product", "only of this product"),
    QUERY("--format", "raw|mcuboot|esp|swu|rauc", "format", "only of this format"),
    QUERY("--state", "ready|withdrawn", "state", "only in this state"),
    ARGUMENTS_END,
};
static const struct cli_column image_columns[] = {
    {"ID", "id"},         {"PRODUCT", "product"},        {"FILE", "filename"},
    {"FORMAT", "format"}, {"VERSION", "version"},        {"SIZE", "size"},
    {"STATE", "state"},   {"RELEASES", "release_count"}, COLUMNS_END,
};
static const struct cli_argument image_id[] = {PATH_ID("the image's id"), ARGUMENTS_END};
static const struct cli_argument hold_arguments[] = {
    PATH_ID("the image's id"),
    {.name = "--until",
     .value = "TIME",
     .help = "it cannot be deleted before; empty: no hold",
     .place = CLI_IN_BODY,
     .member = "hold_until",
     .flags = CLI_NULLABLE},
    BODY(CLI_TEXT, "--reason", "TEXT", "hold_reason", "why, for those who wonder"),
    ARGUMENTS_END,
};
static const struct cli_argument uploads_arguments[] = {ARGUMENTS_END};
static const struct cli_column upload_columns[] = {
    {"ID", "id"},     {"PRODUCT", "product"},    {"FILE", "filename"}, {"OFFSET", "offset"},
    {"SIZE", "size"}, {"EXPIRES", "expires_at"}, COLUMNS_END,
};
static const struct cli_argument upload_id[] = {PATH_ID("the upload's id"), ARGUMENTS_END};

const struct cli_command cli_firmware_commands[] = {
    {.group = "firmware",
     .verb = "upload",
     .help = "bring an image; a repeat goes on where a cut left it",
     .method = CLI_POST,
     .path = "/api/v1/firmware/uploads",
     .arguments = upload_arguments,
     .run = cli_run_firmware_upload},
    {.group = "firmware",
     .verb = "images",
     .help = "list images in order of their coming",
     .path = "/api/v1/firmware/images",
     .arguments = images_arguments,
     .items = "images",
     .columns = image_columns},
    ROW_GET("firmware", "show", "show one image with its digests and releases", "/api/v1/firmware/images/{}",
            image_id),
    ROW_PATCH("firmware", "hold", "keep an image until a time", "/api/v1/firmware/images/{}", hold_arguments),
    ROW_DELETE("firmware", "delete", "delete an image", "/api/v1/firmware/images/{}", image_id),
    {.group = "firmware",
     .verb = "uploads",
     .help = "list uploads that are not whole",
     .path = "/api/v1/firmware/uploads",
     .arguments = uploads_arguments,
     .items = "uploads",
     .columns = upload_columns},
    ROW_DELETE("firmware", "drop", "take an unfinished upload back", "/api/v1/firmware/uploads/{}",
               upload_id),
    COMMANDS_END,
};
