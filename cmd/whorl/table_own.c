/* Commands without a group, `whorl profile …`, and the list of all groups. */
#include <string.h>

#include "cmd/whorl/tables.h"

static const struct cli_argument none[] = {ARGUMENTS_END};
static const struct cli_argument accept_arguments[] = {
    BY_HAND(CLI_TEXT, "--fingerprint", "SHA256",
            "trust the server's root certificate if this is its fingerprint"),
    ARGUMENTS_END,
};
static const struct cli_argument login_arguments[] = {
    BY_HAND(CLI_TEXT, "--user", "NAME", "log in as a person, with a password and the authenticator's code"),
    BY_HAND(CLI_TEXT, "--tenant", "NAME", "the person's tenant; `default` when none is given"),
    BY_HAND(CLI_TEXT, "--fingerprint", "SHA256",
            "trust the server's root certificate if this is its fingerprint"),
    ARGUMENTS_END,
};
static const struct cli_argument raw_arguments[] = {
    {.name = "METHOD",
     .help = "GET, POST, PATCH or DELETE",
     .place = CLI_BY_HAND,
     .member = "",
     .flags = CLI_NEEDED},
    {.name = "PATH",
     .help = "with its query: /api/v1/…",
     .place = CLI_BY_HAND,
     .member = "",
     .flags = CLI_NEEDED},
    BY_HAND(CLI_FILE, "--data", "FILE", "the body, JSON; - for standard input"),
    BY_HAND(CLI_TEXT, "--if-match", "ETAG", "the version that a change is based on; * for any"),
    BY_HAND(CLI_TEXT, "--idempotency-key", "KEY", "a repeat with the same key changes nothing"),
    ARGUMENTS_END,
};
static const struct cli_argument help_arguments[] = {
    {.name = "WORD", .help = "of the command", .place = CLI_BY_HAND, .kind = CLI_ITEMS, .member = ""},
    BY_HAND(CLI_FLAG, "--man", NULL, "write the manual page"),
    ARGUMENTS_END,
};
static const struct cli_argument completion_arguments[] = {
    {.name = "SHELL",
     .value = "bash|zsh",
     .help = "bash or zsh",
     .place = CLI_BY_HAND,
     .member = "",
     .flags = CLI_NEEDED},
    ARGUMENTS_END,
};

static const struct cli_argument event_arguments[] = {
    BY_HAND(CLI_FLAG, "--follow", NULL, "what happens from now on, or behind --after, as it happens"),
    BY_HAND(CLI_TEXT, "--after", "ID|latest", "behind the event with this id, or behind the last one"),
    QUERY("--type", "TYPES", "type", "of these types (device.enrolled) or groups (device.*), with commas"),
    QUERY("--device", "ID", "device", "of this device"),
    ARGUMENTS_END,
};
static const struct cli_argument top_arguments[] = {
    BY_HAND(CLI_SECONDS, "--interval", "TIME", "between two readings: 2s when none is given"),
    BY_HAND(CLI_FLAG, "--once", NULL, "two readings, one page, and the end: for scripts"),
    ARGUMENTS_END,
};
static const struct cli_column event_columns[] = {
    {"TIME", "timestamp"}, {"TYPE", "type"}, {"DEVICE", "device_id"}, {"BY", "actor"}, {"DATA", "data"},
    {"ID", "id"},          COLUMNS_END,
};

static const struct cli_column alarm_columns[] = {
    {"SEVERITY", "severity"}, {"KIND", "kind"},     {"SUBJECT", "subject"},
    {"SINCE", "since"},       {"DETAIL", "detail"}, COLUMNS_END,
};

const struct cli_command cli_own_commands[] = {
    {.group = "login",
     .verb = "",
     .help = "keep server, trust anchor and credential in a profile",
     .path = "",
     .arguments = login_arguments,
     .run = cli_run_login},
    {.group = "accept-invitation",
     .verb = "",
     .help = "become a person of the server: choose a password and an authenticator",
     .path = "",
     .arguments = accept_arguments,
     .run = cli_run_accept},
    {.group = "logout",
     .verb = "",
     .help = "forget the credential of a profile; a session ends",
     .path = "",
     .arguments = none,
     .run = cli_run_logout},
    {.group = "whoami",
     .verb = "",
     .help = "show what this credential is and may do",
     .path = "/api/v1/whoami",
     .arguments = none},
    {.group = "password",
     .verb = "",
     .help = "change one's own password; other sessions end",
     .path = "/api/v1/me/password",
     .method = CLI_POST,
     .arguments = none,
     .run = cli_run_password},
    {.group = "top",
     .verb = "",
     .help = "show what the server does just now, again and again; q ends it",
     .path = "/metrics",
     .arguments = top_arguments,
     .run = cli_run_top},
    {.group = "events",
     .verb = "",
     .help = "list what happened, oldest first, or follow it",
     .path = "/api/v1/events",
     .arguments = event_arguments,
     .items = "events",
     .cursor = "after",
     .columns = event_columns,
     .run = cli_run_events},
    {.group = "alarms",
     .verb = "",
     .help = "list what stands wrong now",
     .path = "/api/v1/alarms",
     .arguments = none,
     .items = "alarms",
     .columns = alarm_columns},
    {.group = "api",
     .verb = "",
     .help = "make one call of the API as it is, and write the answer's body",
     .path = "",
     .arguments = raw_arguments,
     .run = cli_run_raw},
    {.group = "completion",
     .verb = "",
     .help = "write a completion script",
     .path = "",
     .arguments = completion_arguments,
     .run = cli_run_completion},
    {.group = "help",
     .verb = "",
     .help = "tell of a command, or list them",
     .path = "",
     .arguments = help_arguments,
     .run = cli_run_help},
    COMMANDS_END,
};

static const struct cli_argument profile_name[] = {
    {.name = "NAME", .help = "the profile's name", .place = CLI_BY_HAND, .member = "", .flags = CLI_NEEDED},
    ARGUMENTS_END,
};

const struct cli_command cli_profile_commands[] = {
    {.group = "profile",
     .verb = "list",
     .help = "list the kept servers",
     .path = "",
     .arguments = none,
     .run = cli_run_profile_list},
    {.group = "profile",
     .verb = "use",
     .help = "make a profile the one that is used without --profile",
     .path = "",
     .arguments = profile_name,
     .run = cli_run_profile_use},
    {.group = "profile",
     .verb = "remove",
     .help = "forget a server with all that was kept of it",
     .path = "",
     .arguments = profile_name,
     .run = cli_run_profile_remove},
    COMMANDS_END,
};
