/* `whorl certificate …`, `whorl authority …`, `whorl token …`, `whorl audit …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument none[] = {ARGUMENTS_END};

/* --- certificate ------------------------------------------------------------------------------------ */

static const struct cli_argument certificate_list_arguments[] = {
    QUERY("--device", "ID", "device", "of this device"),
    QUERY("--authority", "ID", "authority", "of this authority"),
    QUERY("--state", "unconfirmed|confirmed|superseded|revoked", "state", "in this state"),
    QUERY("--expires-before", "TIME", "expires_before", "that end before"),
    ARGUMENTS_END,
};
static const struct cli_column certificate_columns[] = {
    {"SERIAL", "serial"},       {"STATE", "state"},      {"GEN", "generation"},
    {"NOT AFTER", "not_after"}, {"DEVICE", "device_id"}, COLUMNS_END,
};
static const struct cli_argument serial_only[] = {
    PATH_ID("the certificate's serial number in lower-case hexadecimal"), ARGUMENTS_END};
static const struct cli_argument certificate_revoke_arguments[] = {
    PATH_ID("the certificate's serial number"),
    BODY_NEEDED(CLI_TEXT, "--reason",
                "unspecified|keyCompromise|cACompromise|affiliationChanged|superseded|"
                "cessationOfOperation|privilegeWithdrawn|aACompromise",
                "reason", "the reason of RFC 5280 that the CRL gives"),
    ARGUMENTS_END,
};

const struct cli_command cli_certificate_commands[] = {
    {.group = "certificate",
     .verb = "list",
     .help = "list certificates in order of their end",
     .path = "/api/v1/certificates",
     .arguments = certificate_list_arguments,
     .items = "certificates",
     .columns = certificate_columns},
    {.group = "certificate",
     .verb = "show",
     .help = "show one certificate with its PEM",
     .path = "/api/v1/certificates/{}",
     .arguments = serial_only},
    {.group = "certificate",
     .verb = "revoke",
     .help = "revoke a certificate",
     .method = CLI_POST,
     .path = "/api/v1/certificates/{}/revoke",
     .arguments = certificate_revoke_arguments,
     .flags = CLI_DANGEROUS},
    COMMANDS_END,
};

/* --- authority -------------------------------------------------------------------------------------- */

static const struct cli_column authority_columns[] = {
    {"ID", "id"},
    {"ROLE", "role"},
    {"STATE", "state"},
    {"KEY", "key_algorithm"},
    {"NOT AFTER", "not_after"},
    {"SUBJECT", "subject"},
    COLUMNS_END,
};
static const struct cli_argument authority_id[] = {PATH_ID("the authority's id"), ARGUMENTS_END};
static const struct cli_argument chain_arguments[] = {
    PATH_ID("the authority's id"),
    BY_HAND(CLI_TEXT, "--form", "pem|der|pkcs7",
            "PEM chain (the default), the certificate as DER, or PKCS#7"),
    ARGUMENTS_END,
};

static const struct cli_argument import_crl_arguments[] = {
    PATH_ID("the authority's id"),
    BODY_NEEDED(CLI_FILE, "FILE", NULL, "crl", "the CRL (PEM)"),
    ARGUMENTS_END,
};

const struct cli_command cli_authority_commands[] = {
    {.group = "authority",
     .verb = "list",
     .help = "list authorities in order of id",
     .path = "/api/v1/authorities",
     .arguments = none,
     .items = "authorities",
     .columns = authority_columns},
    {.group = "authority",
     .verb = "show",
     .help = "show one authority with its certificate",
     .path = "/api/v1/authorities/{}",
     .arguments = authority_id},
    {.group = "authority",
     .verb = "chain",
     .help = "write the chain of an authority",
     .path = "/api/v1/authorities/{}/chain",
     .arguments = chain_arguments,
     .run = cli_run_chain},
    ROW_POST("authority", "import-crl", "bring in the CRL of an authority whose key is elsewhere",
             "/api/v1/authorities/{}/crl", import_crl_arguments, 0),
    COMMANDS_END,
};

/* --- token ------------------------------------------------------------------------------------------ */

static const struct cli_column token_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"SCOPES", "scopes"},
    {"EXPIRES", "expires_at"},
    {"LAST USED", "last_used_at"},
    {"REVOKED", "revoked_at"},
    COLUMNS_END,
};
static const struct cli_argument token_id[] = {PATH_ID("the token's id, 16 hexadecimal characters"),
                                               ARGUMENTS_END};
static const struct cli_argument token_create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY_NEEDED(
        CLI_WORDS, "--scope",
        "devices:read|devices:write|devices:register|certificates:read|certificates:revoke|"
        "products:read|products:write|tokens:read|tokens:write|codes:read|codes:write|events:read|"
        "audit:read|webhooks:read|webhooks:write|users:read|users:write|approvals:read|"
        "approvals:decide|firmware:read|firmware:write|firmware:release|metrics:read|admin|installation",
        "scopes", "what it may do; may be given several times"),
    BODY(CLI_WHEN, "--expires", "SPAN|TIME", "expires_at", "when it ends: 90d (the default), or a time"),
    BODY(CLI_WORDS, "--source", "CIDR", "allowed_sources",
         "from where it may be used; everywhere by default"),
    {.name = "--tenant",
     .value = "ID|NAME",
     .help = "for another tenant (needs the scope `installation`)",
     .place = CLI_IN_BODY,
     .member = "tenant_id",
     .names = "tenants"},
    ARGUMENTS_END,
};
static const struct cli_argument token_edit_arguments[] = {
    PATH_ID("the token's id"),
    BODY(CLI_TEXT, "--name", "NAME", "name", "another name"),
    BODY(CLI_WORDS, "--source", "CIDR", "allowed_sources",
         "from where it may be used; empty: from everywhere"),
    ARGUMENTS_END,
};

const struct cli_command cli_token_commands[] = {
    {.group = "token",
     .verb = "list",
     .help = "list tokens in order of id, revoked ones too",
     .path = "/api/v1/tokens",
     .arguments = none,
     .items = "tokens",
     .columns = token_columns},
    {.group = "token",
     .verb = "show",
     .help = "show one token, without its secret",
     .path = "/api/v1/tokens/{}",
     .arguments = token_id},
    {.group = "token",
     .verb = "create",
     .help = "make a token; its secret is shown once",
     .method = CLI_POST,
     .path = "/api/v1/tokens",
     .arguments = token_create_arguments,
     .flags = CLI_ONCE},
    {.group = "token",
     .verb = "edit",
     .help = "change name and sources of a token",
     .method = CLI_PATCH,
     .path = "/api/v1/tokens/{}",
     .arguments = token_edit_arguments},
    {.group = "token",
     .verb = "rotate",
     .help = "give a token a second secret, shown once; the first works on",
     .method = CLI_POST,
     .path = "/api/v1/tokens/{}/rotate",
     .arguments = token_id,
     .flags = CLI_ONCE},
    {.group = "token",
     .verb = "drop-old-secret",
     .help = "drop the older of a token's two secrets",
     .method = CLI_POST,
     .path = "/api/v1/tokens/{}/drop-old-secret",
     .arguments = token_id},
    {.group = "token",
     .verb = "revoke",
     .help = "revoke a token for good",
     .method = CLI_POST,
     .path = "/api/v1/tokens/{}/revoke",
     .arguments = token_id,
     .flags = CLI_DANGEROUS},
    COMMANDS_END,
};

/* --- client-certificate ------------------------------------------------------------------------------ */

static const struct cli_argument backend_list_arguments[] = {SORT_BY_NAME, ARGUMENTS_END};
static const struct cli_column backend_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"SCOPES", "scopes"},
    {"EXPIRES", "expires_at"},
    {"LAST USED", "last_used_at"},
    {"REVOKED", "revoked_at"},
    COLUMNS_END,
};
static const struct cli_argument backend_id[] = {PATH_NAMED("client-certificates", "its id or name"),
                                                 ARGUMENTS_END};
static const struct cli_argument backend_create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY_NEEDED(CLI_WORDS, "--scope", "SCOPES", "scopes", "what it may do, as of a token"),
    BODY(CLI_FILE, "--certificate", "FILE", "certificate", "the certificate (PEM)"),
    BODY(CLI_TEXT, "--spki-sha256", "HEX", "spki_sha256", "or the digest of its public key"),
    BODY(CLI_WORDS, "--source", "CIDR", "allowed_sources",
         "from where it may be used; everywhere by default"),
    BODY(CLI_WHEN, "--expires", "SPAN|TIME", "expires_at", "when it ends here"),
    ARGUMENTS_END,
};
static const struct cli_argument backend_edit_arguments[] = {
    PATH_NAMED("client-certificates", "its id or name"),
    BODY(CLI_TEXT, "--name", "NAME", "name", "another name"),
    BODY(CLI_WORDS, "--scope", "SCOPES", "scopes", "all that it may do from now on"),
    BODY(CLI_WORDS, "--source", "CIDR", "allowed_sources",
         "from where it may be used; empty: from everywhere"),
    BODY(CLI_WHEN, "--expires", "SPAN|TIME", "expires_at", "when it ends here"),
    ARGUMENTS_END,
};

const struct cli_command cli_backend_commands[] = {
    ROW_LIST("client-certificate", "list client certificates of back ends in order of id",
             "/api/v1/client-certificates", backend_list_arguments, "client_certificates", backend_columns),
    ROW_GET("client-certificate", "show", "show one client certificate", "/api/v1/client-certificates/{}",
            backend_id),
    ROW_POST("client-certificate", "create", "register a client certificate", "/api/v1/client-certificates",
             backend_create_arguments, 0),
    ROW_PATCH("client-certificate", "edit", "change a client certificate", "/api/v1/client-certificates/{}",
              backend_edit_arguments),
    ROW_POST("client-certificate", "revoke", "revoke a client certificate for good",
             "/api/v1/client-certificates/{}/revoke", backend_id, CLI_DANGEROUS),
    COMMANDS_END,
};

/* --- audit ------------------------------------------------------------------------------------------ */

static const struct cli_argument audit_list_arguments[] = {
    QUERY("--kind", "KIND", "kind", "records of this kind"),
    QUERY("--actor", "ACTOR", "actor", "records of what this one did"),
    QUERY("--device", "ID", "device", "records of this device"),
    QUERY("--request", "ID", "request_id",
          "records of this request (X-Request-Id, request_id of a problem); alone"),
    QUERY("--since", "TIME", "since", "not older"),
    QUERY("--until", "TIME", "until", "not newer"),
    ARGUMENTS_END,
};
static const struct cli_column audit_columns[] = {
    {"TIME", "ts"},          {"TYPE", "type"},       {"RESULT", "result"}, {"BY", "source"},
    {"DEVICE", "device_id"}, {"DETAILS", "details"}, COLUMNS_END,
};
static const struct cli_argument checkpoint_arguments[] = {
    BY_HAND(CLI_TEXT, "--form", "json|der", "JSON (the default), or the signature over it as DER (CMS)"),
    ARGUMENTS_END,
};
static const struct cli_argument audit_export_arguments[] = {
    QUERY("--kind", "KIND", "kind", "records of this kind; of the others the hash only"),
    QUERY("--actor", "ACTOR", "actor", "records of what this one did"),
    QUERY("--device", "ID", "device", "records of this device"),
    QUERY("--since", "TIME", "since", "not older"),
    QUERY("--until", "TIME", "until", "not newer"),
    BY_HAND(CLI_TEXT, "--output", "FILE", "write there instead of to standard output; whole, or not at all"),
    ARGUMENTS_END,
};

const struct cli_command cli_audit_commands[] = {
    {.group = "audit",
     .verb = "list",
     .help = "list the audit log, newest first",
     .path = "/api/v1/audit",
     .arguments = audit_list_arguments,
     .items = "records",
     .columns = audit_columns},
    {.group = "audit",
     .verb = "export",
     .help = "write the audit log as JSON Lines, oldest first",
     .path = "/api/v1/audit/export",
     .arguments = audit_export_arguments,
     .run = cli_run_audit_export},
    {.group = "audit",
     .verb = "checkpoint",
     .help = "write the signed ends of the audit log, to be kept elsewhere",
     .path = "/api/v1/audit/checkpoint",
     .arguments = checkpoint_arguments,
     .run = cli_run_checkpoint},
    COMMANDS_END,
};
