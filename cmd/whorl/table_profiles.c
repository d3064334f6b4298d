/* `whorl certificate-profile …` */
#include "cmd/whorl/tables.h"

#define PROFILE_NAME PATH_ID("the profile's name")
#define PROFILE_FIELDS                                                                                       \
    BODY(CLI_TEXT, "--authority-role", "device|edge", "authority_role", "which kind of authority issues"),   \
        BODY(CLI_TEXT, "--subject", "device_id|serial_number|id_only", "subject", "what the subject says"),  \
        BODY(CLI_BOOLEAN, "--identity-uri", "true|false", "identity_uri",                                    \
             "name the device by the hash of its identity key"),                                             \
        OPTIONAL("--uri-template", "TEMPLATE", "uri_template", "a URI, as urn:example:{serial}"),            \
        OPTIONAL("--dns-template", "TEMPLATE", "dns_template", "a DNS name, as {short_id}.edge.example"),    \
        OPTIONAL("--hardware-type", "OID", "hardware_type", "name the hardware module, of this type"),       \
        BODY(CLI_WORDS, "--key-usage", "digital_signature|key_encipherment|key_agreement", "key_usage",      \
             "keyUsage: all of it from now on"),                                                             \
        BODY(CLI_WORDS, "--key-purpose",                                                                     \
             "client_auth|server_auth|code_signing|config_signing|trust_anchor_config|"                      \
             "update_package_signing|safety_communication",                                                  \
             "key_purposes", "extKeyUsage: all of it from now on"),                                          \
        BODY(CLI_WORDS, "--policy", "OID", "policies", "certificate policies: all of them from now on"),     \
        BODY(CLI_WORDS, "--extension", "must_staple|no_revocation", "extensions", "further extensions"),     \
        BODY(CLI_WORDS, "--key-algorithm", "P-256|P-384|Ed25519|RSA", "key_algorithms",                      \
             "which keys are certified"),                                                                    \
        BODY(CLI_SECONDS, "--max-lifetime", "SPAN", "max_lifetime_s", "of a certificate: 90d, 12h, …"),      \
        BODY(CLI_BOOLEAN, "--no-expiry", "true|false", "no_expiry", "certificates without an end"),          \
        BODY(CLI_BOOLEAN, "--identity-key-only", "true|false", "identity_key_only",                          \
             "certify the identity key and no other"),                                                       \
        BODY(CLI_BOOLEAN, "--first-key-only", "true|false", "first_key_only",                                \
             "certify the identity key and the first one after it")
#define OPTIONAL(name_, value_, member_, help_)                                                              \
    {                                                                                                        \
        .name = (name_), .value = (value_), .help = help_ "; empty for none", .place = CLI_IN_BODY,          \
        .member = (member_), .flags = CLI_NULLABLE                                                           \
    }

static const struct cli_column columns[] = {
    {"NAME", "name"},
    {"VERSION", "version"},
    {"BUILT IN", "built_in"},
    {"ROLE", "authority_role"},
    {"PURPOSES", "key_purposes"},
    {"KEYS", "key_algorithms"},
    {"NO EXPIRY", "no_expiry"},
    COLUMNS_END,
};
static const struct cli_argument no_arguments[] = {ARGUMENTS_END};
static const struct cli_argument name_arguments[] = {PROFILE_NAME, ARGUMENTS_END};
static const struct cli_argument version_arguments[] = {
    PROFILE_NAME,
    {.name = "VERSION", .help = "which one", .place = CLI_IN_PATH, .member = "", .flags = CLI_NEEDED},
    ARGUMENTS_END,
};
static const struct cli_argument create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    PROFILE_FIELDS,
    ARGUMENTS_END,
};
static const struct cli_argument edit_arguments[] = {PROFILE_NAME, PROFILE_FIELDS, ARGUMENTS_END};

const struct cli_command cli_certificate_profile_commands[] = {
    ROW_LIST("certificate-profile", "list certificate profiles in order of name", "/api/v1/profiles",
             no_arguments, "profiles", columns),
    ROW_GET("certificate-profile", "show", "show one profile as it is now", "/api/v1/profiles/{}",
            name_arguments),
    ROW_POST("certificate-profile", "create", "make a profile", "/api/v1/profiles", create_arguments, 0),
    ROW_PATCH("certificate-profile", "edit", "make a further version of a profile", "/api/v1/profiles/{}",
              edit_arguments),
    ROW_DELETE("certificate-profile", "delete", "delete a profile that no product names",
               "/api/v1/profiles/{}", name_arguments),
    {.group = "certificate-profile",
     .verb = "versions",
     .help = "list the versions of a profile",
     .path = "/api/v1/profiles/{}/versions",
     .arguments = name_arguments,
     .items = "versions",
     .columns = columns},
    ROW_GET("certificate-profile", "version", "show one version of a profile",
            "/api/v1/profiles/{}/versions/{}", version_arguments),
    COMMANDS_END,
};
