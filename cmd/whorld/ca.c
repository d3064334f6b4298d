/* `whorld ca …`: picks the command, reads options between files, and the two small files that lie beside an
 * offline key. */
#include "cmd/whorld/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

enum { PASSPHRASE_LIMIT = 4096, STATE_LIMIT = 4096, SPECS_MAX = 13, ARGUMENTS_MAX = 64 };
#define STATE_FORMAT "whorl-ca-state/1"

/* --- arguments ---------------------------------------------------------------------------------------- */

static bool takes_value(const char *argument, const struct option_spec *specs, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(argument + 2, specs[i].name) == 0) {
            return specs[i].flag == NULL;
        }
    }
    return false; /* unknown, or with its value behind an equals sign */
}

bool ca_options_read(int argc, char **argv, const struct option_spec *specs, int count,
                     struct ca_files *files)
{
    char file_option[] = "--file";
    char out_option[] = "--out";
    struct option_spec all[SPECS_MAX];
    char *words[2 * ARGUMENTS_MAX];
    int n = 0;
    *files = (struct ca_files){.count = 0};
    if (argc > ARGUMENTS_MAX) {
        (void)fputs("whorld: too many arguments\n", stderr);
        return false;
    }
    memcpy(all, specs, (size_t)count * sizeof *specs);
    all[count] = (struct option_spec){
        .name = "file", .list = files->names, .list_count = &files->count, .list_max = CA_FILES_MAX};
    for (int i = 0; i < argc; i++) {
        bool is_option = argv[i][0] == '-' && argv[i][1] != '\0';
        bool is_out = strcmp(argv[i], "-o") == 0;
        if (!is_option) {
            words[n++] = file_option;
        }
        words[n++] = is_out ? out_option : argv[i];
        if (is_option && i + 1 < argc && takes_value(words[n - 1], specs, count)) {
            words[n++] = argv[++i];
        }
    }
    return options_read(n, words, all, count + 1);
}

/* --- beside the key ----------------------------------------------------------------------------------- */

err_t ca_passphrase_read(const char *path, struct secret *out)
{
    if (path == NULL) {
        return OK;
    }
    TRY(file_read(path, PASSPHRASE_LIMIT, &out->bytes));
    struct buf *text = &out->bytes;
    while (text->n > 0 && (text->p[text->n - 1] == '\n' || text->p[text->n - 1] == '\r')) {
        text->p[--text->n] = 0;
    }
    ENSURE(text->n > 0, ERR_UNPROCESSABLE, "%.100s is empty", path);
    return OK;
}

static err_t state_path(const char *key_path, struct buf *out)
{
    return buf_printf(out, "%s.state", key_path);
}

struct raw_state {
    const char *format, *key;
    int64_t crl_number;
};
static const struct json_field state_fields[] = {
    {"format", JSON_KIND_TEXT, true, offsetof(struct raw_state, format), 1, 64, JSON_NO_HAS},
    {"key_sha256", JSON_KIND_TEXT, true, offsetof(struct raw_state, key), 64, 64, JSON_NO_HAS},
    {"crl_number", JSON_KIND_INTEGER, true, offsetof(struct raw_state, crl_number), 0, INT64_MAX / 2,
     JSON_NO_HAS},
};

err_t ca_state_read(const char *key_path, const char *spki_hex, struct ca_state *out)
{
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) text = {0};
    AUTO(json_t) *document = NULL;
    struct raw_state raw = {.format = NULL};
    *out = (struct ca_state){.crl_number = 0};
    TRY(state_path(key_path, &path));
    err_t found = file_read(buf_str(&path), STATE_LIMIT, &text);
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    err_t read = json_parse(buf_view(&text), STATE_LIMIT, &document);
    if (read.code == ERR_OK) {
        read = json_read(document, state_fields, sizeof state_fields / sizeof state_fields[0], true, &raw);
    }
    ENSURE(read.code == ERR_OK && strcmp(raw.format, STATE_FORMAT) == 0, ERR_UNPROCESSABLE,
           "%.100s is damaged: it holds the last CRL number", buf_str(&path));
    ENSURE(strcmp(raw.key, spki_hex) == 0, ERR_UNPROCESSABLE, "%.100s is of another key", buf_str(&path));
    out->crl_number = raw.crl_number;
    return OK;
}

err_t ca_state_write(const char *key_path, const char *spki_hex, const struct ca_state *state)
{
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) text = {0};
    TRY(state_path(key_path, &path));
    TRY(buf_printf(&text, "{\"format\":\"" STATE_FORMAT "\",\"key_sha256\":\"%s\",\"crl_number\":%lld}\n",
                   spki_hex, (long long)state->crl_number));
    return file_write_durable(buf_str(&path), buf_view(&text), 0644);
}

/* --- which one ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"request", command_ca_request},
    {"sign", command_ca_sign},
    {"import", command_ca_import},
    {"take-offline", command_ca_take_offline},
};

int command_ca(int argc, char **argv)
{
    for (size_t i = 0; argc >= 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    (void)fputs("usage: whorld ca request|sign|import|take-offline …; `whorld help` shows their options\n",
                stderr);
    return EXIT_USAGE;
}
