/* `whorld signer`: the process that holds the private keys of authorities and of firmware, started by
 * `whorld serve` and by nobody else. It reads settings, passphrase and PIN by itself, and speaks with the
 * server over descriptors that it was born with. */
#include "cmd/whorld/signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/commands.h"
#include "pki/keystore_signer.h"
#include "pki/signer_process.h"
#include "pki/signer_server.h"

enum { NUMBER_SIZE = 8, SIGNER_WORDS = 8 };

bool signer_is_wanted(const struct config *config)
{
    return strcmp(config->signer, "process") == 0;
}

/* The command line of the process; the texts are the house's and `threads`'. */
static void command_line(const char *folder, const char *threads, const char *out[SIGNER_WORDS])
{
    const char *const words[SIGNER_WORDS] = {"/proc/self/exe", "whorld",    "signer", "--dir",
                                             folder,           "--threads", threads,  NULL};
    memcpy(out, words, sizeof words);
}

err_t signer_nursery_make(const char *folder, const struct config *config, struct signer_nursery *out)
{
    char threads[NUMBER_SIZE];
    const char *words[SIGNER_WORDS];
    (void)snprintf(threads, sizeof threads, "%d", (int)config->signer_threads);
    command_line(folder, threads, words);
    return signer_nursery_start(words, (int)config->signer_threads, out);
}

err_t signer_start(const struct house *house, struct keystore **out)
{
    const struct config *config = &house->config;
    char threads[NUMBER_SIZE];
    const char *words[SIGNER_WORDS];
    (void)snprintf(threads, sizeof threads, "%d", (int)config->signer_threads);
    command_line(house->folder, threads, words);
    struct signer_settings settings = {.arguments = words,
                                       .nursery = house->nursery,
                                       .threads = (int)config->signer_threads,
                                       .queue = (int)config->signer_queue,
                                       .timeout_ms = config->signer_timeout_ms,
                                       .log = house->log,
                                       .random = random_system()};
    err_t error = keystore_open_signer(&settings, out);
    ENSURE(error.code == ERR_OK, error.code, "the signer does not start: %.120s", error.detail);
    return OK;
}

/* --- the process itself ----------------------------------------------------------------------------- */

struct signing {
    struct config config;
    struct log *log;
    struct keystore *keystore;
    struct signer_keys *keys;
    char *folder; /* of the keys */
};

static err_t open_signing(const char *dir, struct signing *s)
{
    AUTO_VAL(secret) passphrase = {.bytes = {0}};
    bool is_embedded = false;
    TRY(house_check_marker(dir));
    TRY(config_load(dir, &s->config));
    TRY(log_new(STDERR_FILENO, config_log_level(&s->config), clock_system(), &s->log));
    TRY(passphrase_read(dir, &s->config, &passphrase, &is_embedded));
    TRY(path_join(dir, HOUSE_KEYS, &s->folder));
    TRY(keystore_open_settings(s->folder, &s->config, buf_view(&passphrase.bytes), &s->keystore));
    const struct signer_keys_options options = {
        .keystore = s->keystore,
        .folder = s->folder,
        .rates = {.certificates_per_s = s->config.signer_rate_certificates,
                  .firmware_per_s = s->config.signer_rate_firmware,
                  .authorities_per_h = s->config.signer_rate_authorities}};
    TRY(signer_keys_new(&options, &s->keys));
    return signer_sandbox_close(&s->config, s->log);
}

static int serve(const char *dir, int threads)
{
    struct signing signing;
    memset(&signing, 0, sizeof signing);
    err_t error = signer_sandbox_begin(SIGNER_FIRST_FD + threads);
    if (error.code == ERR_OK) {
        error = open_signing(dir, &signing);
    }
    if (error.code != ERR_OK) {
        signer_decline(SIGNER_FIRST_FD, error);
        return EXIT_FAILED;
    }
    const struct signer_server_options options = {
        .first_fd = SIGNER_FIRST_FD, .threads = threads, .keys = signing.keys, .log = signing.log};
    error = signer_serve(&options);
    if (error.code != ERR_OK) {
        log_error(signing.log, "signer.ends", "", error);
    }
    return error.code == ERR_OK ? EXIT_OK : EXIT_FAILED;
}

static bool is_socket(int fd)
{
    struct stat facts;
    return fstat(fd, &facts) == 0 && S_ISSOCK(facts.st_mode);
}

int command_signer(int argc, char **argv)
{
    const char *dir = NULL;
    const char *threads = NULL;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir},
                                        {.name = "threads", .value = &threads}};
    if (!options_read(argc, argv, specs, 2)) {
        return EXIT_USAGE;
    }
    long count = threads == NULL ? 0 : strtol(threads, NULL, 10);
    if (dir == NULL || count < 1 || count > SIGNER_THREADS_MAX || !is_socket(SIGNER_FIRST_FD)) {
        (void)fputs("whorld signer is started by `whorld serve`, and by nobody else\n", stderr);
        return EXIT_USAGE;
    }
    int code = serve(dir, (int)count);
    _exit(code); /* threads may be at a token that never answers; what they hold the kernel takes back */
}
