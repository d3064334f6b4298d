/* The tables of commands, one file for each group or few, and the functions of commands that are more than
 * one call. */
#ifndef WHORL_CMD_WHORL_TABLES_H
#define WHORL_CMD_WHORL_TABLES_H

#include "cmd/whorl/command.h"

/* Rows of argument tables. */
#define PATH_ID(help_)                                                                                       \
    {                                                                                                        \
        .name = "ID", .help = (help_), .place = CLI_IN_PATH, .member = "", .flags = CLI_NEEDED               \
    }
#define PATH_NAMED(list_, help_)                                                                             \
    {                                                                                                        \
        .name = "ID", .help = (help_), .place = CLI_IN_PATH, .member = "", .names = (list_),                 \
        .flags = CLI_NEEDED                                                                                  \
    }
#define QUERY(name_, value_, member_, help_)                                                                 \
    {                                                                                                        \
        .name = (name_), .value = (value_), .help = (help_), .place = CLI_IN_QUERY, .member = (member_)      \
    }
#define QUERY_NAMED(name_, member_, list_, help_)                                                            \
    {                                                                                                        \
        .name = (name_), .value = "ID|NAME", .help = (help_), .place = CLI_IN_QUERY, .member = (member_),    \
        .names = (list_)                                                                                     \
    }
#define BODY(kind_, name_, value_, member_, help_)                                                           \
    {                                                                                                        \
        .name = (name_), .value = (value_), .help = (help_), .place = CLI_IN_BODY, .kind = (kind_),          \
        .member = (member_)                                                                                  \
    }
#define BODY_NEEDED(kind_, name_, value_, member_, help_)                                                    \
    {                                                                                                        \
        .name = (name_), .value = (value_), .help = (help_), .place = CLI_IN_BODY, .kind = (kind_),          \
        .member = (member_), .flags = CLI_NEEDED                                                             \
    }
#define BY_HAND(kind_, name_, value_, help_)                                                                 \
    {                                                                                                        \
        .name = (name_), .value = (value_), .help = (help_), .place = CLI_BY_HAND, .kind = (kind_),          \
        .member = ""                                                                                         \
    }
#define SORT_BY_NAME QUERY("--sort", "id|-id|name|-name", "sort", "in which order; - for backwards")
#define ARGUMENTS_END                                                                                        \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }
#define COLUMNS_END                                                                                          \
    {                                                                                                        \
        NULL, NULL                                                                                           \
    }

/* Rows of command tables. */
#define ROW_LIST(group_, help_, path_, arguments_, items_, columns_)                                         \
    {                                                                                                        \
        .group = (group_), .verb = "list", .help = (help_), .path = (path_), .arguments = (arguments_),      \
        .items = (items_), .columns = (columns_)                                                             \
    }
#define ROW_GET(group_, verb_, help_, path_, arguments_)                                                     \
    {                                                                                                        \
        .group = (group_), .verb = (verb_), .help = (help_), .path = (path_), .arguments = (arguments_)      \
    }
#define ROW_POST(group_, verb_, help_, path_, arguments_, flags_)                                            \
    {                                                                                                        \
        .group = (group_), .verb = (verb_), .help = (help_), .method = CLI_POST, .path = (path_),            \
        .arguments = (arguments_), .flags = (flags_)                                                         \
    }
#define ROW_PATCH(group_, verb_, help_, path_, arguments_)                                                   \
    {                                                                                                        \
        .group = (group_), .verb = (verb_), .help = (help_), .method = CLI_PATCH, .path = (path_),           \
        .arguments = (arguments_)                                                                            \
    }
#define ROW_PUT(group_, verb_, help_, path_, arguments_)                                                     \
    {                                                                                                        \
        .group = (group_), .verb = (verb_), .help = (help_), .method = CLI_PUT, .path = (path_),             \
        .arguments = (arguments_)                                                                            \
    }
#define ROW_DELETE(group_, verb_, help_, path_, arguments_)                                                  \
    {                                                                                                        \
        .group = (group_), .verb = (verb_), .help = (help_), .method = CLI_DELETE, .path = (path_),          \
        .arguments = (arguments_), .flags = CLI_DANGEROUS                                                    \
    }
#define COMMANDS_END                                                                                         \
    {                                                                                                        \
        .group = NULL                                                                                        \
    }

extern const struct cli_command cli_own_commands[];
extern const struct cli_command cli_device_commands[];
extern const struct cli_command cli_batch_commands[];
extern const struct cli_command cli_product_commands[];
extern const struct cli_command cli_firmware_commands[];
extern const struct cli_command cli_firmware_policy_commands[];
extern const struct cli_command cli_firmware_key_commands[];
extern const struct cli_command cli_firmware_signature_commands[];
extern const struct cli_command cli_firmware_anchors_commands[];
extern const struct cli_command cli_boot_key_commands[];
extern const struct cli_command cli_release_commands[];
extern const struct cli_command cli_hub_commands[];
extern const struct cli_command cli_certificate_commands[];
extern const struct cli_command cli_certificate_profile_commands[];
extern const struct cli_command cli_authority_commands[];
extern const struct cli_command cli_ca_commands[];
extern const struct cli_command cli_token_commands[];
extern const struct cli_command cli_tenant_commands[];
extern const struct cli_command cli_audit_commands[];
extern const struct cli_command cli_clock_commands[];
extern const struct cli_command cli_code_commands[];
extern const struct cli_command cli_cmp_code_commands[];
extern const struct cli_command cli_vendor_commands[];
extern const struct cli_command cli_webhook_commands[];
extern const struct cli_command cli_backend_commands[];
extern const struct cli_command cli_approval_commands[];
extern const struct cli_command cli_dual_commands[];
extern const struct cli_command cli_operation_commands[];
extern const struct cli_command cli_transfer_commands[];
extern const struct cli_command cli_rekey_commands[];
extern const struct cli_command cli_rollout_commands[];
extern const struct cli_command cli_user_commands[];
extern const struct cli_command cli_role_commands[];
extern const struct cli_command cli_session_commands[];
extern const struct cli_command cli_profile_commands[];

/* Commands that are more than one call, each in a file of its own. @errors one without a detail was told */
err_t cli_run_login(struct cli *cli, const struct cli_line *line);
err_t cli_run_accept(struct cli *cli, const struct cli_line *line);
err_t cli_run_logout(struct cli *cli, const struct cli_line *line);
err_t cli_run_profile_list(struct cli *cli, const struct cli_line *line);
err_t cli_run_profile_use(struct cli *cli, const struct cli_line *line);
err_t cli_run_profile_remove(struct cli *cli, const struct cli_line *line);
err_t cli_run_events(struct cli *cli, const struct cli_line *line);
err_t cli_run_top(struct cli *cli, const struct cli_line *line);
err_t cli_run_password(struct cli *cli, const struct cli_line *line);
err_t cli_run_firmware_upload(struct cli *cli, const struct cli_line *line);
err_t cli_run_import(struct cli *cli, const struct cli_line *line);
err_t cli_run_audit_export(struct cli *cli, const struct cli_line *line);
err_t cli_run_download(struct cli *cli, const struct cli_line *line);
err_t cli_run_checkpoint(struct cli *cli, const struct cli_line *line);
err_t cli_run_key_request(struct cli *cli, const struct cli_line *line);
err_t cli_run_client_config(struct cli *cli, const struct cli_line *line);
err_t cli_run_statement(struct cli *cli, const struct cli_line *line);
err_t cli_run_anchors_put(struct cli *cli, const struct cli_line *line);
err_t cli_run_signature_bring(struct cli *cli, const struct cli_line *line);
err_t cli_run_chain(struct cli *cli, const struct cli_line *line);
err_t cli_run_raw(struct cli *cli, const struct cli_line *line);
err_t cli_run_help(struct cli *cli, const struct cli_line *line);
err_t cli_run_completion(struct cli *cli, const struct cli_line *line);

#endif
