/* `whorl ca …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument none[] = {ARGUMENTS_END};
static const struct cli_column ca_columns[] = {
    {"ID", "id"},
    {"ROLE", "role"},
    {"STATE", "state"},
    {"OWNER", "owner"},
    {"DEFAULT", "is_default"},
    {"ISSUER", "issuer"},
    {"NOT AFTER", "not_after"},
    COLUMNS_END,
};

#define NOTE BODY(CLI_TEXT, "--note", "TEXT", "note", "why, for the audit log")
#define NEW_KEY                                                                                              \
    BODY(CLI_TEXT, "--issuer", "ID", "issuer", "the root that signs"),                                       \
        BODY(CLI_TEXT, "--key-algorithm", "P-256|P-384|Ed25519|RSA", "key_algorithm", "of the new key"),     \
        BODY(CLI_INTEGER, "--lifetime-days", "N", "lifetime_days", "at most to its issuer's end"),           \
        BODY(CLI_WORDS, "--key-purpose", "NAME", "key_purposes", "client_auth,code_signing,…"),              \
        BODY(CLI_WORDS, "--permitted-dns", "NAME", "permitted_dns", "of the role edge: what it certifies"),  \
        BODY(CLI_FLAG, "--external", NULL, "external", "somebody else signs: make a request"), NOTE

static const struct cli_argument id[] = {PATH_ID("the authority's id"), ARGUMENTS_END};
static const struct cli_argument with_note[] = {PATH_ID("the authority's id"), NOTE, ARGUMENTS_END};
static const struct cli_argument create[] = {
    BODY_NEEDED(CLI_TEXT, "--role", "device|infrastructure|edge", "role", "what it issues"),
    BODY(CLI_TEXT, "--id", "ID", "id", "its name; otherwise made of its role"),
    BODY(CLI_FLAG, "--tenant", NULL, "tenant", "of the tenant alone"),
    NEW_KEY,
    ARGUMENTS_END,
};
static const struct cli_argument activate[] = {
    PATH_ID("the authority's id"),
    BODY(CLI_BOOLEAN, "--default", "true|false", "default", "it issues where a product names no other"),
    NOTE,
    ARGUMENTS_END,
};
static const struct cli_argument roll[] = {PATH_ID("the authority's id"), NEW_KEY, ARGUMENTS_END};
static const struct cli_argument compromised[] = {
    PATH_ID("the authority's id"),
    BODY(CLI_TEXT, "--successor", "ID", "successor", "which one that stands by takes its place"),
    BODY(CLI_TEXT, "--key-algorithm", "P-256|P-384|Ed25519|RSA", "key_algorithm",
         "of the key that is made where nobody stands by"),
    BODY(CLI_INTEGER, "--lifetime-days", "N", "lifetime_days", "of that one"),
    BODY(CLI_INTEGER, "--rekey-within", "SECONDS", "rekey_within_s",
         "over which its devices are told to rekey, in waves (default: 3600)"),
    NOTE,
    ARGUMENTS_END,
};

static const struct cli_argument import[] = {
    PATH_ID("the authority's id"),
    BODY_NEEDED(CLI_FILE, "FILE", NULL, "certificate", "its certificate, and the CAs above it (PEM)"),
    ARGUMENTS_END,
};
static const struct cli_argument import_cross[] = {
    PATH_ID("the root's id"),
    BODY_NEEDED(CLI_FILE, "FILE", NULL, "certificate", "one or more cross certificates (PEM)"),
    ARGUMENTS_END,
};
const struct cli_command cli_ca_commands[] = {
    ROW_LIST("ca", "list authorities with their states", "/api/v1/authorities", none, "authorities",
             ca_columns),
    ROW_GET("ca", "show", "show one authority with its certificate", "/api/v1/authorities/{}", id),
    ROW_GET("ca", "request", "show the request of one that waits for its certificate",
            "/api/v1/authorities/{}/request", id),
    ROW_POST("ca", "import", "bring in the certificate that somebody else signed",
             "/api/v1/authorities/{}/certificate", import, 0),
    ROW_GET("ca", "cross-certificates", "show the cross certificates between a root and the next one",
            "/api/v1/authorities/{}/cross-certificates", id),
    ROW_POST("ca", "import-cross", "bring in cross certificates that were signed elsewhere",
             "/api/v1/authorities/{}/cross-certificates", import_cross, 0),
    ROW_POST("ca", "create", "make an issuing authority, which stands by", "/api/v1/authorities", create, 0),
    ROW_POST("ca", "activate", "let an authority issue", "/api/v1/authorities/{}/activate", activate,
             CLI_DANGEROUS),
    ROW_POST("ca", "roll", "give an authority a successor with a new key", "/api/v1/authorities/{}/roll",
             roll, CLI_DANGEROUS),
    ROW_POST("ca", "finish-roll", "let the successor of a root name the installation",
             "/api/v1/authorities/{}/finish-roll", with_note, CLI_DANGEROUS),
    ROW_POST("ca", "retire", "let an authority issue no more", "/api/v1/authorities/{}/retire", with_note,
             CLI_DANGEROUS),
    ROW_POST("ca", "compromised", "its key is in other hands: revoke it, for good",
             "/api/v1/authorities/{}/compromised", compromised, CLI_DANGEROUS),
    COMMANDS_END,
};
