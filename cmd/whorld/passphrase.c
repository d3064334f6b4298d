/* Where the passphrase of the CA keys comes from, and other secrets that are given to the program. None is
 * ever a setting: settings are printed. */
#include <string.h>

#include "base/file.h"
#include "cmd/whorld/house.h"

enum { PASSPHRASE_LIMIT = 4096 };

/* A file made by an editor ends in a newline that is no part of the passphrase. */
static void trim_line_end(struct buf *b)
{
    while (b->n > 0 && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r')) {
        b->p[--b->n] = 0;
    }
}

err_t secret_file_read(const char *path, struct secret *out)
{
    TRY(file_read(path, PASSPHRASE_LIMIT, &out->bytes));
    trim_line_end(&out->bytes);
    ENSURE(out->bytes.n > 0, ERR_UNPROCESSABLE, "%.100s is empty", path);
    return OK;
}

err_t secret_source_read(const struct secret_source *source, struct secret *out, bool *is_there)
{
    *is_there = true;
    if (source->file[0] != '\0') {
        return secret_file_read(source->file, out);
    }
    AUTO(char) *path = NULL;
    const char *credentials = config_environment("CREDENTIALS_DIRECTORY");
    if (credentials != NULL) {
        TRY(path_join(credentials, source->credential, &path));
        if (file_exists(path)) {
            return secret_file_read(path, out);
        }
    }
    const char *variable = config_environment(source->variable);
    *is_there = variable != NULL;
    return variable != NULL ? buf_append_str(&out->bytes, variable) : OK;
}

static err_t read_given(const struct config *config, struct secret *out, bool *is_there)
{
    const struct secret_source source = {
        .file = config->ca_passphrase_file, .credential = "ca_passphrase", .variable = "WHORL_CA_PASSPHRASE"};
    return secret_source_read(&source, out, is_there);
}

err_t passphrase_is_given(const struct config *config, bool *out)
{
    AUTO_VAL(secret) secret = {.bytes = {0}};
    return read_given(config, &secret, out);
}

err_t passphrase_read(const char *folder, const struct config *config, struct secret *out, bool *is_embedded)
{
    bool is_there = false;
    *is_embedded = false;
    TRY(read_given(config, out, &is_there));
    if (is_there) {
        return OK;
    }
    AUTO(char) *embedded = NULL;
    TRY(path_join(folder, HOUSE_PASSPHRASE, &embedded));
    ENSURE(file_exists(embedded), ERR_FORBIDDEN,
           "no passphrase: set ca_passphrase_file, the credential ca_passphrase, or WHORL_CA_PASSPHRASE");
    *is_embedded = true;
    return secret_file_read(embedded, out);
}

err_t passphrase_make(const char *folder)
{
    AUTO_VAL(secret) text = {0};
    AUTO(char) *path = NULL;
    TRY(keystore_draw_passphrase(random_system(), &text));
    TRY(buf_append_str(&text.bytes, "\n"));
    TRY(path_join(folder, HOUSE_PASSPHRASE, &path));
    return file_write_durable(path, buf_view(&text.bytes), 0600);
}
