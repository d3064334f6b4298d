/* `whorl profile …`: the kept servers. No credential is ever shown. */
#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/tables.h"

static const struct cli_column columns[] = {
    {"NAME", "name"}, {"SERVER", "server"}, {"CREDENTIAL", "credential"}, {"CHOSEN", "chosen"}, COLUMNS_END,
};

static const char *kind_of(const struct cli_profile *profile)
{
    if (profile->token != NULL) {
        return profile->is_session ? "session" : "token";
    }
    return profile->certificate == NULL ? "none" : "certificate";
}

static err_t describe(const struct cli *cli, const char *name, json_t **out)
{
    struct cli_profile profile;
    *out = NULL;
    AUTO(json_t) *item = json_object();
    (void)cli_config_find(&cli->config, name, &profile); /* it is of the list */
    TRY(json_set_text(item, "name", name));
    TRY(json_set_text(item, "server", profile.server == NULL ? "" : profile.server));
    TRY(json_set_text(item, "credential", kind_of(&profile)));
    TRY(json_set_bool(item, "chosen", strcmp(cli_config_chosen(&cli->config), name) == 0));
    *out = TAKE(item);
    return OK;
}

err_t cli_run_profile_list(struct cli *cli, const struct cli_line *line)
{
    AUTO_VAL(cli_table) table = {.columns = columns};
    const char *name = NULL;
    json_t *value = NULL;
    (void)line;
    TRY(cli_config_load(&cli->config));
    json_t *profiles = json_object_get(cli->config.document, "profiles");
    json_object_foreach(profiles, name, value)
    {
        AUTO(json_t) *item = NULL;
        TRY(describe(cli, name, &item));
        TRY(cli->output.is_json ? cli_put_json(&cli->output, item) : cli_table_add(&table, item));
    }
    if (json_object_size(profiles) == 0) {
        cli_note(&cli->output, "no profiles");
    }
    return cli_table_flush(&table, &cli->output);
}

static err_t find(struct cli *cli, const struct cli_line *line, const char **name)
{
    struct cli_profile profile;
    *name = cli_line_text(line, "NAME");
    TRY(cli_config_load(&cli->config));
    ENSURE(cli_config_find(&cli->config, *name, &profile), ERR_NOT_FOUND, "there is no profile `%.64s`",
           *name);
    return OK;
}

err_t cli_run_profile_use(struct cli *cli, const struct cli_line *line)
{
    const char *name = NULL;
    TRY(find(cli, line, &name));
    TRY(cli_config_choose(&cli->config, name));
    return cli_config_save(&cli->config);
}

err_t cli_run_profile_remove(struct cli *cli, const struct cli_line *line)
{
    const char *name = NULL;
    TRY(find(cli, line, &name));
    (void)cli_config_remove(&cli->config, name); /* it was found */
    return cli_config_save(&cli->config);
}
