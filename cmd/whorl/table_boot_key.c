/* `whorl boot-key …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument key_list_arguments[] = {
    QUERY("--product", "NAME", "product", "of this product"),
    ARGUMENTS_END,
};
static const struct cli_column key_columns[] = {
    {"ID", "id"},         {"NAME", "name"}, {"PRODUCT", "product"}, {"KIND", "kind"}, {"STATE", "state"},
    {"DIGEST", "digest"}, COLUMNS_END,
};
static const struct cli_argument key_id[] = {PATH_ID("the key's id"), ARGUMENTS_END};
static const struct cli_argument key_add_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY_NEEDED(CLI_TEXT, "--kind", "mcuboot|esp|cms|detached", "kind", "what it judges"),
    BODY_NEEDED(CLI_FILE, "--public", "FILE", "public",
                "the public key, or of kind cms the certificate (PEM)"),
    BODY(CLI_TEXT, "--product", "NAME", "product", "the product whose devices trust it; `default`"),
    ARGUMENTS_END,
};

const struct cli_command cli_boot_key_commands[] = {
    ROW_LIST("boot-key", "list boot keys in order of id", "/api/v1/firmware/boot-keys", key_list_arguments,
             "boot_keys", key_columns),
    ROW_GET("boot-key", "show", "show one key", "/api/v1/firmware/boot-keys/{}", key_id),
    ROW_POST("boot-key", "add", "register a key that the boot loader or updater of a product trusts",
             "/api/v1/firmware/boot-keys", key_add_arguments, 0),
    ROW_POST("boot-key", "revoke", "let a key's signatures count no more, for good",
             "/api/v1/firmware/boot-keys/{}/revoke", key_id, CLI_DANGEROUS),
    COMMANDS_END,
};
