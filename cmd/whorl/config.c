/* One JSON object: {"profile": NAME, "profiles": {NAME: {"server", "ca", "token", "certificate", "key",
 * "session"}}}. Fields of later versions are kept. */
#include "cmd/whorl/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

void cli_config_clear(struct cli_config *config)
{
    free(config->path);
    json_decref(config->document);
    *config = (struct cli_config){.path = NULL};
}

bool cli_profile_name_is_good(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = strlen(name);
    return size >= 1 && size <= 64 && strspn(name, allowed) == size;
}

/* --- reading ---------------------------------------------------------------------------------------- */

static const struct json_field profile_fields[] = {
    {"server", JSON_KIND_TEXT, true, offsetof(struct cli_profile, server), 1, 300, JSON_NO_HAS},
    {"ca", JSON_KIND_LINES, false, offsetof(struct cli_profile, ca), 0, CLI_CA_LIMIT, JSON_NO_HAS},
    {"token", JSON_KIND_TEXT, false, offsetof(struct cli_profile, token), 0, 0, JSON_NO_HAS},
    {"certificate", JSON_KIND_TEXT, false, offsetof(struct cli_profile, certificate), 0, 0, JSON_NO_HAS},
    {"key", JSON_KIND_TEXT, false, offsetof(struct cli_profile, key), 0, 0, JSON_NO_HAS},
    {"session", JSON_KIND_BOOLEAN, false, offsetof(struct cli_profile, is_session), 0, 0, JSON_NO_HAS},
};
enum { PROFILE_FIELDS = sizeof profile_fields / sizeof profile_fields[0] };

static err_t check_profile(const char *name, const json_t *value)
{
    struct cli_profile profile = {.server = NULL};
    AUTO_VAL(buf) server = {0};
    ENSURE(cli_profile_name_is_good(name), ERR_UNPROCESSABLE, "'%.64s' is no name of a profile", name);
    TRY(json_read(value, profile_fields, PROFILE_FIELDS, false, &profile));
    TRY(cli_server_parse(profile.server, &server));
    ENSURE(strcmp(buf_str(&server), profile.server) == 0, ERR_UNPROCESSABLE, "'server' is https://HOST:PORT");
    return OK;
}

static err_t check(json_t *document)
{
    struct raw {
        const char *profile;
        json_t *profiles;
    } raw = {NULL, NULL};
    static const struct json_field fields[] = {
        {"profile", JSON_KIND_TEXT, false, offsetof(struct raw, profile), 1, 64, JSON_NO_HAS},
        {"profiles", JSON_KIND_OBJECT, false, offsetof(struct raw, profiles), 0, 0, JSON_NO_HAS},
    };
    TRY(json_read(document, fields, sizeof fields / sizeof fields[0], false, &raw));
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(raw.profiles, name, value)
    {
        TRY(check_profile(name, value));
    }
    return OK;
}

err_t cli_config_parse(struct bytes text, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *document = NULL;
    TRY(json_parse(text.n == 0 ? bytes_str("{}") : text, CLI_CONFIG_LIMIT, &document));
    TRY(check(document));
    *out = TAKE(document);
    return OK;
}

static err_t find_path(char **out)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    AUTO(char) *made = NULL;
    if (base == NULL || base[0] != '/') { /* the specification: a relative one is to be ignored */
        ENSURE(home != NULL && home[0] == '/', ERR_IO, "neither XDG_CONFIG_HOME nor HOME is set");
        TRY(path_join(home, ".config", &made));
        base = made;
    }
    return path_join(base, "whorl/config.json", out);
}

err_t cli_config_load(struct cli_config *out)
{
    AUTO_VAL(secret) text = {0};
    struct stat facts;
    TRY(find_path(&out->path));
    if (stat(out->path, &facts) == 0) {
        ENSURE((facts.st_mode & 077) == 0, ERR_FORBIDDEN,
               "%.100s holds tokens, and others may read it: chmod 600", out->path);
        TRY(file_read(out->path, CLI_CONFIG_LIMIT, &text.bytes));
    }
    err_t error = cli_config_parse(buf_view(&text.bytes), &out->document);
    ENSURE(error.code == ERR_OK, error.code == ERR_BAD_REQUEST ? ERR_UNPROCESSABLE : error.code,
           "%.60s: %.90s", out->path, error.detail);
    return OK;
}

/* --- writing ---------------------------------------------------------------------------------------- */

/* Every folder above the file. One that is there already is as good. */
static err_t make_folders(const char *path)
{
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        AUTO(char) *folder = strndup(path, (size_t)(slash - path));
        ENSURE(folder != NULL, ERR_NO_MEMORY, "no memory for a path");
        if (!file_exists(folder)) {
            err_t error = folder_make(folder, 0700);
            ENSURE(error.code == ERR_OK || error.code == ERR_CONFLICT, error.code, "%.150s", error.detail);
        }
    }
    return OK;
}

err_t cli_config_save(const struct cli_config *config)
{
    AUTO_VAL(secret) text = {0};
    TRY(make_folders(config->path));
    TRY(json_append(&text.bytes, config->document));
    TRY(buf_append_str(&text.bytes, "\n"));
    return file_write_durable(config->path, buf_view(&text.bytes), 0600);
}

/* --- profiles --------------------------------------------------------------------------------------- */

const char *cli_config_chosen(const struct cli_config *config)
{
    const char *name = json_string_value(json_object_get(config->document, "profile"));
    return name == NULL ? "default" : name;
}

err_t cli_config_choose(struct cli_config *config, const char *name)
{
    return json_set_text(config->document, "profile", name);
}

bool cli_config_find(const struct cli_config *config, const char *name, struct cli_profile *out)
{
    *out = (struct cli_profile){.server = NULL};
    const json_t *value = json_object_get(json_object_get(config->document, "profiles"), name);
    return value != NULL && json_read(value, profile_fields, PROFILE_FIELDS, false, out).code == ERR_OK;
}

static err_t set_text(json_t *object, const char *name, const char *text)
{
    if (text == NULL) {
        (void)json_object_del(object, name); /* it may not be there */
        return OK;
    }
    return json_set_text(object, name, text);
}

err_t cli_config_set(struct cli_config *config, const char *name, const struct cli_profile *profile)
{
    json_t *profiles = json_object_get(config->document, "profiles");
    if (profiles == NULL) {
        TRY(json_take(config->document, "profiles", json_object()));
        profiles = json_object_get(config->document, "profiles");
    }
    /* a new one, since `profile` may borrow from the old */
    AUTO(json_t) *object = json_object_get(profiles, name) == NULL
                               ? json_object()
                               : json_deep_copy(json_object_get(profiles, name));
    ENSURE(object != NULL, ERR_NO_MEMORY, "no memory for a profile");
    TRY(set_text(object, "server", profile->server));
    TRY(set_text(object, "ca", profile->ca));
    TRY(set_text(object, "token", profile->token));
    TRY(set_text(object, "certificate", profile->certificate));
    TRY(set_text(object, "key", profile->key));
    TRY(json_set_bool(object, "session", profile->is_session));
    return json_take(profiles, name, TAKE(object));
}

bool cli_config_remove(struct cli_config *config, const char *name)
{
    return json_object_del(json_object_get(config->document, "profiles"), name) == 0;
}

/* --- texts ------------------------------------------------------------------------------------------ */

static bool is_port(const char *text)
{
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);
    return text[0] >= '1' && text[0] <= '9' && *end == '\0' && port <= UINT16_MAX;
}

err_t cli_server_parse(const char *text, struct buf *out)
{
    static const char scheme[] = "https://";
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    const char *host = strncmp(text, scheme, sizeof scheme - 1) == 0 ? text + sizeof scheme - 1 : text;
    ENSURE(strstr(host, "://") == NULL, ERR_BAD_REQUEST,
           "a server is https://HOST:PORT, and nothing but HTTPS");
    bool is_bracketed = host[0] == '[';
    size_t size = strcspn(host, is_bracketed ? "]" : ":/");
    size += is_bracketed && host[size] == ']' ? 1 : 0;
    bool is_good = is_bracketed ? size > 2 && host[size - 1] == ']' &&
                                      strspn(host + 1, "0123456789abcdefABCDEF:.") == size - 2
                                : size > 0 && strspn(host, allowed) == size;
    ENSURE(is_good && size <= 255, ERR_BAD_REQUEST, "a server is https://HOST:PORT");
    AUTO(char) *rest = strdup(host + size);
    ENSURE(rest != NULL, ERR_NO_MEMORY, "no memory for a server");
    size_t length = strlen(rest);
    if (length > 0 && rest[length - 1] == '/') {
        rest[length - 1] = '\0';
    }
    ENSURE(rest[0] == '\0' || (rest[0] == ':' && is_port(rest + 1)), ERR_BAD_REQUEST,
           "a server is https://HOST:PORT, without a path");
    return buf_printf(out, "%s%.*s%s", scheme, (int)size, host, rest[0] == '\0' ? ":9443" : rest);
}

err_t cli_token_trim(struct buf *token)
{
    while (token->n > 0 && strchr(" \t\r\n", token->p[token->n - 1]) != NULL) {
        token->p[--token->n] = '\0';
    }
    ENSURE(token->n > 0, ERR_BAD_REQUEST, "the token is empty");
    for (size_t i = 0; i < token->n; i++) {
        ENSURE(token->p[i] > 0x20 && token->p[i] < 0x7f, ERR_BAD_REQUEST,
               "that is no token: it holds white space");
    }
    return OK;
}
