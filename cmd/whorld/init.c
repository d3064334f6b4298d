/* `whorld init`: makes a data directory complete, or leaves one that nothing opens. The marker
 * installation.json is written last; until then the file .init says that the directory is half-made, and a
 * second init may clear what the first one left. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "fleet/crl_shards.h"
#include "pki/certificate.h"

enum { HOSTS_MAX = 32 };
static const int64_t DAY_MS = 86400000;

/* What init makes, children before their folders: the only names that a repeated init removes. */
static const char *const MADE_FILES[] = {
    "keys/ca-root.key",
    "keys/ca-device.key",
    "keys/ca-infrastructure.key",
    "keys/" HOUSE_TLS_KEY ".key",
    "keys/owner-salt.secret",
    "keys/pkcs11-pin.secret",
    "keys/pin-attempts",
    HOUSE_PASSPHRASE,
    HOUSE_SERVER_CERTIFICATE,
    "tls/hosts",
    HOUSE_ANCHOR,
    HOUSE_TOKEN,
    HOUSE_CONFIG,
    HOUSE_DATABASE,
    HOUSE_DATABASE "-journal", /* until WAL is switched on */
    HOUSE_DATABASE "-wal",
    HOUSE_DATABASE "-shm",
    HOUSE_DATABASE ".admin.lock",
};
static const char *const MADE_FOLDERS[] = {"keys", "tls", HOUSE_FIRMWARE};

static err_t folder_is_empty(const char *folder, bool *out)
{
    DIR *dir = opendir(folder);
    ENSURE(dir != NULL, ERR_IO, "%.100s: %s", folder, strerror(errno));
    *out = true;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "lost+found") != 0) {
            *out = false;
        }
    }
    (void)closedir(dir);
    return OK;
}

/* Temporary files of an interrupted durable write, in one folder: those whose name begins so. */
static err_t clear_temporaries(const char *folder, const char *beginning)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return OK;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strncmp(e->d_name, beginning, strlen(beginning)) == 0 &&
            strstr(e->d_name, FILE_TEMPORARY) != NULL) {
            (void)unlinkat(dirfd(dir), e->d_name, 0);
        }
    }
    (void)closedir(dir);
    return OK;
}

/* The mark goes last: whatever ends this in the middle, the next init still knows whose the rest is. */
static err_t clear_half_made(const char *folder, const char *started)
{
    AUTO(char) *keys = NULL;
    AUTO(char) *tls = NULL;
    TRY(path_join(folder, "keys", &keys));
    TRY(path_join(folder, "tls", &tls));
    TRY(clear_temporaries(keys, ""));
    TRY(clear_temporaries(tls, ""));
    TRY(clear_temporaries(folder, ""));
    for (size_t i = 0; i < sizeof MADE_FILES / sizeof MADE_FILES[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FILES[i], &path));
        ENSURE(unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR, ERR_IO, "%.100s: %s", path,
               strerror(errno));
    }
    for (size_t i = 0; i < sizeof MADE_FOLDERS / sizeof MADE_FOLDERS[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FOLDERS[i], &path));
        ENSURE(rmdir(path) == 0 || errno == ENOENT, ERR_CONFLICT, "%.100s: %s", path, strerror(errno));
    }
    TRY(folder_sync(folder));
    ENSURE(unlink(started) == 0, ERR_IO, "%.100s: %s", started, strerror(errno));
    return folder_sync(folder);
}

/* An empty or missing folder, or one that an interrupted init left, becomes one that is marked as half-made.
 */
static err_t prepare(const struct house *house)
{
    const char *folder = house->folder;
    AUTO(char) *started = NULL;
    AUTO(char) *marker = NULL;
    TRY(path_join(folder, HOUSE_STARTED, &started));
    TRY(path_join(folder, HOUSE_MARKER, &marker));
    if (!file_exists(folder)) {
        TRY(folder_make(folder, 0700));
    }
    ENSURE(!file_exists(marker), ERR_CONFLICT, "there is an installation in %.100s already", folder);
    if (file_exists(started)) {
        TRY(keystore_forget_half_made(folder, &house->config));
        TRY(clear_half_made(folder, started));
    }
    TRY(clear_temporaries(folder, HOUSE_STARTED)); /* an init that ended before its mark stood */
    bool empty = false;
    TRY(folder_is_empty(folder, &empty));
    ENSURE(empty, ERR_CONFLICT, "%.100s is not empty", folder);
    TRY(file_write_durable(started, bytes_str("init is at work\n"), 0600));
    for (size_t i = 0; i < sizeof MADE_FOLDERS / sizeof MADE_FOLDERS[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FOLDERS[i], &path));
        TRY(folder_make(path, 0700));
    }
    return OK;
}

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
    bool given = house->config.ca_passphrase_file[0] != '\0' ||
                 config_environment("WHORL_CA_PASSPHRASE") != NULL ||
                 config_environment("CREDENTIALS_DIRECTORY") != NULL;
    if (!given) {
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

static err_t write_files(struct house *house, struct first_token *token)
{
    AUTO(char) *anchor = NULL;
    AUTO(char) *conf = NULL;
    AUTO(char) *token_path = NULL;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) settings = {0};
    AUTO_VAL(buf) leaf = {0};
    bool is_new = false;
    TRY(house_path(house, HOUSE_ANCHOR, &anchor));
    TRY(house_path(house, HOUSE_CONFIG, &conf));
    TRY(house_path(house, HOUSE_TOKEN, &token_path));
    TRY(certificate_to_pem(authority_borrow_der(house->root), &pem));
    TRY(file_write_durable(anchor, buf_view(&pem), 0644));
    TRY(config_render_file(&house->config, &settings));
    TRY(file_write_durable(conf, buf_view(&settings), 0644));
    const struct bytes path = authority_borrow_der(house->infrastructure);
    const struct server_issuer by = {house->infrastructure, &path, 1};
    TRY(server_certificate_ensure(house, &by, &leaf, &is_new));
    TRY(house_open_db(house, HOUSE_FOUND));
    TRY(house_open_fleet(house));
    TRY(fleet_found(house->fleet, token));
    AUTO_VAL(buf) line = {0};
    TRY(buf_printf(&line, "%s\n", token->text));
    err_t written = file_write_durable(token_path, buf_view(&line), 0600);
    bytes_wipe(line.p, line.n);
    return written;
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

static err_t build(struct house *house, struct first_token *token)
{
    TRY(log_new(STDERR_FILENO, LOG_WARN, clock_system(), &house->log));
    TRY(prepare(house));
    TRY(make_keys(house));
    TRY(write_files(house, token));
    /* the inventory is closed (and its WAL folded in) before the marker says that all is there */
    fleet_free(TAKE(house->fleet));
    db_close(TAKE(house->db));
    return finish(house);
}

static void tell(const struct house *house, const struct first_token *token)
{
    const char *dir = house->folder;
    printf("Made %s\n\n"
           "  trust anchor   %s/" HOUSE_ANCHOR " (give it to devices and clients)\n"
           "  settings       %s/" HOUSE_CONFIG "\n"
           "  admin token    %s   (shown this once; also in %s/" HOUSE_TOKEN ")\n\n",
           dir, dir, dir, token->text, dir);
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
    const char *dir, *name, *public_url, *passphrase, *shards;
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

static err_t init_by(const struct init_words *words, struct house *house, struct first_token *token)
{
    house->folder = strdup(words->dir);
    ENSURE(house->folder != NULL, ERR_NO_MEMORY, "no memory");
    TRY(settings_from(words, &house->config));
    if (words->shards != NULL) {
        TRY(shards_from(words->shards, house));
    }
    return build(house, token);
}

int command_init(int argc, char **argv)
{
    struct init_words words = {0};
    if (!words_read(argc, argv, &words)) {
        (void)fputs("usage: whorld init --dir DIR [--name NAME] [--host DNS-or-IP]… [--public-url URL] "
                    "[--passphrase-file FILE] [--crl-shards N]\n"
                    "       [--keystore pkcs11 --pkcs11-module FILE.so --pkcs11-token LABEL|--pkcs11-slot N "
                    "[--pkcs11-pin-file FILE] [--pkcs11-keys WORDS]]\n",
                    stderr);
        return EXIT_USAGE;
    }
    (void)umask(077);
    AUTO_VAL(house) house = {0};
    struct first_token token = {{0}};
    err_t error = init_by(&words, &house, &token);
    if (error.code != ERR_OK) {
        return fail(error);
    }
    tell(&house, &token);
    bytes_wipe(&token, sizeof token);
    return EXIT_OK;
}
