/* What is made from the table of settings (config_table.c). Values are checked here once, so that no other
 * code doubts them. */
#include "cmd/whorld/config_table.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "base/file.h"

static err_t setting_apply(const struct setting *s, struct config *config, const char *value)
{
    char *base = (char *)config + s->offset;
    if (s->kind == TEXT) {
        ENSURE(strlen(value) < CONFIG_TEXT_SIZE, ERR_UNPROCESSABLE, "%s: longer than %d bytes", s->key,
               CONFIG_TEXT_SIZE - 1);
        memcpy(base, value, strlen(value) + 1);
        return OK;
    }
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    ENSURE(errno == 0 && end != value && *end == '\0', ERR_UNPROCESSABLE, "%s: \"%.40s\" is no whole number",
           s->key, value);
    ENSURE(number >= s->min && number <= s->max, ERR_UNPROCESSABLE,
           "%s: %lld is not within %" PRId64 " … %" PRId64, s->key, number, s->min, s->max);
    int64_t stored = number;
    memcpy(base, &stored, sizeof stored);
    return OK;
}

void config_defaults(struct config *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < config_table_size;
         i++) { /* the defaults hold their own limits: a test proves it */
        err_ignore(setting_apply(&config_table[i], out, config_table[i].fallback));
    }
}

err_t config_set(struct config *config, const char *key, const char *value)
{
    for (size_t i = 0; i < config_table_size; i++) {
        if (strcmp(config_table[i].key, key) == 0) {
            return setting_apply(&config_table[i], config, value);
        }
    }
    return ERR(ERR_UNPROCESSABLE, "unknown setting \"%.60s\"", key);
}

struct ini_state {
    struct config *config;
    err_t error;
};

static int ini_line(void *user, const char *section, const char *name, const char *value)
{
    struct ini_state *state = user;
    if (state->error.code == ERR_OK) {
        state->error = section[0] != '\0'
                           ? ERR(ERR_UNPROCESSABLE, "sections like [%.40s] are not used", section)
                           : config_set(state->config, name, value);
    }
    return state->error.code == ERR_OK;
}

static err_t apply_environment(struct config *config)
{
    for (size_t i = 0; i < config_table_size; i++) {
        char variable[64] = "WHORL_";
        size_t n = strlen(variable);
        for (const char *p = config_table[i].key; *p != '\0' && n + 1 < sizeof variable; p++) {
            variable[n++] = (char)toupper((unsigned char)*p);
        }
        variable[n] = '\0';
        const char *value = getenv(variable);
        if (value != NULL) {
            TRY(setting_apply(&config_table[i], config, value));
        }
    }
    return OK;
}

static int level_index(const char *word)
{
    static const char *const words[] = {"debug", "info", "warn",
                                        "error"}; /* in the order of enum log_level */
    for (int i = 0; i < 4; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

enum log_level config_log_level(const struct config *config)
{
    return (enum log_level)level_index(config->log_level); /* config_check has seen it */
}

static err_t check_keystore(const struct config *c)
{
    bool is_token = strcmp(c->keystore, "pkcs11") == 0;
    ENSURE(is_token || strcmp(c->keystore, "files") == 0, ERR_UNPROCESSABLE,
           "keystore: \"%.40s\" is neither files nor pkcs11", c->keystore);
    static const char *const lists[] = {"", "authorities", "firmware", "authorities,firmware",
                                        "firmware,authorities"};
    size_t i = 0;
    while (i < sizeof lists / sizeof lists[0] && strcmp(lists[i], c->pkcs11_keys) != 0) {
        i++;
    }
    ENSURE(i < sizeof lists / sizeof lists[0], ERR_UNPROCESSABLE,
           "pkcs11_keys: \"%.40s\" is not made of authorities and firmware", c->pkcs11_keys);
    ENSURE(!is_token || c->pkcs11_module[0] == '/', ERR_UNPROCESSABLE,
           "pkcs11_module: the path of the PKCS#11 module is needed, from / on");
    ENSURE(!is_token || c->pkcs11_token[0] != '\0' || c->pkcs11_slot >= 0, ERR_UNPROCESSABLE,
           "pkcs11_token or pkcs11_slot is needed");
    return OK;
}

/* What the table cannot say: words, and a URL that will stand in certificates. */
err_t config_check(const struct config *c)
{
    ENSURE(level_index(c->log_level) >= 0, ERR_UNPROCESSABLE,
           "log_level: \"%.40s\" is none of debug, info, warn, error", c->log_level);
    bool is_http = strncmp(c->public_url, "http://", 7) == 0 || strncmp(c->public_url, "https://", 8) == 0;
    ENSURE(is_http, ERR_UNPROCESSABLE, "public_url: must begin with http:// or https://");
    size_t n = strlen(c->public_url);
    ENSURE(c->public_url[n - 1] != '/', ERR_UNPROCESSABLE, "public_url: no slash at its end");
    for (size_t i = 0; i < n; i++) {
        ENSURE(c->public_url[i] > 0x20 && c->public_url[i] < 0x7f, ERR_UNPROCESSABLE,
               "public_url: only visible ASCII");
    }
    ENSURE(c->name[0] != '\0' && strlen(c->name) <= 64, ERR_UNPROCESSABLE, "name: 1 … 64 bytes");
    ENSURE(c->hosts[0] != '\0', ERR_UNPROCESSABLE, "hosts: at least one name or address");
    ENSURE(c->device_listen[0] != '\0' && c->management_listen[0] != '\0', ERR_UNPROCESSABLE,
           "device_listen and management_listen cannot be empty");
    ENSURE(strcmp(c->signer, "process") == 0 || strcmp(c->signer, "inside") == 0, ERR_UNPROCESSABLE,
           "signer: \"%.40s\" is neither process nor inside", c->signer);
    bool is_sandbox = strcmp(c->sandbox, "on") == 0 || strcmp(c->sandbox, "required") == 0 ||
                      strcmp(c->sandbox, "off") == 0;
    ENSURE(is_sandbox, ERR_UNPROCESSABLE, "sandbox: \"%.40s\" is none of on, required, off", c->sandbox);
    return check_keystore(c);
}

err_t config_read(const struct buf *text, struct config *out)
{
    config_defaults(out);
    struct ini_state state = {.config = out, .error = OK};
    ENSURE(strlen(buf_str(text)) == text->n, ERR_UNPROCESSABLE, "whorl.conf holds a byte 0");
    int line = ini_parse_string(buf_str(text), ini_line, &state);
    const char *why = state.error.code != ERR_OK ? state.error.detail : "not a \"key = value\" line";
    return line == 0 ? OK : ERR(ERR_UNPROCESSABLE, "whorl.conf line %d: %.120s", line, why);
}

err_t config_load(const char *folder, struct config *out)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) text = {0};
    TRY(path_join(folder, "whorl.conf", &path));
    TRY(file_read(path, 65536, &text));
    TRY(config_read(&text, out));
    TRY(apply_environment(out));
    return config_check(out);
}

static void print_value(const struct setting *s, const struct config *config, FILE *to)
{
    const char *base = (const char *)config + s->offset;
    if (s->kind == TEXT) {
        (void)fputs(base, to);
        return;
    }
    int64_t number = 0;
    memcpy(&number, base, sizeof number);
    (void)fprintf(to, "%" PRId64, number);
}

void config_print(const struct config *config, FILE *to)
{
    for (size_t i = 0; i < config_table_size; i++) {
        (void)fprintf(to, "%s = ", config_table[i].key);
        print_value(&config_table[i], config, to);
        (void)fputc('\n', to);
    }
}

void config_print_markdown(FILE *to)
{
    (void)fputs(
        "# Settings\n\nMade by `whorld config --markdown` from the table in `cmd/whorld/config_table.c`; a "
        "test compares them.\n\n"
        "Each key stands in `DIR/whorl.conf` as `key = value` and may be given as `WHORL_<KEY>` in "
        "the environment, which "
        "wins. SIGHUP applies those marked *live*; the others need a restart.\n\n"
        "| Key | Default | Range | Live | Meaning |\n|---|---|---|---|---|\n",
        to);
    for (size_t i = 0; i < config_table_size; i++) {
        const struct setting *s = &config_table[i];
        (void)fprintf(to, "| `%s` | %s%s%s | ", s->key, s->fallback[0] ? "`" : "", s->fallback,
                      s->fallback[0] ? "`" : "");
        if (s->kind == NUMBER) {
            (void)fprintf(to, "%" PRId64 " … %" PRId64, s->min, s->max);
        }
        (void)fprintf(to, " | %s | %s |\n", s->is_live ? "yes" : "", s->text);
    }
}

static bool is_same(const struct setting *s, const struct config *a, const struct config *b)
{
    const char *left = (const char *)a + s->offset;
    const char *right = (const char *)b + s->offset;
    return s->kind == TEXT ? strcmp(left, right) == 0 : memcmp(left, right, sizeof(int64_t)) == 0;
}

err_t config_render_file(const struct config *config, struct buf *out)
{
    struct config defaults;
    config_defaults(&defaults);
    TRY(buf_append_str(out,
                       "# Settings of this installation; docs/configuration.md explains each one.\n"
                       "# A line without # is in force; WHORL_<KEY> in the environment wins over it.\n\n"));
    for (size_t i = 0; i < config_table_size; i++) {
        const struct setting *s = &config_table[i];
        const char *mark = is_same(s, config, &defaults) ? "# " : "";
        if (s->kind == TEXT) {
            const char *text = (const char *)config + s->offset;
            ENSURE(text[0] != ';' && strstr(text, " ;") == NULL && strpbrk(text, "\t\r\n\v\f") == NULL,
                   ERR_UNPROCESSABLE, "%s: a line of whorl.conf cannot hold this value", s->key);
            TRY(buf_printf(out, "%s%s = %s\n", mark, s->key, text));
        } else {
            int64_t number = 0;
            memcpy(&number, (const char *)config + s->offset, sizeof number);
            TRY(buf_printf(out, "%s%s = %" PRId64 "\n", mark, s->key, number));
        }
    }
    return OK;
}

const char *config_needs_restart(const struct config *old, const struct config *new)
{
    for (size_t i = 0; i < config_table_size; i++) {
        if (!config_table[i].is_live && !is_same(&config_table[i], old, new)) {
            return config_table[i].key;
        }
    }
    return NULL;
}

void config_take_live(struct config *config, const struct config *fresh)
{
    for (size_t i = 0; i < config_table_size; i++) {
        if (config_table[i].is_live) {
            size_t n = config_table[i].kind == TEXT ? CONFIG_TEXT_SIZE : sizeof(int64_t);
            memcpy((char *)config + config_table[i].offset, (const char *)fresh + config_table[i].offset, n);
        }
    }
}

const char *config_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}
