/* `whorld ca …`: authorities whose keys are elsewhere. */
#ifndef WHORL_CMD_CA_H
#define WHORL_CMD_CA_H

#include "base/bytes.h"
#include "cmd/whorld/commands.h"

int command_ca_request(int argc, char **argv);
int command_ca_import(int argc, char **argv);
int command_ca_take_offline(int argc, char **argv);
int command_ca_sign(int argc, char **argv);

enum { CA_FILES_MAX = 16 };
/* Names of files between the options. */
struct ca_files {
    const char *names[CA_FILES_MAX];
    int count;
};
/** options_read() where files may stand between the options and -o means --out.
 *  @param specs at most 12; none is called "file" */
bool ca_options_read(int argc, char **argv, const struct option_spec *specs, int count,
                     struct ca_files *files);

/** The passphrase of a file's first line, which may end in a newline. @param path NULL: none
 *  @errors ERR_NOT_FOUND, ERR_UNPROCESSABLE empty */
err_t ca_passphrase_read(const char *path, struct secret *out);

/* What must never happen twice, beside the key that signs: KEY.state. */
struct ca_state {
    int64_t crl_number; /* the last one that this key signed; 0: none that is known */
};
/** @param spki_hex of the key, which the file names @errors ERR_UNPROCESSABLE the file is of another key, or
 * damaged: it is never guessed */
err_t ca_state_read(const char *key_path, const char *spki_hex, struct ca_state *out);
/** Durably. */
err_t ca_state_write(const char *key_path, const char *spki_hex, const struct ca_state *state);

#endif
