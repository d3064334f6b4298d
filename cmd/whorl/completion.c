/* Completion for bash and zsh: the tables as two `case` statements, what may follow a command and what values
 * an option has. Files where nothing is known. */
#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/help.h"
#include "cmd/whorl/tables.h"

/* "a|b|c" is a choice; "FILE" and the like are not. */
static bool has_choices(const struct cli_argument *argument)
{
    return argument->value != NULL && strchr(argument->value, '|') != NULL &&
           strcspn(argument->value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") > 0;
}

static err_t append_words(struct buf *out, const char *choices)
{
    for (const char *p = choices; *p != '\0'; p++) {
        TRY(buf_append(out, *p == '|' ? " " : p, 1));
    }
    return OK;
}

/* Every option that takes a value, of all commands, as a pattern: the word behind it is no command. */
static err_t append_value_options(struct buf *out)
{
    AUTO_VAL(buf) seen = {0};
    TRY(buf_append_str(&seen, "|"));
    for (const struct cli_option *option = cli_option_table; option->name != NULL; option++) {
        TRY(option->value == NULL ? OK : buf_printf(&seen, "%s|", option->name));
    }
    for (const struct cli_group *group = cli_groups(); group->name != NULL; group++) {
        for (const struct cli_command *command = group->commands; command->group != NULL; command++) {
            for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
                AUTO_VAL(buf) word = {0};
                TRY(buf_printf(&word, "|%s|", a->name));
                if (cli_argument_is_option(a) && a->kind != CLI_FLAG &&
                    strstr(buf_str(&seen), buf_str(&word)) == NULL) {
                    TRY(buf_printf(&seen, "%s|", a->name));
                }
            }
        }
    }
    return buf_append(out, seen.p + 1, seen.n - 2);
}

static err_t append_option_names(struct buf *out, const struct cli_command *command)
{
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        TRY(cli_argument_is_option(a) ? buf_printf(out, " %s", a->name) : OK);
    }
    return OK;
}

static err_t append_verbs(struct buf *out, const struct cli_group *group)
{
    for (const struct cli_command *command = group->commands; command->group != NULL; command++) {
        TRY(buf_printf(out, " %s", command->verb[0] == '\0' ? command->group : command->verb));
    }
    return OK;
}

/* "group verb option") the values */
static err_t append_values(struct buf *out, const struct cli_command *command)
{
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        if (has_choices(a) && cli_argument_is_option(a)) {
            TRY(buf_printf(out, "        '%s %s %s') list='", command->group, command->verb, a->name));
            TRY(append_words(out, a->value));
            TRY(buf_append_str(out, "' ;;\n"));
        }
    }
    return OK;
}

/* 'group verb') its options and the choices of what stands by position */
static err_t append_command(struct buf *out, const struct cli_command *command)
{
    TRY(buf_printf(out, "        '%s %s') list='", command->group, command->verb));
    for (const struct cli_argument *a = command->arguments; a->name != NULL; a++) {
        if (has_choices(a) && !cli_argument_is_option(a)) {
            TRY(append_words(out, a->value));
        }
    }
    TRY(append_option_names(out, command));
    return buf_append_str(out, "' ;;\n");
}

static err_t append_each(struct buf *out, err_t (*fn)(struct buf *, const struct cli_command *))
{
    for (const struct cli_group *group = cli_groups(); group->name != NULL; group++) {
        for (const struct cli_command *command = group->commands; command->group != NULL; command++) {
            TRY(fn(out, command));
        }
    }
    return OK;
}

/* Sets `list` from $group, $verb and $before; the same text for both shells. */
static err_t append_tables(struct buf *out)
{
    TRY(buf_append_str(out, "    list=\n    case \"$group $verb $before\" in\n"));
    TRY(append_each(out, append_values));
    TRY(buf_append_str(out,
                       "    esac\n    if [ -n \"$list\" ]; then return; fi\n    case $before in\n        "));
    TRY(append_value_options(out));
    TRY(buf_append_str(out, ") return ;;\n    esac\n    case \"$group $verb\" in\n        ' ') list='"));
    TRY(append_verbs(out, cli_groups()));
    for (const struct cli_group *group = cli_groups() + 1; group->name != NULL; group++) {
        TRY(buf_printf(out, " %s", group->name));
    }
    TRY(buf_append_str(out, "' ;;\n"));
    for (const struct cli_group *group = cli_groups() + 1; group->name != NULL; group++) {
        TRY(buf_printf(out, "        '%s ') list='", group->name));
        TRY(append_verbs(out, group));
        TRY(buf_append_str(out, "' ;;\n"));
    }
    TRY(append_each(out, append_command));
    TRY(buf_append_str(out, "    esac\n    case $current in\n        -*) list=\"$list"));
    for (const struct cli_option *option = cli_option_table; option->name != NULL; option++) {
        TRY(buf_printf(out, " %s", option->name));
    }
    return buf_append_str(out, "\" ;;\n    esac\n");
}

/* Sets $group and $verb from the words before the one that is completed, given as arguments. */
static err_t append_walk(struct buf *out)
{
    TRY(buf_append_str(out,
                       "    group='' verb=''\n    while [ $# -gt 0 ]; do\n        case $1 in\n            "));
    TRY(append_value_options(out));
    return buf_append_str(
        out,
        ") [ $# -gt 1 ] && shift ;;\n"
        "            -*) ;;\n"
        "            *) if [ -z \"$group\" ]; then group=$1; elif [ -z \"$verb\" ]; then verb=$1; fi ;;\n"
        "        esac\n"
        "        shift\n"
        "    done\n"
        "    case $group in\n        ");
}

/* A command without a verb: what follows is no verb. */
static err_t append_single(struct buf *out)
{
    for (const struct cli_command *command = cli_groups()->commands; command->group != NULL; command++) {
        TRY(buf_printf(out, "%s%s", command == cli_groups()->commands ? "" : "|", command->group));
    }
    return buf_append_str(out, ") verb='' ;;\n    esac\n");
}

static err_t append_functions(struct buf *out)
{
    TRY(buf_append_str(out, "_whorl_words() {\n    local before=$1 current=$2\n    shift 2\n"));
    TRY(append_walk(out));
    TRY(append_single(out));
    TRY(append_tables(out));
    return buf_append_str(out, "}\n");
}

err_t cli_help_bash(struct buf *out)
{
    TRY(buf_append_str(out, "# bash completion of whorl; made by `whorl completion bash`\n"));
    TRY(append_functions(out));
    return buf_append_str(out, "_whorl() {\n"
                               "    local group verb list word current=${COMP_WORDS[COMP_CWORD]}\n"
                               "    _whorl_words \"${COMP_WORDS[COMP_CWORD - 1]}\" \"$current\" "
                               "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"\n"
                               "    COMPREPLY=()\n"
                               "    while IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen -W "
                               "\"$list\" -- \"$current\")\n"
                               "}\n"
                               "complete -o default -F _whorl whorl\n");
}

err_t cli_help_zsh(struct buf *out)
{
    TRY(buf_append_str(out, "#compdef whorl\n# zsh completion of whorl; made by `whorl completion zsh`\n"));
    TRY(append_functions(out));
    return buf_append_str(
        out, "_whorl() {\n"
             "    local group verb list current=${words[CURRENT]}\n"
             "    _whorl_words \"${words[CURRENT - 1]}\" \"$current\" \"${(@)words[2,CURRENT - 1]}\"\n"
             "    if [ -n \"$list\" ]; then compadd -- ${=list}; else _files; fi\n"
             "}\n"
             "if [ \"${funcstack[1]}\" = _whorl ]; then _whorl \"$@\"; else compdef _whorl whorl; fi\n");
}

err_t cli_run_completion(struct cli *cli, const struct cli_line *line)
{
    AUTO_VAL(buf) text = {0};
    const char *shell = cli_line_text(line, "SHELL");
    bool is_bash = strcmp(shell, "bash") == 0;
    ENSURE(is_bash || strcmp(shell, "zsh") == 0, ERR_BAD_REQUEST, "completion is there for bash and zsh");
    TRY(is_bash ? cli_help_bash(&text) : cli_help_zsh(&text));
    return cli_put(&cli->output, buf_view(&text));
}
