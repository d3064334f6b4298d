/* `whorld ca sign`: the half that has the key, on a machine without network and data directory. Says in
 * words what it would sign, and signs when it is told so. The number of a CRL is burnt durably, in a file
 * beside the key, before the CRL exists. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/ca.h"
#include "pki/ceremony.h"
#include "pki/key_file.h"

enum { CERTIFICATE_LIMIT = 256 * 1024 };

struct words {
    const char *key, *ca, *passphrase_file, *out, *request;
    bool yes;
};

/* One of two who sign with the key at once waits for the other; held until the process ends. */
static err_t lock_key(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ENSURE(fd >= 0, ERR_NOT_FOUND, "cannot read the key %.100s", path);
    if (flock(fd, LOCK_EX) != 0) {
        (void)close(fd);
        return ERR(ERR_IO, "cannot lock the key %.100s", path);
    }
    return OK;
}

static err_t load_signer(const struct words *words, const struct ceremony *ceremony, struct authority **out)
{
    AUTO_VAL(secret) passphrase = {0};
    AUTO_VAL(secret) pem = {0};
    AUTO_VAL(buf) certificate = {0};
    AUTO_VAL(buf) der = {0};
    AUTO_PTR(private_key) *key = NULL;
    TRY(file_read(words->ca, CERTIFICATE_LIMIT, &certificate));
    err_t found = certificate_from_pem(buf_view(&certificate), &der);
    ENSURE(found.code == ERR_OK, ERR_UNPROCESSABLE, "%.100s holds no certificate in PEM", words->ca);
    TRY(lock_key(words->key));
    TRY(file_read(words->key, KEY_FILE_MAX, &pem.bytes));
    TRY(ca_passphrase_read(words->passphrase_file, &passphrase));
    TRY(key_file_read(buf_view(&pem.bytes), buf_view(&passphrase.bytes), words->key, &key));
    return authority_load(ceremony->issuer, AUTHORITY_ROOT, buf_view(&der), TAKE(key), out);
}

static err_t sign(const struct words *words, const struct ceremony *ceremony, const char *spki_hex,
                  const struct ceremony_signer *signer)
{
    AUTO_VAL(buf) pem = {0};
    if (ceremony->has_crl) {
        const struct ca_state burnt = {.crl_number = ceremony_crl_number(ceremony, signer)};
        TRY(ca_state_write(words->key, spki_hex, &burnt));
    }
    TRY(ceremony_sign(ceremony, signer, &pem));
    TRY(file_write_durable(words->out, buf_view(&pem), 0644));
    printf("\nSigned. Bring %s back: whorld ca import --dir DIR %s\n", words->out, words->out);
    return OK;
}

static err_t run(const struct words *words)
{
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) description = {0};
    AUTO_PTR(ceremony) *ceremony = NULL;
    AUTO_PTR(authority) *authority = NULL;
    char spki_hex[2 * SHA256_SIZE + 1];
    struct ca_state state;
    TRY(file_read(words->request, CEREMONY_FILE_MAX, &text));
    TRY(ceremony_read(buf_view(&text), &ceremony));
    TRY(load_signer(words, ceremony, &authority));
    hex_encode(BYTES_OF(authority_spki_sha256(authority)->b), spki_hex);
    TRY(ca_state_read(words->key, spki_hex, &state));
    const struct ceremony_signer signer = {.authority = authority,
                                           .random = random_system(),
                                           .now_ms = clock_now_ms(clock_system()),
                                           .last_crl_number = state.crl_number};
    TRY(ceremony_check(ceremony, &signer));
    TRY(ceremony_describe(ceremony, &signer, &description));
    printf("%s", buf_str(&description));
    (void)fflush(stdout);
    ENSURE(words->yes, ERR_CONFLICT, "nothing was signed; if all of this is right, say it again with --yes");
    return sign(words, ceremony, spki_hex, &signer);
}

int command_ca_sign(int argc, char **argv)
{
    struct words words = {.yes = false};
    struct ca_files files;
    const struct option_spec specs[] = {
        {.name = "key", .value = &words.key},
        {.name = "ca", .value = &words.ca},
        {.name = "passphrase-file", .value = &words.passphrase_file},
        {.name = "out", .value = &words.out},
        {.name = "yes", .flag = &words.yes},
    };
    bool is_good = ca_options_read(argc, argv, specs, 5, &files);
    if (!is_good || files.count != 1 || words.key == NULL || words.ca == NULL || words.out == NULL) {
        (void)fputs("usage: whorld ca sign --key KEY.pem --ca ROOT.pem [--passphrase-file FILE] REQUEST -o "
                    "ANSWER [--yes]\n",
                    stderr);
        return EXIT_USAGE;
    }
    words.request = files.names[0];
    err_t error = run(&words);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
