/* Words first, by the table of commands; then options and positions by the command's own. Tokens are never
 * taken from the command line: other users see it. */
#include "cmd/whorl/line.h"

#include <stddef.h>
#include <string.h>

const struct cli_option cli_option_table[] = {
    {"--server", "URL", "management address, https://HOST:PORT; also WHORL_SERVER",
     offsetof(struct cli_options, server)},
    {"--ca", "FILE", "certificates (PEM) that the server's must lead to; also WHORL_CA",
     offsetof(struct cli_options, ca)},
    {"--profile", "NAME", "which of the kept servers; also WHORL_PROFILE",
     offsetof(struct cli_options, profile)},
    {"--token-file", "FILE", "read the token from there, - for standard input; the token itself: WHORL_TOKEN",
     offsetof(struct cli_options, token_file)},
    {"--cert", "FILE", "client certificate (PEM) to show to the server",
     offsetof(struct cli_options, certificate)},
    {"--key", "FILE", "its private key (PEM)", offsetof(struct cli_options, key)},
    {"--json", NULL, "results for programs: lists as JSON Lines, one thing as one line",
     offsetof(struct cli_options, is_json)},
    {"--limit", "N", "of a list at most so many (100)", offsetof(struct cli_options, limit)},
    {"--all", NULL, "of a list everything, page after page", offsetof(struct cli_options, is_all)},
    {"--yes", NULL, "do not ask before what cannot be undone", offsetof(struct cli_options, is_yes)},
    {"--help", NULL, "this help", offsetof(struct cli_options, is_help)},
    {NULL, NULL, NULL, 0},
};

struct reader {
    int argc, at;
    char *const *argv;
    struct cli_line *line;
    bool only_words; /* behind -- */
};

static const struct cli_option *find_option(const char *name, size_t size)
{
    for (size_t i = 0; cli_option_table[i].name != NULL; i++) {
        const struct cli_option *option = &cli_option_table[i];
        if (strncmp(option->name, name, size) == 0 && option->name[size] == '\0') {
            return option;
        }
    }
    return NULL;
}

static const struct cli_argument *find_argument(const struct cli_command *command, const char *name,
                                                size_t size)
{
    for (size_t i = 0; command != NULL && command->arguments[i].name != NULL; i++) {
        const struct cli_argument *argument = &command->arguments[i];
        if (strncmp(argument->name, name, size) == 0 && argument->name[size] == '\0') {
            return argument;
        }
    }
    return NULL;
}

static err_t add_given(struct cli_line *line, const struct cli_argument *argument, const char *text)
{
    bool may_repeat = argument->kind == CLI_WORDS || argument->kind == CLI_ITEMS ||
                      argument->kind == CLI_PAIR || argument->kind == CLI_IMAGES ||
                      argument->kind == CLI_ABSENT;
    ENSURE(may_repeat || !cli_line_has(line, argument->name), ERR_BAD_REQUEST, "%s is given twice",
           argument->name);
    ENSURE(line->given_count < CLI_GIVEN_MAX, ERR_BAD_REQUEST, "more than %d arguments", CLI_GIVEN_MAX);
    line->given[line->given_count++] = (struct cli_given){argument, text};
    return OK;
}

/* Behind "=", or the next word. */
static err_t read_value(struct reader *reader, const char *name, size_t size, const char **out)
{
    if (name[size] == '=') {
        *out = name + size + 1;
        return OK;
    }
    ENSURE(reader->at + 1 < reader->argc, ERR_BAD_REQUEST, "%.64s needs a value", name);
    *out = reader->argv[++reader->at];
    return OK;
}

static err_t read_global(struct reader *reader, const struct cli_option *option, const char *word,
                         size_t size)
{
    void *at = (char *)&reader->line->options + option->offset;
    if (option->value == NULL) {
        ENSURE(word[size] == '\0', ERR_BAD_REQUEST, "%s takes no value", option->name);
        *(bool *)at = true;
        return OK;
    }
    return read_value(reader, word, size, at);
}

static err_t read_option(struct reader *reader, const char *word)
{
    size_t size = strcspn(word, "=");
    const struct cli_argument *argument = find_argument(reader->line->command, word, size);
    if (argument != NULL && argument->kind == CLI_FLAG) {
        ENSURE(word[size] == '\0', ERR_BAD_REQUEST, "%s takes no value", argument->name);
        return add_given(reader->line, argument, "true");
    }
    if (argument != NULL) {
        const char *value = NULL;
        TRY(read_value(reader, word, size, &value));
        return add_given(reader->line, argument, value);
    }
    const struct cli_option *option = find_option(word, size);
    if (option == NULL) {
        ENSURE(
            size != 7 || strncmp(word, "--token", 7) != 0, ERR_BAD_REQUEST,
            "a token on the command line is seen by everybody here: use --token-file, WHORL_TOKEN or `whorl "
            "login`");
        return ERR(ERR_BAD_REQUEST, "there is no option %.64s here", word);
    }
    return read_global(reader, option, word, size);
}

static err_t read_words(struct cli_line *line, const char *word)
{
    if (line->group == NULL) {
        line->group = word;
        line->command = cli_command_find(word, "");
        ENSURE(line->command != NULL || cli_group_find(word) != NULL, ERR_BAD_REQUEST,
               "there is no command `%.64s`; `whorl help` lists them", word);
        return OK;
    }
    line->verb = word;
    line->command = cli_command_find(line->group, word);
    ENSURE(line->command != NULL, ERR_BAD_REQUEST,
           "there is no command `%.32s %.64s`; `whorl %.32s --help` lists them", line->group, word,
           line->group);
    return OK;
}

static err_t read_position(struct cli_line *line, const char *word)
{
    const struct cli_argument *argument = line->command->arguments;
    while (argument->name != NULL && (cli_argument_is_option(argument) ||
                                      (cli_line_has(line, argument->name) && argument->kind != CLI_ITEMS))) {
        argument++;
    }
    ENSURE(argument->name != NULL, ERR_BAD_REQUEST, "there is no room for `%.64s`", word);
    return add_given(line, argument, word);
}

static err_t read_word(struct reader *reader, const char *word)
{
    if (!reader->only_words && strcmp(word, "--") == 0) {
        reader->only_words = true;
        return OK;
    }
    if (!reader->only_words && strcmp(word, "-h") == 0) {
        reader->line->options.is_help = true;
        return OK;
    }
    if (!reader->only_words && word[0] == '-' && word[1] != '\0') {
        return read_option(reader, word);
    }
    return reader->line->command == NULL ? read_words(reader->line, word) : read_position(reader->line, word);
}

static err_t check_needed(const struct cli_line *line)
{
    ENSURE(line->group != NULL, ERR_BAD_REQUEST, "a command is needed; `whorl help` lists them");
    ENSURE(line->command != NULL, ERR_BAD_REQUEST,
           "`whorl %.32s` needs a further word; `whorl %.32s --help` lists them", line->group, line->group);
    for (const struct cli_argument *a = line->command->arguments; a->name != NULL; a++) {
        ENSURE((a->flags & CLI_NEEDED) == 0 || cli_line_has(line, a->name), ERR_BAD_REQUEST,
               "%s is needed%s%s", a->name, a->help[0] == '\0' ? "" : ": ", a->help);
    }
    return OK;
}

err_t cli_line_parse(int argc, char *const *argv, struct cli_line *out)
{
    *out = (struct cli_line){.group = NULL};
    struct reader reader = {.argc = argc, .argv = argv, .line = out};
    for (reader.at = 1; reader.at < argc; reader.at++) {
        TRY(read_word(&reader, argv[reader.at]));
    }
    return out->options.is_help ? OK : check_needed(out);
}

const char *cli_line_text(const struct cli_line *line, const char *name)
{
    for (size_t i = 0; i < line->given_count; i++) {
        if (strcmp(line->given[i].argument->name, name) == 0) {
            return line->given[i].text;
        }
    }
    return NULL;
}

bool cli_line_has(const struct cli_line *line, const char *name)
{
    return cli_line_text(line, name) != NULL;
}
