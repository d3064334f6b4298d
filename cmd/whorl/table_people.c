/* `whorl user …`, `whorl role …`, `whorl session …` */
#include "cmd/whorl/tables.h"

static const struct cli_argument none[] = {ARGUMENTS_END};

/* --- user ------------------------------------------------------------------------------------------- */

static const struct cli_argument user_list_arguments[] = {
    QUERY("--role", "NAME", "role", "with this role"),
    QUERY("--state", "invited|active|disabled", "state", "in this state"),
    ARGUMENTS_END,
};
static const struct cli_column user_columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"STATE", "state"},
    {"ROLES", "roles"},
    {"LAST LOGIN", "last_login_at"},
    {"DISPLAY NAME", "display_name"},
    COLUMNS_END,
};
static const struct cli_argument user_id[] = {PATH_NAMED("users", "the person's id or name"), ARGUMENTS_END};
static const struct cli_argument invite_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "the name to log in with"),
    BODY_NEEDED(CLI_WORDS, "--role", "admin|operator|factory|firmware|auditor", "roles",
                "what the person may do"),
    BODY(CLI_TEXT, "--display-name", "TEXT", "display_name", "the name as people write it"),
    ARGUMENTS_END,
};
static const struct cli_argument user_edit_arguments[] = {
    PATH_NAMED("users", "the person's id or name"),
    BODY(CLI_WORDS, "--role", "admin|operator|factory|firmware|auditor", "roles", "all roles from now on"),
    BODY(CLI_TEXT, "--display-name", "TEXT", "display_name", "the name as people write it"),
    ARGUMENTS_END,
};

const struct cli_command cli_user_commands[] = {
    ROW_LIST("user", "list people in order of id", "/api/v1/users", user_list_arguments, "users",
             user_columns),
    ROW_GET("user", "show", "show one person", "/api/v1/users/{}", user_id),
    ROW_POST("user", "invite", "invite a person; the invitation is shown once", "/api/v1/users",
             invite_arguments, CLI_ONCE),
    ROW_PATCH("user", "edit", "change display name and roles of a person", "/api/v1/users/{}",
              user_edit_arguments),
    ROW_POST("user", "disable", "disable a person: every session ends", "/api/v1/users/{}/disable", user_id,
             0),
    ROW_POST("user", "enable", "enable a disabled person", "/api/v1/users/{}/enable", user_id, 0),
    ROW_POST("user", "reset", "take password and authenticator away and invite a person anew",
             "/api/v1/users/{}/reset", user_id, CLI_DANGEROUS | CLI_ONCE),
    COMMANDS_END,
};

/* --- role ------------------------------------------------------------------------------------------- */

static const struct cli_column role_columns[] = {
    {"NAME", "name"}, {"BUILT IN", "built_in"}, {"DESCRIPTION", "description"}, {"SCOPES", "scopes"},
    COLUMNS_END,
};
static const struct cli_argument role_name[] = {PATH_ID("the role's name"), ARGUMENTS_END};
static const struct cli_argument role_create_arguments[] = {
    BODY_NEEDED(CLI_TEXT, "NAME", NULL, "name", "its name"),
    BODY_NEEDED(CLI_WORDS, "--scope", "SCOPES", "scopes", "what it may do, as of a token"),
    BODY(CLI_TEXT, "--description", "TEXT", "description", "what it is for"),
    ARGUMENTS_END,
};
static const struct cli_argument role_edit_arguments[] = {
    PATH_ID("the role's name"),
    BODY(CLI_WORDS, "--scope", "SCOPES", "scopes", "all that it may do from now on"),
    BODY(CLI_TEXT, "--description", "TEXT", "description", "what it is for"),
    ARGUMENTS_END,
};

const struct cli_command cli_role_commands[] = {
    ROW_LIST("role", "list roles in order of name", "/api/v1/roles", none, "roles", role_columns),
    ROW_GET("role", "show", "show one role", "/api/v1/roles/{}", role_name),
    ROW_POST("role", "create", "make a role", "/api/v1/roles", role_create_arguments, 0),
    ROW_PATCH("role", "edit", "change description and scopes of a role", "/api/v1/roles/{}",
              role_edit_arguments),
    ROW_DELETE("role", "remove", "remove a role", "/api/v1/roles/{}", role_name),
    COMMANDS_END,
};

/* --- session ---------------------------------------------------------------------------------------- */

static const struct cli_column session_columns[] = {
    {"ID", "id"},
    {"USER", "user_name"},
    {"ADDRESS", "address"},
    {"THIS ONE", "is_current"},
    {"LAST USED", "last_used_at"},
    {"EXPIRES", "expires_at"},
    COLUMNS_END,
};
static const struct cli_argument session_id[] = {PATH_ID("the session's id"), ARGUMENTS_END};

const struct cli_command cli_session_commands[] = {
    ROW_LIST("session", "list sessions in order of id", "/api/v1/sessions", none, "sessions",
             session_columns),
    ROW_POST("session", "revoke", "end a session", "/api/v1/sessions/{}/revoke", session_id, 0),
    COMMANDS_END,
};
