/* What the program keeps between calls: servers by the name of a profile, each with its trust anchor and its
 * credential, in one file that only its owner reads ($XDG_CONFIG_HOME/whorl/config.json). */
#ifndef WHORL_CMD_WHORL_CONFIG_H
#define WHORL_CMD_WHORL_CONFIG_H

#include "base/json.h"

enum { CLI_CONFIG_LIMIT = 1024 * 1024, CLI_CA_LIMIT = 64 * 1024 };

struct cli_config {
    char *path;
    json_t *document;
};
void cli_config_clear(struct cli_config *config);
DEFINE_AUTO_VAL(cli_config, cli_config_clear);

/* Borrowed from the config, until it changes; NULL where nothing is kept. */
struct cli_profile {
    const char *server, *ca, *token, *certificate, *key;
    bool is_session; /* the token came of a login of a person, and ends with a logout */
};

/** Checks a file's text. An empty text is an empty config. @errors ERR_BAD_JSON, ERR_UNPROCESSABLE @thread
 * any */
err_t cli_config_parse(struct bytes text, json_t **out);
/** Reads the file; without one the config is empty. @param[out] out {0} before; cleared by the caller
 *  @errors ERR_FORBIDDEN others may read the file; ERR_BAD_JSON, ERR_UNPROCESSABLE, ERR_IO */
err_t cli_config_load(struct cli_config *out);
/** Writes the file whole, mode 0600, and makes its folders (0700). @errors ERR_IO, ERR_DISK_FULL */
err_t cli_config_save(const struct cli_config *config);

/** 1 … 64 of A-Z a-z 0-9 . _ - */
bool cli_profile_name_is_good(const char *name);
/** The name of the profile used without --profile: "default" unless another was chosen. */
const char *cli_config_chosen(const struct cli_config *config);
err_t cli_config_choose(struct cli_config *config, const char *name);
/** False when there is no such profile; `out` is empty then. */
bool cli_config_find(const struct cli_config *config, const char *name, struct cli_profile *out);
err_t cli_config_set(struct cli_config *config, const char *name, const struct cli_profile *profile);
/** False when there was none. */
bool cli_config_remove(struct cli_config *config, const char *name);

/** "https://HOST:PORT" of what a person writes: HOST, HOST:PORT, https://HOST…; 9443 when no port is said.
 *  @errors ERR_BAD_REQUEST */
err_t cli_server_parse(const char *text, struct buf *out);
/** A token as it may stand in a header: visible ASCII. White space at its end is cut. @errors ERR_BAD_REQUEST
 */
err_t cli_token_trim(struct buf *token);

#endif
