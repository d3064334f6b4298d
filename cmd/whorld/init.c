/* `whorld init`: makes a data directory complete, or leaves one that nothing opens. The marker
 * installation.json is written last; until then the file .init says that the directory is half-made, and a
 * second init may clear what the first one left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "cmd/whorld/init_folder.h"
#include "fleet/crl_shards.h"
#include "fleet/tokens.h"
#include "pki/certificate.h"

enum { HOSTS_MAX = 32 };
static const int64_t DAY_MS = 86400000;

static err_t make_authority(struct house *house, enum authority_role role, struct authority **out)
{
    static const char *const ids[] = {"root", "device", "infrastructure"};
    static const int64_t days[] = {20 * 365 + 5, 10 * 365 + 2, 10 * 365 + 2};
    char label[64] = "ca-";
    strncat(label, ids[role], sizeof label - 4);
    uint8_t serial[SERIAL_SIZE];
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) der = {0};
    int64_t now = clock_now_ms(clock_system());
    struct authority_spec spec = {
        .id = ids[role],
        .role = role,
        .organisation = house->config.name,
        .not_before_ms = now - 3600000,
        .not_after_ms = now + days[role] * DAY_MS,
        .publication = {.public_url = house->config.public_url},
    };
    TRY(random_fill(random_system(), serial, sizeof serial));
    TRY(keystore_generate(house->keystore, label, KEY_ALG_P256, &key));
    if (role == AUTHORITY_ROOT) {
        TRY(authority_make_root(&spec, key, serial, &der));
    } else {
        TRY(authority_make_issuing(&spec, key, house->root, serial, &der));
    }
    return authority_load(ids[role], role, buf_view(&der), TAKE(key), out);
}

static err_t make_keys(struct house *house)
{
    AUTO_VAL(secret) passphrase = {0};
    AUTO(char) *keys = NULL;
    bool is_embedded = false;
    bool is_given = false;
    TRY(passphrase_is_given(&house->config, &is_given));
    if (!is_given) {
        TRY(passphrase_make(house->folder));
    }
    TRY(passphrase_read(house->folder, &house->config, &passphrase, &is_embedded));
    TRY(house_path(house, HOUSE_KEYS, &keys));
    TRY(keystore_open_settings(keys, &house->config, buf_view(&passphrase.bytes), &house->keystore));
    TRY(make_authority(house, AUTHORITY_ROOT, &house->root));
    TRY(make_authority(house, AUTHORITY_DEVICE, &house->device));
    TRY(make_authority(house, AUTHORITY_INFRASTRUCTURE, &house->infrastructure));
    return keystore_generate(house->keystore, HOUSE_TLS_KEY, KEY_ALG_P256, &house->tls_key);
}

/* The first admin token: made here, or the text of a file that somebody keeps already. */
struct first_admin {
    struct secret given; /* empty: none */
    struct first_token token;
};

static err_t keep_token(const struct house *house, const char *text)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(secret) line = {.bytes = {0}};
    TRY(house_path(house, HOUSE_TOKEN, &path));
    TRY(buf_printf(&line.bytes, "%s\n", text));
    return file_write_durable(path, buf_view(&line.bytes), 0600);
}

static err_t write_files(struct house *house, struct first_admin *admin)
{
    AUTO(char) *anchor = NULL;
    AUTO(char) *conf = NULL;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) settings = {0};
    AUTO_VAL(buf) leaf = {0};
    bool is_new = false;
    TRY(house_path(house, HOUSE_ANCHOR, &anchor));
    TRY(house_path(house, HOUSE_CONFIG, &conf));
    TRY(certificate_to_pem(authority_borrow_der(house->root), &pem));
    TRY(file_write_durable(anchor, buf_view(&pem), 0644));
    TRY(config_render_file(&house->config, &settings));
    TRY(file_write_durable(conf, buf_view(&settings), 0644));
    const struct bytes path = authority_borrow_der(house->infrastructure);
    const struct server_issuer by = {house->infrastructure, &path, 1};
    TRY(server_certificate_ensure(house, &by, &leaf, &is_new));
    TRY(house_open_db(house, HOUSE_FOUND));
    TRY(house_open_fleet(house));
    bool is_given = admin->given.bytes.n > 0;
    TRY(fleet_found(house->fleet, is_given ? buf_str(&admin->given.bytes) : NULL, &admin->token));
    return is_given ? OK : keep_token(house, admin->token.text);
}

static err_t finish(struct house *house)
{
    AUTO(char) *marker = NULL;
    AUTO(char) *started = NULL;
    TRY(house_path(house, HOUSE_MARKER, &marker));
    TRY(house_path(house, HOUSE_STARTED, &started));
    TRY(file_write_durable(marker, bytes_str("{\"format\":1,\"program\":\"whorld\"}\n"), 0644));
    ENSURE(unlink(started) == 0, ERR_IO, "%.100s: %s", started, strerror(errno));
    return folder_sync(house->folder);
}

static err_t build(struct house *house, struct first_admin *admin)
{
    TRY(log_new(STDERR_FILENO, LOG_WARN, clock_system(), &house->log));
    TRY(init_prepare(house));
    TRY(make_keys(house));
    TRY(write_files(house, admin));
    /* the inventory is closed (and its WAL folded in) before the marker says that all is there */
    fleet_free(TAKE(house->fleet));
    db_close(TAKE(house->db));
    return finish(house);
}

static void tell(const struct house *house, const struct first_admin *admin)
{
    const char *dir = house->folder;
    printf("Made %s\n\n"
           "  trust anchor   %s/" HOUSE_ANCHOR " (give it to devices and clients)\n"
           "  settings       %s/" HOUSE_CONFIG "\n",
           dir, dir, dir);
    if (admin->given.bytes.n > 0) {
        printf("  admin token    the one that was given\n\n");
    } else {
        printf("  admin token    %s   (shown this once; also in %s/" HOUSE_TOKEN ")\n\n", admin->token.text,
               dir);
    }
    printf(
        "Keep now, apart from each other:\n"
        "  %s/keys/          %s; without them no certificate can be issued or revoked\n"
        "  the passphrase of these keys%s\n"
        "and back up regularly:  whorld backup --dir %s --to FILE --recipient CERT.pem   (docs/backup.md)\n\n"
        "Run it:  whorld serve --dir %s\n",
        dir,
        strcmp(house->config.keystore, "pkcs11") == 0
            ? "which keys of the token are the CA's; and a backup of the token by its own means"
            : "the CA keys, encrypted",
        file_exists(house->config.ca_passphrase_file) ? "" : " (keys/passphrase, unless you gave your own)",
        dir, dir);
}

/* What the command line says. */
struct init_words {
    const char *dir, *name, *public_url, *passphrase, *shards, *admin_token;
    bool if_missing;
    const char *hosts[HOSTS_MAX];
    int host_count;
    struct keystore_words keystore;
};

static err_t hosts_from(const struct init_words *words, struct config *config)
{
    AUTO_VAL(buf) list = {0};
    for (int i = 0; i < words->host_count; i++) {
        const char *host = words->hosts[i];
        ENSURE(host[0] != '\0' && strpbrk(host, ", \t\r\n;#") == NULL, ERR_UNPROCESSABLE,
               "--host: \"%.60s\" is no DNS name or IP address", host);
        TRY(buf_printf(&list, "%s%s", i > 0 ? "," : "", host));
    }
    ENSURE(list.n < CONFIG_TEXT_SIZE, ERR_UNPROCESSABLE, "--host: all names together are too long");
    memcpy(config->hosts, buf_str(&list), list.n + 1);
    bool is_v6 = strchr(words->hosts[0], ':') != NULL;
    (void)snprintf(config->public_url, sizeof config->public_url,
                   is_v6 ? "http://[%.400s]:8080" : "http://%.400s:8080", words->hosts[0]);
    return OK;
}

static err_t settings_from(const struct init_words *words, struct config *config)
{
    config_defaults(config);
    if (words->name != NULL) {
        ENSURE(words->name[0] != '\0' && strlen(words->name) <= 64, ERR_UNPROCESSABLE,
               "--name: 1 … 64 bytes");
        memcpy(config->name, words->name, strlen(words->name) + 1);
    }
    if (words->host_count > 0) {
        TRY(hosts_from(words, config));
    }
    if (words->public_url != NULL) {
        ENSURE(strlen(words->public_url) < CONFIG_TEXT_SIZE, ERR_UNPROCESSABLE, "--public-url: too long");
        memcpy(config->public_url, words->public_url, strlen(words->public_url) + 1);
    }
    if (words->passphrase != NULL) {
        ENSURE(strlen(words->passphrase) < CONFIG_TEXT_SIZE, ERR_UNPROCESSABLE,
               "--passphrase-file: too long");
        memcpy(config->ca_passphrase_file, words->passphrase, strlen(words->passphrase) + 1);
    }
    TRY(keystore_words_apply(&words->keystore, config));
    return config_check(config);
}

/* Fixed for the life of the authority, with the address that its certificates will show. */
static err_t shards_from(const char *text, struct house *house)
{
    char *end = NULL;
    long count = strtol(text, &end, 10);
    ENSURE(text[0] >= '0' && text[0] <= '9' && *end == '\0' && crl_shards_are_valid(count), ERR_UNPROCESSABLE,
           "--crl-shards: 16, 32, 64, 128 or 256 (0: one complete CRL)");
    house->crl_shards = (int)count;
    memcpy(house->crl_base, house->config.public_url, sizeof house->crl_base);
    return OK;
}

static bool words_read(int argc, char **argv, struct init_words *words)
{
    const struct option_spec specs[] = {
        {.name = "dir", .value = &words->dir},
        {.name = "name", .value = &words->name},
        {.name = "public-url", .value = &words->public_url},
        {.name = "passphrase-file", .value = &words->passphrase},
        {.name = "admin-token-file", .value = &words->admin_token},
        {.name = "if-missing", .flag = &words->if_missing},
        {.name = "crl-shards", .value = &words->shards},
        {.name = "host", .list = words->hosts, .list_count = &words->host_count, .list_max = HOSTS_MAX},
        {.name = "keystore", .value = &words->keystore.keystore},
        {.name = "pkcs11-module", .value = &words->keystore.module},
        {.name = "pkcs11-token", .value = &words->keystore.token},
        {.name = "pkcs11-slot", .value = &words->keystore.slot},
        {.name = "pkcs11-pin-file", .value = &words->keystore.pin_file},
        {.name = "pkcs11-keys", .value = &words->keystore.keys},
    };
    return options_read(argc, argv, specs, sizeof specs / sizeof specs[0]) && words->dir != NULL;
}

/* Judged before anything is made. */
static err_t token_given(const char *path, struct secret *out)
{
    struct token_row row;
    if (path == NULL) {
        return OK;
    }
    TRY(secret_file_read(path, out));
    ENSURE(token_from_text(buf_str(&out->bytes), &row).code == ERR_OK, ERR_UNPROCESSABLE,
           "%.60s has no token: make one with `whorld token make`", path);
    return OK;
}

static err_t init_by(const struct init_words *words, struct house *house, struct first_admin *admin)
{
    house->folder = strdup(words->dir);
    ENSURE(house->folder != NULL, ERR_NO_MEMORY, "no memory");
    TRY(settings_from(words, &house->config));
    if (words->shards != NULL) {
        TRY(shards_from(words->shards, house));
    }
    TRY(token_given(words->admin_token, &admin->given));
    return build(house, admin);
}

int command_init(int argc, char **argv)
{
    struct init_words words = {0};
    if (!words_read(argc, argv, &words)) {
        (void)fputs("usage: whorld init --dir DIR [--name NAME] [--host DNS-or-IP]… [--public-url URL] "
                    "[--passphrase-file FILE] [--admin-token-file FILE]\n"
                    "       [--crl-shards N] [--if-missing]\n"
                    "       [--keystore pkcs11 --pkcs11-module FILE.so --pkcs11-token LABEL|--pkcs11-slot N "
                    "[--pkcs11-pin-file FILE] [--pkcs11-keys WORDS]]\n",
                    stderr);
        return EXIT_USAGE;
    }
    if (words.if_missing && house_check_marker(words.dir).code == ERR_OK) {
        printf("There is an installation in %s already: nothing is changed\n", words.dir);
        return EXIT_OK;
    }
    (void)umask(077);
    AUTO_VAL(house) house = {0};
    struct first_admin admin = {.given = {.bytes = {0}}};
    err_t error = init_by(&words, &house, &admin);
    if (error.code == ERR_OK) {
        tell(&house, &admin);
    }
    secret_clear(&admin.given);
    bytes_wipe(&admin.token, sizeof admin.token);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
