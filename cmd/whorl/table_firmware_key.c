/* `whorl firmware-key …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument key_list_arguments[] = {
    QUERY("--product", "NAME", "product", "of this product"),
    ARGUMENTS_END,
};
static const struct cli_column key_columns[] = {
    {"ID", "id"},         {"NAME", "name"},   {"PRODUCT", "product"}, {"ROLE", "role"},
    {"ALG", "algorithm"}, {"STATE", "state"}, {"USES", "uses"},       COLUMNS_END,
};
static const struct cli_argument key_id[] = {PATH_ID("the key's id"), ARGUMENTS_END};
static const struct cli_argument key_create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY_NEEDED(CLI_TEXT, "--role", "manifest|mcuboot|cms|detached", "role", "what it signs"),
    BODY(CLI_TEXT, "--product", "NAME", "product", "the product that it signs for; `default`"),
    BODY(CLI_TEXT, "--algorithm", "ecdsa-p256|ecdsa-p384|ed25519|rsa-3072", "algorithm",
         "ecdsa-p256 without it"),
    BODY(CLI_INTEGER, "--uses-max", "N", "uses_max",
         "how often it may sign; 0, the default: without a bound"),
    BODY(CLI_INTEGER, "--certificate-days", "N", "certificate_days",
         "of role cms: how long its certificate is good; ten years"),
    ARGUMENTS_END,
};
static const struct cli_column use_columns[] = {
    {"USE", "use"}, {"KIND", "kind"}, {"ID", "id"}, {"AT", "at"}, {"SIGNED", "signed_sha256"}, COLUMNS_END,
};
static const struct cli_argument key_certificate_arguments[] = {
    PATH_ID("the key's id"),
    BODY_NEEDED(CLI_FILE, "--certificate", "FILE", "certificate", "the certificate over the key (PEM)"),
    ARGUMENTS_END,
};

const struct cli_command cli_firmware_key_commands[] = {
    ROW_LIST("firmware-key", "list keys that sign firmware in order of id", "/api/v1/firmware/keys",
             key_list_arguments, "firmware_keys", key_columns),
    ROW_GET("firmware-key", "show", "show one key with its public half", "/api/v1/firmware/keys/{}", key_id),
    ROW_POST("firmware-key", "create", "make a key; its private half stays in the server's keystore",
             "/api/v1/firmware/keys", key_create_arguments, 0),
    {.group = "firmware-key",
     .verb = "signed",
     .help = "list what a key signed, the oldest first",
     .path = "/api/v1/firmware/keys/{}/signed",
     .arguments = key_id,
     .items = "signed",
     .columns = use_columns},
    {.group = "firmware-key",
     .verb = "request",
     .help = "write a certificate request (PEM) over a key of role cms",
     .path = "/api/v1/firmware/keys/{}/csr",
     .arguments = key_id,
     .run = cli_run_key_request},
    ROW_PUT("firmware-key", "certificate", "use a certificate that an authority made for a key of role cms",
            "/api/v1/firmware/keys/{}/certificate", key_certificate_arguments),
    ROW_POST("firmware-key", "retire", "let a key sign no more", "/api/v1/firmware/keys/{}/retire", key_id,
             CLI_DANGEROUS),
    ROW_POST("firmware-key", "compromised", "declare that others have a key, for good",
             "/api/v1/firmware/keys/{}/compromised", key_id, CLI_DANGEROUS),
    ROW_POST("firmware-key", "replaced", "say that no device trusts a compromised key any more",
             "/api/v1/firmware/keys/{}/replaced", key_id, 0),
    COMMANDS_END,
};
