/* Commands beside the server: tenants, tokens, settings. Those that write open the inventory
 * as the node "admin", whose audit chain is its own, so the server may run meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "fleet/access.h"
#include "fleet/registry.h"
#include "fleet/token_text.h"

static const int64_t DAY_MS = 86400000;
static const struct actor ACTOR = {.name = "whorld", .request_id = ""};

static int usage(const char *text)
{
    (void)fprintf(stderr, "usage: whorld %s\n", text);
    return EXIT_USAGE;
}

/* A whorl.conf in which everything is as it is without one. */
static int print_example(void)
{
    struct config config;
    AUTO_VAL(buf) text = {0};
    config_defaults(&config);
    err_t error = config_render_file(&config, &text);
    (void)fputs(buf_str(&text), stdout);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}

int command_config(int argc, char **argv)
{
    const char *dir = NULL;
    bool markdown = false;
    bool example = false;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir},
                                        {.name = "markdown", .flag = &markdown},
                                        {.name = "example", .flag = &example}};
    if (!options_read(argc, argv, specs, 3)) {
        return usage("config [--dir DIR] [--markdown|--example]");
    }
    if (example) {
        return print_example();
    }
    if (markdown) {
        config_print_markdown(stdout);
        return EXIT_OK;
    }
    struct config config;
    config_defaults(&config);
    if (dir != NULL) {
        err_t error = house_check_marker(dir);
        if (error.code == ERR_OK) {
            error = config_load(dir, &config);
        }
        if (error.code != ERR_OK) {
            return fail(error);
        }
    }
    config_print(&config, stdout);
    return EXIT_OK;
}

static err_t print_tenant(const struct tenant_row *tenant, void *arg)
{
    (void)arg;
    char created[32];
    time_format(tenant->created_at, created);
    printf("%-40s %s\n", tenant->name, created);
    return OK;
}

int command_tenant(int argc, char **argv)
{
    static const char usage_text[] = "tenant add --dir DIR --name NAME | tenant list --dir DIR";
    const char *dir = NULL;
    const char *name = NULL;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir}, {.name = "name", .value = &name}};
    if (argc < 1 || !options_read(argc - 1, argv + 1, specs, 2) || dir == NULL) {
        return usage(usage_text);
    }
    bool is_add = strcmp(argv[0], "add") == 0;
    if ((!is_add && strcmp(argv[0], "list") != 0) || (is_add && name == NULL)) {
        return usage(usage_text);
    }
    AUTO_VAL(house) house = {0};
    struct tenant_row tenant;
    err_t error = house_open(dir, HOUSE_ADMIN, &house);
    if (error.code == ERR_OK) {
        error = is_add ? tenant_add(house.fleet, &ACTOR, name, &tenant)
                       : tenant_list(house.fleet, print_tenant, NULL);
    }
    if (error.code != ERR_OK) {
        return fail(error);
    }
    if (is_add) {
        printf("Made tenant %s with its product \"default\"; its EST label is /.well-known/est/%s/\n",
               tenant.name, tenant.name);
    }
    return EXIT_OK;
}

/* "90" is days from now; anything else a time. */
static err_t parse_expiry(const char *text, int64_t *out)
{
    int64_t now = clock_now_ms(clock_system());
    if (text == NULL) {
        *out = now + 90 * DAY_MS;
        return OK;
    }
    char *end = NULL;
    long days = strtol(text, &end, 10);
    if (end != text && *end == '\0') {
        ENSURE(days >= 1 && days <= 366, ERR_UNPROCESSABLE, "--expires: 1 … 366 days");
        *out = now + days * DAY_MS;
        return OK;
    }
    err_t parsed = time_parse(bytes_str(text), out);
    ENSURE(parsed.code == ERR_OK, ERR_UNPROCESSABLE, "--expires: days, or a time like 2027-01-31T00:00:00Z");
    return OK;
}

struct token_words {
    const char *dir, *tenant, *name, *scope, *expires, *id;
};

static err_t add_token(struct fleet *fleet, const struct tenant_row *tenant, const struct token_words *words)
{
    struct token_order order = {.tenant = tenant->id, .name = words->name};
    struct token_row row;
    char text[TOKEN_TEXT_SIZE] = "";
    char until[32];
    TRY(scopes_parse(bytes_str(words->scope != NULL ? words->scope : "devices:read"), &order.scopes));
    TRY(parse_expiry(words->expires, &order.expires_at));
    TRY(token_add(fleet, &ACTOR, &order, text, &row));
    time_format(row.expires_at, until);
    printf("%s\n", text);
    (void)fprintf(stderr, "Shown this once. Tenant %s, until %s.\n", tenant->name, until);
    bytes_wipe(text, sizeof text);
    return OK;
}

static err_t run_token(struct house *house, bool is_add, const struct token_words *words)
{
    struct tenant_row tenant;
    TRY(house_open(words->dir, HOUSE_ADMIN, house));
    TRY(tenant_find(house->fleet, words->tenant != NULL ? words->tenant : "default", &tenant));
    if (is_add) {
        return add_token(house->fleet, &tenant, words);
    }
    uint8_t id[TOKEN_ID_SIZE];
    TRY(token_id_parse(bytes_str(words->id), id));
    TRY(token_revoke(house->fleet, &ACTOR, tenant.id, id));
    printf("Revoked token %s\n", words->id);
    return OK;
}

/* The text of a token of no installation yet: for `init --admin-token-file`. */
static int make_token(void)
{
    struct token_parts parts;
    char text[TOKEN_TEXT_SIZE];
    err_t error = random_fill(random_system(), (uint8_t *)&parts, sizeof parts);
    if (error.code != ERR_OK) {
        return fail(error);
    }
    token_text_write(TOKEN_PREFIX, &parts, text);
    printf("%s\n", text);
    bytes_wipe(&parts, sizeof parts);
    bytes_wipe(text, sizeof text);
    return EXIT_OK;
}

int command_token(int argc, char **argv)
{
    static const char usage_text[] = "token make\n       whorld token add --dir DIR --name NAME [--tenant "
                                     "NAME] [--scope WORDS] [--expires DAYS|RFC3339]\n"
                                     "       whorld token revoke --dir DIR --id ID [--tenant NAME]";
    struct token_words w = {0};
    const struct option_spec specs[] = {
        {.name = "dir", .value = &w.dir},         {.name = "tenant", .value = &w.tenant},
        {.name = "name", .value = &w.name},       {.name = "scope", .value = &w.scope},
        {.name = "expires", .value = &w.expires}, {.name = "id", .value = &w.id},
    };
    if (argc == 1 && strcmp(argv[0], "make") == 0) {
        return make_token();
    }
    if (argc < 1 || !options_read(argc - 1, argv + 1, specs, 6) || w.dir == NULL) {
        return usage(usage_text);
    }
    bool is_add = strcmp(argv[0], "add") == 0;
    bool is_revoke = strcmp(argv[0], "revoke") == 0;
    if ((!is_add && !is_revoke) || (is_add && w.name == NULL) || (is_revoke && w.id == NULL)) {
        return usage(usage_text);
    }
    AUTO_VAL(house) house = {0};
    err_t error = run_token(&house, is_add, &w);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
